//! What the fragments of references to one note name: its headings, its blocks, the elements of its raw HTML. Pure.
//!
//! An index, made when the first fragment is looked up: a long note is linked to from many places, its own table of
//! contents above all.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::NoteFacts;
use super::facts::{Ref, RefKind};
use super::names::fold_heading;
use super::resolve::Place;

/// Markdown has no heading below this level.
const DEEPEST: u8 = 6;

/// A note's facts, and what is where in them.
#[derive(Debug)]
pub struct Fragments {
    facts: Arc<NoteFacts>,
    index: OnceLock<Index>,
}

/// Indexes into the facts' own lists. Those of headings are in text order; of blocks and elements the first wins.
#[derive(Debug, Default)]
struct Index {
    /// By the heading's folded text.
    folded: HashMap<String, Places>,
    /// By its text as it stands, and by its anchor.
    exact: HashMap<Box<str>, Places>,
    /// By the block's id in lower case.
    blocks: HashMap<String, usize>,
    elements: HashMap<Box<str>, usize>,
}

/// Headings of one name, sorted by level, and those of one level in text order.
#[derive(Debug, Default)]
struct Places(Vec<(u8, u32)>);

impl Places {
    /// The first from `from` on that is deeper than `above`.
    fn first(&self, from: u32, above: u8) -> Option<u32> {
        let first_at = |level: u8| {
            let at = self.0.partition_point(|place| *place < (level, from));
            self.0.get(at).filter(|place| place.0 == level)
        };
        let deeper = (above + 1..=DEEPEST).filter_map(first_at);
        deeper.map(|&(_, at)| at).min()
    }
}

impl Fragments {
    /// Those of a note.
    pub fn new(facts: Arc<NoteFacts>) -> Self {
        Self {
            facts,
            index: OnceLock::new(),
        }
    }

    /// The note's facts.
    pub fn facts(&self) -> &Arc<NoteFacts> {
        &self.facts
    }

    /// The place that a reference to the note names.
    pub fn place(&self, reference: &Ref) -> Place {
        let fragment = &*reference.fragment;
        if fragment.is_empty() {
            return Place::Whole;
        }
        let place = match fragment.strip_prefix('^') {
            Some(id) => {
                let block = self.index().blocks.get(&id.to_ascii_lowercase());
                block.copied().map(Place::Block)
            }
            None => self.heading(fragment).map(Place::Heading),
        };
        let element = || {
            let of_markdown = reference.kind == RefKind::Link;
            let element = self.index().elements.get(fragment);
            element.filter(|_| of_markdown).copied().map(Place::Element)
        };
        place.or_else(element).unwrap_or(Place::Missing)
    }

    /// The heading that `A#B` names, as Obsidian walks on: the first `A`, and after that the first deeper `B`. It may lie
    /// below a later `A`.
    fn heading(&self, fragment: &str) -> Option<usize> {
        let index = self.index();
        let mut found: Option<u32> = None;
        for part in fragment.split('#').filter(|part| !part.is_empty()) {
            let (from, above) = match found {
                None => (0, 0),
                Some(parent) => (parent + 1, self.facts.headings[parent as usize].level),
            };
            let folded = index.folded.get(&fold_heading(part));
            let named = [folded, index.exact.get(part)].into_iter().flatten();
            found = Some(named.filter_map(|all| all.first(from, above)).min()?);
        }
        found.map(|at| at as usize)
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(&self.facts))
    }
}

