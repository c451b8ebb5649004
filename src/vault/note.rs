//! One note's bytes, read once: into its text, the facts that others need, and the syntax that its rewriting needs.

use std::borrow::Cow;
use std::ops::Range;
use std::str::Utf8Error;

use super::anchor::Slugger;
use super::footnotes::Footnotes;
use super::frontmatter::{self, Fields, Opening};
use super::line_ends::{has_lone_return, with_line_feeds};
use super::outline::{Outline, RawHeading};
use super::scan::{Scan, scan};
use super::syntax::{
    self, Destination, MarkKind, PackedSyntax, Setting, Span, Syntax, default_label, is_image,
};
use super::{Block, Heading, NoteFacts, NoteKind, Privacy, Problem, Ref, RefKind};
use crate::hash::{ContentHash, TextHasher};
use crate::path::NotePath;

/// Raised whenever the same bytes are read as other facts than before, or their links are counted otherwise: every note is
/// then read again, once.
pub const READER_VERSION: u64 = 8;

/// Larger files are not read as notes: offsets are 32 bits, and nobody wrote them.
const MAX_BYTES: usize = 1 << 30;

/// A note: its text and what it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Its Markdown: the whole file for Markdown and text, the body of a JSON note. A BOM and CRLF are there as they are; a
    /// lone carriage return is a line feed.
    pub text: String,
    /// What it says.
    pub facts: NoteFacts,
    /// What is note-specific in the text. It goes with the text, and is never kept without it.
    pub syntax: Syntax,
    /// Whether the text is the file's bytes as they are: then it can be recalled.
    is_verbatim: bool,
}

/// Reads a note. Never fails: what can't be understood is text, and `facts.problem` says so.
pub fn parse(path: &NotePath, bytes: impl Into<Vec<u8>>) -> Note {
    let bytes = bytes.into();
    let content = ContentHash::of(&bytes);
    let kind = NoteKind::of_extension(path.extension());
    let mut head = read_head(kind, bytes);
    let scan = scan(&head.text, head.body_start, &mut head.fields.tags);
    let body = read_body(&head.text, head.body_start, scan);
    let first_title = || {
        body.headings
            .iter()
            .find(|heading| heading.level == 1 && !heading.text.is_empty())
    };
    let title = head
        .fields
        .title
        .or_else(|| first_title().map(|heading| heading.text.clone()));
    let facts = NoteFacts {
        kind,
        content,
        title: title.unwrap_or_else(|| path.stem().into()),
        tags: head.fields.tags.into_tags(),
        aliases: head.fields.aliases,
        privacy: head.privacy,
        problem: head.problem,
        body_start: syntax::offset(head.body_start),
        body_hash: body.hash,
        refs: body.refs,
        headings: body.headings,
        blocks: body.blocks,
        footnotes: body.footnotes,
        elements: body.elements,
    };
    Note {
        text: head.text,
        facts,
        syntax: body.syntax,
        is_verbatim: head.is_verbatim,
    }
}

impl Note {
    /// What to keep of a note, so that [`Self::recall`] need not parse the same bytes again. `None` where the text is not
    /// the file's own: a JSON note's is its body, and what is not UTF-8, or a lone carriage return, was replaced.
    pub fn packed_syntax(&self) -> Option<PackedSyntax> {
        self.is_verbatim.then(|| PackedSyntax::pack(&self.syntax))
    }

    /// A note read again, from the very bytes that it was parsed from before. `None` for other bytes.
    pub fn recall(bytes: Vec<u8>, facts: NoteFacts, syntax: &PackedSyntax) -> Option<Self> {
        if ContentHash::of(&bytes) != facts.content {
            return None;
        }
        Some(Self {
            text: String::from_utf8(bytes).ok()?,
            facts,
            syntax: syntax.unpack(),
            is_verbatim: true,
        })
    }
}

/// The front matter of a Markdown note, if it has one that can be read.
pub fn front_matter(note: &Note) -> Option<serde_yaml::Mapping> {
    match frontmatter::split(&note.text) {
        // Front matter that can't be read counts to the body, and so do a text file's first lines.
        Opening::Closed(split) if split.end == note.facts.body_start as usize => {
            frontmatter::mapping(split.yaml).ok()
        }
        _ => None,
    }
}

/// Where the links, definitions and tags of a body lead, sorted; what is shown in place is marked by a `!`.
pub(crate) fn destinations(body: &str) -> Vec<String> {
    Outline::of(body, 0).destinations()
}

/// Whether a text begins as one with front matter does.
pub fn opens_front_matter(text: &str) -> bool {
    frontmatter::split(text) != Opening::None
}

