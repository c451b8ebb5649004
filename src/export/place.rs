//! Where an inlined block comes to stand: as a block of its own, inside the quotes and lists that its embed is in.

use std::ops::Range;

use crate::vault::syntax::{MarkKind, Paragraph, Syntax};

/// An embed in its text.
pub(super) struct Site<'a> {
    pub(super) text: &'a str,
    pub(super) marks: &'a Syntax,
    /// The embed.
    pub(super) mark: Range<usize>,
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

/// What must stand at the start of a line for it to be in the same quotes and list items as the byte at `at`.
pub(super) fn prefix_at(text: &str, at: usize, in_list: bool) -> String {
    let line = line_start(text, at);
    let before = &text[line..at];
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
    let before = &text[line_start(text, at)..at];
    markers(before) == before.len()
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

fn line_start(text: &str, at: usize) -> usize {
    memchr::memrchr(b'\n', &text.as_bytes()[..at]).map_or(0, |nl| nl + 1)
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
    for (index, line) in trimmed.split_inclusive('\n').enumerate() {
        freed.push_str(if index == 0 {
            line
        } else {
            without_prefix(line, before)
        });
    }
    freed
}

/// `line` without as much of `prefix` as it has.
fn without_prefix<'a>(line: &'a str, prefix: &str) -> &'a str {
    let mut rest = line;
    for c in prefix.chars() {
        rest = match c {
            '>' => match rest.trim_start_matches(' ').strip_prefix('>') {
                Some(inner) => inner,
                None => return rest,
            },
            _ => rest.strip_prefix([' ', '\t']).unwrap_or(rest),
        };
    }
    rest
}

/// How many bytes the content takes where it is placed.
pub(super) fn size_at(site: &Site<'_>, content: &str) -> usize {
    let prefix = prefix_at(site.text, site.mark.start, site.paragraph.in_list).len();
    let lines = if prefix == 0 {
        0
    } else {
        memchr::memchr_iter(b'\n', content.as_bytes()).count()
    };
    content.len().saturating_add(lines.saturating_mul(prefix))
}

/// Writes an inlined block after what `out` has of its line.
pub(super) fn block(site: &Site<'_>, content: &str, out: &mut String) -> Placed {
    let eol = line_end(site.text);
    let prefix = prefix_at(site.text, site.mark.start, site.paragraph.in_list);
    let blank = prefix.trim_end();
    if content.is_empty() {
        return Placed {
            content: out.len()..out.len(),
            resume: site.mark.end,
        };
    }
    part_before(site, eol, &prefix, out);
    let start = out.len();
    for (index, line) in content.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if index > 0 {
            out.push_str(eol);
            out.push_str(if line.is_empty() { blank } else { &prefix });
        }
        out.push_str(line);
    }
    let placed = start..out.len();
    let (line, hidden_end) = rest_of_line(site);
    let next = &site.text[(line.end + 1).min(site.range.end)..site.range.end];
    let next = &next[..next.find('\n').unwrap_or(next.len())];
    let next_is_blank = next
        .trim_matches(|c: char| c == '>' || c.is_whitespace())
        .is_empty();
    let mut resume = site.mark.end;
    if hidden_end < line.end && !site.text[hidden_end..line.end].trim().is_empty() {
        out.push_str(&[eol, blank, eol, &prefix].concat());
        let rest = &site.text[resume..line.end];
        resume += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    } else if !(next_is_blank || site.paragraph.ends && site.paragraph.in_list) {
        out.push_str(eol);
        out.push_str(blank);
    }
    Placed {
        content: placed,
        resume,
    }
}

/// Parts the block from what stands before it in its paragraph.
fn part_before(site: &Site<'_>, eol: &str, prefix: &str, out: &mut String) {
    let line = line_start(site.text, site.mark.start).max(site.range.start);
    let before = &site.text[line..site.mark.start];
    let parted = out[out.rfind('\n').map_or(0, |nl| nl + 1)..] == *prefix;
    if markers(before) < before.len() {
        if parted {
            // Nothing is left of what stood before it.
            return;
        }
        out.truncate(out.trim_end_matches([' ', '\t']).len());
        out.push_str(&[eol, prefix.trim_end(), eol, prefix].concat());
    } else if !site.paragraph.begins && !begins_item(before) && out.ends_with(before) {
        out.truncate(out.len() - before.len());
        out.push_str(&[prefix.trim_end(), eol, prefix].concat());
    }
}

/// The rest of the embed's line, and where comments and ids that follow the embed at once end.
fn rest_of_line(site: &Site<'_>) -> (Range<usize>, usize) {
    let rest = &site.text[site.mark.end..site.range.end];
    let end = site.mark.end + rest.find('\n').unwrap_or(rest.len());
    let mut at = site.mark.end;
    for mark in site.marks.marks_in(&(at..end)) {
        let span = mark.span.range();
        let hidden = matches!(mark.kind, MarkKind::Comment | MarkKind::BlockId { .. });
        if !hidden || !site.text[at..span.start].trim().is_empty() {
            break;
        }
        at = span.end.min(end);
    }
    (site.mark.end..end, at)
}
