//! Finds wikilinks and inline tags in plain text.

use std::ops::Range;

use memchr::{memchr, memchr2, memmem};

use super::comments::{HIDDEN, is_escaped};
use super::outline::{Outline, RawLink, Zone, ZoneKind};
use super::syntax::{self, Inner, Paragraph, Setting};
use super::tags;

/// How often a `]]` in a label's code and the like is passed over, so that a line full of them is read in linear time.
const MAX_HOPS: usize = 8;

/// A wikilink that was found.
pub(super) struct FoundWiki<'a> {
    pub(super) range: Range<usize>,
    pub(super) embed: bool,
    pub(super) inner: Inner<'a>,
    pub(super) setting: Setting,
}

/// Tells whether offsets that only grow lie in one of some sorted ranges.
pub(super) struct Cover<'a> {
    ranges: std::iter::Peekable<std::slice::Iter<'a, Range<usize>>>,
    end: usize,
}

impl<'a> Cover<'a> {
    pub(super) fn new(ranges: &'a [Range<usize>]) -> Self {
        Self {
            ranges: ranges.iter().peekable(),
            end: 0,
        }
    }

    pub(super) fn has(&mut self, at: usize) -> bool {
        while let Some(range) = self.ranges.next_if(|range| range.start <= at) {
            self.end = self.end.max(range.end);
        }
        at < self.end
    }
}

/// Goes through the plain text once.
pub(super) struct Scanner<'a, 'o> {
    text: &'a str,
    at: usize,
    zones: &'o [Zone],
    links: &'o [RawLink],
    tables: Cover<'o>,
    lines: Cover<'o>,
    lists: Cover<'o>,
    paragraphs: &'o [Range<usize>],
    /// The end of the line that was looked at last.
    line_end: usize,
    /// The next `]]` and the last `[[` before it, once looked for.
    close: Option<Close>,
}

/// What is known of the brackets ahead.
#[derive(Clone, Copy)]
struct Close {
    /// Up to here the answer holds.
    until: usize,
    /// Where the last `[[` before the next `]]` stands, and that `]]`; `None` if the line has no more.
    found: Option<(usize, usize)>,
}

impl<'a, 'o> Scanner<'a, 'o> {
    pub(super) fn new(text: &'a str, base: usize, outline: &'o Outline) -> Self {
        Self {
            text,
            at: base,
            zones: &outline.zones,
            links: &outline.links,
            tables: Cover::new(&outline.tables),
            lines: Cover::new(&outline.lines),
            lists: Cover::new(&outline.lists),
            paragraphs: &outline.paragraphs,
            line_end: 0,
            close: None,
        }
    }

