//! Takes in what changed on disk and tells what that means for the export: which notes are affected, because of
//! what, and which outputs go. Pure; the only code that changes a [`Vault`].
//!
//! A change is taken in in four steps. *Take in* updates the changed files and their names. *Settle* decides anew
//! who is exported under which name. *Relink* resolves again the references that use a name that came or went.
//! *Affect* compares keys: only notes that can see a change are looked at, only those whose key differs are affected.
//!
//! What only reads the vault is shared out among [`Helpers`], some thousand notes at a time; the first two steps find
//! all that they need made ready ([`super::indexed`]), so that of a first look at a large vault little is left to one thread.

mod affect;
mod cause;
mod contest;

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::{HashMap, HashSet};

use self::cause::{Cause, Causes, Reason};
use super::delta::{Change, Delta, Seen};
use super::helpers::{self, Helpers};
use super::indexed::{Indexed, Shown, missing};
use super::names::NameKey;
use super::page::{Page, minus, plus};
use super::table::{Edge, File};
use super::{FileId, NoteFacts, SeenNote, Vault, resolve};
use crate::hash::Key;
use crate::path::NotePath;

/// How many notes are shared out before what comes of them is put in its place: enough for any number of threads, and what
/// waits meanwhile takes no memory to speak of.
const SHARE: usize = 4096;

impl Vault {
    /// Takes in changes, at most one for each path. Work on many notes is shared out among `helpers`.
    pub fn apply(&mut self, changes: Vec<Change>, helpers: &dyn Helpers) -> Delta {
        let mut update = Update::new(self, helpers, changes.len());
        update.take_in(changes);
        update.settle();
        update.relink();
        update.affect()
    }
}

