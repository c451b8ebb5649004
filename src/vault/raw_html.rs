//! Raw HTML in a note: where its tags hold a URL, and which ids they give. Pure.
//!
//! Tags are read as browsers read them: comments, scripts and the like, and a `<` that begins no tag are passed over.
//! Which Markdown around them is HTML at all, `outline` knows.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memmem};
use pulldown_cmark::{CowStr, Event, Parser};

use super::syntax::is_local;

/// A URL in an attribute.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RawUrl {
    /// The attribute with the space before it, or the URL with its comma where the attribute is a list of them.
    pub(super) range: Range<usize>,
    /// The URL alone, without quotes.
    pub(super) url: Range<usize>,
    /// Unescaped, not yet percent-decoded.
    pub(super) destination: String,
    /// Shown in place, as a picture is.
    pub(super) shown: bool,
}

/// What the tags of some HTML say.
#[derive(Debug, Default)]
pub(super) struct RawTags {
    /// Local URLs.
    pub(super) urls: Vec<RawUrl>,
    /// What a link's fragment can name: ids, and the names of anchors, each with where it stands.
    pub(super) ids: Vec<(usize, String)>,
}

/// Reads the tags of some HTML: `lines` of `text`, without the markers of quotes and lists before each.
pub(super) fn read(text: &str, lines: &[Range<usize>], found: &mut RawTags) {
    let html = Html::new(text, lines);
    let mut at = 0;
    let mut texts = Texts::default();
    while let Some(tag) = next_tag(&html.text, at) {
        let mut attributes = Attributes::new(&html.text, tag);
        let name = attributes.name.clone();
        for attribute in &mut attributes {
            html.urls_of(&name, &attribute, &mut found.urls);
            found.ids.extend(html.id_of(&name, &attribute));
        }
        at = texts.after(&html.text, &name, attributes.at);
    }
}

/// The lines that `html` has, which Markdown found in `range` of `text`: what stands before it on a line is its container's.
pub(super) fn lines(text: &str, range: Range<usize>, html: &str) -> Vec<Range<usize>> {
    if html.len() == range.len() {
        return vec![range];
    }
    let mut end = range.start;
    let written = text[range].split_inclusive('\n');
    let lines = written
        .zip(html.split_inclusive('\n'))
        .map(|(line, shown)| {
            end += line.len();
            let shown = if line.ends_with(shown) { shown } else { line };
            end - shown.len()..end
        });
    lines.collect()
}

/// What an attribute holds.
enum Holds {
    /// Where a link leads.
    Link,
    /// What is shown in place.
    Shown,
    /// Several of these, each with a size or a density.
    ShownList,
}

fn holds(element: &str, attribute: &str) -> Option<Holds> {
    let is = |name: &str| attribute.eq_ignore_ascii_case(name);
    if is("href") || is("xlink:href") || is("cite") {
        Some(Holds::Link)
    } else if is("src") || is("poster") || (is("data") && element.eq_ignore_ascii_case("object")) {
        Some(Holds::Shown)
    } else if is("srcset") {
        Some(Holds::ShownList)
    } else {
        None
    }
}

/// HTML in one piece, which knows where it is from.
struct Html<'a> {
    text: Cow<'a, str>,
    /// Where each line begins, here and in the note.
    lines: Vec<(usize, usize)>,
}

impl<'a> Html<'a> {
    fn new(text: &'a str, lines: &[Range<usize>]) -> Self {
        let follow = lines.windows(2).all(|two| two[0].end == two[1].start);
        if let ([first, ..], [.., last], true) = (lines, lines, follow) {
            return Self {
                text: Cow::Borrowed(&text[first.start..last.end]),
                lines: vec![(0, first.start)],
            };
        }
        let mut joined = String::new();
        let mut begins = Vec::with_capacity(lines.len());
        for line in lines {
            begins.push((joined.len(), line.start));
            joined.push_str(&text[line.clone()]);
        }
        Self {
            text: Cow::Owned(joined),
            lines: begins,
        }
    }

    /// Where a byte of it stands in the note.
    fn in_note(&self, at: usize) -> usize {
        let line = self.lines.partition_point(|(here, _)| *here <= at);
        // The first line begins at 0.
        let (here, there) = self.lines[line.saturating_sub(1)];
        there + (at - here)
    }

    fn range_in_note(&self, range: &Range<usize>) -> Range<usize> {
        if range.is_empty() {
            let at = self.in_note(range.start);
            return at..at;
        }
        self.in_note(range.start)..self.in_note(range.end - 1) + 1
    }

