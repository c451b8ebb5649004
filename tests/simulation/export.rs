//! The export tree as a model: what is under which name, what of that a power loss would leave, and whose each file is.
//!
//! It refuses and allows what [`OutputDisk`](smartnotesd::disk::OutputDisk) promises, and keeps an account of the
//! promises that nothing may break: a name never leads to a damaged file, and what somebody else made stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use smartnotesd::disk::{OutputError, OutputState, Owned, TemporaryId};
use smartnotesd::hash::ContentHash;
use smartnotesd::path::OutputPath;

use crate::notes::{is_below, parent};
use crate::rng::Rng;

/// A file.
#[derive(Clone, Debug)]
pub(crate) struct OutFile {
    pub(crate) bytes: Vec<u8>,
    mtime: i64,
    birth: i64,
    /// Its bytes are on the disk.
    flushed: bool,
    /// A power loss took its bytes.
    damaged: bool,
    /// Somebody else made it.
    pub(crate) foreign: bool,
}

/// A change of names that a power loss may undo.
#[derive(Clone, Debug)]
enum Op {
    MakeFolder(String),
    RemoveFolder(String),
    Link(String, u64),
    Unlink(String),
}

/// Names and folders at one moment.
#[derive(Clone, Debug, Default)]
struct Names {
    files: BTreeMap<String, u64>,
    folders: BTreeSet<String>,
}

/// A change since the last flush.
#[derive(Clone, Debug)]
struct Undone {
    op: Op,
    /// What others do is on the disk at once.
    ours: bool,
}

/// What lies at an output's path.
enum Existing {
    Absent,
    File(u64),
    Other,
}

/// What that means for who wants to write there.
pub(crate) enum Judged {
    /// It is right already.
    Right(OutputState),
    /// The way is free, or the file there may be replaced.
    Free(Option<u64>),
}

/// The tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExportTree {
    now: Names,
    durable: Names,
    /// Since the last flush.
    undone: Vec<Undone>,
    /// Inodes, which are their numbers too.
    temporary: BTreeSet<u64>,
    files: BTreeMap<u64, OutFile>,
    /// Folders that somebody else made.
    foreign_folders: BTreeSet<String>,
    next: u64,
    /// Names that were staged by batches that are not remembered yet: after a crash what lies there counts as ours by its
    /// name alone. That can't be helped, so nobody puts a file there.
    at_risk: BTreeSet<String>,
    /// The same of batches that a power loss would make forgotten.
    unsynced: BTreeSet<String>,
    /// The same from earlier lives, until a batch has dealt with them.
    inherited: BTreeSet<String>,
    /// How many files we wrote or removed.
    pub(crate) changes: u64,
    /// A promise that was broken.
    pub(crate) broken: Option<String>,
}

impl Names {
    fn apply(&mut self, op: &Op, force: bool) {
        match op {
            Op::MakeFolder(path) => {
                if self.has_folder(parent(path)) && !self.files.contains_key(path) {
                    self.folders.insert(path.clone());
                }
            }
            Op::RemoveFolder(path) => {
                let within = |other: &String| parent(other) == path;
                if !self.files.keys().any(within) && !self.folders.iter().any(within) {
                    self.folders.remove(path);
                }
            }
            Op::Link(path, inode) => {
                if force {
                    let mut folder = parent(path);
                    while !folder.is_empty() {
                        self.folders.insert(folder.to_owned());
                        folder = parent(folder);
                    }
                }
                if self.has_folder(parent(path)) && !self.folders.contains(path) {
                    self.files.insert(path.clone(), *inode);
                }
            }
            Op::Unlink(path) => {
                self.files.remove(path);
            }
        }
    }

    fn has_folder(&self, path: &str) -> bool {
        path.is_empty() || self.folders.contains(path)
    }
}

impl ExportTree {
    /// All files by their names.
    pub(crate) fn files(&self) -> BTreeMap<String, &OutFile> {
        self.now
            .files
            .iter()
            .map(|(path, inode)| (path.clone(), &self.files[inode]))
            .collect()
    }

