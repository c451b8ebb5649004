//! Links that hold another: `[see [^1]](other.md)`, `[a [b](c.md) d](e.md)`. To the parser only the inner one is a link.
//!
//! Where the inner one goes, as what leads to a note that is kept out does, and to readers without footnotes, the outer
//! one is a link too; and its writer meant one.

use std::ops::Range;

use memchr::memmem;

use super::{Outline, RawLink, Zone, ZoneKind};

/// How many links are looked for around one another.
const MAX_ROUNDS: usize = 4;

impl Outline {
    /// Adds the links that are such where what they hold is no more than text.
    pub(super) fn add_outer_links(&mut self, text: &str, base: usize) {
        let is_mention = |label: &&Range<usize>| {
            let texts = &self.footnote_texts;
            let found = texts.binary_search_by_key(&label.start, |text| text.start);
            found.is_err()
        };
        let mentions: Vec<_> = self.footnotes.iter().filter(is_mention).cloned().collect();
        if !mentions.is_empty() && self.has_unknown_end(text, base, &["](", "]["]) {
            self.take_links_around(&mentions, text, base);
        }
        for _ in 0..MAX_ROUNDS {
            // A definition is found for itself.
            if !self.has_unknown_end(text, base, &["]("]) {
                return;
            }
            let links = self.links.iter().filter(|link| !link.image);
            let mut inner: Vec<_> = links.map(|link| link.range.clone()).collect();
            inner.extend(mentions.iter().cloned());
            inner.sort_unstable_by_key(|range| range.start);
            let without = Self::as_parsed(&without_brackets(text, &inner), base);
            let known = self.text_ends();
            let is_new = |link: &RawLink| known.binary_search(&link.text.end).is_err();
            let outer: Vec<RawLink> = without.links.into_iter().filter(is_new).collect();
            if outer.is_empty() {
                return;
            }
            self.add_links(outer);
        }
    }

    /// Takes the links that there are where footnotes are mentioned in plain text.
    fn take_links_around(&mut self, mentions: &[Range<usize>], text: &str, base: usize) {
        let without = Self::as_parsed(&without_brackets(text, mentions), base);
        self.links = without.links;
        self.lines = without.lines;
        self.zones = without.zones;
        let mentions = mentions.iter().map(|range| Zone {
            range: range.clone(),
            kind: ZoneKind::Solid,
        });
        self.zones.extend(mentions);
        self.zones.sort_by_key(|zone| zone.range.start);
    }

    fn add_links(&mut self, links: Vec<RawLink>) {
        for link in &links {
            self.lines.push(link.range.clone());
            if link.range.end - link.text.end > 1 {
                self.zones.push(Zone {
                    range: link.text.end..link.range.end,
                    kind: ZoneKind::Solid,
                });
            }
        }
        self.links.extend(links);
        self.links.sort_by_key(|link| link.range.start);
        self.lines.sort_by_key(|line| line.start);
        self.zones.sort_by_key(|zone| zone.range.start);
    }

    /// Where the texts of the links end, sorted.
    fn text_ends(&self) -> Vec<usize> {
        let mut ends: Vec<usize> = self.links.iter().map(|link| link.text.end).collect();
        ends.sort_unstable();
        ends
    }

    /// Whether some text looks like the end of a link's text, as one of these begins, and is not that of a known link.
    fn has_unknown_end(&self, text: &str, base: usize, begin: &[&str]) -> bool {
        let ends = self.text_ends();
        let is_unknown = |at: usize| {
            let zone = self.zones.partition_point(|zone| zone.range.start <= at);
            let in_zone = zone > 0 && self.zones[zone - 1].range.end > at;
            !in_zone && ends.binary_search(&at).is_err()
        };
        begin.iter().any(|begin| {
            let mut found = memmem::find_iter(&text.as_bytes()[base..], begin.as_bytes());
            found.any(|at| is_unknown(base + at))
        })
    }
}

/// The text with the brackets in some ranges replaced, which are sorted.
fn without_brackets(text: &str, ranges: &[Range<usize>]) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut at = 0;
    for range in ranges {
        let start = range.start.max(at);
        let end = range.end.max(start);
        hidden.push_str(&text[at..start]);
        hidden.push_str(&text[start..end].replace(['[', ']'], "x"));
        at = end;
    }
    hidden.push_str(&text[at..]);
    hidden
}
