//! What a look has seen so far. Where it sees the same twice, the later sight counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use super::FolderListener;
use crate::batch::Progress;
use crate::disk::{Found, Hindrance, Stamp, Visitor};
use crate::path::{NotePath, prefixes};
use crate::vault::{File, FileId, Files};

/// What was looked at, before anything is read.
#[derive(Default)]
pub(super) struct Survey {
    /// Files that may differ from what is known.
    pub(super) found: BTreeMap<NotePath, Found>,
    /// Whether a file was found as it is known, by its id. Where everything is looked at, nearly all are.
    same: Vec<AtomicBool>,
    pub(super) gone: BTreeSet<NotePath>,
    pub(super) unreadable: Vec<(String, Hindrance)>,
}

impl Survey {
    /// The visitor of a listing.
    pub(super) fn surveyor<'a>(
        &'a mut self,
        files: &'a Files,
        progress: &'a Progress,
        listener: &'a dyn FolderListener,
    ) -> Surveyor<'a> {
        self.same.resize_with(files.slots(), AtomicBool::default);
        Surveyor {
            files,
            same: &self.same,
            progress,
            listener,
        }
    }

    pub(super) fn is_same(&self, id: FileId) -> bool {
        let same = self.same.get(id.0 as usize);
        same.is_some_and(|same| same.load(Ordering::Relaxed))
    }

    pub(super) fn is_found(&self, path: &NotePath, files: &Files) -> bool {
        self.found.contains_key(path)
            || files.find(path.as_str()).is_some_and(|id| self.is_same(id))
    }

    /// No file is at this path now, whatever was found there before.
    pub(super) fn finds_none(&mut self, path: &NotePath, files: &Files) {
        self.found.remove(path);
        let known = files.find(path.as_str());
        if let Some(same) = known.and_then(|id| self.same.get(id.0 as usize)) {
            same.store(false, Ordering::Relaxed);
        }
        self.gone.insert(path.clone());
    }

    /// These folders are about to be listed. What was found in them a moment ago may have gone with them since, and only
    /// what the listing doesn't find is gone.
    pub(super) fn forget_below(&mut self, tops: &BTreeSet<Box<str>>, files: &Files) {
        if tops.is_empty() {
            return;
        }
        self.found.retain(|path, _| !is_in(path.folder(), tops));
        self.unreadable.retain(|(path, _)| !is_in(path, tops));
        if self.same.is_empty() {
            return;
        }
        for (id, file) in files.iter().filter(|(id, _)| self.is_same(*id)) {
            if is_in(file.path.folder(), tops) {
                self.same[id.0 as usize].store(false, Ordering::Relaxed);
            }
        }
    }

    /// After a listing of these folders: what was known in them and was not found is gone.
    pub(super) fn find_gone(&mut self, tops: &BTreeSet<Box<str>>, files: &Files) {
        // What lies below an unreadable folder is unknown, not gone.
        let unknown: BTreeSet<&str> = self
            .unreadable
            .iter()
            .map(|(path, _)| path.as_str())
            .collect();
        let gone: Vec<NotePath> = files
            .iter()
            .filter(|(id, _)| !self.is_same(*id))
            .map(|(_, file)| &file.path)
            .filter(|path| {
                let mut listed = tops.contains("");
                for above in prefixes(path.as_str()) {
                    if unknown.contains(above) {
                        return false;
                    }
                    listed |= tops.contains(above);
                }
                listed && !self.found.contains_key(*path)
            })
            .cloned()
            .collect();
        self.gone.extend(gone);
    }

    pub(super) fn found_nothing(&self) -> bool {
        let any_same = || self.same.iter().any(|same| same.load(Ordering::Relaxed));
        self.found.is_empty() && !any_same()
    }
}

/// A listing's visitor.
pub(super) struct Surveyor<'a> {
    files: &'a Files,
    same: &'a [AtomicBool],
    progress: &'a Progress,
    listener: &'a dyn FolderListener,
}

impl Visitor for Surveyor<'_> {
    fn enter(&self, folders: &[&str]) {
        self.progress.beat();
        self.listener.enter(folders);
    }

    fn knows(&self, path: &str, is_note: bool, stamp: &Stamp) -> bool {
        let known = self.files.find(path);
        let Some(id) = known.filter(|&id| is_known(self.files.get(id), is_note, stamp)) else {
            return false;
        };
        self.same[id.0 as usize].store(true, Ordering::Relaxed);
        true
    }
}

/// Whether a file is as it is known. An equal stamp that is not trusted may hide a change.
pub(super) fn is_known(file: &File, is_note: bool, stamp: &Stamp) -> bool {
    file.is_note() == is_note && file.stamp == *stamp && file.trusted
}

/// Whether `path` is one of these folders or lies below one.
fn is_in(path: &str, folders: &BTreeSet<Box<str>>) -> bool {
    folders.contains("") || prefixes(path).any(|above| folders.contains(above))
}