/// What stands before the body, and the text that both are in.
struct Head {
    text: String,
    is_verbatim: bool,
    body_start: usize,
    fields: Fields,
    privacy: Privacy,
    problem: Option<Problem>,
}

fn read_head(kind: NoteKind, bytes: Vec<u8>) -> Head {
    let mut head = Head {
        text: String::new(),
        is_verbatim: false,
        body_start: 0,
        fields: Fields::default(),
        privacy: Privacy::Public,
        problem: None,
    };
    if bytes.len() > MAX_BYTES {
        head.problem = Some(problem_at(
            1,
            1,
            "the file is larger than 1 GiB: it is not read as a note",
        ));
        head.privacy = Privacy::Withheld;
        return head;
    }
    if is_wide(&bytes) {
        head.problem = Some(problem_at(
            1,
            1,
            "the file is UTF-16 or UTF-32, and may say that it is private: save it as UTF-8",
        ));
        head.privacy = Privacy::Withheld;
        return head;
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => {
            head.is_verbatim = kind != NoteKind::Json && !has_lone_return(&text);
            text
        }
        Err(error) => {
            head.problem = Some(not_utf8(error.as_bytes(), error.utf8_error()));
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        }
    };
    let text = if head.is_verbatim {
        text
    } else {
        with_line_feeds(text)
    };
    match kind {
        NoteKind::Markdown => read_markdown(text, head),
        NoteKind::Json => read_json(text, head),
        NoteKind::Text => Head {
            body_start: frontmatter::bom_len(&text),
            text,
            ..head
        },
    }
}

/// Whether these are characters of two or four bytes each: by their mark, or as a NUL is a part of the first ASCII one.
fn is_wide(bytes: &[u8]) -> bool {
    let first = &bytes[..bytes.len().min(4)];
    bytes.starts_with(b"\xff\xfe")
        || bytes.starts_with(b"\xfe\xff")
        || (first.contains(&0) && first.iter().any(|&byte| byte != 0))
}

fn read_markdown(text: String, mut head: Head) -> Head {
    head.body_start = frontmatter::bom_len(&text);
    let unreadable = match frontmatter::split(&text) {
        Opening::None => None,
        Opening::Unclosed(rest) => frontmatter::read_unclosed(rest),
        Opening::Closed(split) => match frontmatter::read(split) {
            Ok(fields) => {
                head.privacy = privacy(&fields);
                head.fields = fields;
                head.body_start = split.end;
                None
            }
            Err(unreadable) => Some(unreadable),
        },
    };
    if let Some(unreadable) = unreadable {
        head.privacy = unreadable.privacy;
        head.problem = Some(unreadable.problem);
    }
    head.text = text;
    head
}

fn read_json(text: String, mut head: Head) -> Head {
    let start = frontmatter::bom_len(&text);
    let object = match serde_json::from_str::<serde_yaml::Value>(&text[start..]) {
        Ok(serde_yaml::Value::Mapping(object)) => Ok(object),
        Ok(_) => Err(problem_at(1, 1, "the note is JSON, but not an object")),
        Err(error) => Err(problem_at(
            error.line(),
            error.column(),
            "the note is not valid JSON",
        )),
    };
    match object {
        Ok(object) => {
            head.fields = frontmatter::fields(&object, &text[start..]);
            head.privacy = privacy(&head.fields);
            match frontmatter::value_of(&object, "body") {
                None | Some(serde_yaml::Value::Null) => {}
                Some(serde_yaml::Value::String(body)) => head.text = with_line_feeds(body.clone()),
                Some(_) => {
                    let problem = || no_body(&text);
                    head.problem = Some(head.problem.take().unwrap_or_else(problem));
                }
            }
        }
        Err(problem) => {
            head.privacy = frontmatter::privacy_of_unreadable(&text);
            head.problem = Some(problem);
            head.body_start = start;
            head.text = text;
        }
    }
    head
}

/// What a JSON note's body must be.
fn no_body(text: &str) -> Problem {
    let key = text.to_ascii_lowercase().find("\"body\"").unwrap_or(0);
    let (line, column) = frontmatter::position(text, key);
    problem_at(
        line,
        column,
        "the note's body is not a text in quotes: it is exported without one",
    )
}

fn privacy(fields: &Fields) -> Privacy {
    if fields.private {
        Privacy::Private
    } else {
        Privacy::Public
    }
}

fn problem_at(line: usize, column: usize, message: &str) -> Problem {
    Problem {
        line: syntax::offset(line.max(1)),
        column: syntax::offset(column.max(1)),
        message: message.into(),
    }
}

