//! Links in whose text a footnote is mentioned, `[see [^1]](other.md)`: to the parser only the mention is a link, as one
//! cannot hold another. Readers without footnotes take it for a link, and writers mean one.

use std::ops::Range;

use memchr::memmem;

use super::{Outline, Zone, ZoneKind};

impl Outline {
    /// Adds the links that are such where the mentions are no more than text.
    pub(super) fn add_links_around_mentions(&mut self, text: &str, base: usize) {
        let is_mention = |label: &&Range<usize>| {
            let texts = &self.footnote_texts;
            texts
                .binary_search_by_key(&label.start, |text| text.start)
                .is_err()
        };
        let mentions: Vec<_> = self.footnotes.iter().filter(is_mention).cloned().collect();
        if !may_be_in_links(text, &mentions) {
            return;
        }
        let mut hidden = String::with_capacity(text.len());
        let mut at = 0;
        for mention in &mentions {
            hidden.push_str(&text[at..mention.start]);
            hidden.extend(std::iter::repeat_n('x', mention.len()));
            at = mention.end;
        }
        hidden.push_str(&text[at..]);
        let without = Self::as_parsed(&hidden, base);
        self.links = without.links;
        self.lines = without.lines;
        self.zones = without.zones;
        self.zones.extend(mentions.into_iter().map(|range| Zone {
            range,
            kind: ZoneKind::Solid,
        }));
        self.zones.sort_by_key(|zone| zone.range.start);
    }
}

/// Whether what may be a link's end follows one of these in its paragraph.
fn may_be_in_links(text: &str, mentions: &[Range<usize>]) -> bool {
    let next = |wanted: &str, from: usize| {
        let found = memmem::find(&text.as_bytes()[from..], wanted.as_bytes());
        found.map_or(text.len(), |at| from + at)
    };
    let (mut tail, mut blank) = (0, 0);
    for mention in mentions {
        if tail <= mention.end {
            tail = next("](", mention.end).min(next("][", mention.end));
        }
        if blank <= mention.end {
            blank = next("\n\n", mention.end);
        }
        if tail < blank {
            return true;
        }
    }
    false
}
