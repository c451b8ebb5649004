//! Text of others made safe to show: a note's name must not break a line, a table or a terminal.

use std::fmt::Write as _;

/// Whether a character may break a line or confuse a terminal: control characters, line separators, and those that
/// turn the direction of text.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Appends `text` with every unsafe character escaped as JSON does it. `also` names more to escape with `\`.
pub(crate) fn escape_into(out: &mut String, text: &str, also: &[char]) {
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_unsafe(c) => {
                // All such characters lie in the basic plane, so that four digits are enough.
                let _infallible = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => {
                if also.contains(&c) {
                    out.push('\\');
                }
                out.push(c);
            }
        }
    }
}

/// `text` with every unsafe character escaped.
pub(crate) fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_into(&mut out, text, &[]);
    out
}

/// Appends `text` as a JSON string that is safe to show.
pub(crate) fn quote_into(out: &mut String, text: &str) {
    out.push('"');
    escape_into(out, text, &['"', '\\']);
    out.push('"');
}
