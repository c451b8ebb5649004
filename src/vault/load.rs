//! A vault as the manifest remembers it. Pure: the rows come in as values.
//!
//! Remembered are the files, their facts, edges and views. Derived again are the indexes, who is exported, and the
//! sums (backlinks, pages): they follow from the facts at about the cost of reading them.

use super::names::NameKey;
use super::table::{Edge, File};
use super::{FileId, NoteFacts, Vault, page, resolve};
use crate::disk::Stamp;
use crate::hash::Key;
use crate::path::NotePath;

/// A file as the manifest remembers it.
#[derive(Debug)]
pub struct Remembered<'a> {
    /// The id it had.
    pub id: FileId,
    /// Where it was.
    pub path: NotePath,
    /// The version that was known.
    pub stamp: Stamp,
    /// Whether an equal stamp means an equal content.
    pub trusted: bool,
    /// What [`File::to_record`] gave.
    pub record: &'a [u8],
    /// The view that it had.
    pub view: Key,
}

impl Vault {
    /// Takes in one remembered file. After the last one, call [`Self::settle_remembered`].
    ///
    /// # Errors
    /// When the record can't be read: the manifest is damaged.
    pub fn remember(&mut self, file: Remembered<'_>) -> Result<(), postcard::Error> {
        let mut restored = File::new(file.path, file.stamp, file.trusted, None);
        let facts = restored.restore(file.record)?;
        restored.view = file.view;
        for key in resolve::names_of(&restored.path, facts.is_some()) {
            self.names.add(key, file.id);
        }
        if let Some(facts) = facts {
            self.remember_words(file.id, &restored.path, &facts);
        } else {
            let claims = &mut self.claims;
            claims.add_attachment(&self.rules, &restored.path, file.id);
        }
        self.files.restore(file.id, restored);
        Ok(())
    }

    fn remember_words(&mut self, id: FileId, path: &NotePath, facts: &NoteFacts) {
        for alias in &facts.aliases {
            self.aliases.add(NameKey::of(alias), id);
        }
        for key in facts.refs.iter().flat_map(resolve::mentioned) {
            self.mentions.add(key, id);
        }
        let stem = self.rules.stem(path, &facts.title);
        if self.rules.lets_out(facts.privacy, &facts.tags) && self.rules.fits(&stem) {
            self.claims.add(&self.rules, &stem, id);
        }
    }

    /// Derives what was not remembered. False when the rows don't fit together: the manifest is damaged.
    pub fn settle_remembered(&mut self) -> bool {
        self.files.find_gaps();
        let ids: Vec<FileId> = self.files.iter().map(|(id, _)| id).collect();
        for &id in &ids {
            for edge in self.files.get(id).edges.clone() {
                if self.files.try_get(edge.id()).is_none() {
                    return false;
                }
                self.files
                    .get_mut(edge.id())
                    .incoming
                    .push(Edge::new(id, edge.is_embed()));
            }
        }
        self.settle_exports(&ids);
        true
    }

    /// Decides who is exported, and makes the sums over those.
    fn settle_exports(&mut self, ids: &[FileId]) {
        let displaced = self.displaced();
        for &id in ids {
            let file = self.files.get(id);
            let Some(facts) = file.head() else { continue };
            let stem = self.rules.stem(&file.path, facts.title);
            let exported = self.rules.lets_out(facts.privacy, &facts.tags)
                && self.rules.fits(&stem)
                && !displaced.contains(&id);
            if exported {
                let shown = self.shown_elsewhere(file, facts.title);
                self.pages.add(id, &facts.tags, shown);
                self.add_backlinks(id, shown);
            }
            self.files.get_mut(id).exported = exported;
        }
    }

    fn add_backlinks(&mut self, id: FileId, shown: Key) {
        let edges = self.files.get(id).edges.iter();
        let mut targets: Vec<FileId> = edges.map(|edge| edge.id()).collect();
        targets.dedup();
        for target in targets {
            let target = self.files.get_mut(target);
            target.backlinks = page::plus(target.backlinks, shown);
        }
    }

    /// After the rules changed: makes every note's view anew and tells of which it differs.
    pub fn review_all(&mut self) -> Vec<FileId> {
        let ids: Vec<FileId> = self.files.iter().map(|(id, _)| id).collect();
        let mut touched = Vec::new();
        for id in ids {
            let Some(facts) = self.files.get(id).facts() else {
                continue;
            };
            let view = self.view_of(id, &facts);
            let file = self.files.get_mut(id);
            if file.view != view.key {
                file.view = view.key;
                touched.push(id);
            }
        }
        touched
    }
}