    fn urls_of(&self, element: &Range<usize>, attribute: &Attribute, found: &mut Vec<RawUrl>) {
        let Some(holds) = holds(
            &self.text[element.clone()],
            &self.text[attribute.name.clone()],
        ) else {
            return;
        };
        if matches!(holds, Holds::ShownList) {
            for (range, url) in list(&self.text, &attribute.value) {
                self.url(&range, &url, true, found);
            }
        } else {
            let shown = matches!(holds, Holds::Shown);
            self.url(&attribute.range, &attribute.value, shown, found);
        }
    }

    fn id_of(&self, element: &Range<usize>, attribute: &Attribute) -> Option<(usize, String)> {
        let (element, name) = (
            &self.text[element.clone()],
            &self.text[attribute.name.clone()],
        );
        let is_id = name.eq_ignore_ascii_case("id")
            || (name.eq_ignore_ascii_case("name") && element.eq_ignore_ascii_case("a"));
        let value = &self.text[attribute.value.clone()];
        let at = self.in_note(attribute.value.start);
        (is_id && !value.is_empty()).then(|| (at, unescaped(value)))
    }

    fn url(&self, range: &Range<usize>, url: &Range<usize>, shown: bool, found: &mut Vec<RawUrl>) {
        let destination = destination(&self.text[url.clone()]);
        if is_local(&destination) {
            found.push(RawUrl {
                range: self.range_in_note(range),
                url: self.range_in_note(url),
                destination: destination.into_owned(),
                shown,
            });
        }
    }
}

/// A URL as a browser takes it from an attribute's value.
fn destination(value: &str) -> Cow<'_, str> {
    let is_outer = |c: char| c <= ' ';
    let is_passed_over = |c: char| matches!(c, '\t' | '\n' | '\r');
    let value = value.trim_matches(is_outer);
    if !value.contains('&') && !value.contains(is_passed_over) {
        return Cow::Borrowed(value);
    }
    let unescaped = unescaped(value);
    let trimmed = unescaped.trim_matches(is_outer);
    Cow::Owned(trimmed.replace(is_passed_over, ""))
}

/// A value with its character references (`&amp;`, `&#38;`) replaced.
fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = memchr(b'&', rest.as_bytes()) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = 1 + rest[1..]
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'#')
            .count();
        let character = if rest[length..].starts_with(';') {
            character(&rest[..=length])
        } else {
            None
        };
        let (character, length) = character.map_or(("&".into(), 1), |c| (c, length + 1));
        text.push_str(&character);
        rest = &rest[length..];
    }
    text.push_str(rest);
    text
}

/// What a character reference stands for. Markdown has HTML's, so its parser knows them all.
fn character(reference: &str) -> Option<CowStr<'_>> {
    Parser::new(reference).find_map(|event| match event {
        Event::Text(text) if *text != *reference => Some(text),
        _ => None,
    })
}

/// The URLs of the `srcset` in `value` of `html`, each with its comma and what stands before that, and alone.
pub(crate) fn list(html: &str, value: &Range<usize>) -> Vec<(Range<usize>, Range<usize>)> {
    let bytes = &html.as_bytes()[..value.end];
    let skip = |from: usize, passes: &dyn Fn(u8) -> bool| {
        let count = bytes[from..].iter().take_while(|byte| passes(**byte));
        from + count.count()
    };
    let mut urls = Vec::new();
    let mut at = value.start;
    loop {
        let start = skip(at, &|byte| byte == b',' || byte.is_ascii_whitespace());
        if start == value.end {
            return urls;
        }
        let mut end = skip(start, &|byte| !byte.is_ascii_whitespace());
        at = end;
        while end > start && bytes[end - 1] == b',' {
            end -= 1;
        }
        if at == end {
            at = skip(at, &|byte| byte != b',');
            at += usize::from(at < value.end);
        }
        urls.push((start..at, start..end));
    }
}

/// Where the next start tag begins.
fn next_tag(html: &str, from: usize) -> Option<usize> {
    let bytes = html.as_bytes();
    let mut at = from;
    loop {
        let open = at + memchr(b'<', bytes.get(at..)?)?;
        let inside = &bytes[open + 1..];
        at = open + 1;
        at += match inside.first()? {
            b'a'..=b'z' | b'A'..=b'Z' => return Some(open),
            b'!' if inside.starts_with(b"!--") => comment(inside)?,
            b'!' | b'?' | b'/' => memchr(b'>', inside)? + 1,
            _ => 0,
        };
    }
}

/// How long a comment is that begins with `!--`; `<!-->` is one too.
fn comment(inside: &[u8]) -> Option<usize> {
    Some(memmem::find(&inside[1..], b"->")? + 3)
}

/// Whether some HTML is a tag of a link, be it the end.
pub(crate) fn is_anchor(html: &str) -> bool {
    closes(html, "a")
        || html
            .strip_prefix('<')
            .is_some_and(|rest| is_name(rest, "a"))
}

