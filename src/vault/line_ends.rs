//! Line ends that only old Macs wrote: to Markdown a lone carriage return ends a line, so that to everything else that
//! looks for lines it must, too. Front matter that nobody sees keeps no note in.

use memchr::memchr_iter;

/// A text whose lone carriage returns are line feeds. Every offset stays what it was.
pub(super) fn with_line_feeds(text: String) -> String {
    let is_lone = |at: usize| text.as_bytes().get(at + 1) != Some(&b'\n');
    if !memchr_iter(b'\r', text.as_bytes()).any(is_lone) {
        return text;
    }
    let characters = text.char_indices();
    let read = characters.map(|(at, c)| if c == '\r' && is_lone(at) { '\n' } else { c });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::with_line_feeds;

    #[test]
    fn only_lone_carriage_returns_are_line_feeds() {
        for (text, read) in [
            ("", ""),
            ("a\nb\r\nc", "a\nb\r\nc"),
            ("\r", "\n"),
            ("a\rb\r", "a\nb\n"),
            ("ä\r\r\nb\n\rc", "ä\n\r\nb\n\nc"),
        ] {
            assert_eq!(with_line_feeds(text.to_owned()), read, "{text:?}");
        }
    }
}
