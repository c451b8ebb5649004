//! The table of the vault's files: dense, indexed by [`FileId`], with a lookup by path.
//!
//! Owns the ids. An id that was given up is not given out again before [`Files::recycle`], since the manifest
//! may still know outputs by it.

use std::sync::Arc;

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::facts::{Head, Shelf, Words};
use super::{FileId, NoteFacts, PackedFacts};
use crate::disk::Stamp;
use crate::hash::Key;
use crate::path::NotePath;

/// One end of a resolved reference: the other file, and whether it is embedded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edge(u32);

impl Edge {
    /// An edge to (or from) a file.
    pub fn new(id: FileId, embed: bool) -> Self {
        Self(id.0 << 1 | u32::from(embed))
    }

    /// The file at the other end.
    pub fn id(self) -> FileId {
        FileId(self.0 >> 1)
    }

    /// Whether the source shows the target's content in place.
    pub fn is_embed(self) -> bool {
        self.0 & 1 != 0
    }
}

/// A file of the vault.
#[derive(Clone, Debug)]
pub struct File {
    /// Where.
    pub path: NotePath,
    /// The version that is known.
    pub stamp: Stamp,
    /// Whether an equal stamp means an equal content: the file was old enough when it was read.
    pub trusted: bool,
    /// What a note says; `None` for an attachment.
    facts: Option<PackedFacts>,
    /// What it refers to, once each, in id order; embeds and links apart.
    pub edges: Box<[Edge]>,
    /// What refers to it.
    pub incoming: SmallVec<[Edge; 4]>,
    /// All that a note's own text and what it embeds or links to contribute to its outputs.
    pub view: Key,
    /// A sum over the exported notes that refer to it: path, title and place of each.
    pub backlinks: Key,
    /// A note that is let out and has its place in the export.
    pub exported: bool,
    /// Whether something is wrong with a note's front matter: to count those that have it, no facts need be read.
    pub has_problem: bool,
    /// References that lead nowhere.
    pub unresolved: u16,
    /// References that had several equally near candidates.
    pub ambiguous: u16,
}

impl File {
    /// A file that has just been seen: nothing is known of how it hangs together with others.
    pub fn new(path: NotePath, stamp: Stamp, trusted: bool, facts: Option<PackedFacts>) -> Self {
        Self {
            path,
            stamp,
            trusted,
            facts,
            edges: Box::default(),
            incoming: SmallVec::new(),
            view: Key::default(),
            backlinks: Key::default(),
            exported: false,
            has_problem: false,
            unresolved: 0,
            ambiguous: 0,
        }
    }

    /// Whether it is a note.
    pub fn is_note(&self) -> bool {
        self.facts.is_some()
    }

    /// What a note says, as it is kept.
    pub(super) fn packed_facts(&self) -> Option<&PackedFacts> {
        self.facts.as_ref()
    }

    /// What a note says.
    pub fn facts(&self) -> Option<NoteFacts> {
        self.facts.as_ref().map(PackedFacts::unpack)
    }

    /// The first of what a note says.
    pub fn head(&self) -> Option<Head> {
        self.facts.as_ref().map(PackedFacts::head)
    }

    /// Replaces what a note says.
    pub fn set_facts(&mut self, facts: PackedFacts, has_problem: bool) {
        self.facts = Some(facts);
        self.has_problem = has_problem;
    }

    /// What the manifest keeps of it besides path, stamp and keys. It ends with a hash of itself, so that one that was
    /// damaged is known without being understood.
    pub fn to_record(&self) -> Vec<u8> {
        let facts = self.facts.as_ref().map(PackedFacts::bytes);
        let record = Record {
            facts: facts.as_deref(),
            edges: self.edges.to_vec(),
            unresolved: self.unresolved,
            ambiguous: self.ambiguous,
        };
        let mut bytes = postcard::to_allocvec(&record)
            .expect("a record is plain data and memory is its only limit");
        let hash = hash_record(&bytes).to_le_bytes();
        bytes.extend_from_slice(&hash);
        bytes
    }