/// One [`Vault::apply`] on its way.
struct Update<'a> {
    vault: &'a mut Vault,
    helpers: &'a dyn Helpers,
    delta: Delta,
    causes: Causes,
    /// Names under which files can be found differently now.
    renamed: HashMap<NameKey, Cause>,
    /// Output stems whose claimants changed.
    contested: BTreeMap<String, Cause>,
    /// Folders of output stems that came into use or fell out of it.
    refolded: BTreeMap<Box<str>, Cause>,
    /// Notes that look different to those who link to them.
    resurfaced: HashMap<FileId, Cause>,
    /// Attachments with other content, for those who show them.
    redrawn: HashMap<FileId, Cause>,
    /// Notes whose body changed, for those who embed them.
    rewritten: HashMap<FileId, Cause>,
    /// Why a note is to be looked at.
    reasons: HashMap<FileId, Reason>,
    /// Notes whose contribution to backlinks and pages has been taken out for now.
    retracted: HashMap<FileId, Cause>,
    /// What the changed notes contribute now.
    shown: HashMap<FileId, Shown>,
    /// The backlink keys before the first change to them.
    backlinks_before: HashMap<FileId, (Key, Cause)>,
    pages_before: BTreeMap<Page, Option<Key>>,
    /// Pages whose place was taken or came free.
    contested_pages: BTreeSet<Page>,
    touched: HashSet<FileId>,
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
    /// For so many changes: tables that grow by doubling leave holes as large as themselves.
    fn new(vault: &'a mut Vault, helpers: &'a dyn Helpers, changes: usize) -> Self {
        Self {
            vault,
            helpers,
            delta: Delta::default(),
            causes: Causes::default(),
            renamed: HashMap::with_capacity(changes),
            contested: BTreeMap::new(),
            refolded: BTreeMap::new(),
            resurfaced: HashMap::new(),
            redrawn: HashMap::new(),
            rewritten: HashMap::with_capacity(changes),
            reasons: HashMap::with_capacity(changes),
            retracted: HashMap::with_capacity(changes),
            shown: HashMap::with_capacity(changes),
            backlinks_before: HashMap::new(),
            pages_before: BTreeMap::new(),
            contested_pages: BTreeSet::new(),
            touched: HashSet::with_capacity(changes),
            copies: BTreeSet::new(),
        }
    }

    // ---- take in

    fn take_in(&mut self, mut changes: Vec<Change>) {
        changes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        self.vault.files.make_room(changes.len());
        for Change { path, now } in changes {
            self.helpers.beat();
            let known = self.vault.files.find(path.as_str());
            match (known, now) {
                (None, None) => {}
                (Some(id), None) => self.remove(id),
                (None, Some(seen)) => self.insert(path, seen),
                (Some(id), Some(seen))
                    if self.vault.files.get(id).is_note() == seen.note.is_some() =>
                {
                    self.replace(id, seen);
                }
                (Some(id), Some(seen)) => {
                    self.remove(id);
                    self.insert(path, seen);
                }
            }
        }
    }

    fn insert(&mut self, path: NotePath, seen: Seen) {
        let is_note = seen.note.is_some();
        let names: Vec<NameKey> = resolve::names_of(&path, is_note).collect();
        let (facts, rest) = seen
            .note
            .map(|note| *note)
            .map(|note| (note.facts, (note.indexed, note.problem)))
            .unzip();
        let mut file = File::new(path, seen.stamp, seen.trusted, facts);
        file.has_problem = rest.as_ref().is_some_and(|(_, problem)| problem.is_some());
        let id = self.vault.files.insert(file);
        let cause = self.causes.add(id);
        for key in names {
            self.vault.names.add(key, id);
            self.renamed.entry(key).or_insert(cause);
        }
        self.touched.insert(id);
        self.delta.changed.push(id);
        if let Some((indexed, problem)) = rest {
            self.delta
                .problems
                .extend(problem.map(|problem| (id, problem)));
            self.index(id, cause, &Indexed::default(), indexed);
            self.retracted.insert(id, cause);
            self.rewritten.insert(id, cause);
            self.reasons.insert(id, Reason::New);
        } else {
            let path = &self.vault.files.get(id).path;
            let claims = &mut self.vault.claims;
            claims.add_attachment(&self.vault.rules, path, id);
            self.copies.insert(id);
        }
    }

    fn replace(&mut self, id: FileId, seen: Seen) {
        self.touched.insert(id);
        let cause = self.causes.add(id);
        let before = self.vault.files.get(id);
        let moved_on = before.stamp != seen.stamp;
        let was_trusted = before.trusted;
        self.vault.files.set_stamp(id, seen.stamp, seen.trusted);
        let Some(note) = seen.note else {
            if moved_on {
                self.delta.changed.push(id);
            }
            if moved_on || !was_trusted {
                self.copies.insert(id);
                self.redrawn.insert(id, cause);
            }
            return;
        };
        self.rewrite(id, cause, *note);
    }

    fn rewrite(&mut self, id: FileId, cause: Cause, note: SeenNote) {
        let file = self.vault.files.get(id);
        let (old, new) = (file.facts(), note.facts.unpack());
        let old = old.expect("a note is only replaced by a note");
        // The same bytes can say something else to a newer version of this program.
        if old == new {
            return;
        }
        let indexed = Indexed::of(&self.vault.rules, &file.path, &old);
        self.delta.changed.push(id);
        let has_problem = note.problem.is_some();
        let problem = note.problem.map(|problem| (id, problem));
        self.delta.problems.extend(problem);
        self.retract(id, cause);
        self.index(id, cause, &indexed, note.indexed);
        if surface(&old) != surface(&new) {
            self.resurfaced.insert(id, cause);
        }
        self.rewritten.insert(id, cause);
        self.reasons.insert(id, Reason::Changed);
        self.vault
            .files
            .get_mut(id)
            .set_facts(note.facts, has_problem);
    }

    fn remove(&mut self, id: FileId) {
        let file = self.vault.files.get(id);
        let (path, facts) = (file.path.clone(), file.facts());
        let cause = self.causes.add_gone(path.clone());
        for key in resolve::names_of(&path, facts.is_some()) {
            self.vault.names.remove(key, id);
            self.renamed.entry(key).or_insert(cause);
        }
        if let Some(facts) = facts {
            let indexed = Indexed::of(&self.vault.rules, &path, &facts);
            self.retract(id, cause);
            self.index(id, cause, &indexed, Indexed::default());
            self.set_edges(id, Box::default());
        } else {
            let claims = &mut self.vault.claims;
            claims.remove_attachment(&self.vault.rules, &path, id);
            self.contest_pages_around(path.as_str());
        }
        self.retracted.remove(&id);
        self.resurfaced.remove(&id);
        self.copies.remove(&id);
        self.backlinks_before.remove(&id);
        self.vault.files.remove(id);
        self.delta.removed.push((id, path));
    }

    /// Brings all indexes from what they hold of a note to what they should.
    fn index(&mut self, id: FileId, cause: Cause, old: &Indexed, new: Indexed) {
        let vault = &mut *self.vault;
        for key in missing(&new.aliases, &old.aliases) {
            vault.aliases.remove(key, id);
            self.renamed.entry(key).or_insert(cause);
        }
        for key in missing(&old.aliases, &new.aliases) {
            vault.aliases.add(key, id);
            self.renamed.entry(key).or_insert(cause);
        }
        for key in missing(&new.mentions, &old.mentions) {
            vault.mentions.remove(key, id);
        }
        for key in missing(&old.mentions, &new.mentions) {
            vault.mentions.add(key, id);
        }
        let (stem, shown) = new.claim.map(|claim| (claim.stem, claim.shown)).unzip();
        self.shown.extend(shown.map(|shown| (id, shown)));
        self.claim(
            id,
            cause,
            old.claim.as_ref().map(|claim| &*claim.stem),
            stem,
        );
    }

    // ---- relink

    /// Resolves again the references of changed notes and those that use a name that came or went.
    fn relink(&mut self) {
        let mut again: BTreeMap<FileId, Cause> = BTreeMap::new();
        for (key, &cause) in &self.renamed {
            for id in self.vault.mentions.get(*key) {
                if !self.rewritten.contains_key(id) {
                    let first = again.entry(*id).or_insert(cause);
                    *first = cause.min(*first);
                }
            }
        }
        again.extend(&self.rewritten);
        let again: Vec<(FileId, Cause)> = again.into_iter().collect();
        for share in again.chunks(SHARE) {
            let (vault, renamed) = (&*self.vault, &self.renamed);
            let relinked = helpers::map(self.helpers, share, |&(id, _)| {
                let facts = vault.files.get(id).facts();
                let facts = facts.expect("only a note refers to others");
                (vault.edges_of(id, &facts), embeds_any(&facts, renamed))
            });
            for (&(id, cause), (edges, embeds)) in share.iter().zip(relinked) {
                self.helpers.beat();
                if self.vault.files.get(id).edges != edges {
                    self.retract(id, cause);
                    self.touched.insert(id);
                    self.set_edges(id, edges);
                }
                self.reasons.entry(id).or_insert(if embeds {
                    Reason::Embeds(cause)
                } else {
                    Reason::LinksTo(cause)
                });
            }
        }
    }

    fn set_edges(&mut self, id: FileId, edges: Box<[Edge]>) {
        let before = std::mem::take(&mut self.vault.files.get_mut(id).edges);
        for edge in &before {
            if self.vault.files.try_get(edge.id()).is_some() {
                let target = self.vault.files.get_mut(edge.id());
                target
                    .incoming
                    .retain(|back| *back != Edge::new(id, edge.is_embed()));
                self.note_copy(edge.id());
            }
        }
        for edge in &edges {
            let target = self.vault.files.get_mut(edge.id());
            target.incoming.push(Edge::new(id, edge.is_embed()));
            self.note_copy(edge.id());
        }
        self.vault.files.get_mut(id).edges = edges;
    }

    /// An attachment whose references changed may be wanted, or no longer.
    fn note_copy(&mut self, id: FileId) {
        if !self.vault.files.get(id).is_note() {
            self.copies.insert(id);
        }
    }

    // ---- contributions to backlinks and pages

    /// Takes a note's part out of the backlinks of others and out of the pages, until [`Self::assert_all`].
    fn retract(&mut self, id: FileId, cause: Cause) {
        if self.retracted.insert(id, cause).is_none() {
            self.contribute(id, cause, Part::Out);
        }
    }

    fn assert_all(&mut self) {
        for (id, cause) in in_order(std::mem::take(&mut self.retracted)) {
            self.contribute(id, cause, Part::In);
        }
    }

    fn contribute(&mut self, id: FileId, cause: Cause, part: Part) {
        let file = self.vault.files.get(id);
        if !file.exported {
            return;
        }
        let shown = match part {
            Part::In => self.shown.remove(&id),
            Part::Out => None,
        };
        let Some(shown) = shown.or_else(|| self.vault.shown_elsewhere(id)) else {
            return;
        };
        if self.vault.rules.has_pages() {
            self.contribute_to_pages(id, &shown, part);
        }
        self.contribute_to_backlinks(id, cause, shown.key, part);
    }

    fn contribute_to_pages(&mut self, id: FileId, shown: &Shown, part: Part) {
        for page in Page::listing(&shown.tags) {
            let key = self.vault.pages.key(&page);
            self.pages_before.entry(page).or_insert(key);
        }
        match part {
            Part::In => self.vault.pages.add(id, &shown.tags, shown.key),
            Part::Out => self.vault.pages.remove(id, &shown.tags, shown.key),
        }
    }

    fn contribute_to_backlinks(&mut self, id: FileId, cause: Cause, shown: Key, part: Part) {
        let edges = self.vault.files.get(id).edges.clone();
        let mut last = None;
        // A file that is embedded and linked to counts once; its two edges are neighbours.
        for target in edges.iter().map(|edge| edge.id()) {
            if last.replace(target) == Some(target) || self.vault.files.try_get(target).is_none() {
                continue;
            }
            self.note_copy(target);
            let target_file = self.vault.files.get_mut(target);
            self.backlinks_before
                .entry(target)
                .or_insert((target_file.backlinks, cause));
            target_file.backlinks = part.of(target_file.backlinks, shown);
        }
    }
}