/// Whether `html` begins with the end tag of `name`.
pub(crate) fn closes(html: &str, name: &str) -> bool {
    html.strip_prefix("</")
        .is_some_and(|rest| is_name(rest, name))
}

/// Whether `rest` begins with the name of the tag `name`, and with no longer one.
pub(crate) fn is_name(rest: &str, name: &str) -> bool {
    let bytes = rest.as_bytes();
    bytes.len() >= name.len()
        && bytes[..name.len()].eq_ignore_ascii_case(name.as_bytes())
        && bytes
            .get(name.len())
            .is_none_or(|next| !next.is_ascii_alphanumeric() && *next != b'-')
}

/// Elements that hold no tags, whatever it looks like.
const TEXTS: [&str; 2] = ["script", "style"];

/// Which of [`TEXTS`] nothing closes any more: looked for once.
#[derive(Default)]
struct Texts {
    unclosed: [bool; TEXTS.len()],
}

impl Texts {
    /// Where the content of a script or style that is closed ends. `at` for all others: of those the pages show the tag as
    /// text, and what is in it lives.
    fn after(&mut self, html: &str, name: &Range<usize>, at: usize) -> usize {
        let name = &html[name.clone()];
        let is_it = |text: &str| name.eq_ignore_ascii_case(text);
        let Some(text) = TEXTS.iter().position(|text| is_it(text)) else {
            return at;
        };
        if self.unclosed[text] {
            return at;
        }
        let mut ends = memmem::find_iter(&html.as_bytes()[at..], b"</").map(|open| at + open);
        let end = ends.find(|end| closes(&html[*end..], name));
        self.unclosed[text] = end.is_none();
        end.unwrap_or(at)
    }
}

/// An attribute of a tag.
struct Attribute {
    /// With the space before it.
    range: Range<usize>,
    name: Range<usize>,
    /// Without quotes.
    value: Range<usize>,
}

/// The attributes of one tag that have a value. When there are no more, `at` is after the tag, or at the end of all.
struct Attributes<'a> {
    bytes: &'a [u8],
    /// The tag's name.
    name: Range<usize>,
    at: usize,
}

impl<'a> Attributes<'a> {
    fn new(html: &'a str, tag: usize) -> Self {
        let mut attributes = Self {
            bytes: html.as_bytes(),
            name: tag + 1..tag + 1,
            at: tag + 1,
        };
        attributes.pass(|byte| !ends_name(byte));
        attributes.name.end = attributes.at;
        attributes
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn pass(&mut self, passed: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&passed) {
            self.at += 1;
        }
    }

    /// The value at `at`; `None` if it never ends.
    fn value(&mut self) -> Option<Range<usize>> {
        let Some(quote @ (b'"' | b'\'')) = self.peek() else {
            let start = self.at;
            self.pass(|byte| !byte.is_ascii_whitespace() && byte != b'>');
            return Some(start..self.at);
        };
        let start = self.at + 1;
        let Some(length) = memchr(quote, &self.bytes[start..]) else {
            self.at = self.bytes.len();
            return None;
        };
        self.at = start + length + 1;
        Some(start..start + length)
    }
}

fn ends_name(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>')
}

