//! The two folders as the engine sees them. `notes` and `output` hold the real ones; the simulation has its own.

mod beneath;
pub mod notes;
pub mod output;
pub mod select;
pub mod shelf;

pub use beneath::FolderState;

use crate::hash::ContentHash;
use crate::path::{NotePath, OutputPath};
use serde::{Deserialize, Serialize};

/// What tells one version of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// Modification time, ns since the epoch.
    pub mtime: i64,
    /// Inode change time, ns since the epoch.
    pub ctime: i64,
    /// Bytes.
    pub size: u64,
    /// Inode number.
    pub inode: u64,
}

/// A regular file that was found in the notes folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub path: NotePath,
    /// Whether it is a note or an attachment (by `include`).
    pub is_note: bool,
    /// Its version.
    pub stamp: Stamp,
}

/// What lies below a folder of the notes, with what is left out already left out.
#[derive(Debug, Default)]
pub struct Listing {
    /// Files that the visitor doesn't know, in no particular order.
    pub files: Vec<Found>,
    /// Folders below the one listed, and itself ("" for the root).
    pub folders: Vec<Box<str>>,
    /// What could not be looked at (permission, a name that is not UTF-8). What lies below an unreadable
    /// folder is unknown, not gone.
    pub unreadable: Vec<(String, Hindrance)>,
}

/// Why something in the notes folder could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum Hindrance {
    /// The system refused. No event tells when it would not any more, so it has to be tried again.
    #[error(transparent)]
    System(#[from] std::io::Error),
    /// It lies in the thing itself: a name that is not UTF-8, a rules file with a line that is no glob. No later look can
    /// do better before that is changed, and of a change an event tells.
    #[error("{0}")]
    Itself(String),
}

/// What a path in the notes folder is now.
#[derive(Debug)]
pub enum Looked {
    /// A regular file that counts.
    File(Found),
    /// A folder that counts.
    Folder,
    /// Nothing, or nothing that counts (left out, a FIFO, a symlink that leads out).
    Nothing,
    /// `.exportignore`: what its folder holds must be listed again.
    Rules,
}

/// Who a listing is made for.
pub trait Visitor: Sync {
    /// Folders are about to be read: watches can stand before the look.
    fn enter(&self, folders: &[&str]);

    /// Whether this version of a file is known already. Then it need not be listed.
    fn knows(&self, _path: &str, _is_note: bool, _stamp: &Stamp) -> bool {
        false
    }
}

/// The notes folder. Never follows a symlink out of it, never opens what is not a regular file.
pub trait NotesDisk: Send + Sync + 'static {
    /// Lists a folder ("" for the root) and all below it, but for files that the visitor knows. It is told of each folder
    /// before that is read.
    ///
    /// # Errors
    /// When the root itself can't be looked at.
    fn list(&self, folder: &str, visitor: &dyn Visitor) -> std::io::Result<Listing>;

    /// Looks at one path.
    ///
    /// # Errors
    /// When it can't be looked at: what is there is then unknown, not gone.
    fn look(&self, path: &NotePath) -> std::io::Result<Looked>;

    /// Reads a regular file whole; the stamp is of the file that was read, taken before the first byte.
    ///
    /// # Errors
    /// As `open` and `read`.
    fn read(&self, path: &NotePath) -> std::io::Result<(Vec<u8>, Stamp)>;

    /// Symlinks that lead to something else than when they were last listed or looked at: of that, no event speaks.
    fn turned_links(&self) -> Vec<NotePath> {
        Vec::new()
    }

    /// Whether the notes folder is still there, and the one that it was.
    fn is_there(&self) -> bool;

    /// The wall clock, ns since the epoch: only to tell whether a stamp is too fresh to be trusted.
    fn now(&self) -> i64;
}

/// What we know of a file that we wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputState {
    /// Its content.
    pub hash: ContentHash,
    /// Bytes.
    pub size: u64,
    /// Modification time, ns since the epoch.
    pub mtime: i64,
    /// Inode number.
    pub inode: u64,
    /// Birth time, ns since the epoch; 0 where the file system has none. With the inode it says that the file is the one we made.
    pub birth: i64,
}
/// What an output is made from.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// A copy of this file of the notes folder (reflinked where possible), with its mtime.
    Copy(&'a NotePath),
}

/// What to know of an output's path before it is written.
#[derive(Clone, Copy, Debug)]
pub enum Owned<'a> {
    /// The manifest knows nothing of it: what lies there is foreign, unless it is already what we would write.
    No,
    /// It was announced before a crash: what lies there is ours.
    Announced,
    /// We wrote this.
    Yes(&'a OutputState),
}

