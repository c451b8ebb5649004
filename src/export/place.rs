//! Where an inlined block comes to stand: as a block of its own, inside the quotes and lists that its embed is in.

use std::borrow::Cow;
use std::ops::Range;

use crate::vault::syntax::{MarkKind, Paragraph, Syntax, line_start};

/// Where tabs stop.
const TAB: usize = 4;

/// An embed in its text.
pub(super) struct Site<'a> {
    pub(super) text: &'a str,
    pub(super) marks: &'a Syntax,
    /// The embed.
    pub(super) mark: Range<usize>,
    /// Where the embed's line starts.
    pub(super) line: usize,
    /// The line end that the text uses.
    pub(super) eol: &'static str,
    /// The part of the text that is being written.
    pub(super) range: Range<usize>,
    pub(super) paragraph: Paragraph,
}

/// A block that was placed.
pub(super) struct Placed {
    /// Where it is in the output.
    pub(super) content: Range<usize>,
    /// Where the text goes on that it was placed in.
    pub(super) resume: usize,
}

/// The line end that a text uses.
pub(super) fn line_end(text: &str) -> &'static str {
    match memchr::memchr(b'\n', text.as_bytes()) {
        Some(nl) if nl > 0 && text.as_bytes()[nl - 1] == b'\r' => "\r\n",
        _ => "\n",
    }
}

/// What must stand at the start of a line for it to be in the same quotes and list items as one that
/// begins with `before`.
pub(super) fn prefix(before: &str, in_list: bool) -> String {
    let marked = markers(before);
    let mut prefix = String::with_capacity(marked);
    for c in before[..marked].chars() {
        match c {
            '>' | '\t' => prefix.push(c),
            _ if in_list || prefix.ends_with('>') => prefix.push(' '),
            // Indentation outside of lists says nothing, and four spaces would be code.
            _ => {}
        }
    }
    prefix
}

/// Whether the byte at `at` is the first of its line, quote and list markers apart.
pub(super) fn begins_block(text: &str, at: usize) -> bool {
    let is_marker =
        |c: char| c.is_ascii_digit() || matches!(c, ' ' | '\t' | '>' | '-' | '+' | '*' | '.' | ')');
    // Looked for from here on backwards: the line may be long.
    let line = text[..at].trim_end_matches(is_marker).len();
    let before = &text[line..at];
    (line == 0 || text.as_bytes()[line - 1] == b'\n') && markers(before) == before.len()
}

/// Whether a list marker stands on the line before `at`.
fn begins_item(before: &str) -> bool {
    before[..markers(before)].contains(|c: char| !matches!(c, ' ' | '\t' | '>'))
}

/// The length of the quote and list markers and the spaces that `line` begins with.
fn markers(line: &str) -> usize {
    let bytes = line.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let spaced = |marker: usize| matches!(rest.get(marker), Some(b' ' | b'\t'));
        at += match rest[0] {
            b' ' | b'\t' | b'>' => 1,
            b'-' | b'+' | b'*' if spaced(1) => 2,
            b'0'..=b'9'
                if digits < 10
                    && matches!(rest.get(digits), Some(b'.' | b')'))
                    && spaced(digits + 1) =>
            {
                digits + 2
            }
            _ => return at,
        };
    }
    at
}

/// The inlined text without the quotes and list items that it stood in, and without blank lines around it.
///
/// `start` is where it began in `text`: what stands before it on its line, stands on its other lines too.
pub(super) fn freed(text: &str, start: usize, content: String) -> String {
    let before = &text[line_start(text, start)..start];
    let trimmed = content.trim_end().trim_start_matches(['\n', '\r']);
    if before.is_empty() || !trimmed.contains('\n') {
        return if trimmed.len() == content.len() {
            content
        } else {
            trimmed.to_owned()
        };
    }
    let mut freed = String::with_capacity(trimmed.len());
    let mut fence = Fence::default();
    for (index, line) in trimmed.split_inclusive('\n').enumerate() {
        let (line, column) = if index == 0 {
            (line, column_after(before, 0))
        } else {
            without_prefix(line, before)
        };
        freed.push_str(&fence.moved(line, column, 0));
    }
    freed
}