impl Iterator for Attributes<'_> {
    type Item = Attribute;

    fn next(&mut self) -> Option<Attribute> {
        loop {
            let before = self.at;
            self.pass(|byte| byte.is_ascii_whitespace() || byte == b'/');
            let start = self.at;
            if self.peek()? == b'>' {
                self.at += 1;
                return None;
            }
            // A name may begin with `=`, but not hold one.
            self.at += 1;
            self.pass(|byte| !ends_name(byte) && byte != b'=');
            let name = start..self.at;
            self.pass(|byte| byte.is_ascii_whitespace());
            if self.peek() != Some(b'=') {
                // What was skipped is before the next one.
                self.at = name.end;
                continue;
            }
            self.at += 1;
            self.pass(|byte| byte.is_ascii_whitespace());
            let value = self.value()?;
            let space = self.bytes[before..start].iter().rev();
            let space = space.take_while(|byte| byte.is_ascii_whitespace()).count();
            return Some(Attribute {
                range: start - space..self.at,
                name,
                value,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The URLs of some HTML as (what goes with it, the URL, where it leads).
    fn found(html: &str) -> Vec<(&str, &str, String)> {
        let mut found = RawTags::default();
        read(html, &lines(html, 0..html.len(), html), &mut found);
        let urls = found.urls.into_iter();
        urls.map(|raw| (&html[raw.range], &html[raw.url], raw.destination))
            .collect()
    }

    fn destinations(html: &str) -> Vec<String> {
        found(html).into_iter().map(|(_, _, url)| url).collect()
    }

    #[test]
    fn attributes_of_every_form() {
        for (html, attribute, url) in [
            ("<a href=\"b.md\">", " href=\"b.md\"", "b.md"),
            (
                "<A\tclass HREF = 'b c.md' id>",
                " HREF = 'b c.md'",
                "b c.md",
            ),
            ("<img src=b.png/>", " src=b.png/", "b.png/"),
            ("<img alt='>'src=b.png >", "src=b.png", "b.png"),
            ("<a/href='b'/>", "href='b'", "b"),
            ("<a\n  href=\"b\"\n>", "\n  href=\"b\"", "b"),
            ("<video poster=b src='data:x'>", " poster=b", "b"),
            ("<object data=b>", " data=b", "b"),
            ("<a =href=x href=b>", " href=b", "b"),
            ("<p>1 < 2<a href=b>", " href=b", "b"),
            ("<a title=\"<a href='x'>\" href=b>", " href=b", "b"),
            ("<a x='' href=\"b\"", " href=\"b\"", "b"),
        ] {
            let attribute = attribute.replace('\t', " ");
            let html = html.replace('\t', " ");
            let found = found(&html);
            let found: Vec<_> = found.iter().map(|(all, url, _)| (*all, *url)).collect();
            assert_eq!(found, [(attribute.as_str(), url)], "{html}");
        }
    }

    #[test]
    fn what_is_no_local_url_of_a_tag_is_none() {
        for html in [
            "<a href=\"https://e.org/b.md\"> <a href=mailto:a@b> <img src=\"data:image/png;base64,AA\"> <a href=\"\">",
            "<!-- <a href=b> --> <!doctype href=b> <?php <a href=b ?> </a href=b>",
            "<script>\"<a href=b>\"</script> <STYLE><a href=b></style>",
            "< a href=b> <1 href=b> a href=b",
            "<p data=b data-src=b hrefs=b>",
            "<a href=\"b",
            "<a href",
            "<!-- <a href=b>",
            "<",
        ] {
            assert_eq!(destinations(html), [""; 0], "{html}");
        }
        assert_eq!(destinations("<!--><a href=b><!---><a href=c>"), ["b", "c"]);
        assert_eq!(destinations("<title>x</TITLE ><a href=b>"), ["b"]);
        let shown = "<TEXTAREA><a href=b></textarea> <style><a href=c>";
        assert_eq!(
            destinations(shown),
            ["b", "c"],
            "pages show these tags as text"
        );
    }

    #[test]
    fn destinations_are_read_as_browsers_do() {
        assert_eq!(
            destinations("<a href=' A&amp;B&#x2f;&ccedil;&copy=1 \n.md\t'>"),
            ["A&B/\u{e7}&copy=1 .md"]
        );
        assert_eq!(destinations("<a href='java&#10;script:x'>"), [""; 0]);
    }

    #[test]
    fn ids_and_names_of_anchors() {
        let html = "<a id=a></a><A NAME='b &amp; c'><p id=\"d\" name=e id=''><!-- <p id=f> --><x data-id=g>";
        let mut found = RawTags::default();
        read(html, &lines(html, 0..html.len(), html), &mut found);
        let ids = found.ids.iter().map(|(at, id)| (&html[*at..=*at], &**id));
        let ids: Vec<_> = ids.collect();
        assert_eq!(ids, [("a", "a"), ("b", "b & c"), ("d", "d")]);
    }

    #[test]
    fn lists_are_taken_apart() {
        let html = "<source srcset=\"a.png, b.png 2x ,https://e.org/c.png 3x, d,e.png 1w\">";
        let found = found(html);
        let found: Vec<_> = found.iter().map(|(all, url, _)| (*all, *url)).collect();
        assert_eq!(
            found,
            [
                ("a.png,", "a.png"),
                ("b.png 2x ,", "b.png"),
                ("d,e.png 1w", "d,e.png")
            ]
        );
        assert_eq!(destinations("<img srcset=' , '>"), [""; 0]);
        assert_eq!(destinations("<img srcset='a,'>"), ["a"]);
    }

    #[test]
    fn containers_markers_are_none_of_it() {
        let text = "> <img\n> src='a\n> .png' alt>\n";
        let lines = lines(text, 2..text.len(), "<img\nsrc='a\n.png' alt>\n");
        assert_eq!(lines, [2..7, 9..16, 18..29]);
        let mut found = RawTags::default();
        read(text, &lines, &mut found);
        let found = found.urls;
        assert_eq!(&text[found[0].range.clone()], "\n> src='a\n> .png'");
        assert_eq!(&text[found[0].url.clone()], "a\n> .png");
        assert_eq!(found[0].destination, "a.png");
    }
}
