//! The footnotes of a note: which of them an embed of a part must bring along, and which a page doesn't show. Pure.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::outline::{Outline, fold_label};
use super::syntax::{Span, offset};

/// Where a note's footnotes are defined and mentioned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footnotes {
    /// Each with its label, in text order.
    texts: Vec<Span>,
    /// Where each label begins, in text order, and the index of the text that it names.
    labels: Vec<(u32, u32)>,
    /// The indexes of the texts that nothing mentions, or only one of these.
    unmentioned: Vec<u32>,
}

impl Footnotes {
    /// Those of a body.
    pub(super) fn read(text: &str, outline: &Outline) -> Self {
        let texts = &outline.footnote_texts;
        if texts.is_empty() {
            return Self::default();
        }
        let name = |label: &Range<usize>| fold_label(&text[label.clone()]);
        let mut names = HashMap::new();
        for label in &outline.footnotes {
            if let Ok(index) = texts.binary_search_by_key(&label.start, |text| text.start) {
                // The first of a name has it.
                names.entry(name(label)).or_insert(offset(index));
            }
        }
        let labels = outline.footnotes.iter().filter_map(|label| {
            let index = names.get(&name(label))?;
            Some((offset(label.start), *index))
        });
        let mut footnotes = Self {
            labels: labels.collect(),
            texts: texts.iter().cloned().map(Span::new).collect(),
            unmentioned: Vec::new(),
        };
        footnotes.unmentioned = footnotes.find_unmentioned();
        footnotes
    }

    fn find_unmentioned(&self) -> Vec<u32> {
        let mut is_mentioned = vec![false; self.texts.len()];
        let mut mentioned: Vec<u32> = Vec::new();
        let mut text_end = 0;
        let mut next = 0;
        for (at, index) in &self.labels {
            while let Some(text) = self.texts.get(next).filter(|text| text.start <= *at) {
                text_end = text_end.max(text.end);
                next += 1;
            }
            if *at >= text_end {
                mentioned.push(*index);
            }
        }
        while let Some(index) = mentioned.pop() {
            if !std::mem::replace(&mut is_mentioned[index as usize], true) {
                let mentions = self.labels_in(&self.texts[index as usize].range());
                let mentions = mentions.iter().filter(|(at, _)| !self.is_definition(*at));
                mentioned.extend(mentions.map(|(_, index)| *index));
            }
        }
        let indexes = (0..).zip(is_mentioned);
        let unmentioned = indexes.filter(|(_, is_mentioned)| !is_mentioned);
        unmentioned.map(|(index, _)| index).collect()
    }

    /// Whether the label at an offset is that of a definition.
    fn is_definition(&self, at: u32) -> bool {
        self.texts
            .binary_search_by_key(&at, |text| text.start)
            .is_ok()
    }

    fn labels_in(&self, part: &Range<usize>) -> &[(u32, u32)] {
        let before = |end: usize| self.labels.partition_point(|(at, _)| (*at as usize) < end);
        let range = before(part.start)..before(part.end);
        self.labels.get(range).unwrap_or_default()
    }

    /// Whether a part of the note lies in a footnote that nothing mentions: no page shows it.
    pub fn hide(&self, part: &Range<u32>) -> bool {
        // One in another is rare, and behind its text the other counts as shown.
        let after = self.texts.partition_point(|text| text.start <= part.start);
        let around = after.checked_sub(1);
        around.is_some_and(|index| {
            part.end <= self.texts[index].end
                && self.unmentioned.binary_search(&offset(index)).is_ok()
        })
    }

    /// The footnotes outside of `part` that it mentions, itself or in one of these, in the order of their mention.
    pub fn beside(&self, part: &Range<usize>) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut looked_at = 0;
        let mut text = part.clone();
        loop {
            for (_, index) in self.labels_in(&text) {
                let footnote = self.texts[*index as usize].range();
                if !part.contains(&footnote.start) && seen.insert(*index) {
                    found.push(footnote);
                }
            }
            let Some(next) = found.get(looked_at) else {
                return found;
            };
            text = next.clone();
            looked_at += 1;
        }
    }
}
