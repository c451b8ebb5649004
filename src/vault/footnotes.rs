//! The footnotes of a note: which of them an embed of a part must bring along. Pure.

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
        Self {
            labels: labels.collect(),
            texts: texts.iter().cloned().map(Span::new).collect(),
        }
    }

    /// The footnotes outside of `part` that it mentions, itself or in one of these, in the order of their mention.
    pub fn beside(&self, part: &Range<usize>) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut looked_at = 0;
        let mut text = part.clone();
        loop {
            let first = self
                .labels
                .partition_point(|(at, _)| (*at as usize) < text.start);
            let labels = self.labels[first..].iter();
            for (_, index) in labels.take_while(|(at, _)| (*at as usize) < text.end) {
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
