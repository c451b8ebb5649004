//! Seams: where something is left out, and what stood on its two sides meets.
//!
//! What meets can be Markdown that the note didn't have: there is no link in `[x]%%c%%(y.md)`, and no definition in
//! `%%c%% [r]: y.md`. Such a link is in no graph, and may name what is kept out. So a body with seams is written with
//! them held too, which reads as the note did; where that has other links than the body, it is the one that counts.

use super::super::place;
use super::part::Part;
use crate::vault::syntax::{Mark, Span};
use crate::vault::{Note, note};

/// Holds a seam: a word joiner, which nobody sees and Markdown takes for a letter.
const JOINED: &str = "\u{2060}";

/// What becomes of seams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum Seams {
    /// Nothing marks them.
    #[default]
    Closed,
    /// They are kept apart.
    Held,
}

/// The seams of a text that is being written.
#[derive(Debug, Default)]
pub(super) struct Seam {
    pub(super) seams: Seams,
    /// Whether there was one that could matter.
    pub(super) met: bool,
}

impl Seam {
    pub(super) fn new(seams: Seams) -> Self {
        Self { seams, met: false }
    }

    fn join(&mut self, held: &str, out: &mut String) {
        self.met = true;
        if self.seams == Seams::Held {
            out.push_str(held);
        }
    }

    /// A comment is left out. One that fills lines is an empty line to whoever reads the note; one at the end of a line is
    /// nothing to anybody.
    pub(super) fn comment(&mut self, part: &Part<'_>, mark: &Mark, out: &mut String) {
        let text = &part.note.text;
        let (comment, span) = (mark.span.of(text), mark.span.range());
        let before = &text.as_bytes()[part.line.min(span.start)..span.start];
        let begins = before.iter().all(|b| matches!(b, b' ' | b'\t' | b'>'));
        let at_line_end = matches!(text.as_bytes().get(span.end), None | Some(b'\n' | b'\r'));
        if comment.ends_with('\n') || (begins && at_line_end) {
            if stands_between_lines(text, part.line.min(span.start), span.end) {
                let quote = &comment[..comment.find('%').unwrap_or(0)];
                self.join(&[quote.trim_end(), place::line_end(comment)].concat(), out);
            }
        } else if begins || !at_line_end {
            let inner = comment.trim_start_matches([' ', '\t', '>']);
            let before = &comment[..comment.len() - inner.len()];
            let after = &inner[inner.trim_end_matches([' ', '\t']).len()..];
            self.join(&format!("{before}{JOINED}{after}"), out);
        }
    }

    /// A block's id is left out at the end of a line that would be a definition without it.
    pub(super) fn block_id(&mut self, part: &mut Part<'_>, out: &mut String) {
        if part.may_define() {
            self.join(&format!(" {JOINED}"), out);
        }
    }

    /// A link's opening is left out: its text meets what is before it.
    pub(super) fn link_open(&mut self, out: &mut String) {
        if out.ends_with([']', '[', '!', '<', '(']) || is_in_tag(out) {
            self.join(JOINED, out);
        }
    }

    /// A link's end is left out, at `at`: its text meets what is behind it. One without a text had nothing but its ends.
    pub(super) fn link_close(&mut self, note: &Note, text: Span, at: u32, out: &mut String) {
        let at = at as usize;
        if text.start == text.end || note.text[at..].starts_with(['(', '[', ':', ']']) {
            self.join(JOINED, out);
        }
    }

    /// A block is put behind some text of a paragraph, which may be a definition without what followed on its line.
    pub(super) fn before_block(&mut self, part: &mut Part<'_>, mark: &Mark, out: &mut String) {
        let begins = place::begins_block(&part.note.text, mark.span.start as usize);
        if !begins && part.may_define() {
            self.join(&format!(" {JOINED}"), out);
        }
    }

    /// A block was put between the lines of a paragraph, or in one: what follows may be a definition now, or a quote's.
    pub(super) fn after_block(&mut self, part: &mut Part<'_>, mark: &Mark, out: &mut String) {
        let rest = &part.note.text[part.at..part.range.end.max(part.at)];
        let own_line = rest.trim_start_matches([' ', '\t', '\r']);
        let Some(line) = own_line.strip_prefix('\n') else {
            if !own_line.is_empty() && part.may_define() {
                self.join(JOINED, out);
            }
            return;
        };
        let is_quoted = part.note.text[part.line..mark.span.start as usize].contains('>');
        let next = line.trim_start_matches(|c| matches!(c, ' ' | '\t') || (c == '>' && is_quoted));
        // A footnote's text ends a paragraph, and is one in the note too.
        if next.starts_with('[') && !next.starts_with("[^") && part.may_define() {
            let at = part.range.end.max(part.at) - next.len();
            out.push_str(part.advance(&(at..at)));
            self.join(JOINED, out);
        }
    }
}

/// Whether lines that aren't empty meet where those from `start` to `end` go. Most comments have a paragraph to themselves,
/// and for them the body need not be written twice.
fn stands_between_lines(text: &str, start: usize, end: usize) -> bool {
    let above = text[..start].strip_suffix('\n').unwrap_or_default();
    let above = memchr::memrchr(b'\n', above.as_bytes()).map_or(above, |nl| &above[nl + 1..]);
    let below = &text[end..];
    let below = memchr::memchr(b'\n', below.as_bytes()).map_or(below, |nl| &below[..nl]);
    let is_empty = |line: &str| line.trim_matches([' ', '\t', '\r', '>']).is_empty();
    !is_empty(above) && !is_empty(below)
}

/// How far back the start of a tag is looked for: a note may have many such places.
const LONGEST_TAG: usize = 4096;

/// Whether a tag may have begun that what follows is in: one with brackets in it is none.
fn is_in_tag(out: &str) -> bool {
    let from = out.len().saturating_sub(LONGEST_TAG);
    let bytes = &out.as_bytes()[from..];
    memchr::memrchr2(b'<', b'>', bytes).is_some_and(|at| bytes[at] == b'<')
}

/// Whether two bodies have the same links.
pub(in super::super) fn links_are_alike(one: &str, other: &str) -> bool {
    note::destinations(one) == note::destinations(other)
}
