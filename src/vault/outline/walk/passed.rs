//! What Markdown reads and says nothing of: definitions of a label that has one, and cells that a row has too many.
//!
//! They mean nothing, but they stay in the text, and may name what is kept out: so they count like any other.

use std::ops::Range;

use memchr::memchr;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::super::super::comments::is_escaped;
use super::super::super::syntax;
use super::super::{RawDefinition, options};
use super::Walk;

/// Before a cell that is read by itself: it begins no block then.
const BEFORE_CELL: &str = "x ";

impl Walk<'_> {
    /// Takes note of what `range` is about, and of text before it that nothing is about.
    pub(super) fn cover(&mut self, range: &Range<usize>) {
        // Most of the time nothing or a line end is in between.
        if range.start > self.covered {
            let passed = self.covered..range.start;
            if memchr(b'[', &self.text.as_bytes()[passed.clone()]).is_some() {
                self.passed.push(passed);
            }
        }
        self.covered = self.covered.max(range.end);
    }

    /// Adds to the definitions those that are no first of their label. The parser knows the firsts alone.
    pub(super) fn add_repeated_definitions(&mut self) {
        let end = self.text.len();
        self.cover(&(end..end));
        let definitions = &mut self.out.definitions;
        definitions.sort_unstable_by_key(|definition| definition.range.start);
        let mut repeated = Vec::new();
        for passed in &self.passed {
            let mut at = passed.start;
            let bytes = &self.text.as_bytes()[..passed.end];
            while let Some(open) = bytes.get(at..).and_then(|rest| memchr(b'[', rest)) {
                let open = at + open;
                at = open + 1;
                if let Ok(known) =
                    definitions.binary_search_by_key(&open, |known| known.range.start)
                {
                    at = definitions[known].range.end;
                } else if let Some(found) = definition(self.text, open, passed.end) {
                    at = found.range.end;
                    repeated.push(found);
                }
            }
        }
        definitions.extend(repeated);
        definitions.sort_by_key(|definition| definition.range.start);
    }

    /// Reads the cells that a row has too many, one by one.
    pub(super) fn surplus_cells(&mut self, row: &Range<usize>) {
        let cells = self.covered.max(row.start)..row.end;
        self.covered = self.covered.max(row.end);
        let Some(written) = self.text.get(cells.clone()) else {
            return;
        };
        if !written.contains(['[', '<']) {
            return;
        }
        let mut start = cells.start;
        for (at, _) in written.match_indices('|') {
            let bar = cells.start + at;
            if !is_escaped(self.text.as_bytes(), bar) {
                self.surplus_cell(start..bar);
                start = bar + 1;
            }
        }
        self.surplus_cell(start..cells.end);
    }

    fn surplus_cell(&mut self, cell: Range<usize>) {
        let written = [BEFORE_CELL, self.text[cell.clone()].trim_end()].concat();
        for (event, range) in Parser::new_ext(&written, options()).into_offset_iter() {
            let is_block = matches!(
                event,
                Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph)
            );
            if !is_block && range.start >= BEFORE_CELL.len() {
                let in_text = |at: usize| cell.start + at - BEFORE_CELL.len();
                self.event(event, in_text(range.start)..in_text(range.end));
            }
        }
    }
}

/// The definition that begins at `open` of what Markdown passed over, before `end`.
fn definition(text: &str, open: usize, end: usize) -> Option<RawDefinition> {
    let bytes = &text.as_bytes()[..end];
    let close = unescaped(bytes, open + 1, b']')?;
    if bytes.get(close + 1) != Some(&b':') {
        return None;
    }
    let destination = syntax::destination(text, after_space(bytes, close + 2), end, false)?;
    let written = &text[destination.clone()];
    let after_title = title_end(bytes, destination.end);
    Some(RawDefinition {
        label: text[open + 1..close].to_owned(),
        range: open..after_title.unwrap_or(destination.end),
        destination: as_read(written).unwrap_or_else(|| written.to_owned()),
    })
}

/// The first `wanted` from `from` on that no backslash escapes.
fn unescaped(bytes: &[u8], from: usize, wanted: u8) -> Option<usize> {
    let mut found = memchr::memchr_iter(wanted, bytes.get(from..)?).map(|at| from + at);
    found.find(|&at| !is_escaped(bytes, at))
}

/// Where a title ends that follows a destination, by a space or on the next line. Where something else follows, it is no
/// part of what was passed over.
fn title_end(bytes: &[u8], destination_end: usize) -> Option<usize> {
    let open = after_space(bytes, destination_end);
    let close = match bytes.get(open)? {
        quote @ (b'"' | b'\'') => *quote,
        b'(' => b')',
        _ => return None,
    };
    unescaped(bytes, open + 1, close).map(|at| at + 1)
}

/// After the spaces at `from`, one line end among them, and the quotes' markers that follow that.
fn after_space(bytes: &[u8], from: usize) -> usize {
    let skip = |from: usize, marker: u8| {
        let rest = bytes.get(from..).unwrap_or_default();
        let is_space = |byte: &&u8| matches!(**byte, b' ' | b'\t' | b'\r') || **byte == marker;
        from + rest.iter().take_while(is_space).count()
    };
    let at = skip(from, b' ');
    if bytes.get(at) == Some(&b'\n') {
        skip(at + 1, b'>')
    } else {
        at
    }
}

/// A destination without its escapes.
fn as_read(written: &str) -> Option<String> {
    let definition = ["[x]: ", written].concat();
    let parser = Parser::new(&definition);
    let read = parser.reference_definitions().get("x")?;
    Some(read.dest.to_string())
}
