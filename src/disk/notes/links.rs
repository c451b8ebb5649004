//! The symlinks among the notes, and what each led to when it was last looked at.
//!
//! The kernel tells of changes at the place where they happen. That what a symlink leads to has come, gone or been
//! replaced, it tells nobody who only watches the symlink: each has to be asked again. Of a rules file that has other names
//! even its text has to be: no note's stamp changes with it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rustix::fs::{FileType, OFlags};

use super::super::beneath::{self, FolderId};
use super::rules::RulesFile;
use super::{NotesFolder, Root, is_nothing};
use crate::disk::select::RULES_FILE;
use crate::hash::ContentHash;
use crate::path::{NotePath, below, child, last_part, parent};
use crate::sync::lock;

/// What a symlink leads to: a file or folder inside, or nothing that counts.
pub(super) type End = Option<FolderId>;

/// All that were met.
#[derive(Debug, Default)]
pub(super) struct Links {
    ends: Mutex<BTreeMap<Box<str>, End>>,
    /// What the rules files with other names said, by their folders.
    rules: Mutex<BTreeMap<Box<str>, Said>>,
}

/// The hash of a rules file's text, if there was any.
type Said = Option<ContentHash>;

impl Links {
    /// `path` was looked at, and a symlink is part of it.
    pub(super) fn note(&self, path: &str, end: End) {
        lock(&self.ends).insert(path.into(), end);
    }

    /// The rules file of `folder` was read.
    pub(super) fn note_rules(&self, folder: &str, file: &RulesFile) {
        let mut rules = lock(&self.rules);
        if file.has_other_names {
            rules.insert(folder.into(), said(file));
        } else {
            rules.remove(folder);
        }
    }

    /// What lies in `folder` ("" for the root) and below it is about to be looked at afresh.
    pub(super) fn forget_below(&self, folder: &str) {
        forget_below(&mut lock(&self.ends), folder);
        let mut rules = lock(&self.rules);
        rules.remove(folder);
        forget_below(&mut rules, folder);
    }

    /// Those that lead elsewhere by now, and the rules files that say something else. What has no other name (any more) is
    /// forgotten: of its changes, the kernel tells.
    pub(super) fn turned(&self, root: &Root) -> Vec<NotePath> {
        let known = lock(&self.ends).clone();
        let mut turned = Vec::new();
        for (path, before) in known {
            if !is_symlink(root, &path) {
                lock(&self.ends).remove(&path);
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
        self.add_turned_rules(root, &mut turned);
        turned
    }

    fn add_turned_rules(&self, root: &Root, turned: &mut Vec<NotePath>) {
        let known = lock(&self.rules).clone();
        for (folder, before) in known {
            let read = root
                .open_inside(&folder, OFlags::RDONLY | OFlags::DIRECTORY)
                .and_then(|handle| RulesFile::read(root, &folder, &handle));
            match read {
                Ok(file) if file.has_other_names && said(&file) == before => {}
                // Also where it has but this name by now: what was done by the other, nobody told.
                Ok(_) => turned.extend(NotePath::new(&child(&folder, RULES_FILE))),
                Err(error) if is_nothing(&error) => {
                    lock(&self.rules).remove(&folder);
                }
                // Asked again next time.
                Err(_) => {}
            }
        }
    }
}

fn said(file: &RulesFile) -> Said {
    let text = file.text.as_ref();
    text.map(|text| ContentHash::of(text.as_bytes()))
}

fn forget_below<T>(known: &mut BTreeMap<Box<str>, T>, folder: &str) {
    let inner = known.range::<str, _>(below(folder));
    let inner: Vec<Box<str>> = inner.map(|(path, _)| path.clone()).collect();
    for path in inner {
        known.remove(&path);
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
