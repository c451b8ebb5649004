//! What a note's outputs depend on, and what depends on them, through the notes that are embedded in between. Pure.
//!
//! A file counts where the key of a note's view has it: as an embed where the note shows the file's text or would, as a link
//! where it only shows a link to it. A file is named once, with the shortest way to it; what a note refers to itself is told
//! by its edges.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::table::Edge;
use super::view::{MAX_EMBED_DEPTH, Shown, embedded, shown_refs};
use super::{FileId, Place, Targets, Vault};

/// A file at the other end of a way through embeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Through {
    /// The file, and whether it is embedded in the end or linked to.
    pub edge: Edge,
    /// How many embeds lie between.
    pub steps: usize,
    /// The last note on the way: itself embedded, or named by another of these.
    pub through: FileId,
}

impl Vault {
    /// What a note shows through the notes that it embeds, the nearest first, then in path order. Nothing of one that is not
    /// exported.
    pub fn depends_through(&self, id: FileId) -> Vec<Through> {
        let mut found = Found::default();
        if self.files.get(id).exported {
            Targets::new(self).each_shown(id, |steps, from, reference, _| {
                let to = self.candidates(from, reference).first();
                if let Some(to) = to.filter(|&to| steps > 0 && to != id) {
                    let embeds = reference.kind.is_embed() && steps < MAX_EMBED_DEPTH;
                    found.add(self, Edge::new(to, embeds), steps, from);
                }
            });
        }
        found.list(self, &self.files.get(id).edges)
    }

    /// The exported notes that show a note through others that they embed, ordered likewise.
    pub fn dependents_through(&self, id: FileId) -> Vec<Through> {
        let mut back = Backwards {
            targets: Targets::new(self),
            embeds: HashMap::new(),
            seen: HashSet::new(),
            found: Found::default(),
        };
        let mut level = back.referring(id);
        for steps in 1..=MAX_EMBED_DEPTH {
            level = back.step(id, steps, level);
        }
        back.found.list(self, &self.files.get(id).incoming)
    }

    /// Whether others can show what is in a note.
    fn is_embedded(&self, id: FileId) -> bool {
        let file = self.files.get(id);
        file.exported && file.incoming.iter().any(|edge| edge.is_embed())
    }
}

/// A reference on a way back: where it stands in its note, and whether the way ends with an embed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Mark {
    at: u32,
    embeds: bool,
}

type Level = BTreeMap<FileId, Vec<Mark>>;

/// The ways to a note, followed back from reference to reference: an embed shows those in one part of a note only.
struct Backwards<'a> {
    targets: Targets<&'a Vault>,
    /// What each note on the way embeds, and where: many ways lead through one.
    embeds: HashMap<FileId, Rc<[(u32, Shown)]>>,
    seen: HashSet<(FileId, Mark)>,
    found: Found,
}

