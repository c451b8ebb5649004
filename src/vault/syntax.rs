//! What is note-specific in a text: the marks that an export rewrites, found once.
//!
//! `outline` says what Markdown makes of the text, `scan` finds the marks in what is plain text
//! there; facts and every format are made from the result. Nothing else knows how a link is written.

use std::borrow::Cow;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Ref;
use crate::path::{last_part, split_extension};

/// A range of bytes in a note's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// After the last byte.
    pub end: u32,
}

impl Span {
    /// The span of a range. Notes beyond 4 GiB are refused before anything is found in them.
    pub(crate) fn new(range: Range<usize>) -> Self {
        Self {
            start: offset(range.start),
            end: offset(range.end),
        }
    }

    /// The span as a range to index a text with.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The text in the span.
    pub fn of(self, text: &str) -> &str {
        &text[self.range()]
    }
}

/// A byte offset in a note. Larger notes are refused before anything is found in them.
pub(crate) fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The start of the line of `at`.
pub(crate) fn line_start(text: &str, at: usize) -> usize {
    memchr::memrchr(b'\n', &text.as_bytes()[..at]).map_or(0, |nl| nl + 1)
}

/// Everything note-specific in one text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Syntax {
    /// What an export rewrites or removes, in text order; no two overlap.
    pub marks: Vec<Mark>,
    /// The Markdown links and images that marks point to.
    pub links: Vec<Link>,
    /// The reference definitions that marks and links point to.
    pub definitions: Vec<Definition>,
    /// For each heading of the facts: what an embed of it shows.
    pub sections: Vec<Span>,
    /// By their index in the facts' refs, in order: the query and the fragment as written, with the `?` or `#` that they
    /// begin with, where something in them is percent-encoded.
    pub addresses: Vec<(u32, Box<str>)>,
}

impl Syntax {
    /// The query and the fragment of a reference as written; `None` where nothing in them is percent-encoded.
    pub fn address(&self, reference: u32) -> Option<Address<'_>> {
        let found = self
            .addresses
            .binary_search_by_key(&reference, |(index, _)| *index);
        let (_, address) = &self.addresses[found.ok()?];
        let (query, fragment) = address.split_once('#').unwrap_or((address, ""));
        Some(Address { query, fragment })
    }

    /// The marks that start in a range. The line end that goes with the last one may lie beyond it.
    pub fn marks_in(&self, range: &Range<usize>) -> &[Mark] {
        let from = self
            .marks
            .partition_point(|mark| (mark.span.start as usize) < range.start);
        let to = self
            .marks
            .partition_point(|mark| (mark.span.start as usize) < range.end);
        self.marks.get(from..to).unwrap_or_default()
    }
}

/// What a link says besides a path, not decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Address<'a> {
    /// With its `?`, or "".
    pub query: &'a str,
    /// Without its `#`.
    pub fragment: &'a str,
}

/// A syntax as bytes: what is kept of a note between two readings of its text. A few bytes a mark.
#[derive(Clone, Debug)]
pub struct PackedSyntax(Box<[u8]>);

impl PackedSyntax {
    /// Packs a syntax.
    pub fn pack(syntax: &Syntax) -> Self {
        let bytes = postcard::to_allocvec(syntax);
        Self(
            bytes
                .expect("a syntax is plain data and memory is its only limit")
                .into(),
        )
    }

    /// The syntax.
    pub fn unpack(&self) -> Syntax {
        postcard::from_bytes(&self.0).expect("the bytes came from pack")
    }

    /// How many bytes it takes.
    pub fn size(&self) -> usize {
        self.0.len()
    }
}

/// A piece of text that is not Markdown's, or that leads somewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: MarkKind,
}

/// What a mark is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MarkKind {
    /// `[[…]]` or `![[…]]`.
    Wiki(Wiki),
    /// `[` or `![` of the link with this index.
    LinkOpen(u32),
    /// What follows that link's text: `](…)`, `][…]`, `][]` or `]`.
    LinkClose(u32),
    /// The reference definition with this index, without its line end.
    Definition(u32),
    /// `%%…%%`; with its line end where it has its lines for itself.
    Comment,
    /// ` ^id`, with the space before it, or its whole line with the line end.
    BlockId {
        /// The index of its block; `None` if the id is taken.
        block: Option<u32>,
        /// It has a line for itself.
        own_line: bool,
    },
    /// A footnote's label, in a reference or at its definition.
    Footnote,
    /// What goes from raw HTML where its URL leads nowhere: the attribute, or one URL of several with its comma.
    HtmlUrl {
        /// Its index in the facts' refs.
        reference: u32,
        /// The URL alone, without quotes.
        url: Span,
    },
}

