//! How far a part of a note's text is written: what was passed, the line that a mark stands in, and the headings met.

use std::ops::Range;

use super::super::place::{self, Site};
use crate::vault::syntax::{Link, Mark, Paragraph, Setting, Wiki, line_start};
use crate::vault::{Heading, Note};

/// A part of a note's text on its way to the output.
pub(super) struct Part<'a> {
    pub(super) note: &'a Note,
    pub(super) range: Range<usize>,
    /// How far it is written.
    pub(super) at: usize,
    /// Where the line of the mark starts that is being written, and the line that it ends in.
    pub(super) line: usize,
    next_line: usize,
    eol: &'static str,
    /// The first of the note's headings that was not met yet.
    pub(super) next_heading: usize,
    /// The length of the output when an inlined block had just been placed, to whose end nothing may be added.
    pub(super) block_end: Option<usize>,
    /// Whether there can be a definition in it, once somebody asked.
    defines: Option<bool>,
    /// Where the text of the outermost link ends that it is in, or was in last.
    link_end: usize,
    /// The footnotes that were mentioned in that link and are to stand behind it.
    pub(super) mentions: String,
}

impl<'a> Part<'a> {
    pub(super) fn new(note: &'a Note, range: Range<usize>) -> Self {
        let line = line_start(&note.text, range.start);
        let eol = place::line_end(&note.text[range.clone()]);
        let before = |heading: &Heading| (heading.start as usize) < range.start;
        Self {
            next_heading: note.facts.headings.partition_point(before),
            note,
            at: range.start,
            line,
            next_line: line,
            eol,
            block_end: None,
            defines: None,
            link_end: 0,
            mentions: String::new(),
            range,
        }
    }

    /// Goes on to after `span`; gives the text before it.
    pub(super) fn advance(&mut self, span: &Range<usize>) -> &'a str {
        let before = &self.note.text[self.at..span.start];
        self.line = self.next_line;
        if let Some(nl) = memchr::memrchr(b'\n', before.as_bytes()) {
            self.line = self.at + nl + 1;
            self.next_line = self.line;
        }
        self.at = span.end.min(self.range.end);
        let hidden = &self.note.text[span.start..self.at];
        if let Some(nl) = memchr::memrchr(b'\n', hidden.as_bytes()) {
            self.next_line = span.start + nl + 1;
        }
        before
    }

    /// Goes on to the next line, if only spaces are left of this one.
    pub(super) fn pass_line_end(&mut self) {
        let rest = &self.note.text[self.at..self.range.end.max(self.at)];
        let line = rest.find('\n').map_or(rest, |nl| &rest[..=nl]);
        if line.trim().is_empty() {
            self.at += line.len();
            self.next_line = self.at;
        }
    }

    /// Whether there can be a definition in it, or what would be one elsewhere.
    pub(super) fn may_define(&mut self) -> bool {
        let text = &self.note.text[self.range.clone()];
        *self
            .defines
            .get_or_insert_with(|| memchr::memmem::find(text.as_bytes(), b"]:").is_some())
    }

    /// Goes into a link's text.
    pub(super) fn open_link(&mut self, link: &Link) {
        self.link_end = self.link_end.max(link.text.end as usize);
    }

    pub(super) fn is_in_link(&self, mark: &Mark) -> bool {
        (mark.span.start as usize) < self.link_end
    }

    /// Writes what waits for the end of a link, where `mark` is that of the outermost.
    pub(super) fn close_link(&mut self, mark: &Mark, out: &mut String) {
        if !self.is_in_link(mark) {
            out.push_str(&std::mem::take(&mut self.mentions));
        }
    }

    pub(super) fn site(&self, mark: &Mark, wiki: &Wiki) -> Site<'_> {
        let paragraph = match wiki.setting {
            Setting::Paragraph(paragraph) => paragraph,
            Setting::Line | Setting::Cell => Paragraph::default(),
        };
        let (text, marks, range) = (
            self.note.text.as_str(),
            &self.note.syntax,
            self.range.clone(),
        );
        let (mark, line) = (mark.span.range(), self.line);
        Site {
            text,
            marks,
            mark,
            line,
            eol: self.eol,
            range,
            paragraph,
        }
    }

    /// Writes the anchor of a block at its end.
    pub(super) fn block_anchor(&self, mark: &Mark, id: &str, own_line: bool, out: &mut String) {
        let anchor = format!("<a id=\"^{id}\"></a>");
        if own_line {
            // A table goes on until a blank line.
            let written = mark.span.of(&self.note.text);
            let prefix = &written[..written.find('^').unwrap_or(0)];
            out.push_str(&[prefix.trim_end(), self.eol, prefix, &anchor, self.eol].concat());
        } else if self.block_end == Some(out.len()) {
            let prefix = place::prefix(&self.note.text[self.line..mark.span.start as usize], true);
            out.push_str(&[self.eol, prefix.trim_end(), self.eol, &prefix, &anchor].concat());
        } else {
            out.push(' ');
            out.push_str(&anchor);
        }
    }
}