/// `line` without as much of `prefix` as it has, and the column that it begins at then: it may lie within a tab.
fn without_prefix<'a>(line: &'a str, prefix: &str) -> (&'a str, usize) {
    let (mut rest, mut column, mut in_prefix) = (line, 0, 0);
    for part in prefix.split_inclusive('>') {
        let quoted = rest.trim_start_matches([' ', '\t']).strip_prefix('>');
        if let (true, Some(inner)) = (part.ends_with('>'), quoted) {
            column = column_after(&rest[..rest.len() - inner.len()], column);
            in_prefix = column_after(part, in_prefix);
            rest = inner;
            continue;
        }
        let indent = part.strip_suffix('>').unwrap_or(part);
        let end = column + column_after(indent, in_prefix) - in_prefix;
        while let Some(inner) = rest.strip_prefix([' ', '\t']).filter(|_| column < end) {
            let next = column_after(&rest[..1], column);
            if next > end {
                return (rest, end);
            }
            (rest, column) = (inner, next);
        }
        break;
    }
    (rest, column)
}

/// The column after `text`, which begins at the column `from`.
fn column_after(text: &str, from: usize) -> usize {
    text.chars().fold(from, |column, c| match c {
        '\t' => column - column % TAB + TAB,
        _ => column + 1,
    })
}

/// The lines of a text that is moved, one after the other: within fences only what a fence is indented by is no text.
#[derive(Default)]
struct Fence {
    /// How the fence begins that is open, by how many of these, and where.
    open: Option<char>,
    length: usize,
    column: usize,
}

impl Fence {
    /// A line that stood at the column `from` and comes to stand at `to`. Where tabs would stop elsewhere, those that say
    /// how deep it is become spaces.
    fn moved<'a>(&mut self, line: &'a str, from: usize, to: usize) -> Cow<'a, str> {
        let (indent, text) = line.split_at(markers(line));
        let end = self.open.map_or(usize::MAX, |_| self.column);
        self.pass(text, column_after(indent, from));
        if from % TAB == to % TAB || !indent.contains('\t') {
            return Cow::Borrowed(line);
        }
        let mut moved = String::with_capacity(line.len() + TAB);
        let mut column = from;
        for (at, c) in indent.char_indices() {
            if column >= end {
                return Cow::Owned(moved + &line[at..]);
            }
            let next = column_after(&indent[at..=at], column);
            if c == '\t' {
                moved.extend(std::iter::repeat_n(' ', next - column));
            } else {
                moved.push(c);
            }
            column = next;
        }
        Cow::Owned(moved + text)
    }

    /// Takes note of a line that begins or ends a fence.
    fn pass(&mut self, line: &str, column: usize) {
        let Some(mark) = line.chars().next().filter(|c| matches!(c, '`' | '~')) else {
            return;
        };
        let rest = line.trim_start_matches(mark);
        let length = line.len() - rest.len();
        match self.open {
            None if length >= 3 && !(mark == '`' && rest.contains('`')) => {
                (self.open, self.length, self.column) = (Some(mark), length, column);
            }
            Some(open) if open == mark && length >= self.length && rest.trim().is_empty() => {
                self.open = None;
            }
            _ => {}
        }
    }
}

impl Site<'_> {
    /// What stands before the embed on its line.
    fn before(&self) -> &str {
        &self.text[self.line.max(self.range.start)..self.mark.start]
    }

    fn prefix(&self) -> String {
        prefix(
            &self.text[self.line..self.mark.start],
            self.paragraph.in_list,
        )
    }

    /// How many bytes the content takes at most where it is placed.
    pub(super) fn size_of(&self, content: &str) -> usize {
        let prefix = self.prefix();
        let count = |byte| memchr::memchr_iter(byte, content.as_bytes()).count();
        let tabs = if shifts(&prefix) { count(b'\t') } else { 0 };
        content
            .len()
            .saturating_add(prefix.len().saturating_mul(count(b'\n') + 4))
            .saturating_add(tabs.saturating_mul(TAB - 1))
    }
}