    /// All wikilinks in text order; where the inline tags between them stand, without `#`, goes to `tags`.
    pub(super) fn run(mut self, tags: &mut Vec<Range<usize>>) -> Vec<FoundWiki<'a>> {
        let bytes = self.text.as_bytes();
        let mut found = Vec::new();
        loop {
            while self
                .zones
                .first()
                .is_some_and(|zone| zone.range.end <= self.at || zone.range.start < self.at)
            {
                // A zone that a wikilink reached into has lost its start, and so is none.
                self.zones = &self.zones[1..];
            }
            let limit = self
                .zones
                .first()
                .map_or(bytes.len(), |zone| zone.range.start);
            let Some(next) = memchr2(b'[', b'#', &bytes[self.at..limit]).map(|next| self.at + next)
            else {
                match self.zones.first() {
                    Some(zone) => self.at = zone.range.end,
                    None => return found,
                }
                self.zones = &self.zones[1..];
                continue;
            };
            self.at = next + 1;
            if bytes[next] == b'#' {
                if let Some(tag) = tags::inline_tag(self.text, next) {
                    tags.push(self.at..self.at + tag.len());
                    self.at += tag.len();
                }
            } else if bytes.get(next + 1) == Some(&b'[')
                && let Some(wiki) = self.wiki(next)
            {
                self.at = wiki.range.end;
                found.push(wiki);
            }
        }
    }

    /// The wikilink whose `[[` stands at `open`.
    fn wiki(&mut self, open: usize) -> Option<FoundWiki<'a>> {
        let bytes = self.text.as_bytes();
        let (last_open, mut close) = self.close_after(open)?;
        if open < last_open || is_escaped(bytes, open) {
            return None;
        }
        let inner = &bytes[open + 2..close];
        let name_end = open + 2 + memchr2(b'|', b'#', inner).unwrap_or(inner.len());
        let bar = open + 2 + memchr(b'|', inner).unwrap_or(inner.len());
        let mut hops = 0;
        for zone in self.zones {
            // What begins with one of the brackets is a link's end: see below.
            if zone.range.start >= close {
                break;
            }
            // A heading may hold code and HTML, and a label even links; a `]]` in them ends nothing.
            let from = match zone.kind {
                ZoneKind::Solid => bar,
                ZoneKind::Code | ZoneKind::Math | ZoneKind::Html | ZoneKind::Autolink => name_end,
            };
            let is_within = zone.range.start > from;
            if (is_within && zone.range.end <= close) || zone.kind == ZoneKind::Math {
                continue;
            }
            if !is_within || hops == MAX_HOPS {
                return None;
            }
            hops += 1;
            let rest = bytes.get(zone.range.end..self.line_end)?;
            close = zone.range.end + memmem::find(rest, b"]]")?;
        }
        if self.is_link(open, bar, close) {
            return None;
        }
        let embed = open > 0 && bytes[open - 1] == b'!' && !is_escaped(bytes, open - 1);
        let in_cell = self.tables.has(open);
        if self.text[open + 2..bar].contains(HIDDEN) {
            return None;
        }
        let inner = syntax::inner(self.text, open + 2..close, embed, in_cell)?;
        let range = open - usize::from(embed)..close + 2;
        let setting = match (in_cell, self.lines.has(open)) {
            (true, _) => Setting::Cell,
            (false, true) => Setting::Line,
            (false, false) => Setting::Paragraph(self.paragraph(&range)),
        };
        Some(FoundWiki {
            range,
            embed,
            inner,
            setting,
        })
    }

    /// Whether some of the brackets are those of a Markdown link with a destination: `[[a|b](c) d]]`.
    fn is_link(&mut self, open: usize, bar: usize, close: usize) -> bool {
        let before = self.links.partition_point(|link| link.range.start < open);
        self.links = &self.links[before..];
        let mut links = self.links.iter().take_while(|link| link.range.start <= bar);
        links.any(|link| {
            let has_destination = link.range.end - link.text.end > 1;
            has_destination && (bar..close + 2).contains(&link.text.end)
        })
    }

    fn paragraph(&mut self, range: &Range<usize>) -> Paragraph {
        while self
            .paragraphs
            .first()
            .is_some_and(|paragraph| paragraph.end <= range.start)
        {
            self.paragraphs = &self.paragraphs[1..];
        }
        let paragraph = self.paragraphs.first().cloned().unwrap_or_default();
        let in_list = self.lists.has(range.start);
        Paragraph {
            in_list,
            begins: range.start == paragraph.start,
            ends: range.end == paragraph.end,
        }
    }

    /// The next `]]` on the line, with the last `[[` before it.
    fn close_after(&mut self, open: usize) -> Option<(usize, usize)> {
        if let Some(close) = self.close.filter(|close| open < close.until) {
            return close.found;
        }
        let bytes = self.text.as_bytes();
        if self.line_end <= open {
            self.line_end = memchr(b'\n', &bytes[open..]).map_or(bytes.len(), |nl| open + nl);
        }
        let line_end = self.line_end;
        let found = memmem::find(&bytes[open + 2..line_end], b"]]")
            .map(|at| open + 2 + at)
            .map(|close| {
                let last = memmem::rfind(&bytes[open..close], b"[[").map_or(open, |at| open + at);
                (last, close)
            });
        self.close = Some(Close {
            until: found.map_or(line_end, |(_, close)| close),
            found,
        });
        found
    }
}