/// The parts of a wikilink.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wiki {
    /// Its index in the facts' refs.
    pub reference: u32,
    /// What stands after `|`, if anything but a size does.
    pub label: Option<Span>,
    /// What of the label is not shown, in text order: comments, footnotes' mentions, and what makes links of its parts.
    pub hidden: Vec<Span>,
    /// `300` or `300x200` of an embed.
    pub size: Option<Span>,
    /// Where it stands.
    pub setting: Setting,
}

impl Wiki {
    /// What it shows instead of its target, as written in `text`.
    pub fn shown<'a>(&self, text: &'a str) -> Option<Cow<'a, str>> {
        let label = self.label?;
        if self.hidden.is_empty() {
            return Some(label.of(text).into());
        }
        let (mut shown, mut at) = (String::new(), label.range().start);
        for hidden in self.hidden.iter().map(|span| span.range()) {
            shown.push_str(text.get(at..hidden.start).unwrap_or_default());
            at = at.max(hidden.end);
        }
        shown.push_str(text.get(at..label.range().end).unwrap_or_default());
        let trimmed = shown.trim();
        (!trimmed.is_empty()).then(|| trimmed.to_owned().into())
    }

    /// The footnotes' mentions in its label, which is shown without them: they are links themselves.
    pub fn mentions<'a>(&self, text: &'a str) -> impl Iterator<Item = &'a str> {
        let hidden = self.hidden.iter().map(move |hidden| hidden.of(text));
        let mentions = hidden.filter(|hidden| hidden.starts_with("[^"));
        mentions.map(str::trim_end)
    }
}

/// What may stand in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Setting {
    /// Whole blocks: it is in a paragraph's own text.
    Paragraph(Paragraph),
    /// One line: it is in a heading, in emphasis, in a link's text.
    Line,
    /// A table's cell: one line, with `|` escaped.
    Cell,
}

/// Where in a paragraph something stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paragraph {
    /// The paragraph is in a list, so its indentation means something.
    pub in_list: bool,
    /// Nothing of the paragraph stands before it.
    pub begins: bool,
    /// Nothing of the paragraph stands after it.
    pub ends: bool,
}

/// A Markdown link or image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Its index in the facts' refs, if it is local.
    pub reference: Option<u32>,
    /// `![…]`
    pub image: bool,
    /// Its text, between the brackets.
    pub text: Span,
    /// Where its destination is written.
    pub destination: Destination,
}

/// Where a link's destination is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// In the link, `<` and `>` included.
    Inline(Span),
    /// In the definition with this index.
    Definition(u32),
}

/// A reference definition: `[label]: destination "title"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Its index in the facts' refs, if it is local.
    pub reference: Option<u32>,
    /// The destination, `<` and `>` included.
    pub destination: Span,
    /// The destination and what follows it on its way to the end: ` "title"`.
    pub rest: Span,
}

/// What a link shows that has no label: `note`, `note > heading`, `heading`.
pub fn default_label(reference: &Ref) -> String {
    let mut label = String::from(&*reference.target);
    for part in reference
        .fragment
        .split('#')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        if !label.is_empty() {
            label.push_str(" > ");
        }
        label.push_str(part);
    }
    label
}

/// Whether a path names a picture that a browser shows in place.
pub fn is_image(path: &str) -> bool {
    const EXTENSIONS: [&str; 12] = [
        "png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "bmp", "apng", "ico", "jfif", "tiff",
    ];
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    EXTENSIONS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(extension))
}

/// The type of the callout whose quote reads `text`, and what follows its marker `[!type]`; `None` for any other quote.
pub(crate) fn callout(text: &str) -> Option<(&str, &str)> {
    let (kind, after) = text.strip_prefix("[!")?.split_once(']')?;
    if kind.trim().is_empty() || kind.contains(['\n', '\r', '[']) {
        return None;
    }
    let title = after.strip_prefix(['+', '-']).unwrap_or(after);
    let is_marker = title.is_empty() || title.starts_with([' ', '\t', '\n', '\r']);
    is_marker.then_some((kind, after))
}

/// Whether a Markdown link's path must have meant a file of the vault: it is relative and names an extension, be it before
/// a query. Where it leads nowhere, it is then no more than its text; any other link stays as it is written.
pub(crate) fn looks_like_file(path: &str) -> bool {
    let before_query = path.split_once('?').map(|(before, _)| before);
    !path.starts_with('/') && (ends_like_file(path) || before_query.is_some_and(ends_like_file))
}