/// Where the first bytes are that are not UTF-8.
fn not_utf8(bytes: &[u8], error: Utf8Error) -> Problem {
    let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
    let valid = with_line_feeds(valid.into_owned());
    let (line, column) = frontmatter::position(&valid, valid.len());
    problem_at(
        line,
        column,
        "the file is not UTF-8: what can't be read is shown as \u{fffd}",
    )
}

/// What the body says.
struct Body {
    syntax: Syntax,
    refs: Vec<Ref>,
    headings: Vec<Heading>,
    blocks: Vec<Block>,
    footnotes: Footnotes,
    elements: Vec<Box<str>>,
    hash: u64,
}

fn read_body(text: &str, base: usize, scan: Scan) -> Body {
    let Scan {
        mut syntax,
        refs,
        outline,
        blocks,
    } = scan;
    syntax.sections = sections(text, &outline);
    let footnotes = Footnotes::read(text, &outline);
    let headings = headings(text, &outline, &syntax, &footnotes, &refs);
    let blocks = blocks.iter().map(|&index| {
        let id = &outline.ids[index];
        Block {
            id: text[id.range.start + 1..id.range.end].into(),
            start: syntax::offset(id.block.start),
            end: syntax::offset(id.block.end),
            hash: shown_hash(text, &syntax, &footnotes, &id.block),
        }
    });
    Body {
        blocks: blocks.collect(),
        elements: elements(&outline, &footnotes),
        hash: shown_hash(text, &syntax, &footnotes, &(base..text.len())),
        syntax,
        refs,
        headings,
        footnotes,
    }
}

/// The ids of raw HTML, but for those that no page shows.
fn elements(outline: &Outline, footnotes: &Footnotes) -> Vec<Box<str>> {
    let ids = outline.html.ids.iter().filter(|(at, _)| {
        let at = syntax::offset(*at);
        !footnotes.hide(&(at..at))
    });
    ids.map(|(_, id)| id.as_str().into()).collect()
}

/// The hash of all that an embed of a part of the text shows, but for what its links lead to.
///
/// The part alone does not say it all. The rest of the note decides what is a reference link and where that leads,
/// what is a footnote, and which line end is written; what stands before the part on its line is taken off its other
/// lines. The footnotes that it mentions are shown with it. What no embed shows (comments, ids, definitions) does not
/// count.
fn shown_hash(text: &str, syntax: &Syntax, footnotes: &Footnotes, part: &Range<usize>) -> u64 {
    let mut key = TextHasher::new();
    let uses_crlf = text.find('\n').is_some_and(|nl| text[..nl].ends_with('\r'));
    key.number(uses_crlf.into());
    for footnote in footnotes.beside(part) {
        take_in(&mut key, text, syntax, &footnote);
    }
    take_in(&mut key, text, syntax, part);
    key.finish().0
}

/// Adds what is shown of a part of a text.
fn take_in(key: &mut TextHasher, text: &str, syntax: &Syntax, part: &Range<usize>) {
    key.text(&text[syntax::line_start(text, part.start)..part.start]);
    let mut at = part.start;
    for mark in syntax.marks_in(part) {
        let span = mark.span.range();
        key.text(&text[at..span.start]);
        let written = &text[span.clone()];
        let (kind, shown) = match &mark.kind {
            // The end of a comment of several lines stands before what follows it on its line.
            MarkKind::Comment if written.trim_end().contains('\n') => (0, written),
            MarkKind::Comment => (1, ""),
            MarkKind::BlockId { own_line, .. } => (2 + u64::from(*own_line), ""),
            MarkKind::Definition(_) => (4, ""),
            MarkKind::Footnote => (5, written),
            MarkKind::LinkOpen(_) => (6, written),
            MarkKind::LinkClose(link) => (7, destination(text, syntax, *link).unwrap_or(written)),
            MarkKind::HtmlUrl { .. } => (24, written),
            MarkKind::Wiki(wiki) => (8 + setting(wiki.setting), written),
        };
        key.number(kind).text(shown);
        at = span.end.min(part.end).max(at);
    }
    key.text(&text[at..part.end]);
}

/// Where a reference link leads, as its definition says.
fn destination<'a>(text: &'a str, syntax: &Syntax, link: u32) -> Option<&'a str> {
    match syntax.links[link as usize].destination {
        Destination::Definition(definition) => {
            Some(syntax.definitions[definition as usize].rest.of(text))
        }
        Destination::Inline(_) => None,
    }
}

