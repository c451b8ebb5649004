//! Ids that are unique over the page. The note's own headings have theirs reserved, because links from
//! elsewhere count on them; embedded headings, footnotes and blocks take what is free.

use std::collections::HashSet;
use std::ops::Range;

use crate::vault::Heading;
use crate::vault::anchor::slug;

/// Gives out ids.
pub(crate) struct Ids<'a> {
    own: std::slice::Iter<'a, Heading>,
    embedded: &'a [Range<usize>],
    reserved: HashSet<&'a str>,
    taken: HashSet<String>,
}

impl<'a> Ids<'a> {
    /// Ids for a page with these headings of its own, and these byte ranges of text from elsewhere.
    pub(crate) fn new(own: &'a [Heading], embedded: &'a [Range<usize>]) -> Self {
        let reserved = own.iter().map(|heading| &*heading.anchor).collect();
        Self {
            own: own.iter(),
            embedded,
            reserved,
            taken: HashSet::new(),
        }
    }

    /// The id of the next heading, which begins at `start` of the body and reads `text`.
    pub(crate) fn heading(&mut self, start: usize, level: u8, text: &str) -> String {
        self.own_heading(start, level, text)
            .unwrap_or_else(|| self.free(&slug(text)))
    }

    /// The anchor that the note's facts have for this heading, if it is the note's own.
    fn own_heading(&mut self, start: usize, level: u8, text: &str) -> Option<String> {
        if self.embedded.iter().any(|range| range.contains(&start)) {
            return None;
        }
        let wanted = slug(text);
        let rest = self.own.as_slice();
        let position = rest
            .iter()
            .position(|heading| heading.level == level && slug(&heading.text) == wanted)?;
        let anchor = rest[position].anchor.to_string();
        self.own = rest[position + 1..].iter();
        self.taken.insert(anchor.clone());
        Some(anchor)
    }

    /// `wanted` if it is free, else the first free one of `wanted-1`, `wanted-2`, ….
    pub(crate) fn free(&mut self, wanted: &str) -> String {
        // An id must not be empty.
        let base = if wanted.is_empty() { "section" } else { wanted };
        let numbered = (1..).map(|number| format!("{base}-{number}"));
        let id = std::iter::once(base.to_owned())
            .chain(numbered)
            .find(|id| !self.reserved.contains(id.as_str()) && !self.taken.contains(id))
            .expect("numbers don't run out");
        self.taken.insert(id.clone());
        id
    }

    /// All that were given out.
    pub(crate) fn into_taken(self) -> HashSet<String> {
        self.taken
    }
}
