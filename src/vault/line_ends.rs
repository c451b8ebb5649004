//! Line ends that only old Macs wrote. To Markdown a lone carriage return ends a line, so it must to everything else that
//! looks for lines: front matter that goes unseen would let a private note out.

use memchr::memchr_iter;

/// A text whose lone carriage returns are line feeds. Every offset stays what it was.
pub(super) fn with_line_feeds(text: String) -> String {
    if !has_lone_return(&text) {
        return text;
    }
    let characters = text.char_indices();
    let read = characters.map(|(at, c)| match c {
        '\r' if is_lone(&text, at) => '\n',
        c => c,
    });
    read.collect()
}

/// Whether a carriage return stands in the text with no line feed after it.
pub(super) fn has_lone_return(text: &str) -> bool {
    memchr_iter(b'\r', text.as_bytes()).any(|at| is_lone(text, at))
}

fn is_lone(text: &str, carriage_return: usize) -> bool {
    text.as_bytes().get(carriage_return + 1) != Some(&b'\n')
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