    /// Whether what somebody else made leaves no room for our file at a path.
    pub(crate) fn is_in_the_way(&self, path: &str) -> bool {
        let is_foreign = |name: &String| {
            let inode = self.now.files.get(name);
            inode.is_some_and(|inode| self.files[inode].foreign)
                || (self.now.folders.contains(name) && self.foreign_folders.contains(name))
        };
        let mut names = self.now.files.keys().chain(&self.now.folders);
        let mut above = std::iter::successors(Some(parent(path)), |folder| Some(parent(folder)))
            .take_while(|folder| !folder.is_empty());
        above.any(|folder| self.now.files.contains_key(folder) && is_foreign(&folder.to_owned()))
            || names.any(|name| (name == path || is_below(name, path)) && is_foreign(name))
    }

    /// Whether somebody may put a file there.
    pub(crate) fn is_open_to_all(&self, path: &str) -> bool {
        let risks = [&self.at_risk, &self.unsynced, &self.inherited];
        !risks.iter().any(|names| names.contains(path))
    }

    /// The process is gone.
    pub(crate) fn inherit(&mut self) {
        let names = std::mem::take(&mut self.at_risk);
        self.inherited.extend(names);
    }

    /// A batch dealt with what lies under a name.
    fn settle(&mut self, path: &OutputPath) {
        if self.inherited.remove(path.as_str()) {
            self.at_risk.insert(path.as_str().to_owned());
        }
    }

    /// A batch is remembered, but not on the disk.
    pub(crate) fn remembered(&mut self, power_may_go: bool) {
        let names = std::mem::take(&mut self.at_risk);
        if power_may_go {
            self.unsynced.extend(names);
        }
    }

    /// All that was remembered is on the disk.
    pub(crate) fn synced(&mut self) {
        self.unsynced.clear();
    }

    pub(crate) fn foreign(&self) -> Vec<String> {
        self.files()
            .into_iter()
            .filter(|(_, file)| file.foreign)
            .map(|(path, _)| path)
            .collect()
    }

    fn act(&mut self, op: Op, ours: bool) {
        self.now.apply(&op, false);
        // A folder that could not be removed is tried again at a start: that is no change of the exports.
        let is_file = matches!(op, Op::Link(..) | Op::Unlink(_));
        self.undone.push(Undone { op, ours });
        if ours && is_file {
            self.changes += 1;
        }
    }

    fn existing(&self, path: &str) -> Result<Existing, OutputError> {
        let mut folder = parent(path);
        while !folder.is_empty() {
            if self.now.files.contains_key(folder) {
                return Err(OutputError::Blocked(output(path)));
            }
            folder = parent(folder);
        }
        Ok(match self.now.files.get(path) {
            Some(inode) => Existing::File(*inode),
            None if self.now.folders.contains(path) => Existing::Other,
            None => Existing::Absent,
        })
    }

    fn state(&self, inode: u64) -> OutputState {
        let file = &self.files[&inode];
        OutputState {
            hash: ContentHash::of(&file.bytes),
            size: file.bytes.len() as u64,
            mtime: file.mtime,
            inode,
            birth: file.birth,
        }
    }

    fn is_the_one(&self, inode: u64, known: &OutputState) -> bool {
        (inode, self.files[&inode].birth) == (known.inode, known.birth)
    }

    /// Whether `bytes` lie at `path` already, and if not, whether they may be written there.
    pub(crate) fn judge(
        &mut self,
        path: &OutputPath,
        owned: Owned<'_>,
        bytes: &[u8],
    ) -> Result<Judged, OutputError> {
        let inode = match self.existing(path.as_str())? {
            Existing::Absent => return Ok(Judged::Free(None)),
            Existing::Other => return Err(OutputError::Foreign(path.clone())),
            Existing::File(inode) => inode,
        };
        let state = self.state(inode);
        let hash = match owned {
            Owned::Yes(known) if self.is_intact(path.as_str(), known) => known.hash,
            _ => state.hash,
        };
        if hash == ContentHash::of(bytes) {
            // Whoever made it, it is what we would write: from now on it is ours.
            self.adopt(inode);
            self.settle(path);
            return Ok(Judged::Right(OutputState { hash, ..state }));
        }
        let ours = match owned {
            Owned::No => false,
            Owned::Announced => true,
            Owned::Yes(known) => self.is_the_one(inode, known) || hash == known.hash,
        };
        if !ours {
            return Err(OutputError::Foreign(path.clone()));
        }
        if let Owned::Yes(known) = owned
            && hash == known.hash
        {
            self.adopt(inode);
        }
        Ok(Judged::Free(Some(inode)))
    }