    /// Takes back what [`Self::to_record`] gave; what a load needs of a note's facts is returned, and all of them lie on
    /// the shelf if there is one.
    ///
    /// # Errors
    /// When the bytes are no record.
    pub(super) fn restore<'a>(
        &mut self,
        bytes: &'a [u8],
        shelf: Option<&Arc<dyn Shelf>>,
    ) -> Result<Option<Words<'a>>, Damaged> {
        let (bytes, hash) = bytes.split_last_chunk().ok_or(Damaged)?;
        if u64::from_le_bytes(*hash) != hash_record(bytes) {
            return Err(Damaged);
        }
        let record: Record = postcard::from_bytes(bytes)?;
        let restore = |facts| PackedFacts::restore(facts, shelf);
        let (packed, words) = record.facts.map(restore).transpose()?.unzip();
        self.facts = packed;
        self.has_problem = words.as_ref().is_some_and(|words| words.problem.is_some());
        self.edges = record.edges.into();
        self.unresolved = record.unresolved;
        self.ambiguous = record.ambiguous;
        Ok(words)
    }
}

/// A record is not as it was when it was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record of a file is damaged")]
pub struct Damaged;

impl From<postcard::Error> for Damaged {
    fn from(_: postcard::Error) -> Self {
        Self
    }
}

/// What the manifest keeps of a file, as it is encoded. Whoever changes it, or what facts are packed as, changes
/// [`RECORD_LAYOUT`] too.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    facts: Option<&'a [u8]>,
    edges: Vec<Edge>,
    unresolved: u16,
    ambiguous: u16,
}

/// Part of a record's hash, so that one of another layout is never taken for one of ours.
const RECORD_LAYOUT: u64 = 1;

fn hash_record(bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, RECORD_LAYOUT)
}

/// All files, by id and by path.
#[derive(Clone, Debug, Default)]
pub struct Files {
    slots: Vec<Option<File>>,
    by_path: HashTable<FileId>,
    /// Several files can be one inode: hard links, and symlinks to a file of the vault.
    by_inode: HashTable<FileId>,
    free: Vec<FileId>,
    retired: Vec<FileId>,
    notes: usize,
}

fn hash(path: &str) -> u64 {
    xxh3_64(path.as_bytes())
}

fn hash_inode(inode: u64) -> u64 {
    xxh3_64(&inode.to_le_bytes())
}

impl Files {
    /// The file with this id.
    ///
    /// # Panics
    /// When there is none: ids are only handed out for files that exist, and whoever keeps one is told when it goes.
    pub fn get(&self, id: FileId) -> &File {
        self.slots[id.0 as usize]
            .as_ref()
            .expect("ids in use name a file")
    }

    /// The file with this id, to change.
    ///
    /// # Panics
    /// As [`Self::get`].
    pub fn get_mut(&mut self, id: FileId) -> &mut File {
        self.slots[id.0 as usize]
            .as_mut()
            .expect("ids in use name a file")
    }

    /// The file with this id, if there is one.
    pub fn try_get(&self, id: FileId) -> Option<&File> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    /// The file at this path.
    pub fn find(&self, path: &str) -> Option<FileId> {
        self.by_path
            .find(hash(path), |&id| self.get(id).path.as_str() == path)
            .copied()
    }

