//! Highlights, `==text==`: which `==` begin and end one. Pure.

use std::ops::Range;

/// One `==` that begins or ends a highlight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The text event that it is in.
    pub(crate) event: usize,
    /// Its first byte in that event's text.
    pub(crate) at: usize,
    /// Whether it begins one.
    pub(crate) opens: bool,
}

/// Finds the highlights that end in `range` of `body`: plain text, which is `event`. `opener` is where one may have begun
/// in the same element; those `==` don't count that stand, in `body`, where `is_other` says.
pub(crate) fn pair_marks(
    body: &str,
    range: Range<usize>,
    event: usize,
    opener: &mut Option<Mark>,
    marks: &mut Vec<Mark>,
    is_other: impl Fn(usize) -> bool,
) {
    let text = &body[range.clone()];
    let mut from = 0;
    while let Some(found) = memchr::memchr(b'=', &text.as_bytes()[from..]) {
        let at = from + found;
        let len = text[at..].bytes().take_while(|&byte| byte == b'=').count();
        from = at + len;
        let left = body[..range.start + at].chars().next_back();
        let right = body[range.start + from..].chars().next();
        if len != 2 || left == Some('\\') || is_other(range.start + at) {
            continue;
        }
        match opener.take() {
            Some(open) if left.is_some_and(|c| !c.is_whitespace()) => {
                let opens = false;
                marks.extend([open, Mark { event, at, opens }]);
            }
            still => {
                let can_open = right.is_some_and(|c| !c.is_whitespace());
                let opens = true;
                *opener = still.or_else(|| can_open.then_some(Mark { event, at, opens }));
            }
        }
    }
}
