//! The text of links: relative destinations, labels, and text that must not turn into markup. Pure.

use percent_encoding::{percent_decode_str, percent_encode_byte};

use crate::path::OutputPath;

/// The destination that leads from a file in `folder` ("" for the root) to `path`, percent-encoded for Markdown.
pub(super) fn relative(folder: &str, path: &OutputPath) -> String {
    let path = path.as_str();
    let shared = shared_folders(folder, path);
    let left = folder.get(shared..).unwrap_or_default();
    let steps = &path[shared..];
    let mut href = String::with_capacity(3 * left.len() + steps.len());
    for _ in left.split('/').filter(|part| !part.is_empty()) {
        href.push_str("../");
    }
    // A colon in the first part would read as a scheme.
    let first = &steps[..memchr::memchr(b'/', steps.as_bytes()).unwrap_or(steps.len())];
    if href.is_empty() && first.contains(':') {
        href.push_str("./");
    }
    encode(steps, &mut href);
    href
}

/// How long the folders are, each with its slash, that `path` lies in and `folder` is or lies in.
fn shared_folders(folder: &str, path: &str) -> usize {
    let mut shared = 0;
    for part in folder.split_inclusive('/') {
        let name = part.trim_end_matches('/');
        match path[shared..].strip_prefix(name) {
            Some(rest) if rest.starts_with('/') => shared += name.len() + 1,
            _ => break,
        }
    }
    shared
}

/// Percent-encodes what would end a Markdown destination, part it, or mean something else in one.
pub(super) fn encode(path: &str, href: &mut String) {
    let mut plain = 0;
    let is_encoded = |c: char| is_special(c) || c.is_whitespace() || c.is_control();
    for (at, c) in path.char_indices().filter(|&(_, c)| is_encoded(c)) {
        href.push_str(&path[plain..at]);
        plain = at + c.len_utf8();
        for &byte in &path.as_bytes()[at..plain] {
            href.push_str(percent_encode_byte(byte));
        }
    }
    href.push_str(&path[plain..]);
}

/// Percent-encodes what whoever opens a file is told besides its path: `&` and `?` mean something to them.
pub(super) fn encode_address(address: &str, href: &mut String) {
    for part in address.split_inclusive(['&', '?']) {
        let word = part.trim_end_matches(['&', '?']);
        encode(word, href);
        href.push_str(&part[word.len()..]);
    }
}

/// The query or fragment `said`, percent-encoded as it was `written` if that says the same: `%26` is no `&` in it.
pub(super) fn encode_as_written(said: &str, written: &str, href: &mut String) {
    if percent_decode_str(written).decode_utf8_lossy() != said {
        encode_address(said, href);
        return;
    }
    for (index, part) in written.split('%').enumerate() {
        if index > 0 {
            href.push('%');
        }
        encode_address(part, href);
    }
}

fn is_special(c: char) -> bool {
    matches!(
        c,
        '"' | '#' | '%' | '<' | '>' | '?' | '\\' | '`' | '(' | ')' | '[' | ']' | '|' | '$' | '&'
    )
}

/// A destination of [`relative`]'s as an attribute of raw HTML holds it, in quotes or without, alone or in a list.
pub(super) fn in_attribute(href: &str) -> String {
    let (path, address) = href.split_at(href.find(['?', '#']).unwrap_or(href.len()));
    let path = path.replace('=', "%3D").replace(',', "%2C");
    let address = address.replace('&', "&amp;");
    [path, address].concat().replace('\'', "%27")
}

/// A name as text: whatever Markdown would read as markup is escaped.
pub(super) fn escape_name(name: &str) -> String {
    let is_plain =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'.' | b'/');
    if name.as_bytes().iter().all(is_plain) {
        return name.to_owned();
    }
    let mut escaped = String::with_capacity(name.len());
    let mut before = None;
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        let after = chars.peek().copied();
        let in_word =
            before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric);
        let special = match c {
            '`' | '*' | '[' | ']' | '<' | '$' => true,
            '_' => !in_word,
            '\\' => after.is_none_or(|next| next.is_ascii_punctuation()),
            '~' | '=' | '%' => after == Some(c) || before == Some(c),
            '&' => after.is_some_and(|next| next.is_ascii_alphanumeric() || next == '#'),
            _ => false,
        };
        if special {
            escaped.push('\\');
        }
        escaped.push(c);
        before = Some(c);
    }
    escaped
}

/// A label as its writer wrote it, with brackets escaped if they would end the link too early or too late.
pub(super) fn escape_label(label: &str) -> String {
    if !label.contains(['[', ']', '\\']) || is_balanced(label) {
        return label.to_owned();
    }
    let mut escaped = String::with_capacity(label.len() + 4);
    for piece in Pieces(label) {
        match piece {
            "[" | "]" => escaped.extend(["\\", piece]),
            // A last backslash would escape the link's own bracket.
            "\\" => escaped.push_str("\\\\"),
            _ => escaped.push_str(piece),
        }
    }
    escaped
}

fn is_balanced(label: &str) -> bool {
    let mut depth = 0_usize;
    for piece in Pieces(label) {
        match piece {
            "[" => depth += 1,
            "]" if depth == 0 => return false,
            "]" => depth -= 1,
            "\\" => return false,
            _ => {}
        }
    }
    depth == 0
}

