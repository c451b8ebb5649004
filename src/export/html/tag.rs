//! One tag of HTML, read as a browser reads it, to the byte: what stands between two of them is text to it and to us.

/// A start or end tag.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    pub(super) is_end: bool,
    /// How many attributes are written in it.
    pub(super) attributes: usize,
    /// Of the whole tag, with its brackets.
    pub(super) len: usize,
}

/// What HTML begins with, whose first byte is `<`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Markup<'a> {
    Tag(Tag<'a>),
    /// A declaration, an instruction or an end without a name, of so many bytes: browsers show nothing of it.
    Nothing(usize),
    /// Only a `<`.
    Text,
    /// What has no end would swallow all that follows.
    Endless,
}

/// Reads what `html` begins with, comments apart.
pub(super) fn read(html: &str) -> Markup<'_> {
    let bytes = html.as_bytes();
    let is_end = bytes.get(1) == Some(&b'/');
    let start = 1 + usize::from(is_end);
    match bytes.get(start) {
        Some(b'a'..=b'z' | b'A'..=b'Z') => {}
        Some(b'!' | b'?') => return nothing(bytes),
        Some(_) if is_end => return nothing(bytes),
        _ => return Markup::Text,
    }
    let mut reader = Reader { bytes, at: start };
    reader.pass(|byte| !ends_name(byte));
    let name = &html[start..reader.at];
    reader.attributes().map_or(Markup::Endless, |attributes| {
        Markup::Tag(Tag {
            name,
            is_end,
            attributes,
            len: reader.at,
        })
    })
}

fn nothing(bytes: &[u8]) -> Markup<'static> {
    memchr::memchr(b'>', bytes).map_or(Markup::Endless, |end| Markup::Nothing(end + 1))
}

fn ends_name(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>')
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn pass(&mut self, passed: impl Fn(u8) -> bool) {
        while self.bytes.get(self.at).is_some_and(|byte| passed(*byte)) {
            self.at += 1;
        }
    }

    /// Passes over the attributes and the tag's end; how many there were. `None` if the tag has no end.
    fn attributes(&mut self) -> Option<usize> {
        let mut count = 0;
        loop {
            self.pass(|byte| byte.is_ascii_whitespace() || byte == b'/');
            if *self.bytes.get(self.at)? == b'>' {
                self.at += 1;
                return Some(count);
            }
            count += 1;
            // A name may begin with `=`, but not hold one.
            self.at += 1;
            self.pass(|byte| !ends_name(byte) && byte != b'=');
            self.pass(|byte| byte.is_ascii_whitespace());
            if self.bytes.get(self.at) == Some(&b'=') {
                self.at += 1;
                self.pass(|byte| byte.is_ascii_whitespace());
                self.value()?;
            }
        }
    }

    fn value(&mut self) -> Option<()> {
        if let quote @ (b'"' | b'\'') = *self.bytes.get(self.at)? {
            let start = self.at + 1;
            self.at = start + memchr::memchr(quote, &self.bytes[start..])? + 1;
        } else {
            self.pass(|byte| !byte.is_ascii_whitespace() && byte != b'>');
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_end_where_browsers_end_them() {
        for (html, name, attributes, rest) in [
            ("<a>x", "a", 0, "x"),
            ("</A >x", "A", 0, "x"),
            ("<a b c=d e='>' f=\"'>\"/>x", "a", 4, "x"),
            ("<a =\"><b>\">", "a", 1, "<b>\">"),
            ("<a b=c\"d='>x", "a", 1, "x"),
            ("<a b = 'c'd>x", "a", 2, "x"),
            ("<a b=>x", "a", 1, "x"),
            ("</b c='>'>x", "b", 1, "x"),
            ("<a/b/c>x", "a", 2, "x"),
            ("<\u{e9}>", "", 0, ""),
            ("<a\u{e9}>x", "a\u{e9}", 0, "x"),
        ] {
            let Markup::Tag(tag) = read(html) else {
                assert!(name.is_empty(), "{html}");
                continue;
            };
            assert_eq!(
                (tag.name, tag.attributes, &html[tag.len..]),
                (name, attributes, rest),
                "{html}"
            );
        }
    }

    #[test]
    fn what_is_no_tag_is_none() {
        for (html, markup) in [
            ("<", Markup::Text),
            ("< a>", Markup::Text),
            ("<1>", Markup::Text),
            ("</", Markup::Text),
            ("</ a='>'>", Markup::Nothing(7)),
            ("<!doctype 'a>'>", Markup::Nothing(13)),
            ("<?php >", Markup::Nothing(7)),
            ("<?php", Markup::Endless),
            ("<a b='>", Markup::Endless),
            ("<a b", Markup::Endless),
            ("<a b=", Markup::Endless),
        ] {
            assert_eq!(read(html), markup, "{html}");
        }
    }
}
