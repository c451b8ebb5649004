//! What the notes say and how they hang together. Pure: nothing in here opens a file.
//!
//! `note` reads one note's bytes into [`NoteFacts`]; `resolve` finds the file that a link names, `targets` what that means
//! for the export; `change` takes in what changed on disk and tells which exports that affects, by the keys that `view`
//! makes; `places` says who has which place of the export; `through` tells what depends on what through embeds.
//!
//! Invariants, kept by `change` alone: every file's names, aliases and mentions are in the indexes; `edges` and
//! `incoming` are each other's mirror; `exported`, `view` and `backlinks` are what the files and rules imply.

pub mod anchor;
mod change;
mod comments;
pub mod delta;
pub mod facts;
pub mod footnotes;
pub mod fragments;
mod frontmatter;
pub mod helpers;
pub(crate) mod highlight;
mod indexed;
mod line_ends;
pub mod load;
pub mod names;
pub mod note;
pub(crate) mod outline;
pub mod page;
mod places;
pub(crate) mod raw_html;
pub mod resolve;
pub mod rules;
mod scan;
pub mod syntax;
pub mod table;
mod tags;
mod targets;
mod through;
pub mod view;
mod wikilinks;

pub use delta::{Affected, Because, Change, Delta, Seen};
pub use facts::{
    Block, FileId, Heading, NoteFacts, NoteKind, PackedFacts, Privacy, Problem, Ref, RefKind, Shelf,
};
pub use helpers::{Alone, Helpers};
pub use indexed::SeenNote;
pub use note::Note;
pub use page::{Page, Pages};
pub use places::Blocked;
pub use resolve::{Candidates, Nowhere, Place, Target};
pub use rules::Rules;
pub use table::{Edge, File, Files};
pub(crate) use tags::normal_tag;
pub use targets::Targets;
pub use through::Through;

use std::sync::Arc;

use crate::hash::Key;
use crate::path::OutputPath;
use names::NameIndex;
use places::Claims;
use resolve::Resolver;

/// All files of the notes folder and how they hang together.
#[derive(Clone, Debug)]
pub struct Vault {
    rules: Rules,
    files: Files,
    names: NameIndex,
    aliases: NameIndex,
    /// From a name to the notes that use it in a reference.
    mentions: NameIndex,
    claims: Claims,
    /// Empty where no format has pages.
    pages: Pages,
}

impl Vault {
    /// A vault with no files.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            files: Files::default(),
            names: NameIndex::default(),
            aliases: NameIndex::default(),
            mentions: NameIndex::default(),
            claims: Claims::default(),
            pages: Pages::default(),
        }
    }

    /// All files.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// How many notes there are, exported or not.
    pub fn notes(&self) -> usize {
        self.files.notes()
    }

    /// What the config says.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Index and tag pages.
    pub fn pages(&self) -> &Pages {
        &self.pages
    }

    /// The files that a reference in `from` may mean.
    pub fn candidates(&self, from: FileId, reference: &Ref) -> Candidates {
        self.resolver().candidates(from, reference)
    }

    fn resolver(&self) -> Resolver<'_> {
        Resolver {
            files: &self.files,
            names: &self.names,
            aliases: &self.aliases,
        }
    }

    /// The file that a name means where no note is near: by path suffix, the first in path order.
    pub fn by_name(&self, name: &str) -> Option<FileId> {
        self.resolver().by_name(name).first()
    }

    /// The stem of a note's outputs.
    pub fn stem(&self, id: FileId) -> String {
        let file = self.files.get(id);
        // Decoding facts is what costs here, and only one layout needs the title.
        let title = if self.rules.names_by_title() {
            file.head().map(|facts| facts.title)
        } else {
            None
        };
        self.rules.stem(&file.path, &title.unwrap_or_default())
    }

    /// Where an exported note's output goes in a format, or where an attachment is copied to.
    pub fn output(&self, id: FileId, format: usize) -> OutputPath {
        let file = self.files.get(id);
        if file.is_note() {
            self.rules.output(&self.stem(id), format)
        } else {
            OutputPath::new(file.path.as_str()).expect("both kinds of paths follow the same rules")
        }
    }

    /// The exported notes that refer to this one, in path order.
    pub fn backlinks(&self, id: FileId) -> Vec<FileId> {
        let mut sources: Vec<FileId> = self
            .files
            .get(id)
            .incoming
            .iter()
            .map(|edge| edge.id())
            .collect();
        sources.sort_unstable();
        sources.dedup();
        sources.retain(|&source| self.files.get(source).exported);
        sources.sort_by(|&a, &b| self.files.get(a).path.cmp(&self.files.get(b).path));
        sources
    }

    /// All notes that are exported, in path order.
    pub fn exported(&self) -> Vec<FileId> {
        let mut ids: Vec<FileId> = self
            .files
            .iter()
            .filter(|(_, file)| file.exported)
            .map(|(id, _)| id)
            .collect();
        ids.sort_by(|&a, &b| self.files.get(a).path.cmp(&self.files.get(b).path));
        ids
    }

    /// The key of all that one output of a note is made from, but for its format.
    pub fn key(&self, id: FileId, with_backlinks: bool) -> Key {
        let file = self.files.get(id);
        let mut key = crate::hash::KeyHasher::new();
        key.key(file.view);
        if with_backlinks {
            key.key(file.backlinks);
        }
        key.finish()
    }

    /// Puts what all notes say on a shelf.
    pub fn shelve(&mut self, shelf: &Arc<dyn Shelf>) {
        self.files.shelve(shelf);
    }

    /// Lets the ids of removed files be used again: call it when nothing outside knows them any more.
    pub fn recycle(&mut self) {
        self.files.recycle();
    }
}

#[cfg(test)]
mod tests;
