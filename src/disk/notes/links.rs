//! The symlinks among the notes, and what each led to when it was last looked at.
//!
//! The kernel tells of changes at the place where they happen. That what a symlink leads to has come, gone or been
//! replaced, it tells nobody who only watches the symlink: each has to be asked again.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rustix::fs::{FileType, OFlags};

use super::super::beneath::{self, FolderId};
use super::{NotesFolder, Root, is_nothing};
use crate::path::{NotePath, below, last_part, parent};
use crate::sync::lock;

/// What a symlink leads to: a file or folder inside, or nothing that counts.
pub(super) type End = Option<FolderId>;

/// All symlinks that were met.
#[derive(Debug, Default)]
pub(super) struct Links(Mutex<BTreeMap<Box<str>, End>>);

impl Links {
    /// `path` was looked at, and a symlink is part of it.
    pub(super) fn note(&self, path: &str, end: End) {
        lock(&self.0).insert(path.into(), end);
    }

    /// What lies in `folder` ("" for the root) and below it is about to be looked at afresh.
    pub(super) fn forget_below(&self, folder: &str) {
        let mut links = lock(&self.0);
        let known = links.range::<str, _>(below(folder));
        let known: Vec<Box<str>> = known.map(|(path, _)| path.clone()).collect();
        for path in known {
            links.remove(&path);
        }
    }

    /// Those that lead elsewhere by now. What is no symlink (any more) is forgotten: of its changes, the kernel tells.
    pub(super) fn turned(&self, root: &Root) -> Vec<NotePath> {
        let known = lock(&self.0).clone();
        let mut turned = Vec::new();
        for (path, before) in known {
            if !is_symlink(root, &path) {
                lock(&self.0).remove(&path);
                continue;
            }
            // What can't be looked at now is asked again next time.
            let Ok((stat, _)) = NotesFolder::stat_inside(root, &path) else {
                continue;
            };
            if stat.as_ref().map(FolderId::from) != before {
                turned.extend(NotePath::new(&path));
            }
        }
        turned
    }
}

/// Whether the entry itself is a symlink. One that can't be looked at is taken for one.
fn is_symlink(root: &Root, path: &str) -> bool {
    let name = last_part(path);
    let folder = parent(path).unwrap_or_default();
    let stat = root
        .open_inside(folder, OFlags::PATH | OFlags::DIRECTORY)
        .and_then(|folder| Ok(beneath::stat_entry(folder, name)?));
    match stat {
        Ok(stat) => beneath::kind(&stat) == FileType::Symlink,
        Err(error) => !is_nothing(&error),
    }
}