/// Whether tabs that follow a line's prefix stop elsewhere than without it.
fn shifts(prefix: &str) -> bool {
    !column_after(prefix, 0).is_multiple_of(TAB)
}

/// Writes an inlined block after what `out` has of its line.
pub(super) fn block(site: &Site<'_>, content: &str, out: &mut String) -> Placed {
    if content.is_empty() {
        return Placed {
            content: out.len()..out.len(),
            resume: site.mark.end,
        };
    }
    let (eol, prefix) = (site.eol, site.prefix());
    let blank = prefix.trim_end();
    part_before(site, &prefix, out);
    let start = out.len();
    let (shifts, column) = (shifts(&prefix), column_after(&prefix, 0));
    let mut fence = Fence::default();
    for (index, line) in content.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if index > 0 {
            out.push_str(eol);
            out.push_str(if line.is_empty() { blank } else { &prefix });
        }
        if shifts {
            out.push_str(&fence.moved(line, 0, column));
        } else {
            out.push_str(line);
        }
    }
    let content = start..out.len();
    match after(site) {
        After::Text(at) => {
            out.push_str(&[eol, blank, eol, &prefix].concat());
            Placed {
                content,
                resume: at,
            }
        }
        After::LineEnd(at) => {
            if !(next_line_is_blank(site, at) || site.paragraph.ends && site.paragraph.in_list) {
                out.push_str(eol);
                out.push_str(blank);
            }
            Placed {
                content,
                resume: site.mark.end,
            }
        }
    }
}

/// Parts the block from what stands before it in its paragraph.
fn part_before(site: &Site<'_>, prefix: &str, out: &mut String) {
    let before = site.before();
    let begins_line = markers(before) == before.len();
    if !begins_line && out[out.rfind('\n').map_or(0, |nl| nl + 1)..] == *prefix {
        // Nothing is left of what stood before it.
    } else if !begins_line {
        out.truncate(out.trim_end_matches([' ', '\t']).len());
        out.push_str(&[site.eol, prefix.trim_end(), site.eol, prefix].concat());
    } else if !site.paragraph.begins && !begins_item(before) && out.ends_with(before) {
        out.truncate(out.len() - before.len());
        out.push_str(&[prefix.trim_end(), site.eol, prefix].concat());
    }
}

/// What follows an embed on its line.
enum After {
    /// Text, from this offset on.
    Text(usize),
    /// Nothing that is shown, up to this line end.
    LineEnd(usize),
}

fn after(site: &Site<'_>) -> After {
    let rest = &site.text[..site.range.end];
    let first_shown = |at: usize| {
        at + rest[at..]
            .bytes()
            .take_while(|b| matches!(b, b' ' | b'\t' | b'\r'))
            .count()
    };
    let mut at = site.mark.end;
    let mut marks = site.marks.marks_in(&(at..site.range.end)).iter();
    loop {
        let shown = first_shown(at);
        if rest[shown..].starts_with('\n') || shown == rest.len() {
            return After::LineEnd(shown);
        }
        let hidden = marks.next().filter(|mark| {
            let hides = matches!(mark.kind, MarkKind::Comment | MarkKind::BlockId { .. });
            hides && (at..=shown).contains(&(mark.span.start as usize))
        });
        match hidden {
            Some(mark) => at = (mark.span.end as usize).min(rest.len()),
            None => return After::Text(first_shown(site.mark.end)),
        }
    }
}

/// Whether the line after the line end at `at` is blank, quote markers apart.
fn next_line_is_blank(site: &Site<'_>, at: usize) -> bool {
    let next = &site.text[(at + 1).min(site.range.end)..site.range.end];
    let text = next.trim_start_matches([' ', '\t', '>', '\r']);
    text.is_empty() || text.starts_with('\n')
}
