//! The notes folder as a model: names, inodes and stamps as a file system keeps them, and who may read what.
//!
//! Pure state. Every change returns the folder entries that changed, from which the model of the kernel makes events.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use smartnotesd::disk::select::{FolderRules, RULES_FILE, Rules, Select, Verdict};
use smartnotesd::disk::{Found, Stamp};
use smartnotesd::path::NotePath;

/// File times are kept by this tick, as the kernel does: two writes within one leave equal stamps.
pub(crate) const TICK: i64 = 10_000_000;

/// What a name leads to, if it is a file.
#[derive(Clone, Debug)]
pub(crate) struct Inode {
    pub(crate) bytes: Vec<u8>,
    pub(crate) mtime: i64,
    pub(crate) ctime: i64,
    pub(crate) readable: bool,
}

/// A folder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folder {
    pub(crate) inode: u64,
    pub(crate) readable: bool,
}

/// What stands at the path of the notes folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// The folder.
    Here,
    /// Nothing; who holds the folder open sees it empty and deleted.
    Deleted,
    /// Another folder or nothing; who holds the old one open still sees all of it.
    MovedAway,
    /// An empty folder of another file system: the mount went.
    Unmounted,
}

/// An entry of a folder that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Touched {
    /// The entry of this path.
    Entry(String),
    /// The folder with this inode, which lay here, has moved or is gone.
    Moved(String, u64),
}

/// The tree.
#[derive(Clone, Debug)]
pub(crate) struct NotesTree {
    pub(crate) root: Root,
    files: BTreeMap<String, u64>,
    inodes: BTreeMap<u64, Inode>,
    folders: BTreeMap<String, Folder>,
    next_inode: u64,
}

pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

pub(crate) fn is_below(path: &str, top: &str) -> bool {
    path.strip_prefix(top)
        .is_some_and(|rest| rest.starts_with('/'))
}

fn tick(clock: i64) -> i64 {
    clock - clock.rem_euclid(TICK)
}

impl NotesTree {
    pub(crate) fn new() -> Self {
        let folders = BTreeMap::from([(
            String::new(),
            Folder {
                inode: 1,
                readable: true,
            },
        )]);
        Self {
            root: Root::Here,
            files: BTreeMap::new(),
            inodes: BTreeMap::new(),
            folders,
            next_inode: 2,
        }
    }

