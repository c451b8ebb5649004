//! From hints to changes: looks at the notes folder where a hint points and tells what is different from what the
//! vault knows. The file system is the truth; a hint that leads to nothing is forgotten.

mod survey;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Instant;

use self::survey::{Survey, is_known};
use super::open::folders_of;
use super::shelved::Shelved;
use super::texts::{Kept, Room};
use super::threads::Threads;
use super::{Engine, EngineError};
use crate::disk::{Found, Hindrance, Listing, Looked, NotesDisk, Stamp};
use crate::path::{NotePath, below, is_below};
use crate::vault::{Change, Rules, Seen, SeenNote, Vault, helpers, note};
use crate::watch::Dirty;

/// A stamp is trusted when the file was older than this when it was read: file systems keep times by the kernel's
/// tick (at most 10 ms), and a second write within one tick leaves the same stamp.
const TICK_NS: i64 = 20_000_000;

/// Who must know of the folders of the notes tree: the watch, which must stand before a folder is read.
pub trait FolderListener: Sync {
    /// Folders are about to be listed.
    fn enter(&self, folders: &[&str]);

    /// `top` was listed, and these are the folders at and below it, those among them that can't be read.
    fn listed(&self, top: &str, folders: &[&str]);

    /// What lies at this path may be another folder than before, though nothing was said of it. Of no interest to who
    /// keeps nothing of folders.
    fn leave(&self, _folder: &str) {}

    /// All that was to be looked at has been, and `vault` knows of it: from here on only changes are of interest.
    fn looked(&self, _vault: &Vault) {}
}

/// Nobody watches.
pub struct Unwatched;

impl FolderListener for Unwatched {
    fn enter(&self, _: &[&str]) {}
    fn listed(&self, _: &str, _: &[&str]) {}
}

/// What a look found.
pub(super) struct Look {
    pub(super) changes: Vec<Change>,
    /// What is kept of the notes that were read.
    pub(super) texts: Vec<(NotePath, Kept)>,
    /// What could not be read and why: what is known of it stays.
    unreadable: Vec<(String, Hindrance)>,
    /// What of that was not known before.
    pub(super) newly_unreadable: Vec<(String, String)>,
}

impl Engine {
    /// Looks where `dirty` points.
    pub(super) fn look(
        &mut self,
        dirty: &Dirty,
        now: Instant,
        listener: &dyn FolderListener,
    ) -> Result<Look, EngineError> {
        let looked = self.look_around(dirty, now, listener);
        if looked.is_err() {
            // It may have taken an empty tree for the folders' end; what was in them has not gone.
            let folders = self.folders_of_files();
            self.folders.extend(folders);
        }
        looked
    }

    fn look_around(
        &mut self,
        dirty: &Dirty,
        now: Instant,
        listener: &dyn FolderListener,
    ) -> Result<Look, EngineError> {
        let mut survey = Survey::default();
        let mut listed: BTreeSet<Box<str>> = dirty.folders.clone();
        if dirty.everything {
            listed.insert("".into());
        }
        let again: BTreeSet<NotePath> = self.pending.unreadable.due(now).collect();
        for path in dirty.paths.union(&again) {
            self.look_at(path, &mut survey, &mut listed);
        }
        self.list_all(&listed, &mut survey, listener)?;
        self.look_at_turned_links(&mut survey, listener)?;
        self.look_at_aliases(&mut survey);
        self.confirm_gone(&survey)?;
        let mut look = self.read_changed(survey)?;
        // One that was looked at may lie in a folder that nobody has listed yet: when that goes, so must the file.
        let there = look.changes.iter().filter(|change| change.now.is_some());
        self.folders
            .extend(folders_of(there.map(|change| &change.path)));
        let covered = |path: &str| {
            dirty.paths.contains(path)
                || again.contains(path)
                || listed.iter().any(|top| is_below(path, top))
        };
        let unreadable = std::mem::take(&mut look.unreadable);
        look.newly_unreadable =
            Arc::make_mut(&mut self.pending.unreadable).looked(covered, unreadable, now);
        Ok(look)
    }

    fn look_at(&self, path: &NotePath, survey: &mut Survey, listed: &mut BTreeSet<Box<str>>) {
        match self.notes.look(path) {
            Ok(Looked::File(found)) => {
                if self.folders.contains(path.as_str()) {
                    listed.insert(path.as_str().into());
                }
                survey.found.insert(path.clone(), found);
            }
            Ok(Looked::Folder) => {
                listed.insert(path.as_str().into());
                survey.finds_none(path, self.vault.files());
            }
            Ok(Looked::Nothing) => {
                if self.folders.contains(path.as_str()) {
                    listed.insert(path.as_str().into());
                }
                survey.finds_none(path, self.vault.files());
            }
            Ok(Looked::Rules) => {
                listed.insert(path.folder().into());
            }
            Err(error) => survey.unreadable.push((path.to_string(), error.into())),
        }
    }

