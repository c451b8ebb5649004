//! Takes in what changed on disk and tells what that means for the export: which notes are affected, because of
//! what, and which outputs go. Pure; the only code that changes a [`Vault`].
//!
//! A change is taken in in four steps. *Take in* updates the changed files and their names. *Settle* decides anew
//! who is exported under which name. *Relink* resolves again the references that use a name that came or went.
//! *Affect* compares keys: only notes that can see a change are looked at, only those whose key differs are affected.

mod contest;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::delta::{Affected, Because, Change, Delta, Seen};
use super::names::NameKey;
use super::page::{self, Page, minus, plus};
use super::table::{Edge, File};
use super::{FileId, NoteFacts, PackedFacts, Vault, resolve};
use crate::hash::Key;
use crate::path::NotePath;

impl Vault {
    /// Takes in changes, at most one for each path. Of a million it takes its time: `beat` is called now and then, to show
    /// that the work goes on.
    pub fn apply(&mut self, changes: Vec<Change>, beat: &dyn Fn()) -> Delta {
        let mut update = Update::new(self, beat);
        update.take_in(changes);
        update.settle();
        update.relink();
        update.affect()
    }
}

/// Where a change of names or visibility came from.
type Cause = NotePath;

/// One [`Vault::apply`] on its way.
struct Update<'a> {
    vault: &'a mut Vault,
    beat: &'a dyn Fn(),
    delta: Delta,
    /// Names under which files can be found differently now.
    renamed: BTreeMap<NameKey, Cause>,
    /// Output stems whose claimants changed.
    contested: BTreeMap<String, Cause>,
    /// Folders of output stems that came into use or fell out of it.
    refolded: BTreeMap<Box<str>, Cause>,
    /// Notes that look different to those who link to them.
    resurfaced: BTreeMap<FileId, Cause>,
    /// Attachments with other content, for those who show them.
    redrawn: BTreeSet<FileId>,
    /// Notes whose body changed, for those who embed them.
    rewritten: BTreeSet<FileId>,
    /// Why a note is to be looked at.
    reasons: BTreeMap<FileId, Because>,
    /// Notes whose contribution to backlinks and pages has been taken out for now.
    retracted: BTreeMap<FileId, Cause>,
    /// The backlink keys before the first change to them.
    backlinks_before: HashMap<FileId, (Key, Cause)>,
    pages_before: BTreeMap<Page, Option<Key>>,
    /// Pages whose place was taken or came free.
    contested_pages: BTreeSet<Page>,
    touched: BTreeSet<FileId>,
    copies: BTreeSet<FileId>,
}

/// Whether a note's contribution is put in or taken out.
#[derive(Clone, Copy)]
enum Part {
    In,
    Out,
}

impl Part {
    fn of(self, sum: Key, part: Key) -> Key {
        match self {
            Self::In => plus(sum, part),
            Self::Out => minus(sum, part),
        }
    }
}

impl<'a> Update<'a> {
    fn new(vault: &'a mut Vault, beat: &'a dyn Fn()) -> Self {
        Self {
            vault,
            beat,
            delta: Delta::default(),
            renamed: BTreeMap::new(),
            contested: BTreeMap::new(),
            refolded: BTreeMap::new(),
            resurfaced: BTreeMap::new(),
            redrawn: BTreeSet::new(),
            rewritten: BTreeSet::new(),
            reasons: BTreeMap::new(),
            retracted: BTreeMap::new(),
            backlinks_before: HashMap::new(),
            pages_before: BTreeMap::new(),
            contested_pages: BTreeSet::new(),
            touched: BTreeSet::new(),
            copies: BTreeSet::new(),
        }
    }

    // ---- take in

