//! Comments, `%%…%%`: found before all else, because what they hide must not count as Markdown.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

use super::outline::Outline;
use super::syntax::line_start;

/// Stands for a hidden byte within a line: neither a space, nor punctuation, nor in anyone's text.
pub(super) const HIDDEN: char = '\u{1}';

/// How often the outline is made anew because a comment hid the start of something that ends after it.
const MAX_ROUNDS: usize = 16;

/// A text without its comments, and the outline of what is left. Offsets are those of the whole text.
pub(super) struct Uncommented<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) outline: Outline,
    /// The comments, each with the space or line end that goes with it.
    pub(super) comments: Vec<Range<usize>>,
}

/// Finds the comments in the body of `text` that starts at `base`.
///
/// A comment starts at `%%` in plain text and ends at the next `%%`, wherever that is. One that never ends
/// hides the rest of the note if its `%%` has a line for itself; else its `%%` is text.
pub(super) fn uncomment(text: &str, base: usize) -> Uncommented<'_> {
    let outline = Outline::of(text, base);
    let mut found = Uncommented {
        text: Cow::Borrowed(text),
        outline,
        comments: Vec::new(),
    };
    if memmem::find(&text.as_bytes()[base..], b"%%").is_none() {
        return found;
    }
    let mut from = base;
    for round in 0..=MAX_ROUNDS {
        let known = found.comments.len();
        let straddled = find(
            text,
            &mut from,
            &found.outline,
            &mut found.comments,
            round == MAX_ROUNDS,
        );
        if found.comments.len() == known {
            break;
        }
        found.text = Cow::Owned(hide(&found.text, &found.comments[known..]));
        found.outline = Outline::of(&found.text, base);
        if !straddled {
            break;
        }
    }
    found
}

/// Finds comments from `from` on; stops after one that hides the start of a zone that ends after it, and says so.
fn find(
    text: &str,
    from: &mut usize,
    outline: &Outline,
    comments: &mut Vec<Range<usize>>,
    to_the_end: bool,
) -> bool {
    let bytes = text.as_bytes();
    let mut zones = outline.zones.iter().peekable();
    while let Some(open) = memmem::find(&bytes[*from..], b"%%").map(|at| *from + at) {
        while zones.next_if(|zone| zone.range.end <= open).is_some() {}
        if let Some(zone) = zones.peek().filter(|zone| zone.range.start <= open) {
            *from = zone.range.end;
            continue;
        }
        if is_escaped(bytes, open) {
            *from = open + 1;
            continue;
        }
        let close = memmem::find(&bytes[open + 2..], b"%%").map(|at| open + 2 + at + 2);
        let Some(end) = close.or_else(|| has_own_line(text, open).then_some(text.len())) else {
            break;
        };
        comments.push(with_space(
            text,
            open..end,
            comments.last().map_or(0, |last| last.end),
        ));
        *from = end;
        let straddles = outline.zones.iter().skip(
            outline
                .zones
                .partition_point(|zone| zone.range.start < open),
        );
        let straddles = straddles
            .take_while(|zone| zone.range.start < end)
            .any(|zone| zone.range.end > end);
        if straddles && !to_the_end {
            return true;
        }
    }
    *from = text.len();
    false
}

/// Whether the byte at `at` follows an odd number of backslashes.
pub(super) fn is_escaped(bytes: &[u8], at: usize) -> bool {
    bytes[..at]
        .iter()
        .rev()
        .take_while(|&&b| b == b'\\')
        .count()
        % 2
        == 1
}

fn has_own_line(text: &str, open: usize) -> bool {
    let line = &text[open + 2..];
    let line = &line[..line.find('\n').unwrap_or(line.len())];
    line.trim().is_empty() && begins_line(text, open).is_some()
}

/// The start of the line of `at`, if only spaces and quote markers stand between.
pub(super) fn begins_line(text: &str, at: usize) -> Option<usize> {
    let start = text[..at].trim_end_matches([' ', '\t', '>']).len();
    (start == 0 || text.as_bytes()[start - 1] == b'\n').then_some(start)
}

/// The comment with what would be left over of its lines: a space on one side, or the lines themselves.
fn with_space(text: &str, comment: Range<usize>, after: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let is_space = |b: &u8| matches!(b, b' ' | b'\t');
    let spaces = bytes[comment.end..]
        .iter()
        .take_while(|b| is_space(b))
        .count();
    let rest = &text[comment.end + spaces..];
    let line_end = if rest.starts_with("\r\n") {
        2
    } else {
        usize::from(rest.starts_with('\n'))
    };
    let ends_line = line_end > 0 || rest.is_empty();
    match begins_line(text, comment.start).filter(|&start| start >= after) {
        Some(start) if ends_line => start..comment.end + spaces + line_end,
        Some(_) => comment.start..comment.end + spaces,
        None if ends_line => {
            let before = bytes[after.max(line_start(text, comment.start))..comment.start]
                .iter()
                .rev();
            comment.start - before.take_while(|b| is_space(b)).count()..comment.end
        }
        None if spaces > 0 && comment.start > after && is_space(&bytes[comment.start - 1]) => {
            comment.start..comment.end + 1
        }
        None => comment,
    }
}

/// Whether a comment stands at the end of a line that begins before it.
fn ends_line(text: &str, comment: &Range<usize>) -> bool {
    let after = text[comment.end..].trim_start_matches([' ', '\t', '\r']);
    (after.is_empty() || after.starts_with('\n')) && begins_line(text, comment.start).is_none()
}

/// The text with its comments' bytes replaced: whole lines become empty ones, the ends of lines spaces, all else is
/// [`HIDDEN`]. Without its comment a line may end in a definition's destination or in an id.
fn hide(text: &str, comments: &[Range<usize>]) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut at = 0;
    for comment in comments {
        hidden.push_str(&text[at..comment.start]);
        let inner = &text[comment.clone()];
        let whole_lines = inner.ends_with('\n')
            || (comment.end == text.len() && begins_line(text, comment.start).is_some());
        let (before, after) = if ends_line(text, comment) {
            (inner.len(), inner.len())
        } else {
            (
                inner.len() - inner.trim_start_matches([' ', '\t']).len(),
                inner.trim_end_matches([' ', '\t']).len(),
            )
        };
        hidden.extend(inner.bytes().enumerate().map(|(index, byte)| match byte {
            b'\n' | b'\r' if whole_lines => char::from(byte),
            _ if whole_lines || index < before || index >= after => ' ',
            _ => HIDDEN,
        }));
        at = comment.end;
    }
    hidden.push_str(&text[at..]);
    hidden
}