impl Backwards<'_> {
    /// The references to a note, as far as others can show them.
    fn referring(&mut self, id: FileId) -> Level {
        let vault = *self.targets.vault();
        let mut level = Level::new();
        let sources: HashSet<FileId> = vault
            .files
            .get(id)
            .incoming
            .iter()
            .map(|e| e.id())
            .collect();
        for source in sources.into_iter().filter(|&id| vault.is_embedded(id)) {
            let facts = self.targets.facts(source);
            for reference in facts.iter().flat_map(|facts| &facts.refs) {
                if vault.candidates(source, reference).first() == Some(id) {
                    let mark = Mark {
                        at: reference.start,
                        embeds: reference.kind.is_embed(),
                    };
                    self.seen.insert((source, mark));
                    level.entry(source).or_default().push(mark);
                }
            }
        }
        level
    }

    /// From references to the embeds that show them.
    fn step(&mut self, id: FileId, steps: usize, level: Level) -> Level {
        let vault = *self.targets.vault();
        let mut next = Level::new();
        for (shown, marks) in level {
            if !vault.is_embedded(shown) {
                continue;
            }
            let mut ends = HashMap::new();
            let embeds = vault.files.get(shown).incoming.iter();
            let embedders = embeds.filter(|edge| edge.is_embed()).map(|edge| edge.id());
            // A part of a note can show another of its parts.
            for embedder in embedders.chain([shown]) {
                if embedder == id || !vault.files.get(embedder).exported {
                    continue;
                }
                for mark in self.marks_showing(embedder, shown, &marks, &mut ends) {
                    if self.seen.insert((embedder, mark)) {
                        let edge = Edge::new(embedder, mark.embeds && steps < MAX_EMBED_DEPTH);
                        self.found.add(vault, edge, steps, shown);
                        next.entry(embedder).or_default().push(mark);
                    }
                }
            }
        }
        next
    }

    /// The embeds in a note that show these references in another one. What a part of that shows is kept in `ends`.
    fn marks_showing(
        &mut self,
        embedder: FileId,
        shown: FileId,
        marks: &[Mark],
        ends: &mut HashMap<Place, Vec<bool>>,
    ) -> Vec<Mark> {
        let mut showing = Vec::new();
        for &(at, part) in &*self.embeds_in(embedder) {
            if part.id == shown {
                let ends = ends.entry(part.place);
                let ends = ends.or_insert_with(|| self.ends_in(part, marks));
                showing.extend(ends.iter().map(|&embeds| Mark { at, embeds }));
            }
        }
        showing
    }

    fn embeds_in(&mut self, id: FileId) -> Rc<[(u32, Shown)]> {
        if let Some(known) = self.embeds.get(&id) {
            return known.clone();
        }
        let facts = self.targets.facts(id);
        let refs = facts.iter().flat_map(|facts| &facts.refs);
        let embeds: Rc<[(u32, Shown)]> = refs
            .filter(|reference| reference.kind.is_embed())
            .filter_map(|reference| {
                let target = self.targets.target(id, reference);
                Some((reference.start, embedded(reference, target)?))
            })
            .collect();
        self.embeds.insert(id, embeds.clone());
        embeds
    }

    /// How the ways end that go on from a part of a note.
    fn ends_in(&self, part: Shown, marks: &[Mark]) -> Vec<bool> {
        let Some(facts) = self.targets.facts(part.id) else {
            return Vec::new();
        };
        let shown: HashSet<u32> = shown_refs(&facts, part.place).map(|r| r.start).collect();
        let shown = marks.iter().filter(|mark| shown.contains(&mark.at));
        let mut ends: Vec<bool> = shown.map(|mark| mark.embeds).collect();
        ends.sort_unstable();
        ends.dedup();
        ends
    }
}

/// The shortest way to each end.
#[derive(Default)]
struct Found(BTreeMap<Edge, (usize, FileId)>);

impl Found {
    /// Of two ways of one length that through the first note in path order counts.
    fn add(&mut self, vault: &Vault, edge: Edge, steps: usize, through: FileId) {
        let path = |id: FileId| &vault.files.get(id).path;
        let way = self.0.entry(edge).or_insert((steps, through));
        if (steps, path(through)) < (way.0, path(way.1)) {
            *way = (steps, through);
        }
    }

    /// All but what is told by the edges of the note itself, and links to what is embedded too.
    fn list(self, vault: &Vault, direct: &[Edge]) -> Vec<Through> {
        let direct: BTreeSet<Edge> = direct.iter().copied().collect();
        let is_told = |edge: Edge| {
            let embed = Edge::new(edge.id(), true);
            let is_embedded = || direct.contains(&embed) || self.0.contains_key(&embed);
            direct.contains(&edge) || (!edge.is_embed() && is_embedded())
        };
        let ways = self.0.iter().filter(|(edge, _)| !is_told(**edge));
        let mut list: Vec<Through> = ways
            .map(|(&edge, &(steps, through))| Through {
                edge,
                steps,
                through,
            })
            .collect();
        let path = |way: &Through| &vault.files.get(way.edge.id()).path;
        list.sort_by(|a, b| (a.steps, path(a)).cmp(&(b.steps, path(b))));
        list
    }
}