    /// Lists folders whole; what was known below one and is not there any more is gone.
    fn list_all(
        &mut self,
        folders: &BTreeSet<Box<str>>,
        survey: &mut Survey,
        listener: &dyn FolderListener,
    ) -> Result<(), EngineError> {
        let mut tops: BTreeSet<Box<str>> = BTreeSet::new();
        let mut known_before = false;
        survey.forget_below(folders, self.vault.files());
        for folder in folders {
            // Sorted: a folder comes after those above it.
            if tops.iter().any(|top| is_below(folder, top)) {
                continue;
            }
            let files = self.vault.files();
            let surveyor = survey.surveyor(files, &self.progress, listener);
            let listing = match self.notes.list(folder, &surveyor) {
                Ok(listing) => listing,
                Err(error) if folder.is_empty() => {
                    return Err(EngineError::Notes {
                        path: self.config.notes_dir.display().to_string(),
                        error,
                    });
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
                        && self.is_no_folder(folder) =>
                {
                    Listing::default()
                }
                Err(error) => {
                    survey.unreadable.push((folder.to_string(), error.into()));
                    continue;
                }
            };
            let readable = listing.folders.iter().map(|folder| &**folder);
            let unreadable = listing.unreadable.iter().map(|(path, _)| path.as_str());
            let folders: Vec<&str> = readable.chain(unreadable).collect();
            listener.listed(folder, &folders);
            known_before |= self.take_folders(folder, &listing);
            survey.unreadable.extend(listing.unreadable);
            let found = listing.files.into_iter();
            survey
                .found
                .extend(found.map(|found| (found.path.clone(), found)));
            tops.insert(folder.clone());
        }
        if known_before {
            survey.find_gone(&tops, self.vault.files());
        }
        Ok(())
    }

    /// Replaces what is known of the folders at and below `top`; true when anything was. Those that could not be read
    /// stay: when they can be, what has gone from them must be found.
    fn take_folders(&mut self, top: &str, listing: &Listing) -> bool {
        let inner = self.folders.range::<str, _>(below(top));
        let known: Vec<Box<str>> = inner.chain(self.folders.get(top)).cloned().collect();
        let unreadable = |folder: &str| {
            listing
                .unreadable
                .iter()
                .any(|(top, _)| is_below(folder, top))
        };
        for folder in known.iter().filter(|folder| !unreadable(folder)) {
            self.folders.remove(folder);
        }
        self.folders.extend(listing.folders.iter().cloned());
        !known.is_empty()
    }

    /// Follows symlinks that lead elsewhere by now; in what they lead to there may be others.
    fn look_at_turned_links(
        &mut self,
        survey: &mut Survey,
        listener: &dyn FolderListener,
    ) -> Result<(), EngineError> {
        let mut seen = BTreeSet::new();
        loop {
            let turned: Vec<NotePath> = self
                .notes
                .turned_links()
                .into_iter()
                .filter(|path| seen.insert(path.clone()))
                .collect();
            if turned.is_empty() {
                return Ok(());
            }
            let mut listed = BTreeSet::new();
            for path in turned {
                listener.leave(path.as_str());
                self.look_at(&path, survey, &mut listed);
            }
            self.list_all(&listed, survey, listener)?;
        }
    }

    /// A change through one name of a file shows only there: its other names (hard links, symlinks to it) are looked at
    /// too, also when that name is new. And again if it was found unchanged: that may have been before the change.
    fn look_at_aliases(&self, survey: &mut Survey) {
        let files = self.vault.files();
        let known = |path: &NotePath| Some(files.get(files.find(path.as_str())?));
        let is_changed = |found: &Found| {
            known(&found.path).is_none_or(|file| !is_known(file, found.is_note, &found.stamp))
        };
        let mut inodes: BTreeSet<u64> = BTreeSet::new();
        for found in survey.found.values().filter(|found| is_changed(found)) {
            inodes.extend(known(&found.path).map(|file| file.stamp.inode));
            inodes.insert(found.stamp.inode);
        }
        inodes.extend(
            survey
                .gone
                .iter()
                .filter_map(known)
                .map(|file| file.stamp.inode),
        );
        let aliases: BTreeSet<NotePath> = inodes
            .into_iter()
            .flat_map(|inode| files.with_inode(inode))
            .map(|id| files.get(id).path.clone())
            .filter(|path| !survey.found.get(path).is_some_and(is_changed))
            .filter(|path| !survey.gone.contains(path))
            .collect();
        let mut nothing_listed = BTreeSet::new();
        for path in aliases {
            self.look_at(&path, survey, &mut nothing_listed);
        }
    }

    /// Nothing counts as gone while the notes folder itself is: a folder that was deleted, renamed away or unmounted looks
    /// empty to who still holds it open.
    fn confirm_gone(&self, survey: &Survey) -> Result<(), EngineError> {
        if survey.gone.is_empty() {
            return Ok(());
        }
        // After a restart there is no open handle to compare with: an empty folder on another file system than last time is
        // taken for a mount point that waits for its mount.
        let unmounted = survey.found_nothing()
            && self
                .ledger
                .known_device
                .is_some_and(|known| known != self.device);
        if unmounted || !self.notes.is_there() {
            return Err(self.notes_gone());
        }
        Ok(())
    }

    fn read_changed(&mut self, mut survey: Survey) -> Result<Look, EngineError> {
        let mut vanished = false;
        let files = self.vault.files();
        let mut changes: Vec<Change> = std::mem::take(&mut survey.gone)
            .into_iter()
            .filter(|path| !survey.is_found(path, files) && files.find(path.as_str()).is_some())
            .map(|path| Change { path, now: None })
            .collect();
        let mut to_read = Vec::new();
        for found in survey.found.into_values() {
            let known = files.find(found.path.as_str()).map(|id| files.get(id));
            if known.is_some_and(|file| is_known(file, found.is_note, &found.stamp)) {
                continue;
            }
            if found.is_note {
                to_read.push(found.path);
                continue;
            }
            let trusted = is_trusted(&found.stamp, self.notes.now());
            changes.push(Change {
                path: found.path,
                now: Some(Seen {
                    stamp: found.stamp,
                    trusted,
                    note: None,
                }),
            });
        }
        let mut unreadable = survey.unreadable;
        let mut texts = Vec::new();
        let reader = Reader {
            notes: &*self.notes,
            rules: self.vault.rules(),
            shelf: &self.shelf,
            room: Room::default(),
        };
        let threads = Threads(self.progress.clone());
        let reads = helpers::map(&threads, &to_read, |path| reader.read(path));
        changes.reserve_exact(to_read.len());
        for (path, read) in to_read.into_iter().zip(reads) {
            match read {
                Ok((seen, kept)) => {
                    texts.extend(kept.map(|kept| (path.clone(), kept)));
                    changes.push(Change {
                        path,
                        now: Some(seen),
                    });
                }
                // It went between the look and the read: a hint of that is on its way, but none is needed.
                Err(error) if error.kind() == ErrorKind::NotFound && self.is_gone(&path) => {
                    changes.push(Change { path, now: None });
                    vanished = true;
                }
                Err(error) => unreadable.push((path.to_string(), error.into())),
            }
        }
        if vanished && !self.notes.is_there() {
            return Err(self.notes_gone());
        }
        Ok(Look {
            changes,
            texts,
            unreadable,
            newly_unreadable: Vec::new(),
        })
    }

    /// Whether nothing is at a path that a file has just been found at. A read can't tell that from a notes folder that
    /// is gone as a whole.
    fn is_gone(&self, path: &NotePath) -> bool {
        !matches!(self.notes.look(path), Ok(Looked::File(_)) | Err(_))
    }

    /// The same of a folder that could not be listed.
    fn is_no_folder(&self, folder: &str) -> bool {
        let looked = NotePath::new(folder).map(|folder| self.notes.look(&folder));
        !matches!(looked, Ok(Ok(Looked::Folder) | Err(_)))
    }

    /// That the notes folder is gone.
    pub fn notes_gone(&self) -> EngineError {
        EngineError::NotesGone(self.config.notes_dir.display().to_string())
    }
}

type Read = std::io::Result<(Seen, Option<Kept>)>;

/// What reads a note needs, on any thread.
struct Reader<'a> {
    notes: &'a dyn NotesDisk,
    rules: &'a Rules,
    shelf: &'a Shelved,
    room: Room,
}

impl Reader<'_> {
    fn read(&self, path: &NotePath) -> Read {
        let now = self.notes.now();
        let (bytes, stamp) = self.notes.read(path)?;
        let note = note::parse(path, bytes);
        let mut said = SeenNote::new(self.rules, path, &note.facts);
        // At once: of a first look at a large vault, what all notes say is more than all else that is kept of them.
        self.shelf.take(&mut said.facts);
        let seen = Seen {
            stamp,
            trusted: is_trusted(&stamp, now),
            note: Some(Box::new(said)),
        };
        Ok((seen, self.room.keep(note)))
    }
}

fn is_trusted(stamp: &Stamp, now: i64) -> bool {
    stamp.mtime.max(stamp.ctime) < now.saturating_sub(TICK_NS)
}

#[cfg(test)]
mod tests;