    fn adopt(&mut self, inode: u64) {
        self.files
            .get_mut(&inode)
            .expect("names lead to files")
            .foreign = false;
    }

    fn make_file(&mut self, bytes: &[u8], mtime: i64, birth: i64, foreign: bool) -> u64 {
        self.next += 1;
        let file = OutFile {
            bytes: bytes.to_vec(),
            mtime,
            birth,
            flushed: foreign,
            damaged: false,
            foreign,
        };
        self.files.insert(self.next, file);
        self.next
    }

    /// Writes a temporary file.
    pub(crate) fn stage(
        &mut self,
        path: &OutputPath,
        bytes: &[u8],
        mtime: i64,
        birth: i64,
    ) -> (TemporaryId, OutputState) {
        let inode = self.make_file(bytes, mtime, birth, false);
        self.temporary.insert(inode);
        self.at_risk.insert(path.as_str().to_owned());
        let id = TemporaryId {
            number: inode,
            folder: 0,
        };
        (id, self.state(inode))
    }

    pub(crate) fn flush(&mut self) {
        for file in self.files.values_mut() {
            file.flushed = true;
        }
        self.undone.clear();
        self.durable = self.now.clone();
    }

    /// The folders above a path that are not there, the topmost first.
    pub(crate) fn missing_folders(&self, path: &OutputPath) -> Vec<OutputPath> {
        let path = path.as_str();
        let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        let is_there =
            |path: &str| self.now.folders.contains(path) || self.now.files.contains_key(path);
        folders.filter(|path| !is_there(path)).map(output).collect()
    }

    /// Renames a temporary file to its final name; `replaces` is the file that may lie there.
    pub(crate) fn publish(
        &mut self,
        temporary: TemporaryId,
        path: &OutputPath,
        replaces: Option<u64>,
        made: &mut dyn FnMut(OutputPath),
    ) -> Result<(), OutputError> {
        let inode = *self
            .temporary
            .get(&temporary.number)
            .ok_or_else(|| OutputError::Io {
                path: path.to_string(),
                error: std::io::ErrorKind::NotFound.into(),
            })?;
        let existing = self.existing(path.as_str())?;
        for folder in self.missing_folders(path) {
            self.act(Op::MakeFolder(folder.as_str().to_owned()), true);
            self.foreign_folders.remove(folder.as_str());
            made(folder);
        }
        match existing {
            Existing::Absent => {}
            Existing::File(there) if replaces == Some(there) => {
                if self.files[&there].foreign {
                    self.broken = Some(format!("{path}: somebody else's file was replaced"));
                }
            }
            Existing::File(_) | Existing::Other => return Err(OutputError::Foreign(path.clone())),
        }
        self.temporary.remove(&temporary.number);
        self.settle(path);
        self.act(Op::Link(path.as_str().to_owned(), inode), true);
        Ok(())
    }

    pub(crate) fn delete(&mut self, path: &OutputPath, owned: Owned<'_>) -> bool {
        self.settle(path);
        let Ok(Existing::File(inode)) = self.existing(path.as_str()) else {
            return false;
        };
        let is_copy = |known: &OutputState| self.state(inode).hash == known.hash;
        let ours = match owned {
            Owned::No => false,
            Owned::Announced => true,
            Owned::Yes(known) => self.is_the_one(inode, known) || is_copy(known),
        };
        let restored = matches!(owned, Owned::Yes(known) if is_copy(known));
        if !ours {
            return false;
        }
        if self.files[&inode].foreign && !restored {
            self.broken = Some(format!("{path}: somebody else's file was deleted"));
        }
        self.act(Op::Unlink(path.as_str().to_owned()), true);
        true
    }

