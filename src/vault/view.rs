//! The keys by which a change is known to affect a note. Pure.
//!
//! A note's *view* is all that its own text contributes to its outputs in any format: the text, what its references
//! lead to, and what it embeds, through any number of steps. What is embedded counts by the part shown, not by the
//! note it comes from, so an edit outside that part leaves the key as it was. A note that is not exported has no view.
//!
//! Embedded parts are walked breadth first, each once at its least depth. Those that an export shows are exactly those
//! of depth at most [`MAX_EMBED_DEPTH`]: a shortest way to one repeats nothing.
//!
//! The key may differ where the outputs don't, in three cases, which cost a job each that then has nothing to write.
//! An embed counts with its place in the export, as a link does: it turns into one where it would repeat itself, nest
//! too deeply or stand in a table. What a reference definition leads to counts even where no link uses it. And what
//! embedded text hides (comments, block ids, definitions) counts by being there, not by what it says.

use std::collections::HashSet;
use std::ops::{Deref, Range};

use super::facts::{NoteFacts, Ref};
use super::resolve::{Candidates, Place, Target};
use super::syntax::looks_like_file;
use super::table::{Edge, File};
use super::{FileId, Nowhere, RefKind, Targets, Vault};
use crate::hash::{Key, KeyHasher};

/// How deep embeds may nest; what is deeper becomes a link.
pub const MAX_EMBED_DEPTH: usize = 10;

/// What [`Targets::view_of`] finds out about a note.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) key: Key,
    pub(super) unresolved: u16,
    pub(super) ambiguous: u16,
}

impl View {
    /// Whether a file is known otherwise.
    pub(super) fn differs_from(&self, file: &File) -> bool {
        (self.key, self.unresolved, self.ambiguous) != (file.view, file.unresolved, file.ambiguous)
    }

    /// Makes it what is known of a file.
    pub(super) fn put_into(&self, file: &mut File) {
        file.view = self.key;
        file.unresolved = self.unresolved;
        file.ambiguous = self.ambiguous;
    }
}

/// A part of a note that is shown in another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shown {
    pub(super) id: FileId,
    pub(super) place: Place,
}

/// Whose text a reference stands in. Of the note's own references `json` says more than the text shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Own,
    Embedded,
}

impl Vault {
    /// What a note refers to, each file once as a link and once as an embed; itself not.
    pub(super) fn edges_of(&self, id: FileId, facts: &NoteFacts) -> Box<[Edge]> {
        let mut edges: Vec<Edge> = facts
            .refs
            .iter()
            .filter_map(|reference| {
                let target = self
                    .candidates(id, reference)
                    .first()
                    .filter(|&target| target != id)?;
                Some(Edge::new(target, reference.kind.is_embed()))
            })
            .collect();
        edges.sort_unstable();
        edges.dedup();
        edges.into()
    }

    /// The attachments that a note's text shows in place, in path order.
    pub fn pictures(&self, id: FileId) -> Vec<FileId> {
        let mut pictures = Vec::new();
        Targets::new(self).each_shown(id, |_, _, reference, target| {
            if let Target::File(file) = target
                && reference.kind.is_shown()
            {
                pictures.push(file);
            }
        });
        pictures.sort_by(|a, b| self.files.get(*a).path.cmp(&self.files.get(*b).path));
        pictures.dedup();
        pictures
    }
}

impl<V: Deref<Target = Vault>> Targets<V> {
    /// The references that an export of a note shows, its own and those of what it embeds: through how many embeds, in which
    /// note, and what each leads to.
    pub(super) fn each_shown(
        &self,
        id: FileId,
        mut visit: impl FnMut(usize, FileId, &Ref, Target),
    ) {
        let mut seen: HashSet<Shown> = HashSet::new();
        let mut level = vec![Shown {
            id,
            place: Place::Whole,
        }];
        for depth in 0..=MAX_EMBED_DEPTH {
            let mut next = Vec::new();
            for shown in level {
                let facts = self.facts(shown.id);
                let Some(facts) = facts.filter(|_| seen.insert(shown)) else {
                    continue;
                };
                for reference in shown_refs(&facts, shown.place) {
                    let target = self.target(shown.id, reference);
                    visit(depth, shown.id, reference, target);
                    next.extend(embedded(reference, target));
                }
            }
            level = next;
        }
    }

