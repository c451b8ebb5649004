//! `plain`: one line a record, `key=value`, for files, pipes and grep. Values with anything but plain characters
//! are written as JSON strings, so that a record is one line whatever a note is called.

use super::record::{Record, Value};
use crate::report::safe::{escape_into, is_unsafe, quote_into};

/// The record's line, with its newline.
pub(super) fn line(record: &Record) -> String {
    let mut out = humantime::format_rfc3339_millis(record.time).to_string();
    out.push(' ');
    out.push_str(record.level.as_str());
    out.push(' ');
    escape_into(&mut out, &record.message, &[]);
    for (name, value) in &record.fields {
        out.push(' ');
        field_into(&mut out, name, value);
    }
    out.push('\n');
    out
}

/// Appends `name=value`.
pub(super) fn field_into(out: &mut String, name: &str, value: &Value) {
    escape_into(out, name, &[]);
    out.push('=');
    value_into(out, value);
}

/// Appends a value, quoted where it would not end at the next space.
pub(super) fn value_into(out: &mut String, value: &Value) {
    match value {
        Value::Text(text) if needs_quotes(text) => quote_into(out, text),
        value => out.push_str(&value.to_string()),
    }
}

fn needs_quotes(text: &str) -> bool {
    text.is_empty()
        || text
            .chars()
            .any(|c| c.is_whitespace() || is_unsafe(c) || matches!(c, '"' | '=' | '\\' | '\''))
}