/// A number for each setting.
fn setting(setting: Setting) -> u64 {
    match setting {
        Setting::Line => 0,
        Setting::Cell => 1,
        Setting::Paragraph(paragraph) => {
            let flags = [paragraph.in_list, paragraph.begins, paragraph.ends];
            flags
                .iter()
                .fold(1, |number, &flag| number << 1 | u64::from(flag))
        }
    }
}

fn headings(
    text: &str,
    outline: &Outline,
    syntax: &Syntax,
    footnotes: &Footnotes,
    refs: &[Ref],
) -> Vec<Heading> {
    let mut slugger = Slugger::new();
    let with_section = outline.headings.iter().zip(&syntax.sections);
    let read = with_section.map(|(raw, section)| {
        let shown = plain_text(text, raw, syntax, refs);
        Heading {
            level: raw.level,
            start: syntax::offset(raw.start),
            end: section.end,
            anchor: slugger.anchor(&shown).into(),
            text: shown.into(),
            hash: shown_hash(text, syntax, footnotes, &section.range()),
        }
    });
    read.collect()
}

/// A heading's text as a reader sees it: a wikilink counts by its label, a picture not at all.
fn plain_text(text: &str, raw: &RawHeading, syntax: &Syntax, refs: &[Ref]) -> String {
    if !raw.keep_parts {
        return raw
            .text
            .replace(super::comments::HIDDEN, "")
            .trim()
            .to_owned();
    }
    let end = raw.parts.last().map_or(raw.start, |(source, _)| source.end);
    // What is not there as it is written.
    let mut marks = syntax
        .marks_in(&(raw.start..end))
        .iter()
        .filter_map(|mark| match &mark.kind {
            MarkKind::Wiki(wiki) => Some((
                mark.span.range(),
                label_of(text, wiki, &refs[wiki.reference as usize]),
            )),
            MarkKind::Comment => Some((mark.span.range(), String::new())),
            _ => None,
        })
        .peekable();
    let mut shown = String::new();
    let mut covered = 0;
    for (source, part) in &raw.parts {
        // An id may have been cut off.
        let part_shown = &raw.text[part.start.min(raw.text.len())..part.end.min(raw.text.len())];
        // Markdown may have begun the part before the mark; its text is as long as its source then.
        let is_verbatim = source.len() == part.len();
        let mut at = source.start.max(covered);
        while let Some((range, label)) = marks.next_if(|(range, _)| range.start < source.end) {
            if is_verbatim && range.start > at {
                shown.push_str(between(
                    part_shown,
                    at - source.start,
                    range.start - source.start,
                ));
            }
            shown.push_str(&label);
            covered = covered.max(range.end);
            at = at.max(covered);
        }
        if at == source.start {
            shown.push_str(part_shown);
        } else if is_verbatim && source.end > at {
            shown.push_str(between(part_shown, at - source.start, part.len()));
        }
    }
    shown.replace(super::comments::HIDDEN, "").trim().to_owned()
}

/// The bytes of `text` from `from` to `to`, as far as it has them.
fn between(text: &str, from: usize, to: usize) -> &str {
    text.get(from.min(text.len())..to.min(text.len()))
        .unwrap_or_default()
}

/// What a wikilink shows, as plain text.
fn label_of(text: &str, wiki: &syntax::Wiki, reference: &Ref) -> String {
    if reference.kind == RefKind::WikiEmbed && is_image(&reference.target) {
        return String::new();
    }
    wiki.shown(text)
        .map_or_else(|| default_label(reference), Cow::into_owned)
}

/// What an embed of each heading shows: up to the next heading of its level or a higher one, within its container.
fn sections(text: &str, outline: &Outline) -> Vec<Span> {
    let starts: Vec<usize> = outline
        .headings
        .iter()
        .map(|heading| {
            super::comments::begins_line(text, heading.start)
                .filter(|&line| !text[line..heading.start].contains('>'))
                .unwrap_or(heading.start)
        })
        .collect();
    let mut ends: Vec<usize> = outline
        .headings
        .iter()
        .map(|heading| heading.container.end)
        .collect();
    let mut open: Vec<usize> = Vec::new();
    for (index, heading) in outline.headings.iter().enumerate() {
        while let Some(&last) = open.last() {
            let before = &outline.headings[last];
            if before.container.end > heading.start
                && (before.container != heading.container || before.level < heading.level)
            {
                break;
            }
            ends[last] = ends[last].min(starts[index]);
            open.pop();
        }
        open.push(index);
    }
    starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| Span::new(start..end.max(start)))
        .collect()
}

#[cfg(test)]
pub(crate) mod tests;