    /// The view of a note as the vault now is.
    pub(super) fn view_of(&self, id: FileId, facts: &NoteFacts) -> View {
        #[cfg(test)]
        VIEWS_MADE.set(VIEWS_MADE.get() + 1);
        let vault = self.vault();
        let file = vault.files.get(id);
        let mut key = KeyHasher::new();
        key.hash(facts.content)
            .text(file.path.as_str())
            .text(&vault.rules.stem(&file.path, &facts.title));
        let mut view = View {
            key: Key::default(),
            unresolved: 0,
            ambiguous: 0,
        };
        let mut queue: Vec<Shown> = Vec::new();
        for reference in &facts.refs {
            let candidates = vault.candidates(id, reference);
            let target = self.target_among(&candidates, reference);
            let unresolved = u16::from(leads_nowhere(reference, target));
            view.unresolved = view.unresolved.saturating_add(unresolved);
            let ambiguous = u16::from(matches!(candidates, Candidates::Tie(_)));
            view.ambiguous = view.ambiguous.saturating_add(ambiguous);
            if file.exported {
                self.take_in(&mut key, reference, target, Whose::Own, &mut queue);
            }
        }
        if file.exported {
            self.take_in_embedded(&mut key, queue);
            view.key = key.finish();
        }
        view
    }

    fn take_in_embedded(&self, key: &mut KeyHasher, mut level: Vec<Shown>) {
        let mut seen: HashSet<Shown> = HashSet::new();
        for _ in 0..MAX_EMBED_DEPTH {
            let mut next = Vec::new();
            for shown in level {
                if !seen.insert(shown) {
                    continue;
                }
                let Some(facts) = self.facts(shown.id) else {
                    continue;
                };
                let (hash, _) = part(&facts, shown.place);
                key.number(hash);
                for reference in shown_refs(&facts, shown.place) {
                    let target = self.target(shown.id, reference);
                    self.take_in(key, reference, target, Whose::Embedded, &mut next);
                }
            }
            if next.is_empty() {
                return;
            }
            level = next;
        }
    }

    /// Adds what a reference leads to; what it embeds is queued.
    fn take_in(
        &self,
        key: &mut KeyHasher,
        reference: &Ref,
        target: Target,
        whose: Whose,
        queue: &mut Vec<Shown>,
    ) {
        match target {
            Target::Nowhere(nowhere) => {
                key.number(kind_of_nowhere(nowhere, reference, whose));
            }
            Target::File(id) => {
                key.number(3).text(self.vault().files.get(id).path.as_str());
            }
            // An embed of nothing is plain text, as where nothing has the name.
            Target::Note(_, Place::Missing)
                if reference.kind.is_embed() && whose == Whose::Embedded =>
            {
                key.number(0);
            }
            Target::Note(id, place) => {
                key.number(4).text(&self.vault().stem(id));
                // Whether a query is one goes by the path.
                if whose == Whose::Own || reference.without_query().is_some() {
                    key.text(self.vault().files.get(id).path.as_str());
                }
                self.take_in_place(key, id, place, reference.kind, queue);
            }
        }
    }

