//! A vault as the manifest remembers it. Pure: the rows come in as values.
//!
//! Remembered are the files, their facts, edges and views. Derived again are the indexes, who is exported, and the
//! sums (backlinks, pages): they follow from the facts. A load comes in two halves, so that two threads can share it:
//! [`recall`] does what can be done for each file alone, [`Load`] brings the files together.

use std::sync::Arc;

use super::facts::Shelf;
use super::indexed::Indexed;
use super::page;
pub use super::table::Damaged;
use super::table::{Edge, File};
use super::view::View;
use super::{FileId, Rules, Targets, Vault, resolve};
use crate::disk::Stamp;
use crate::hash::Key;
use crate::path::NotePath;

/// A file as the manifest remembers it.
#[derive(Debug)]
pub struct Remembered {
    /// The id it had.
    pub id: FileId,
    /// Where it was.
    pub path: NotePath,
    /// The version that was known.
    pub stamp: Stamp,
    /// Whether an equal stamp means an equal content.
    pub trusted: bool,
    /// What [`File::to_record`] gave.
    pub record: Box<[u8]>,
    /// The view that it had.
    pub view: Key,
}

/// A remembered file with all that it says for itself.
#[derive(Debug)]
pub struct Recalled {
    id: FileId,
    file: File,
    indexed: Indexed,
}

/// Reads the record of a file; what a note says is put on the shelf, if there is one.
///
/// # Errors
/// When it can't be read: the manifest is damaged.
pub fn recall(
    rules: &Rules,
    shelf: Option<&Arc<dyn Shelf>>,
    remembered: Remembered,
) -> Result<Recalled, Damaged> {
    let Remembered {
        id,
        path,
        stamp,
        trusted,
        record,
        view,
    } = remembered;
    let mut file = File::new(path, stamp, trusted, None);
    let words = file.restore(&record, shelf)?;
    file.view = view;
    let indexed = words.map(|words| Indexed::new(rules, &file.path, &words));
    Ok(Recalled {
        id,
        indexed: indexed.unwrap_or_default(),
        file,
    })
}

/// A vault on its way back.
#[derive(Debug)]
pub struct Load {
    vault: Vault,
    /// What each exported note shows elsewhere, by its id.
    shown: Vec<Key>,
}

impl Load {
    /// Begins with nothing, and room for files with ids below `end`.
    pub fn new(rules: Rules, end: usize) -> Self {
        let mut vault = Vault::new(rules);
        vault.files.reserve(end);
        // A note is found by its name with and without the extension.
        vault.names.reserve(2 * end);
        vault.claims.reserve(end);
        Self {
            vault,
            shown: Vec::with_capacity(end),
        }
    }

    /// Takes in one file. Whoever claims a place has it, as long as nobody else turns out to.
    pub fn take_in(&mut self, recalled: Recalled) {
        let Recalled {
            id,
            mut file,
            indexed,
        } = recalled;
        let vault = &mut self.vault;
        // Left to this half, since the other takes longer.
        for key in resolve::names_of(&file.path, file.is_note()) {
            vault.names.add(key, id);
        }
        for key in indexed.aliases {
            vault.aliases.add(key, id);
        }
        for key in indexed.mentions {
            vault.mentions.add(key, id);
        }
        if let Some(claim) = indexed.claim {
            file.exported = true;
            vault.claims.add(&vault.rules, &claim.stem, id);
            if vault.rules.has_pages() {
                vault.pages.add(id, &claim.shown.tags, claim.shown.key);
            }
            let at = id.0 as usize;
            if self.shown.len() <= at {
                self.shown.resize(at + 1, Key::default());
            }
            self.shown[at] = claim.shown.key;
        }
        if !file.is_note() {
            vault.claims.add_attachment(&vault.rules, &file.path, id);
        }
        vault.files.restore(id, file);
    }

    /// The vault. `None` when the rows don't fit together: the manifest is damaged.
    pub fn finish(mut self) -> Option<Vault> {
        self.vault.files.find_gaps();
        self.settle_contests();
        self.link().then_some(self.vault)
    }

    /// Takes their place in the export from those who can't have it.
    fn settle_contests(&mut self) {
        let vault = &mut self.vault;
        for id in vault.displaced() {
            let file = vault.files.get_mut(id);
            file.exported = false;
            if let Some(facts) = file.head().filter(|_| vault.rules.has_pages()) {
                let shown = self.shown[id.0 as usize];
                vault.pages.remove(id, &facts.tags, shown);
            }
        }
    }

    /// Derives what each file is to those that refer to it. False when an edge leads to no file.
    fn link(&mut self) -> bool {
        let files = &mut self.vault.files;
        let mut referrers = vec![0; files.slots()];
        let mut backlinks = vec![Key::default(); files.slots()];
        for (id, file) in files.iter() {
            let mut last = None;
            for edge in &file.edges {
                let target = edge.id().0 as usize;
                let Some(count) = referrers.get_mut(target) else {
                    return false;
                };
                *count += 1;
                // A file that is embedded and linked to counts once; its two edges are neighbours.
                if file.exported && last.replace(target) != Some(target) {
                    let shown = self.shown[id.0 as usize];
                    backlinks[target] = page::plus(backlinks[target], shown);
                }
            }
        }
        for ((id, count), backlinks) in (0..).map(FileId).zip(referrers).zip(backlinks) {
            if files.try_get(id).is_some() {
                let file = files.get_mut(id);
                file.backlinks = backlinks;
                file.incoming.reserve_exact(count);
            } else if count > 0 {
                return false;
            }
        }
        for id in (0..files.slots()).filter_map(|id| u32::try_from(id).ok().map(FileId)) {
            if files.try_get(id).is_none() {
                continue;
            }
            let edges = std::mem::take(&mut files.get_mut(id).edges);
            for edge in &edges {
                let target = files.get_mut(edge.id());
                target.incoming.push(Edge::new(id, edge.is_embed()));
            }
            files.get_mut(id).edges = edges;
        }
        true
    }
}

impl Vault {
    /// After the rules changed, or what is read from a note did: makes every note's view anew and tells of which it differs.
    pub fn review_all(&mut self) -> Vec<FileId> {
        let targets = Targets::new(&*self);
        let views = self.files.iter().filter_map(|(id, file)| {
            let view = targets.view_of(id, &file.facts()?);
            view.differs_from(file).then_some((id, view))
        });
        let differ: Vec<(FileId, View)> = views.collect();
        for (id, view) in &differ {
            view.put_into(self.files.get_mut(*id));
        }
        differ.into_iter().map(|(id, _)| id).collect()
    }
}
