//! Ids that are unique over the page. The note's own headings have theirs reserved, because links from
//! elsewhere count on them; embedded headings, footnotes and blocks take what is free.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::vault::Heading;
use crate::vault::anchor::slug;

/// Gives out ids.
pub(crate) struct Ids<'a> {
    /// Those that were not met yet.
    own: std::slice::Iter<'a, Heading>,
    /// Sorted, and none touches another.
    embedded: Vec<Range<usize>>,
    reserved: HashSet<&'a str>,
    taken: HashSet<String>,
    /// The last number that was given to a repeat.
    numbers: HashMap<String, u32>,
}

impl<'a> Ids<'a> {
    /// Ids for a page with these headings of its own, and these byte ranges of text from elsewhere.
    pub(crate) fn new(own: &'a [Heading], embedded: &[Range<usize>]) -> Self {
        Self {
            own: own.iter(),
            embedded: merged(embedded),
            reserved: own.iter().map(|heading| &*heading.anchor).collect(),
            taken: HashSet::new(),
            numbers: HashMap::new(),
        }
    }

    /// The id of the next heading, which begins at `start` of the body and reads `text`. One without letters has none,
    /// as on GitHub: links to it lead to the page.
    pub(crate) fn heading(&mut self, start: usize, level: u8, text: &str) -> Option<String> {
        let base = slug(text);
        let own = self.own_heading(start, level, &base);
        let id = own.or_else(|| (!base.is_empty()).then(|| self.free(&base)));
        id.filter(|id| !id.is_empty())
    }

    /// The anchor that the note's facts have for this heading, if it is the note's own.
    fn own_heading(&mut self, start: usize, level: u8, base: &str) -> Option<String> {
        if self.is_embedded(start) {
            return None;
        }
        let rest = self.own.as_slice();
        let is_same = |heading: &Heading| heading.level == level && slug(&heading.text) == base;
        // Rewriting a link can change how a heading reads, but not that it comes next.
        let is_next = || rest.first().filter(|next| next.level == level).map(|_| 0);
        let position = rest.iter().position(is_same).or_else(is_next)?;
        let anchor = rest[position].anchor.to_string();
        self.own = rest[position + 1..].iter();
        self.taken.insert(anchor.clone());
        Some(anchor)
    }

    fn is_embedded(&self, at: usize) -> bool {
        let after = self.embedded.partition_point(|range| range.start <= at);
        after > 0 && self.embedded[after - 1].contains(&at)
    }

    /// `wanted` if it is free, else the first free one of `wanted-1`, `wanted-2`, ….
    pub(crate) fn free(&mut self, wanted: &str) -> String {
        let mut id = wanted.to_owned();
        while self.reserved.contains(id.as_str()) || self.taken.contains(&id) {
            let number = self.numbers.entry(wanted.to_owned()).or_default();
            *number += 1;
            id = format!("{wanted}-{number}");
        }
        self.taken.insert(id.clone());
        id
    }

    /// All that were given out.
    pub(crate) fn into_taken(self) -> HashSet<String> {
        self.taken
    }
}

/// The ranges in order, those that overlap made one.
fn merged(ranges: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut sorted = ranges.to_vec();
    sorted.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}