fn ends_like_file(path: &str) -> bool {
    let path = path.trim_end_matches(|c: char| c == '/' || c.is_whitespace());
    let (_, extension) = split_extension(last_part(path));
    (1..=10).contains(&extension.len()) && extension.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Whether a link's destination (unescaped) is a path in the vault or a place in the note, not an address.
pub(super) fn is_local(destination: &str) -> bool {
    if destination.is_empty()
        || destination == "#"
        || destination.starts_with("//")
        || destination.starts_with('?')
    {
        return false;
    }
    let scheme =
        destination.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')));
    !scheme.is_some_and(|end| {
        end > 0
            && destination[end..].starts_with(':')
            && destination.as_bytes()[0].is_ascii_alphabetic()
    })
}

/// The inner text of a wikilink, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Inner<'a> {
    pub(super) target: &'a str,
    pub(super) fragment: &'a str,
    pub(super) label: Option<Range<usize>>,
    pub(super) size: Option<Range<usize>>,
}

/// Takes apart what stands in `[[…]]`; `None` if it leads nowhere by its form. In a table's cell only `\|` parts.
pub(super) fn inner(
    text: &str,
    range: Range<usize>,
    embed: bool,
    in_cell: bool,
) -> Option<Inner<'_>> {
    let inner = &text[range.clone()];
    if in_cell && unescaped_bar(inner) {
        return None;
    }
    let (name, label) = match inner.find('|') {
        None => (inner, None),
        Some(bar) => {
            let name = &inner[..bar];
            (
                name.strip_suffix('\\').unwrap_or(name),
                Some(range.start + bar + 1..range.end),
            )
        }
    };
    let (target, fragment) = name.split_once('#').unwrap_or((name, ""));
    let (target, fragment) = (target.trim(), fragment.trim());
    if target.is_empty() && fragment.trim_matches('#').is_empty() {
        return None;
    }
    let (label, size) = label.map_or((None, None), |label| {
        if embed {
            part_size(text, label)
        } else {
            (Some(label), None)
        }
    });
    let label = label
        .map(|label| trimmed(text, label))
        .filter(|label| !label.is_empty());
    Some(Inner {
        target,
        fragment,
        label,
        size,
    })
}

fn unescaped_bar(inner: &str) -> bool {
    let bytes = inner.as_bytes();
    memchr::memchr_iter(b'|', bytes).any(|bar| bar == 0 || bytes[bar - 1] != b'\\')
}

/// An embed's label as (label, size): the last part is a size if it reads like one.
fn part_size(text: &str, label: Range<usize>) -> (Option<Range<usize>>, Option<Range<usize>>) {
    let last = text[label.clone()]
        .rfind('|')
        .map_or(label.start, |bar| label.start + bar + 1);
    let size = trimmed(text, last..label.end);
    if !is_size(&text[size.clone()]) {
        return (Some(label), None);
    }
    let before = label.start..last.saturating_sub(1).max(label.start);
    let before = if text[before.clone()].ends_with('\\') {
        before.start..before.end - 1
    } else {
        before
    };
    (Some(before), Some(size))
}

/// `300` or `300x200`
fn is_size(text: &str) -> bool {
    let digits =
        |part: &str| !part.is_empty() && part.len() < 6 && part.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('x') {
        None => digits(text),
        Some((width, height)) => digits(width) && digits(height),
    }
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

/// The range of a link destination that starts at or after `at`; `in_parens` if a `)` ends it.
pub(super) fn destination(
    text: &str,
    at: usize,
    end: usize,
    in_parens: bool,
) -> Option<Range<usize>> {
    let bytes = text.as_bytes().get(..end)?;
    let start = at
        + bytes
            .get(at..)?
            .iter()
            .position(|b| !b.is_ascii_whitespace())?;
    let (mut depth, mut escaped) = (0_usize, false);
    let angled = bytes[start] == b'<';
    for (index, &byte) in bytes.iter().enumerate().skip(start + usize::from(angled)) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'>' if angled => return Some(start..index + 1),
            b'\n' if angled => return None,
            _ if angled => {}
            _ if byte.is_ascii_whitespace() => return Some(start..index),
            b'(' if in_parens => depth += 1,
            b')' if in_parens && depth == 0 => return Some(start..index),
            b')' if in_parens => depth -= 1,
            _ => {}
        }
    }
    (!angled && !in_parens).then_some(start..end)
}