/// A file that is written but not yet under its final name, or that needs no write.
#[derive(Debug)]
pub enum Staged {
    /// What lies there is already right.
    Unchanged(OutputState),
    /// Lies in the temporary folder.
    Ready(StagedFile),
}

/// A file in the temporary folder of the export tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TemporaryId {
    /// No other of this process has it.
    pub number: u64,
    /// Which of the temporary folders it lies in.
    pub folder: u8,
}

/// A file in the temporary folder of the export tree. Dropped without being published, the sweep removes it.
#[derive(Debug)]
pub struct StagedFile {
    /// Where it lies now.
    pub temporary: TemporaryId,
    /// Its final path.
    pub path: OutputPath,
    /// Whether a file that lies at `path` may be replaced. Otherwise publishing fails if there is one.
    pub replace: bool,
    /// What it will be known by.
    pub state: OutputState,
}

/// Why an output could not be written or removed.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// A file or folder that we did not write lies there.
    #[error(
        "{0}: a file or folder that smartnotesd did not write is in the way; move or delete it"
    )]
    Foreign(OutputPath),
    /// A part of its path is a symlink or no folder.
    #[error("{0}: a part of its path is a symlink or a file; move or delete it")]
    Blocked(OutputPath),
    /// Its folder is a mount point: no file gets from the temporary folder to there whole.
    #[error(
        "{0}: its folder lies on another file system than export_dir; unmount that, or make it the export_dir"
    )]
    OtherFileSystem(OutputPath),
    /// The source of a copy changed or went while it was read.
    #[error("{0} changed while it was copied")]
    Superseded(NotePath),
    /// The system refused.
    #[error("{path}: {error}")]
    Io {
        /// The output, or the source of a copy.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
}

/// Told of each piece of a file that was copied or compared: it may be a large one on a slow disk, and the work goes on.
pub type Beat<'a> = &'a dyn Fn();

/// The export tree: the only door through which it is changed. Files are staged (written under a temporary name),
/// flushed together, then published (renamed). Nothing is ever written through a symlink.
pub trait OutputDisk: Send + Sync + 'static {
    /// Writes a file under a temporary name, or finds that what lies there is already right.
    ///
    /// # Errors
    /// See [`OutputError`].
    fn stage(
        &self,
        path: &OutputPath,
        content: Content<'_>,
        owned: Owned<'_>,
        beat: Beat<'_>,
    ) -> Result<Staged, OutputError>;

    /// Makes all that was staged durable.
    ///
    /// # Errors
    /// As `syncfs`.
    fn flush(&self) -> std::io::Result<()>;

    /// The folders that publishing a file at `path` would make, the topmost first.
    fn missing_folders(&self, _path: &OutputPath) -> Vec<OutputPath> {
        Vec::new()
    }

    /// Moves a staged file to its final name, making folders as needed; `made` is called with each folder made.
    ///
    /// # Errors
    /// See [`OutputError`].
    fn publish(
        &self,
        staged: StagedFile,
        made: &mut dyn FnMut(OutputPath),
    ) -> Result<OutputState, OutputError>;

    /// Publishes files one after the other; what is told of each is in their order. Cheap where they are in folder order.
    fn publish_all(
        &self,
        staged: Vec<StagedFile>,
        made: &mut dyn FnMut(OutputPath),
    ) -> Vec<Result<OutputState, OutputError>> {
        let files = staged.into_iter();
        files.map(|file| self.publish(file, made)).collect()
    }

    /// Deletes a file that we wrote; what is no longer ours stays. True when something was deleted.
    ///
    /// # Errors
    /// As `unlink`.
    fn delete(
        &self,
        path: &OutputPath,
        owned: Owned<'_>,
        beat: Beat<'_>,
    ) -> Result<bool, OutputError>;

    /// Removes a folder that we made, if it is empty now. True when it is gone.
    ///
    /// # Errors
    /// As `rmdir`.
    fn remove_folder(&self, path: &OutputPath) -> std::io::Result<bool>;

    /// Whether what lies at `path` still is the file that we know, untouched (by its stamp alone).
    fn is_intact(&self, path: &OutputPath, state: &OutputState) -> bool;

    /// The same of several; what is told of each is in their order. Cheap where they are in path order.
    fn are_intact(&self, outputs: &[(&OutputPath, &OutputState)]) -> Vec<bool> {
        let outputs = outputs.iter();
        outputs
            .map(|(path, state)| self.is_intact(path, state))
            .collect()
    }

    /// Removes what an earlier process left in the temporary folder, and the folder when nothing is staged.
    ///
    /// # Errors
    /// As `unlink`.
    fn sweep(&self) -> std::io::Result<()>;
}