    fn take_in(&mut self, mut changes: Vec<Change>) {
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        for Change { path, now } in changes {
            (self.beat)();
            let known = self.vault.files.find(path.as_str());
            match (known, now) {
                (None, None) => {}
                (Some(id), None) => self.remove(id),
                (None, Some(seen)) => self.insert(&path, &seen),
                (Some(id), Some(seen))
                    if self.vault.files.get(id).is_note() == seen.facts.is_some() =>
                {
                    self.replace(id, seen);
                }
                (Some(id), Some(seen)) => {
                    self.remove(id);
                    self.insert(&path, &seen);
                }
            }
        }
    }

    fn insert(&mut self, path: &NotePath, seen: &Seen) {
        let facts = seen.facts.as_ref().map(PackedFacts::unpack);
        let file = File::new(path.clone(), seen.stamp, seen.trusted, seen.facts.clone());
        let id = self.vault.files.insert(file);
        for key in resolve::names_of(path, seen.facts.is_some()) {
            self.vault.names.add(key, id);
            self.renamed.entry(key).or_insert_with(|| path.clone());
        }
        self.touched.insert(id);
        self.delta.changed.push(id);
        if let Some(facts) = &facts {
            self.index_words(id, None, Some(facts));
            self.claim(id, None, Some(facts));
            self.retracted.insert(id, path.clone());
            self.rewritten.insert(id);
            self.reasons.insert(id, Because::New);
        } else {
            let claims = &mut self.vault.claims;
            claims.add_attachment(&self.vault.rules, path, id);
            self.copies.insert(id);
        }
    }

    fn replace(&mut self, id: FileId, seen: Seen) {
        self.touched.insert(id);
        let before = self.vault.files.get(id);
        let moved_on = before.stamp != seen.stamp;
        let was_trusted = before.trusted;
        self.vault.files.set_stamp(id, seen.stamp, seen.trusted);
        let file = self.vault.files.get(id);
        let path = file.path.clone();
        let (Some(old), Some(packed)) = (file.facts(), seen.facts) else {
            if moved_on {
                self.delta.changed.push(id);
            }
            if moved_on || !was_trusted {
                self.copies.insert(id);
                self.redrawn.insert(id);
            }
            return;
        };
        let new = packed.unpack();
        // The same bytes can say something else to a newer version of this program.
        if old == new {
            return;
        }
        self.delta.changed.push(id);
        self.retract(id, &path);
        self.index_words(id, Some(&old), Some(&new));
        self.claim(id, Some(&old), Some(&new));
        if surface(&old) != surface(&new) {
            self.resurfaced.insert(id, path);
        }
        self.rewritten.insert(id);
        self.reasons.insert(id, Because::Changed);
        self.vault.files.get_mut(id).set_facts(packed);
    }

    fn remove(&mut self, id: FileId) {
        let path = self.vault.files.get(id).path.clone();
        let facts = self.vault.files.get(id).facts();
        for key in resolve::names_of(&path, facts.is_some()) {
            self.vault.names.remove(key, id);
            self.renamed.entry(key).or_insert_with(|| path.clone());
        }
        if let Some(facts) = facts {
            self.retract(id, &path);
            self.index_words(id, Some(&facts), None);
            self.claim(id, Some(&facts), None);
            self.set_edges(id, Box::default());
        } else {
            let claims = &mut self.vault.claims;
            claims.remove_attachment(&self.vault.rules, &path, id);
            self.contest_pages_around(path.as_str());
        }
        self.retracted.remove(&id);
        self.touched.remove(&id);
        self.copies.remove(&id);
        self.redrawn.remove(&id);
        self.reasons.remove(&id);
        self.backlinks_before.remove(&id);
        self.vault.files.remove(id);
        self.delta.changed.retain(|&other| other != id);
        self.delta.removed.push((id, path));
    }