/// In the order of ids, so that what comes of them is always the same.
fn in_order<T>(map: HashMap<FileId, T>) -> Vec<(FileId, T)> {
    let mut list: Vec<(FileId, T)> = map.into_iter().collect();
    list.sort_unstable_by_key(|(id, _)| *id);
    list
}

/// Whether a note embeds something by one of these names.
fn embeds_any(facts: &NoteFacts, names: &HashMap<NameKey, Cause>) -> bool {
    let embeds = facts
        .refs
        .iter()
        .filter(|reference| reference.kind.is_embed());
    embeds
        .flat_map(resolve::mentioned)
        .any(|key| names.contains_key(&key))
}

impl Vault {
    /// What an exported note adds to the sums of those who show it.
    fn shown_elsewhere(&self, id: FileId) -> Option<Shown> {
        let file = self.files.get(id);
        let head = file.head()?;
        let stem = self.rules.stem(&file.path, &head.title);
        Some(Shown::new(
            &self.rules,
            &file.path,
            &stem,
            &head.title,
            &head.tags,
        ))
    }
}

/// Headings, blocks and elements, by what names them; whether a page hides the first two.
type Surface<'a> = (
    Vec<(u8, &'a str, &'a str, bool)>,
    Vec<(&'a str, bool)>,
    &'a [Box<str>],
);

/// What a note shows to those who link to it, besides its place in the export.
fn surface(facts: &NoteFacts) -> Surface<'_> {
    (
        facts
            .headings
            .iter()
            .map(|h| (h.level, &*h.text, &*h.anchor, h.is_hidden(&facts.footnotes)))
            .collect(),
        facts
            .blocks
            .iter()
            .map(|block| (&*block.id, block.is_hidden(&facts.footnotes)))
            .collect(),
        &facts.elements,
    )
}