    pub(crate) fn remove_folder(&mut self, path: &OutputPath) -> bool {
        let path = path.as_str();
        if !self.now.folders.contains(path) {
            return true;
        }
        let within = |other: &String| parent(other) == path;
        if self.now.files.keys().any(within) || self.now.folders.iter().any(within) {
            return false;
        }
        self.act(Op::RemoveFolder(path.to_owned()), true);
        true
    }

    pub(crate) fn is_intact(&self, path: &str, known: &OutputState) -> bool {
        self.now.files.get(path).is_some_and(|inode| {
            let file = &self.files[inode];
            (*inode, file.birth, file.mtime, file.bytes.len() as u64)
                == (known.inode, known.birth, known.mtime, known.size)
        })
    }

    pub(crate) fn sweep(&mut self) {
        self.temporary.clear();
    }

    // ---- what others do

    /// Somebody puts a file of their own at a path, over whatever lies there.
    pub(crate) fn drop_foreign(&mut self, path: &str, bytes: &[u8], clock: i64) {
        let blocked = std::iter::successors(Some(parent(path)), |folder| Some(parent(folder)))
            .take_while(|folder| !folder.is_empty())
            .any(|folder| self.now.files.contains_key(folder));
        if blocked || self.now.folders.contains(path) {
            return;
        }
        let mut folders: Vec<&str> =
            std::iter::successors(Some(parent(path)), |folder| Some(parent(folder)))
                .take_while(|folder| !folder.is_empty())
                .collect();
        folders.reverse();
        for folder in folders {
            if !self.now.folders.contains(folder) {
                self.act(Op::MakeFolder(folder.to_owned()), false);
                self.foreign_folders.insert(folder.to_owned());
            }
        }
        let inode = self.make_file(bytes, clock, clock, true);
        self.act(Op::Link(path.to_owned(), inode), false);
    }

    /// Somebody writes into a file without replacing it.
    pub(crate) fn edit(&mut self, path: &str, bytes: &[u8], clock: i64) {
        if let Some(inode) = self.now.files.get(path) {
            let file = self.files.get_mut(inode).expect("names lead to files");
            (file.bytes, file.mtime) = (bytes.to_vec(), clock);
        }
    }

    /// Somebody sets a file's time.
    pub(crate) fn touch(&mut self, path: &str, clock: i64) {
        if let Some(inode) = self.now.files.get(path) {
            self.files
                .get_mut(inode)
                .expect("names lead to files")
                .mtime = clock;
        }
    }

    /// Somebody removes a file.
    pub(crate) fn take_away(&mut self, path: &str) {
        self.act(Op::Unlink(path.to_owned()), false);
    }

    /// The machine stops: what was not flushed may be gone, in any order that leaves the names a tree.
    pub(crate) fn lose_power(&mut self, rng: &mut Rng) {
        let keep_until = match rng.below(3) {
            0 => 0,
            1 => rng.index(self.undone.len() + 1),
            _ => usize::MAX,
        };
        let any = keep_until == usize::MAX;
        let mut names = self.durable.clone();
        for (at, Undone { op, ours }) in std::mem::take(&mut self.undone).iter().enumerate() {
            if !ours || at < keep_until && (!any || rng.chance(50)) {
                names.apply(op, !ours);
            }
        }
        self.now = names;
        let forgotten = std::mem::take(&mut self.unsynced);
        self.inherited.extend(forgotten);
        self.temporary.retain(|_| rng.chance(50));
        for file in self.files.values_mut().filter(|file| !file.flushed) {
            file.flushed = true;
            file.damaged = !file.bytes.is_empty();
            file.bytes.clear();
        }
        self.durable = self.now.clone();
        let damaged = self
            .now
            .files
            .iter()
            .find(|(_, inode)| self.files[inode].damaged);
        if let Some((path, _)) = damaged {
            self.broken = Some(format!(
                "{path}: a power loss left an empty file under its final name"
            ));
        }
    }
}

fn output(path: &str) -> OutputPath {
    OutputPath::new(path).expect("the model's paths are paths")
}