    /// Brings the indexes of aliases and of names in references from the old facts to the new ones.
    fn index_words(&mut self, id: FileId, old: Option<&NoteFacts>, new: Option<&NoteFacts>) {
        let path = self.vault.files.get(id).path.clone();
        let aliases = |facts: Option<&NoteFacts>| -> BTreeSet<NameKey> {
            facts
                .into_iter()
                .flat_map(|facts| facts.aliases.iter().map(|alias| NameKey::of(alias)))
                .collect()
        };
        let (before, after) = (aliases(old), aliases(new));
        for &key in before.difference(&after) {
            self.vault.aliases.remove(key, id);
            self.renamed.entry(key).or_insert_with(|| path.clone());
        }
        for &key in after.difference(&before) {
            self.vault.aliases.add(key, id);
            self.renamed.entry(key).or_insert_with(|| path.clone());
        }
        let mentions = |facts: Option<&NoteFacts>| -> BTreeSet<NameKey> {
            facts
                .into_iter()
                .flat_map(|facts| facts.refs.iter().flat_map(resolve::mentioned))
                .collect()
        };
        let (before, after) = (mentions(old), mentions(new));
        for &key in before.difference(&after) {
            self.vault.mentions.remove(key, id);
        }
        for &key in after.difference(&before) {
            self.vault.mentions.add(key, id);
        }
    }

    // ---- relink

    /// Resolves again the references of changed notes and those that use a name that came or went.
    fn relink(&mut self) {
        let mut again: BTreeMap<FileId, Cause> = BTreeMap::new();
        for (key, cause) in &self.renamed {
            for &id in self.vault.mentions.get(*key) {
                again.entry(id).or_insert_with(|| cause.clone());
            }
        }
        for &id in &self.rewritten {
            if let Some(file) = self.vault.files.try_get(id) {
                again.insert(id, file.path.clone());
            }
        }
        for (id, cause) in again {
            (self.beat)();
            let Some(facts) = self.vault.files.get(id).facts() else {
                continue;
            };
            let edges = self.vault.edges_of(id, &facts);
            if self.vault.files.get(id).edges != edges {
                self.retract(id, &cause);
                self.touched.insert(id);
                self.set_edges(id, edges);
            }
            self.reasons.entry(id).or_insert_with(|| {
                let embeds = facts
                    .refs
                    .iter()
                    .filter(|reference| reference.kind.is_embed())
                    .flat_map(resolve::mentioned)
                    .any(|key| self.renamed.contains_key(&key));
                if embeds {
                    Because::Embeds(cause)
                } else {
                    Because::LinksTo(cause)
                }
            });
        }
    }

    fn set_edges(&mut self, id: FileId, edges: Box<[Edge]>) {
        let before = std::mem::replace(&mut self.vault.files.get_mut(id).edges, edges);
        for edge in &before {
            if self.vault.files.try_get(edge.id()).is_some() {
                let target = self.vault.files.get_mut(edge.id());
                target
                    .incoming
                    .retain(|back| *back != Edge::new(id, edge.is_embed()));
                self.note_copy(edge.id());
            }
        }
        let after = self.vault.files.get(id).edges.clone();
        for edge in &after {
            self.vault
                .files
                .get_mut(edge.id())
                .incoming
                .push(Edge::new(id, edge.is_embed()));
            self.note_copy(edge.id());
        }
    }

    /// An attachment whose references changed may be wanted, or no longer.
    fn note_copy(&mut self, id: FileId) {
        if !self.vault.files.get(id).is_note() {
            self.copies.insert(id);
        }
    }

    // ---- contributions to backlinks and pages

    /// Takes a note's part out of the backlinks of others and out of the pages, until [`Self::assert_all`].
    fn retract(&mut self, id: FileId, cause: &Cause) {
        if self.retracted.insert(id, cause.clone()).is_none() {
            self.contribute(id, cause, Part::Out);
        }
    }

    fn assert_all(&mut self) {
        for (id, cause) in std::mem::take(&mut self.retracted) {
            self.contribute(id, &cause, Part::In);
        }
    }