    pub(crate) fn files(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    pub(crate) fn folders(&self) -> Vec<String> {
        self.folders
            .keys()
            .filter(|path| !path.is_empty())
            .cloned()
            .collect()
    }

    pub(crate) fn folder(&self, path: &str) -> Option<Folder> {
        self.folders.get(path).copied()
    }

    pub(crate) fn is_file(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    pub(crate) fn bytes(&self, path: &str) -> Option<&[u8]> {
        Some(&self.inodes[self.files.get(path)?].bytes)
    }

    fn fresh(&mut self) -> u64 {
        self.next_inode += 1;
        self.next_inode
    }

    /// Makes a folder and those above it; false when a file is in the way.
    fn make_folders(&mut self, path: &str, touched: &mut Vec<Touched>) -> bool {
        if self.folders.contains_key(path) {
            return true;
        }
        if self.files.contains_key(path) || !self.make_folders(parent(path), touched) {
            return false;
        }
        let inode = self.fresh();
        self.folders.insert(
            path.to_owned(),
            Folder {
                inode,
                readable: true,
            },
        );
        touched.push(Touched::Entry(path.to_owned()));
        true
    }

    pub(crate) fn make_folder(&mut self, path: &str) -> Vec<Touched> {
        let mut touched = Vec::new();
        self.make_folders(path, &mut touched);
        touched
    }

    /// Writes a file in place, or makes it.
    pub(crate) fn write(&mut self, path: &str, bytes: &[u8], clock: i64) -> Vec<Touched> {
        let mut touched = Vec::new();
        if self.folders.contains_key(path) || !self.make_folders(parent(path), &mut touched) {
            return touched;
        }
        let now = tick(clock);
        match self.files.get(path) {
            Some(inode) => {
                let inode = self.inodes.get_mut(inode).expect("every name has an inode");
                (inode.bytes, inode.mtime, inode.ctime) = (bytes.to_vec(), now, now);
            }
            None => {
                let number = self.fresh();
                let inode = Inode {
                    bytes: bytes.to_vec(),
                    mtime: now,
                    ctime: now,
                    readable: true,
                };
                self.inodes.insert(number, inode);
                self.files.insert(path.to_owned(), number);
            }
        }
        touched.push(Touched::Entry(path.to_owned()));
        touched
    }

    /// Gives a file a second name.
    pub(crate) fn link(&mut self, from: &str, to: &str, clock: i64) -> Vec<Touched> {
        let mut touched = Vec::new();
        let Some(&inode) = self.files.get(from) else {
            return touched;
        };
        if self.exists(to) || !self.make_folders(parent(to), &mut touched) {
            return touched;
        }
        self.files.insert(to.to_owned(), inode);
        self.inodes
            .get_mut(&inode)
            .expect("every name has an inode")
            .ctime = tick(clock);
        touched.push(Touched::Entry(to.to_owned()));
        touched
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.files.contains_key(path) || self.folders.contains_key(path)
    }

    /// Removes a file, or a folder with all in it.
    pub(crate) fn remove(&mut self, path: &str) -> Vec<Touched> {
        let mut touched = Vec::new();
        for file in self.files() {
            if file == path || is_below(&file, path) {
                self.unlink(&file);
                touched.push(Touched::Entry(file));
            }
        }
        for folder in self.folders().into_iter().rev() {
            if folder == path || is_below(&folder, path) {
                let gone = self.folders.remove(&folder).expect("it was just listed");
                touched.push(Touched::Moved(folder.clone(), gone.inode));
                touched.push(Touched::Entry(folder));
            }
        }
        touched
    }

    fn unlink(&mut self, path: &str) {
        let Some(inode) = self.files.remove(path) else {
            return;
        };
        if !self.files.values().any(|other| *other == inode) {
            self.inodes.remove(&inode);
        }
    }

    /// Renames a file or a folder; a file in the way is replaced, a folder in the way refuses.
    pub(crate) fn rename(&mut self, from: &str, to: &str, clock: i64) -> Vec<Touched> {
        let mut touched = Vec::new();
        let blocked = from == to || is_below(to, from) || self.folders.contains_key(to);
        if blocked
            || !self.exists(from)
            || (self.folders.contains_key(from) && self.files.contains_key(to))
        {
            return touched;
        }
        if !self.make_folders(parent(to), &mut touched) {
            return touched;
        }
        if let Some(&inode) = self.files.get(from) {
            self.unlink(to);
            self.files.remove(from);
            self.files.insert(to.to_owned(), inode);
            self.inodes
                .get_mut(&inode)
                .expect("every name has an inode")
                .ctime = tick(clock);
        } else {
            let inode = self.folders[from].inode;
            self.move_all_below(from, to);
            touched.push(Touched::Moved(from.to_owned(), inode));
        }
        touched.push(Touched::Entry(from.to_owned()));
        touched.push(Touched::Entry(to.to_owned()));
        touched
    }

    fn move_all_below(&mut self, from: &str, to: &str) {
        let moved = |path: &str| -> Option<String> {
            let rest = path.strip_prefix(from)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{to}{rest}"))
        };
        let rename = |path: String| moved(&path).unwrap_or(path);
        self.files = std::mem::take(&mut self.files)
            .into_iter()
            .map(|(path, inode)| (rename(path), inode))
            .collect();
        self.folders = std::mem::take(&mut self.folders)
            .into_iter()
            .map(|(path, folder)| (rename(path), folder))
            .collect();
    }

    /// Exchanges two files in one step.
    pub(crate) fn swap(&mut self, a: &str, b: &str, clock: i64) -> Vec<Touched> {
        let (Some(&first), Some(&second)) = (self.files.get(a), self.files.get(b)) else {
            return Vec::new();
        };
        self.files.insert(a.to_owned(), second);
        self.files.insert(b.to_owned(), first);
        for inode in [first, second] {
            self.inodes
                .get_mut(&inode)
                .expect("every name has an inode")
                .ctime = tick(clock);
        }
        vec![Touched::Entry(a.to_owned()), Touched::Entry(b.to_owned())]
    }

    /// Takes or gives the right to read.
    pub(crate) fn set_readable(&mut self, path: &str, readable: bool, clock: i64) -> Vec<Touched> {
        if let Some(inode) = self.files.get(path) {
            let inode = self.inodes.get_mut(inode).expect("every name has an inode");
            (inode.readable, inode.ctime) = (readable, tick(clock));
        } else if let Some(folder) = self.folders.get_mut(path) {
            folder.readable = readable;
        } else {
            return Vec::new();
        }
        vec![Touched::Entry(path.to_owned())]
    }

    /// What can't be read.
    pub(crate) fn closed(&self) -> Vec<String> {
        let files = self
            .files
            .iter()
            .filter(|(_, inode)| !self.inodes[inode].readable)
            .map(|(path, _)| path);
        let folders = self
            .folders
            .iter()
            .filter(|(_, folder)| !folder.readable)
            .map(|(path, _)| path);
        files.chain(folders).cloned().collect()
    }

    fn stamp(&self, inode: u64) -> Stamp {
        let file = &self.inodes[&inode];
        Stamp {
            mtime: file.mtime,
            ctime: file.ctime,
            size: file.bytes.len() as u64,
            inode,
        }
    }

    // ---- what the daemon sees

    /// Refuses what lies below a folder that can't be searched.
    fn require_searchable(&self, path: &str) -> io::Result<()> {
        let mut folder = parent(path);
        while !folder.is_empty() {
            if self
                .folders
                .get(folder)
                .is_some_and(|folder| !folder.readable)
            {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            folder = parent(folder);
        }
        Ok(())
    }

    /// The rules that hold in a folder; `None` when it is left out.
    pub(crate) fn rules_in(&self, select: &Select, folder: &str) -> Option<Rules> {
        let mut rules = Rules::default().below(self.own_rules(""));
        let ends = folder
            .match_indices('/')
            .map(|(end, _)| end)
            .chain([folder.len()]);
        for prefix in ends
            .map(|end| &folder[..end])
            .filter(|prefix| !prefix.is_empty())
        {
            if !select.enters(prefix, &rules) {
                return None;
            }
            rules = rules.below(self.own_rules(prefix));
        }
        Some(rules)
    }

    fn own_rules(&self, folder: &str) -> Option<Arc<FolderRules>> {
        let path = if folder.is_empty() {
            RULES_FILE.to_owned()
        } else {
            format!("{folder}/{RULES_FILE}")
        };
        let text = String::from_utf8_lossy(self.bytes(&path)?).into_owned();
        Some(Arc::new(FolderRules::parse(folder, &text).0))
    }

    /// The file at a path, if it counts.
    ///
    /// # Errors
    /// When it can't be known.
    pub(crate) fn found(&self, select: &Select, path: &str) -> io::Result<Option<Found>> {
        self.require_searchable(path)?;
        let (Some(&inode), Some(rules)) =
            (self.files.get(path), self.rules_in(select, parent(path)))
        else {
            return Ok(None);
        };
        let is_note = match select.file(path, &rules) {
            Verdict::LeftOut => return Ok(None),
            verdict => verdict == Verdict::Note,
        };
        let Ok(note) = NotePath::new(path) else {
            return Ok(None);
        };
        Ok(Some(Found {
            path: note,
            is_note,
            stamp: self.stamp(inode),
        }))
    }

    /// The entries of a folder: files, and folders.
    pub(crate) fn entries(&self, folder: &str) -> (Vec<String>, Vec<String>) {
        let inside = |path: &&String| !path.is_empty() && parent(path) == folder;
        (
            self.files.keys().filter(inside).cloned().collect(),
            self.folders.keys().filter(inside).cloned().collect(),
        )
    }

    /// Whether a file has a name that counts and one that does not: a change through the second shows nowhere else.
    pub(crate) fn has_unseen_alias(&self, select: &Select) -> bool {
        let counts = |path: &str| self.found(select, path).is_ok_and(|found| found.is_some());
        self.files.iter().any(|(path, inode)| {
            let mut others = self.files.iter().filter(|(_, other)| *other == inode);
            !counts(path) && others.any(|(other, _)| counts(other))
        })
    }

    /// A file's bytes and version.
    ///
    /// # Errors
    /// When there is none, or it may not be read.
    pub(crate) fn read(&self, path: &str) -> io::Result<(Vec<u8>, Stamp)> {
        self.require_searchable(path)?;
        let inode = *self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        if !self.inodes[&inode].readable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok((self.inodes[&inode].bytes.clone(), self.stamp(inode)))
    }
}
