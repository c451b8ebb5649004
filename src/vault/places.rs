//! Which place of the export belongs to whom. Pure.
//!
//! Notes go first, then attachments, then pages: each gets what those before it left, and a file in its place is as much
//! in the way as one above it or a folder of its name. Among notes, the first in path order has a stem; and where one's
//! file and others' folder would have one name, the folder stays: better that one note fails than all that lie below.
//!
//! What is *claimed* decides, never what was got in the end: so the answer hangs on the set of claims alone, and only a
//! folder that comes into use or falls out of it changes the answer for others than those who share a stem.

use std::collections::{BTreeSet, HashMap};

use super::names::{NameIndex, NameKey};
use super::{FileId, Rules, Vault};
use crate::config::Attachments;
use crate::path::{NotePath, OutputPath};

/// Why a note that is let out can't be exported, in any format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// Another note has the place.
    #[error(
        "{output}: {winner} is exported there already, as it comes first in path order; rename {loser}"
    )]
    Taken {
        /// The output that both would write.
        output: OutputPath,
        /// The note that has it.
        winner: NotePath,
        /// The note that can't have it.
        loser: NotePath,
    },
    /// Other notes need a folder there.
    #[error(
        "{output}: the notes in {folder}/ are exported into a folder of this name; rename {loser} or that folder"
    )]
    Folder {
        /// The output that can't be a file.
        output: OutputPath,
        /// The folder of notes.
        folder: Box<str>,
        /// The note that would be written there.
        loser: NotePath,
    },
    /// The config has a format's folder there.
    #[error("{output}: a format's `dir` has this name; rename {loser}")]
    FormatFolder {
        /// The output that can't be a file.
        output: OutputPath,
        /// The note that would be written there.
        loser: NotePath,
    },
    /// The file name is too long for the output's extension.
    #[error("{0}: its output's file name would be longer than 255 bytes; give it a shorter name")]
    NameTooLong(NotePath),
}

/// Who wants which place.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims {
    /// From an output stem to the notes that are let out and would be written there.
    stems: NameIndex,
    /// The folders that these stems lie in, each with how many stems and folders lie right in it.
    folders: HashMap<Box<str>, u32>,
    /// How many of them are called as an output could be: nearly always none, and then no stem need be checked.
    suspects: usize,
    /// From a path that an output could have to the attachments in a folder of that name.
    below: NameIndex,
}

impl Claims {
    /// Makes room for so many more stems.
    pub(super) fn reserve(&mut self, stems: usize) {
        self.stems.reserve(stems);
    }

    /// A note that is let out wants a stem. Returns the folders that come into use.
    pub(super) fn add(&mut self, rules: &Rules, stem: &str, id: FileId) -> Vec<Box<str>> {
        self.stems.add(NameKey::of_folded(stem), id);
        let mut entered = Vec::new();
        for folder in above(stem) {
            if let Some(count) = self.folders.get_mut(folder) {
                *count += 1;
                break;
            }
            self.folders.insert(folder.into(), 1);
            self.suspects += usize::from(rules.is_suspect(folder));
            entered.push(folder.into());
        }
        entered
    }

    /// Takes back what [`Self::add`] did. Returns the folders that fall out of use.
    pub(super) fn remove(&mut self, rules: &Rules, stem: &str, id: FileId) -> Vec<Box<str>> {
        self.stems.remove(NameKey::of_folded(stem), id);
        let mut left = Vec::new();
        for folder in above(stem) {
            match self.folders.get_mut(folder) {
                Some(count) if *count > 1 => {
                    *count -= 1;
                    break;
                }
                _ => {
                    self.folders.remove(folder);
                    self.suspects -= usize::from(rules.is_suspect(folder));
                    left.push(folder.into());
                }
            }
        }
        left
    }

    /// The notes that want a stem, and perhaps some others: the index holds hashes.
    pub(super) fn of(&self, stem: &str) -> &[FileId] {
        self.stems.get(NameKey::of_folded(stem))
    }

    /// An attachment is there.
    pub(super) fn add_attachment(&mut self, rules: &Rules, path: &NotePath, id: FileId) {
        for folder in above(path.as_str()).filter(|folder| rules.could_be_output(folder)) {
            self.below.add(NameKey::of_folded(folder), id);
        }
    }

    /// An attachment is gone.
    pub(super) fn remove_attachment(&mut self, rules: &Rules, path: &NotePath, id: FileId) {
        for folder in above(path.as_str()).filter(|folder| rules.could_be_output(folder)) {
            self.below.remove(NameKey::of_folded(folder), id);
        }
    }

    /// The attachments in a folder that has the path of an output.
    pub(super) fn attachments_below(&self, output: &str) -> &[FileId] {
        self.below.get(NameKey::of_folded(output))
    }

    #[cfg(test)]
    pub(super) fn indexes(&self) -> [&NameIndex; 2] {
        [&self.stems, &self.below]
    }

    #[cfg(test)]
    pub(super) fn folders(&self) -> std::collections::BTreeMap<&str, u32> {
        let folders = self.folders.iter();
        folders.map(|(folder, count)| (&**folder, *count)).collect()
    }
}

/// The folders that a path lies in, the nearest first.
pub(super) fn above(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('/').map(|(slash, _)| &path[..slash])
}

impl Vault {
    /// Whether an attachment belongs in the export: the config wants it, and nothing of a note's lies in its way.
    pub fn is_copied(&self, id: FileId) -> bool {
        let file = self.files.get(id);
        let mut sources = file.incoming.iter().map(|edge| edge.id());
        let is_shown = sources.any(|source| self.files.get(source).exported);
        let wanted = match self.rules.attachments() {
            Attachments::None => false,
            // What only a note that is kept out refers to is as private as that note.
            Attachments::All => is_shown || file.incoming.is_empty(),
            Attachments::Referenced => is_shown,
        };
        let path = file.path.as_str();
        wanted
            && !file.is_note()
            && !self.is_claimed(path)
            && !self.is_folder_of_notes(path)
            && !above(path).any(|folder| self.is_claimed(folder))
    }