    fn contribute(&mut self, id: FileId, cause: &Cause, part: Part) {
        let file = self.vault.files.get(id);
        let Some(facts) = file.head().filter(|_| file.exported) else {
            return;
        };
        let shown = self.vault.shown_elsewhere(file, &facts.title);
        if self.vault.rules.has_pages() {
            self.contribute_to_pages(id, &facts.tags, shown, part);
        }
        self.contribute_to_backlinks(id, cause, shown, part);
    }

    fn contribute_to_pages(&mut self, id: FileId, tags: &[Box<str>], shown: Key, part: Part) {
        for page in Page::listing(tags) {
            let key = self.vault.pages.key(&page);
            self.pages_before.entry(page).or_insert(key);
        }
        match part {
            Part::In => self.vault.pages.add(id, tags, shown),
            Part::Out => self.vault.pages.remove(id, tags, shown),
        }
    }

    fn contribute_to_backlinks(&mut self, id: FileId, cause: &Cause, shown: Key, part: Part) {
        let edges = self.vault.files.get(id).edges.iter();
        let mut targets: Vec<FileId> = edges.map(|edge| edge.id()).collect();
        targets.dedup();
        for target in targets {
            if self.vault.files.try_get(target).is_none() {
                continue;
            }
            self.note_copy(target);
            let target_file = self.vault.files.get_mut(target);
            self.backlinks_before
                .entry(target)
                .or_insert_with(|| (target_file.backlinks, cause.clone()));
            target_file.backlinks = part.of(target_file.backlinks, shown);
        }
    }

    // ---- affect

    fn affect(mut self) -> Delta {
        self.assert_all();
        self.follow_surfaces();
        self.follow_embeds();
        let mut affected: BTreeMap<FileId, Because> = BTreeMap::new();
        for (id, because) in std::mem::take(&mut self.reasons) {
            (self.beat)();
            let differs = self.review(id);
            let file = self.vault.files.get(id);
            // A note that can't be exported fails again when that may read differently.
            let fails = || {
                matches!(
                    because,
                    Because::New | Because::Changed | Because::Shares(_)
                ) && self.vault.blocked(id, 0).is_some()
            };
            if (file.exported && differs) || (!file.exported && fails()) {
                affected.insert(id, because);
            }
        }
        for (id, (before, cause)) in std::mem::take(&mut self.backlinks_before) {
            let Some(file) = self.vault.files.try_get(id).filter(|file| file.exported) else {
                continue;
            };
            if file.backlinks != before {
                affected.entry(id).or_insert(Because::LinkedFrom(cause));
            }
        }
        if self.vault.rules.reads_pictures() {
            self.follow_pictures(&mut affected);
        }
        self.finish(affected)
    }

    /// Those who show, through any number of embeds, an attachment with other content.
    fn follow_pictures(&self, affected: &mut BTreeMap<FileId, Because>) {
        for &picture in &self.redrawn {
            let because = Because::Embeds(self.vault.files.get(picture).path.clone());
            let mut seen = BTreeSet::from([picture]);
            let mut queue = vec![picture];
            while let Some(id) = queue.pop() {
                let incoming = self.vault.files.get(id).incoming.iter();
                for edge in incoming.filter(|edge| id == picture || edge.is_embed()) {
                    if seen.insert(edge.id()) {
                        queue.push(edge.id());
                    }
                }
                let shows = || self.vault.pictures(id).contains(&picture);
                if self.vault.files.get(id).exported && shows() {
                    affected.entry(id).or_insert_with(|| because.clone());
                }
            }
        }
    }

    /// Those who link to or embed a note that looks different to them now.
    fn follow_surfaces(&mut self) {
        for (id, cause) in std::mem::take(&mut self.resurfaced) {
            let Some(file) = self.vault.files.try_get(id) else {
                continue;
            };
            // An embed says more than a link beside it.
            for edge in file.incoming.iter().filter(|edge| edge.is_embed()) {
                self.reasons
                    .entry(edge.id())
                    .or_insert_with(|| Because::Embeds(cause.clone()));
            }
            for edge in file.incoming.iter().filter(|edge| !edge.is_embed()) {
                self.reasons
                    .entry(edge.id())
                    .or_insert_with(|| Because::LinksTo(cause.clone()));
            }
        }
    }