    fn take_in_place(
        &self,
        key: &mut KeyHasher,
        id: FileId,
        place: Place,
        kind: RefKind,
        queue: &mut Vec<Shown>,
    ) {
        if matches!(place, Place::Heading(_) | Place::Block(_)) {
            let Some(facts) = self.facts(id) else {
                return;
            };
            match place {
                Place::Heading(at) => {
                    let heading = &facts.headings[at];
                    let hidden = heading.is_hidden(&facts.footnotes);
                    key.number(5 * u64::from(hidden)).text(&heading.anchor)
                }
                Place::Block(at) => {
                    let block = &facts.blocks[at];
                    let hidden = block.is_hidden(&facts.footnotes);
                    key.number(1 + 5 * u64::from(hidden)).text(&block.id)
                }
                Place::Element(_) | Place::Whole | Place::Missing => key,
            };
        } else {
            // An element's id is in the reference.
            key.number(2 + 2 * u64::from(matches!(place, Place::Element(_))));
        }
        match (kind.is_embed(), place) {
            (false, _) => {}
            (true, Place::Missing) => {
                key.number(3);
            }
            (true, _) => queue.push(Shown { id, place }),
        }
    }
}

#[cfg(test)]
thread_local! {
    static VIEWS_MADE: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How many views this thread has made, for tests of what a change costs.
#[cfg(test)]
pub(super) fn views_made() -> usize {
    VIEWS_MADE.get()
}

/// What there is to see of a reference that leads nowhere. In the text only a Markdown link can show why; `json` says
/// nothing at all of a note that is kept in.
fn kind_of_nowhere(nowhere: Nowhere, reference: &Ref, whose: Whose) -> u64 {
    match nowhere {
        Nowhere::Unresolved
            if reference.kind.is_markdown() && !looks_like_file(&reference.target) =>
        {
            1
        }
        Nowhere::Hidden if whose == Whose::Own => 2,
        Nowhere::Unresolved | Nowhere::Hidden | Nowhere::NotCopied => 0,
    }
}

/// Whether a reference becomes plain text since what it names is not there: a link to a note that has no such place still
/// leads to the note.
pub(crate) fn leads_nowhere(reference: &Ref, target: Target) -> bool {
    match target {
        Target::Nowhere(Nowhere::Unresolved) => true,
        Target::Note(_, Place::Missing) => reference.kind.is_embed(),
        Target::Note(..) | Target::File(_) | Target::Nowhere(_) => false,
    }
}

/// The part of a note that a reference shows in place, if it does.
pub(super) fn embedded(reference: &Ref, target: Target) -> Option<Shown> {
    match target {
        Target::Note(_, Place::Missing) => None,
        Target::Note(id, place) if reference.kind.is_embed() => Some(Shown { id, place }),
        Target::Note(..) | Target::File(_) | Target::Nowhere(_) => None,
    }
}

/// The references in a part of a note, and in the footnotes that are shown with it.
pub(super) fn shown_refs(facts: &NoteFacts, place: Place) -> impl Iterator<Item = &Ref> {
    let (_, range) = part(facts, place);
    let part = range.start as usize..range.end as usize;
    let mut footnotes = facts.footnotes.beside(&part);
    footnotes.sort_unstable_by_key(|text| text.start);
    // One may be defined in another.
    let mut end = 0;
    footnotes.retain(|text| {
        text.start >= end && {
            end = text.end;
            true
        }
    });
    let in_footnote = move |at: usize| {
        let after = footnotes.partition_point(|text| text.start <= at);
        after > 0 && footnotes[after - 1].contains(&at)
    };
    let refs = facts.refs.iter();
    refs.filter(move |reference| {
        let at = reference.start as usize;
        part.contains(&at) || in_footnote(at)
    })
}

/// The hash of a part of a note, and where it is in the text.
fn part(facts: &NoteFacts, place: Place) -> (u64, Range<u32>) {
    match place {
        // Nothing embeds an element.
        Place::Whole | Place::Element(_) | Place::Missing => (facts.body_hash, 0..u32::MAX),
        Place::Heading(at) => {
            let heading = &facts.headings[at];
            (heading.hash, heading.start..heading.end)
        }
        Place::Block(at) => {
            let block = &facts.blocks[at];
            (block.hash, block.start..block.end)
        }
    }
}