impl Index {
    fn of(facts: &NoteFacts) -> Self {
        let mut index = Self::default();
        for (at, heading) in (0..).zip(&facts.headings) {
            let place = (heading.level, at);
            let folded = fold_heading(&heading.text);
            if !folded.is_empty() {
                index.folded.entry(folded).or_default().0.push(place);
            }
            for name in [&heading.text, &heading.anchor] {
                index.exact.entry(name.clone()).or_default().0.push(place);
            }
        }
        for places in index.folded.values_mut().chain(index.exact.values_mut()) {
            places.0.sort_unstable();
        }
        for (at, block) in facts.blocks.iter().enumerate() {
            let id = block.id.to_ascii_lowercase();
            index.blocks.entry(id).or_insert(at);
        }
        for (at, id) in facts.elements.iter().enumerate() {
            index.elements.entry(id.clone()).or_insert(at);
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::path::NotePath;
    use crate::vault::note;

    fn facts(text: &str) -> NoteFacts {
        note::parse(&NotePath::new("n.md").unwrap(), text.as_bytes()).facts
    }

    /// The rule, as it is said.
    fn plainly(facts: &NoteFacts, reference: &Ref) -> Place {
        let fragment = &*reference.fragment;
        let mut found = Place::Whole;
        let (mut from, mut above) = (0, 0_u8);
        if let Some(id) = fragment.strip_prefix('^') {
            let mut blocks = facts.blocks.iter();
            let block = blocks.position(|block| block.id.eq_ignore_ascii_case(id));
            found = block.map_or(Place::Missing, Place::Block);
        } else if !fragment.is_empty() {
            found = Place::Missing;
            for part in fragment.split('#').filter(|part| !part.is_empty()) {
                let folded = fold_heading(part);
                let at = (from..facts.headings.len()).find(|&at| {
                    let heading = &facts.headings[at];
                    let is_named = (!folded.is_empty() && fold_heading(&heading.text) == folded)
                        || [&*heading.text, &*heading.anchor].contains(&part);
                    is_named && heading.level > above
                });
                let Some(at) = at else {
                    found = Place::Missing;
                    break;
                };
                found = Place::Heading(at);
                (from, above) = (at + 1, facts.headings[at].level);
            }
        }
        let element = facts.elements.iter().position(|id| **id == *fragment);
        match (found, element) {
            (Place::Missing, Some(at)) if reference.kind == RefKind::Link => Place::Element(at),
            (found, _) => found,
        }
    }

    #[test]
    fn a_path_leads_on_below_a_later_heading_of_the_name() {
        let facts = facts("# A\n\n## X\n\none\n\n## X\n\n### Y\n\n# Y\n");
        let fragments = Fragments::new(Arc::new(facts));
        for (fragment, place) in [
            ("X", Place::Heading(1)),
            ("X#Y", Place::Heading(3)),
            ("A#X#Y", Place::Heading(3)),
            ("Y", Place::Heading(3)),
            ("X#X", Place::Missing),
            ("Y#X", Place::Missing),
        ] {
            let reference = Ref {
                kind: RefKind::WikiLink,
                start: 0,
                end: 0,
                target: "n".into(),
                fragment: fragment.into(),
            };
            assert_eq!(fragments.place(&reference), place, "{fragment}");
        }
    }

    proptest! {
        #[test]
        fn the_index_finds_what_the_rule_says(
            lines in prop::collection::vec(
                prop_oneof![
                    (1usize..4, "(A|a|B|a b|A-B|\\*\\*A\\*\\*|\\?|É|-)")
                        .prop_map(|(level, text)| format!("{} {text}\n\n", "#".repeat(level))),
                    "(a|A|b)".prop_map(|id| format!("text ^{id}\n\n")),
                    "(a|b-1)".prop_map(|id| format!("<i id=\"{id}\">x</i>\n\n")),
                ],
                0..12,
            ),
            fragment in "(#{0,1}(A|a|B|a-b|a b|a-1|\\?|-|-1|é|b-1|)){1,3}|\\^(a|A|B|c)",
            of_markdown in any::<bool>(),
        ) {
            let facts = facts(&lines.concat());
            let reference = Ref {
                kind: if of_markdown { RefKind::Link } else { RefKind::WikiLink },
                start: 0,
                end: 0,
                target: "n".into(),
                fragment: fragment.into(),
            };
            let expected = plainly(&facts, &reference);
            prop_assert_eq!(Fragments::new(Arc::new(facts)).place(&reference), expected);
        }
    }
}