    /// Those who embed, through any number of steps, a note whose text or references changed.
    fn follow_embeds(&mut self) {
        let mut queue: Vec<(FileId, Cause)> = self
            .reasons
            .iter()
            .map(|(&id, because)| {
                let cause = match because {
                    Because::Embeds(path) | Because::LinksTo(path) | Because::Shares(path) => {
                        path.clone()
                    }
                    _ => self.vault.files.get(id).path.clone(),
                };
                (id, cause)
            })
            .collect();
        let mut seen: BTreeSet<FileId> = queue.iter().map(|(id, _)| *id).collect();
        while let Some((id, cause)) = queue.pop() {
            for edge in self
                .vault
                .files
                .get(id)
                .incoming
                .iter()
                .filter(|edge| edge.is_embed())
            {
                if seen.insert(edge.id()) {
                    self.reasons
                        .entry(edge.id())
                        .or_insert_with(|| Because::Embeds(cause.clone()));
                    queue.push((edge.id(), cause.clone()));
                }
            }
        }
    }

    /// Makes a note's view anew; true when it differs.
    fn review(&mut self, id: FileId) -> bool {
        let Some(facts) = self.vault.files.get(id).facts() else {
            return false;
        };
        let view = self.vault.view_of(id, &facts);
        let file = self.vault.files.get_mut(id);
        let differs = file.view != view.key;
        if differs || (file.unresolved, file.ambiguous) != (view.unresolved, view.ambiguous) {
            self.touched.insert(id);
        }
        file.view = view.key;
        file.unresolved = view.unresolved;
        file.ambiguous = view.ambiguous;
        differs
    }

    fn finish(mut self, affected: BTreeMap<FileId, Because>) -> Delta {
        for id in self.copies.iter().copied().collect::<Vec<_>>() {
            if let Some(path) = self.vault.files.try_get(id).map(|file| file.path.clone()) {
                self.contest_pages_around(path.as_str());
            }
        }
        let vault = &*self.vault;
        let mut delta = self.delta;
        let path = |id: &FileId| &vault.files.get(*id).path;
        delta.affected = affected
            .into_iter()
            .map(|(id, because)| Affected { id, because })
            .collect();
        delta.affected.sort_by(|a, b| path(&a.id).cmp(path(&b.id)));
        delta.copies = self
            .copies
            .into_iter()
            .filter(|id| vault.files.try_get(*id).is_some())
            .collect();
        delta.copies.sort_by(|a, b| path(a).cmp(path(b)));
        delta.changed.sort_by(|a, b| path(a).cmp(path(b)));
        delta.pages = self
            .pages_before
            .into_iter()
            .filter(|(page, before)| vault.pages.key(page) != *before)
            .map(|(page, _)| page)
            .chain(self.contested_pages)
            .collect();
        delta.touched = self.touched.into_iter().collect();
        delta
    }
}

impl Vault {
    /// What an exported note adds to the sums of those who show it: the backlinks of the files that it refers to, and
    /// the pages that list it.
    pub(super) fn shown_elsewhere(&self, file: &File, title: &str) -> Key {
        let stem = self.rules.stem(&file.path, title);
        page::shown(&file.path, title, &stem)
    }
}

/// What a note shows to those who link to it, besides its place in the export.
fn surface(facts: &NoteFacts) -> (Vec<(u8, &str, &str)>, Vec<&str>) {
    (
        facts
            .headings
            .iter()
            .map(|h| (h.level, &*h.text, &*h.anchor))
            .collect(),
        facts.blocks.iter().map(|block| &*block.id).collect(),
    )
}