    /// Whether a note's output lies at this path of the export.
    pub fn is_claimed(&self, path: &str) -> bool {
        self.rules
            .stems_at(path)
            .any(|stem| self.owner_of(stem).is_some())
    }

    /// Whether a note's output or a copied attachment lies at this path of the export.
    fn is_file(&self, path: &str) -> bool {
        self.is_claimed(path) || self.files.find(path).is_some_and(|id| self.is_copied(id))
    }

    /// Whether notes or attachments leave no room for a page at this path of the export.
    pub fn is_taken(&self, path: &str) -> bool {
        let mut below = self.claims.attachments_below(path).iter();
        self.is_file(path)
            || self.is_folder_of_notes(path)
            || above(path).any(|folder| self.is_file(folder))
            || below.any(|&id| self.is_copied(id))
    }

    /// Whether outputs of notes lie in a folder at this path of the export, or would if there were any.
    fn is_folder_of_notes(&self, path: &str) -> bool {
        self.rules.is_format_folder(path) || self.folder_of_notes(path).is_some()
    }

    /// The folder of notes that are exported into a folder at this path.
    fn folder_of_notes<'a>(&'a self, path: &'a str) -> Option<&'a str> {
        let mut folders = self.rules.folders_at(path);
        folders.find(|&folder| self.claims.folders.contains_key(folder))
    }

    /// The exported note whose outputs have this stem.
    pub(super) fn owner_of(&self, stem: &str) -> Option<FileId> {
        let first = self.first_of(stem)?;
        let is_free = self.folder_in_place_of(stem).is_none() && self.rival(first, stem).is_none();
        is_free.then_some(first)
    }

    /// The notes that want a place and don't have it: of a vault as a whole, told faster than note by note.
    pub(super) fn displaced(&self) -> BTreeSet<FileId> {
        let claims = &self.claims;
        let mut doubtful: BTreeSet<FileId> = BTreeSet::new();
        let any_may_be = self.rules.shares_outputs() || self.rules.has_suspect_folder();
        let shared = claims.stems.iter();
        let shared = shared.filter(|(_, ids)| any_may_be || ids.len() > 1);
        doubtful.extend(shared.flat_map(|(_, ids)| ids));
        if claims.suspects > 0 {
            let folders = claims.folders.keys();
            for folder in folders.filter(|folder| self.rules.is_suspect(folder)) {
                for output in self.rules.folder_outputs(folder) {
                    let stems = self.rules.stems_at(&output);
                    doubtful.extend(stems.flat_map(|stem| claims.of(stem)));
                }
            }
        }
        doubtful.retain(|&id| self.owner_of(&self.stem(id)) != Some(id));
        doubtful
    }

    /// The first in path order of the notes that want a stem.
    fn first_of(&self, stem: &str) -> Option<FileId> {
        let claimants = self.claims.of(stem).iter().copied();
        claimants
            .filter(|&id| self.stem(id) == stem)
            .min_by(|&a, &b| self.files.get(a).path.cmp(&self.files.get(b).path))
    }

    /// An output of a stem that another stem has too, in another format, and the note before this one that wants it.
    fn rival(&self, id: FileId, stem: &str) -> Option<(OutputPath, FileId)> {
        if !self.rules.shares_outputs() {
            return None;
        }
        let path = &self.files.get(id).path;
        (0..self.rules.formats()).find_map(|format| {
            let output = self.rules.output(stem, format);
            let others = self.rules.stems_at(output.as_str());
            let claimants = others
                .filter(|other| *other != stem)
                .filter_map(|other| self.first_of(other));
            let winner = claimants
                .filter(|&other| self.files.get(other).path < *path)
                .min_by(|&a, &b| self.files.get(a).path.cmp(&self.files.get(b).path))?;
            Some((output, winner))
        })
    }

    /// The output of a stem that can't be a file, since it has to be a folder.
    fn folder_in_place_of(&self, stem: &str) -> Option<OutputPath> {
        if self.claims.suspects == 0 && !self.rules.has_suspect_folder() {
            return None;
        }
        (0..self.rules.formats())
            .map(|format| self.rules.output(stem, format))
            .find(|output| self.is_folder_of_notes(output.as_str()))
    }

    /// Why a note that is let out is not exported, if so.
    pub fn blocked(&self, id: FileId, format: usize) -> Option<Blocked> {
        let file = self.files.get(id);
        let facts = file.head()?;
        if file.exported || !self.rules.lets_out(facts.privacy, &facts.tags) {
            return None;
        }
        let stem = self.rules.stem(&file.path, &facts.title);
        let loser = file.path.clone();
        if !self.rules.fits(&stem) {
            return Some(Blocked::NameTooLong(loser));
        }
        if let Some(output) = self.folder_in_place_of(&stem) {
            let folder = self.folder_of_notes(output.as_str()).map(Box::from);
            return Some(match folder {
                Some(folder) => Blocked::Folder {
                    output,
                    folder,
                    loser,
                },
                None => Blocked::FormatFolder { output, loser },
            });
        }
        let first = self.first_of(&stem)?;
        let (output, winner) = self
            .rival(first, &stem)
            .unwrap_or_else(|| (self.rules.output(&stem, format), first));
        Some(Blocked::Taken {
            output,
            winner: self.files.get(winner).path.clone(),
            loser,
        })
    }
}