/// A label as pieces: an escape, a code span, or one character.
struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let first = self.0.chars().next()?;
        let length = match first {
            '\\' => 1 + self.0[1..].chars().next().map_or(0, char::len_utf8),
            '`' => self.code_span(),
            _ => first.len_utf8(),
        };
        let (piece, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(piece)
    }
}

impl Pieces<'_> {
    /// The length of the code span at the start, or of its backticks if nothing closes it.
    fn code_span(&self) -> usize {
        let ticks = |text: &str| text.bytes().take_while(|&b| b == b'`').count();
        let fence = ticks(self.0);
        let mut at = fence;
        while let Some(next) = self.0[at..].find('`') {
            let closing = ticks(&self.0[at + next..]);
            at += next + closing;
            if closing == fence {
                return at;
            }
        }
        fence
    }
}

/// Text that comes to stand at the start of a line: escaped if it would begin a block there.
pub(super) fn escape_line_start(text: &str) -> String {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if (1..10).contains(&digits) && is_marker(&text[digits..], ['.', ')']) {
        return format!("{}\\{}", &text[..digits], &text[digits..]);
    }
    let hashes = text.trim_start_matches('#');
    let heading = hashes.len() < text.len() && (hashes.is_empty() || hashes.starts_with(' '));
    let rule = text.starts_with("--") || text.starts_with("==") || text.starts_with("~~~");
    if heading || rule || text.starts_with('>') || is_marker(text, ['-', '+']) {
        return format!("\\{text}");
    }
    text.to_owned()
}

fn is_marker(text: &str, markers: [char; 2]) -> bool {
    text.strip_prefix(markers)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rel(folder: &str, path: &str) -> String {
        relative(folder, &OutputPath::new(path).unwrap())
    }

    #[test]
    fn relative_paths() {
        assert_eq!(rel("", "a.md"), "a.md");
        assert_eq!(rel("d", "a.md"), "../a.md");
        assert_eq!(rel("d/e", "d/f/a.md"), "../f/a.md");
        assert_eq!(rel("d", "d/a.md"), "a.md");
        assert_eq!(rel("d", "d"), "../d");
        assert_eq!(rel("", "x:y.md"), "./x:y.md");
    }

    proptest! {
        #[test]
        fn a_relative_path_leads_there(
            folder in prop::collection::vec("[ab:]{1,2}", 0..4),
            path in prop::collection::vec("[ab: é%]{1,2}", 1..5),
        ) {
            let (folder, path) = (folder.join("/"), path.join("/"));
            let href = rel(&folder, &path);
            let steps = percent_encoding::percent_decode_str(&href).decode_utf8().unwrap();
            let there = OutputPath::join(&folder, &steps).unwrap();
            prop_assert_eq!(there.as_str(), path);
            // No way down and up again.
            prop_assert!(!href.trim_start_matches("../").contains("../"));
        }
    }

    #[test]
    fn destinations_are_encoded_where_markdown_needs_it() {
        assert_eq!(
            rel("", "My (1) nöte #2.md"),
            "My%20%281%29%20nöte%20%232.md"
        );
        assert_eq!(rel("", "100% A&B.md"), "100%25%20A%26B.md");
        assert_eq!(rel("", "a\u{a0}b.md"), "a%C2%A0b.md");
    }

    #[test]
    fn destinations_end_no_attribute() {
        let path = OutputPath::new("it's a=b, c & \"d\" #1.md").unwrap();
        assert_eq!(
            in_attribute(&(relative("", &path) + "#t=1,2'")),
            "it%27s%20a%3Db%2C%20c%20%26%20%22d%22%20%231.md#t=1,2%27"
        );
    }

    #[test]
    fn names_stay_text() {
        assert_eq!(escape_name("my_note"), "my_note");
        assert_eq!(
            escape_name("_x_ *y* [z] `q`"),
            "\\_x\\_ \\*y\\* \\[z\\] \\`q\\`"
        );
        assert_eq!(escape_name("a & b &copy;"), "a & b \\&copy;");
        assert_eq!(escape_name("C:\\x 50% a=b"), "C:\\x 50% a=b");
    }

    #[test]
    fn labels_keep_their_markup_and_the_link_its_end() {
        assert_eq!(escape_label("*x* [y]"), "*x* [y]");
        assert_eq!(escape_label("a]b"), "a\\]b");
        assert_eq!(escape_label("a[b\\]"), "a\\[b\\]");
        assert_eq!(escape_label("a\\"), "a\\\\");
        assert_eq!(escape_label("`]` ]"), "`]` \\]");
    }

    #[test]
    fn text_at_a_line_start_begins_no_block() {
        for (text, expected) in [
            ("1. Intro", "1\\. Intro"),
            ("2024", "2024"),
            ("- x", "\\- x"),
            ("-x", "-x"),
            ("# h", "\\# h"),
            ("#tag", "#tag"),
            ("> q", "\\> q"),
            ("---", "\\---"),
            ("plain", "plain"),
        ] {
            assert_eq!(escape_line_start(text), expected);
        }
    }
}