    /// Adds a file whose path is not taken.
    pub fn insert(&mut self, file: File) -> FileId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            FileId(u32::try_from(self.slots.len() - 1).expect("a vault has fewer than 2^31 files"))
        });
        self.put(id, file);
        id
    }

    /// Makes room for ids below `end`.
    pub(super) fn reserve(&mut self, end: usize) {
        self.slots
            .reserve_exact(end.saturating_sub(self.slots.len()));
        self.by_path.reserve(end, |_| unreachable!("it is empty"));
        self.by_inode.reserve(end, |_| unreachable!("it is empty"));
    }

    /// Some `count` files are about to be added, or fewer. Where they are most of the table, it would grow by doubling.
    pub(super) fn make_room(&mut self, count: usize) {
        if count > self.slots.len() {
            self.slots.reserve_exact(count);
        }
    }

    /// All ids are below this.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Adds a file under the id that it had in an earlier run.
    pub fn restore(&mut self, id: FileId, file: File) {
        let at = id.0 as usize;
        if self.slots.len() <= at {
            self.slots.resize_with(at + 1, || None);
        }
        self.put(id, file);
    }

    fn put(&mut self, id: FileId, file: File) {
        let hashed = hash(file.path.as_str());
        self.notes += usize::from(file.is_note());
        self.slots[id.0 as usize] = Some(file);
        let slots = &self.slots;
        self.by_path.insert_unique(hashed, id, |&id| {
            hash(
                slots[id.0 as usize]
                    .as_ref()
                    .expect("ids in use name a file")
                    .path
                    .as_str(),
            )
        });
        self.index_inode(id);
    }

    fn index_inode(&mut self, id: FileId) {
        let slots = &self.slots;
        let inode = |id: FileId| {
            slots[id.0 as usize]
                .as_ref()
                .expect("ids in use name a file")
                .stamp
                .inode
        };
        self.by_inode
            .insert_unique(hash_inode(inode(id)), id, |&id| hash_inode(inode(id)));
    }

    fn forget_inode(&mut self, id: FileId) {
        let hashed = hash_inode(self.get(id).stamp.inode);
        if let Ok(entry) = self.by_inode.find_entry(hashed, |&other| other == id) {
            entry.remove();
        }
    }

    /// Puts another version in the place of the known one.
    pub fn set_stamp(&mut self, id: FileId, stamp: Stamp, trusted: bool) {
        self.forget_inode(id);
        let file = self.get_mut(id);
        file.stamp = stamp;
        file.trusted = trusted;
        self.index_inode(id);
    }

    /// The files that were this inode when they were last looked at.
    pub fn with_inode(&self, inode: u64) -> impl Iterator<Item = FileId> {
        self.by_inode
            .iter_hash(hash_inode(inode))
            .copied()
            .filter(move |&id| self.get(id).stamp.inode == inode)
    }

    /// Takes a file out; its id stays unused until [`Self::recycle`].
    pub fn remove(&mut self, id: FileId) -> File {
        self.forget_inode(id);
        let hashed = hash(self.get(id).path.as_str());
        if let Ok(entry) = self.by_path.find_entry(hashed, |&other| other == id) {
            entry.remove();
        }
        self.retired.push(id);
        let file = self.slots[id.0 as usize]
            .take()
            .expect("ids in use name a file");
        self.notes -= usize::from(file.is_note());
        file
    }

    /// Lets the ids of removed files be used again, and those that a bulk of [`Self::restore`] left out.
    pub fn recycle(&mut self) {
        self.free.append(&mut self.retired);
    }

    /// After a bulk of [`Self::restore`]: the gaps between ids become free.
    pub fn find_gaps(&mut self) {
        self.free = (0u32..)
            .zip(&self.slots)
            .filter(|(_, slot)| slot.is_none())
            .map(|(id, _)| FileId(id))
            .collect();
    }

    /// All files in id order.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &File)> {
        (0u32..)
            .zip(&self.slots)
            .filter_map(|(id, slot)| Some((FileId(id), slot.as_ref()?)))
    }

    /// Puts the facts of all notes on a shelf.
    pub(super) fn shelve(&mut self, shelf: &Arc<dyn Shelf>) {
        let files = self.slots.iter_mut().flatten();
        for facts in files.filter_map(|file| file.facts.as_mut()) {
            facts.shelve(shelf);
        }
    }

    /// How many notes there are.
    pub fn notes(&self) -> usize {
        self.notes
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.by_path.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_path.is_empty()
    }
}
