//! The keys by which a change is known to affect a note. Pure.
//!
//! A note's *view* is all that its own text contributes to its outputs: the text, what its references lead to, and
//! what it embeds, through any number of steps. What is embedded counts by the section shown, not by the note it
//! comes from, so an edit outside that section leaves the key as it was.
//!
//! The view walks the set of embedded sections breadth first, each once at its least depth. The sections that an
//! export shows are exactly those of depth at most [`MAX_EMBED_DEPTH`]: a shortest way to one repeats nothing.

use std::collections::HashSet;

use super::facts::{NoteFacts, Ref};
use super::resolve::{Candidates, Place, Target, section_end};
use super::table::Edge;
use super::{FileId, Nowhere, RefKind, Vault};
use crate::hash::{Key, KeyHasher};

/// How deep embeds may nest; what is deeper becomes a link.
pub const MAX_EMBED_DEPTH: usize = 10;

/// What [`Vault::view_of`] finds out about a note.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) key: Key,
    pub(super) unresolved: u16,
    pub(super) ambiguous: u16,
}

/// A part of a note's text that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Shown {
    id: FileId,
    from: u32,
    to: u32,
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

    /// The view of a note as the vault now is.
    pub(super) fn view_of(&self, id: FileId, facts: &NoteFacts) -> View {
        let file = self.files.get(id);
        let mut key = KeyHasher::new();
        key.hash(facts.content)
            .text(&self.rules.stem(&file.path, &facts.title));
        let mut view = View {
            key: Key::default(),
            unresolved: 0,
            ambiguous: 0,
        };
        let mut queue: Vec<Shown> = Vec::new();
        for reference in &facts.refs {
            let candidates = self.candidates(id, reference);
            match candidates {
                Candidates::None => view.unresolved = view.unresolved.saturating_add(1),
                Candidates::Tie(_) => view.ambiguous = view.ambiguous.saturating_add(1),
                Candidates::One(_) => {}
            }
            self.take_in(&mut key, reference, &candidates, &mut queue);
        }
        self.take_in_embedded(&mut key, queue);
        view.key = key.finish();
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
                let Some(facts) = self.files.get(shown.id).facts() else {
                    continue;
                };
                hash_shown(key, &facts, shown);
                for reference in facts
                    .refs
                    .iter()
                    .filter(|r| r.start >= shown.from && r.end <= shown.to)
                {
                    let candidates = self.candidates(shown.id, reference);
                    self.take_in(key, reference, &candidates, &mut next);
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
        candidates: &Candidates,
        queue: &mut Vec<Shown>,
    ) {
        let target = candidates
            .first()
            .map_or(Target::Nowhere(Nowhere::Unresolved), |id| {
                self.target_at(id, &reference.fragment)
            });
        match target {
            // A list of links shows one that leads to nothing, but none to what is hidden.
            Target::Nowhere(Nowhere::Hidden) => {
                key.number(3);
            }
            Target::Nowhere(Nowhere::Unresolved | Nowhere::NotCopied) => {
                key.number(0);
            }
            Target::File(id) => {
                key.number(1).text(self.files.get(id).path.as_str());
            }
            Target::Note(id, place) => {
                // The path too: it is shown, and two notes can have one output after the other.
                let path = self.files.get(id).path.as_str();
                key.number(2).text(path).text(&self.stem(id));
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
        if place == Place::Whole && !kind.is_embed() {
            key.number(0);
            return;
        }
        let Some(facts) = self.files.get(id).facts() else {
            return;
        };
        let (from, to) = match place {
            Place::Whole => (0, u32::MAX),
            Place::Missing => {
                key.number(1);
                return;
            }
            Place::Heading(at) => {
                key.number(2).text(&facts.headings[at].anchor);
                let end = section_end(&facts, at);
                (
                    facts.headings[at].start,
                    facts.headings.get(end).map_or(u32::MAX, |next| next.start),
                )
            }
            Place::Block(at) => {
                key.number(3).text(&facts.blocks[at].id);
                (facts.blocks[at].start, facts.blocks[at].end)
            }
        };
        if kind.is_embed() {
            queue.push(Shown { id, from, to });
        }
    }
}

/// Adds the text of a part by the hashes that the facts keep of it.
fn hash_shown(key: &mut KeyHasher, facts: &NoteFacts, shown: Shown) {
    if let Some(block) = facts
        .blocks
        .iter()
        .find(|block| block.start == shown.from && block.end == shown.to)
    {
        key.number(block.hash);
        return;
    }
    if shown.from == 0 {
        key.number(facts.lead_hash);
    }
    for heading in facts
        .headings
        .iter()
        .filter(|h| h.start >= shown.from && h.start < shown.to)
    {
        key.number(heading.hash);
    }
}
