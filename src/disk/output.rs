//! The real export tree: the only code that writes or deletes in it.
//!
//! Every lookup starts at the tree's own handle and follows no symlink, so that a folder swapped for a symlink leads
//! nothing out of it. A file is made under a temporary name in a folder at the top (`staging`), made durable with others
//! of its batch by one `syncfs`, then renamed to its final name: whoever reads the tree sees it whole or not at all.
//! What lies at a final name is replaced or removed only if `existing` finds that we wrote it.
//!
//! What a new file costs on an ext4 without a journal hangs on what was deleted before, not on how many folders there
//! are: the kernel takes its inode from the block group of its folder and passes over each inode deleted there in the last
//! minutes, one by one and anew for every file (`recently_deleted` and the lookups that it makes were three quarters of a
//! profile of 3,000 files made after 5,000 were deleted). 28 µs a file on a quiet group became 300 µs after 10,000
//! deletions in it; where nothing was deleted a hundred final folders and one temporary folder cost the same (23 and
//! 27 µs). Final folders meet it whenever a tree is removed and written anew in its place; a folder at the top that a batch
//! makes anew meets it less. With a journal the kernel does not look.

mod existing;
mod publish;
mod staging;
mod temporary;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

pub use self::staging::TEMPORARY_FOLDER;

use self::existing::{Existing, Found, Identity};
use self::staging::{Staging, TEMPORARY_NAME};
use self::temporary::Temporary;
use super::beneath::{self, FolderId, FolderState, Symlinks};
use super::notes::NotesFolder;
use super::{
    Beat, Content, OutputDisk, OutputError, OutputState, Owned, Staged, StagedFile, TemporaryId,
};
use crate::hash::ContentHash;
use crate::path::{NotePath, OutputPath};
use crate::sync::lock;

/// Why an export tree can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process writes it.
    #[error("{}: another smartnotesd holds this export tree; stop it or export elsewhere", .0.display())]
    Held(PathBuf),
    /// The system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// The export folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// The export tree on a real file system. Held by this process alone for as long as it lives.
#[derive(Debug)]
pub struct ExportTree {
    path: PathBuf,
    root: OwnedFd,
    id: FolderId,
    notes: Arc<NotesFolder>,
    /// Open while files are staged.
    staging: Mutex<Option<Arc<Staging>>>,
    /// Of the next temporary file.
    next_number: AtomicU64,
    /// Our process id, in the temporary names.
    process: u32,
    /// Which file each staged file was allowed to replace, looked at again before it is published.
    replaces: Mutex<HashMap<TemporaryId, Identity>>,
}

impl ExportTree {
    /// Opens the tree at an absolute path, making the folder if there is none, and holds it. Attachments are copied from `notes`.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path, notes: Arc<NotesFolder>) -> Result<Self, OpenError> {
        let refused = |error: io::Error| OpenError::Io {
            path: path.to_owned(),
            error,
        };
        std::fs::create_dir_all(path).map_err(refused)?;
        let (root, id) = beneath::open_root(path).map_err(refused)?;
        match rustix::fs::flock(&root, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return Err(OpenError::Held(path.to_owned())),
            Err(error) => return Err(refused(error.into())),
            Ok(()) => {}
        }
        Ok(Self {
            path: path.to_owned(),
            root,
            id,
            notes,
            staging: Mutex::default(),
            next_number: AtomicU64::new(0),
            process: std::process::id(),
            replaces: Mutex::default(),
        })
    }

    /// The same tree, held all along, with attachments copied from another notes folder.
    ///
    /// # Errors
    /// When there is no file descriptor left.
    pub fn reading_from(&self, notes: Arc<NotesFolder>) -> io::Result<Self> {
        Ok(Self {
            path: self.path.clone(),
            // The lock belongs to the open folder, not to the descriptor: a copy of that holds it too.
            root: self.root.try_clone()?,
            id: self.id,
            notes,
            staging: Mutex::default(),
            next_number: AtomicU64::new(0),
            process: std::process::id(),
            replaces: Mutex::default(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What stands at the tree's path now. While it is not `Same`, what is written can't be seen there.
    ///
    /// # Errors
    /// When it can't be known.
    pub fn root_state(&self) -> io::Result<FolderState> {
        beneath::folder_state(&self.path, self.id)
    }

    /// Whether the tree's folder may be made again when it is gone, with those above it that are gone too: not where it
    /// went with its file system, since it would be made on another one.
    pub fn may_be_made_again(&self) -> bool {
        // Only the nearest folder that is there tells, and one that can't be looked at does not.
        self.path
            .ancestors()
            .skip(1)
            .map(rustix::fs::stat)
            .find(|looked| !matches!(looked, Err(Errno::NOENT)))
            .is_some_and(|looked| {
                looked.is_ok_and(|stat| {
                    let (device, kind) = (stat.st_dev, FileType::from_raw_mode(stat.st_mode));
                    let device = (rustix::fs::major(device), rustix::fs::minor(device));
                    kind == FileType::Directory && device == self.id.device()
                })
            })
    }

    /// Opens a folder of the tree; `None` when there is none.
    fn folder(&self, path: &OutputPath) -> Result<Option<OwnedFd>, OutputError> {
        match beneath::open_beneath(
            &self.root,
            path.folder(),
            OFlags::PATH | OFlags::DIRECTORY,
            Symlinks::Refused,
        ) {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(blocked_or(path, error)),
        }
    }

    /// Opens the folder that `path` lies in, making it and those above where they are missing.
    fn make_folder(
        &self,
        path: &OutputPath,
        made: &mut dyn FnMut(OutputPath),
    ) -> Result<OwnedFd, OutputError> {
        if let Some(folder) = self.folder(path)? {
            return Ok(folder);
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let mut folder = beneath::open_beneath(&self.root, "", flags, Symlinks::Refused)
            .map_err(|error| failed(path, error))?;
        let mut reached = String::new();
        for name in path.folder().split('/') {
            match rustix::fs::mkdirat(&folder, name, Mode::from_raw_mode(0o777)) {
                Ok(()) => made(
                    OutputPath::join(&reached, name)
                        .map_err(|error| failed(path, io::Error::other(error)))?,
                ),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(failed(path, error)),
            }
            folder = beneath::open_beneath(&folder, name, flags, Symlinks::Refused)
                .map_err(|error| blocked_or(path, error))?;
            reached = if reached.is_empty() {
                name.to_owned()
            } else {
                format!("{reached}/{name}")
            };
        }
        Ok(folder)
    }

    /// What lies at `path`.
    fn existing(&self, path: &OutputPath) -> Result<Existing, OutputError> {
        // Cheap, and where nothing is there all that it takes: publishing looks for itself and replaces nothing.
        match beneath::stat_entry(&self.root, path.as_str()) {
            Err(Errno::NOENT) => return Ok(Existing::Absent),
            Err(error) => return Err(blocked_or(path, error)),
            Ok(_) => {}
        }
        match self.folder(path)? {
            None => Ok(Existing::Absent),
            Some(folder) => {
                Existing::look(folder, path.name()).map_err(|error| failed(path, error))
            }
        }
    }

    /// The temporary folder, made if need be.
    fn staging(&self) -> io::Result<Arc<Staging>> {
        let mut slot = lock(&self.staging);
        if let Some(staging) = &*slot {
            return Ok(Arc::clone(staging));
        }
        let staging = Arc::new(Staging::open(&self.root)?);
        *slot = Some(Arc::clone(&staging));
        Ok(staging)
    }

    /// The name that a file has in its temporary folder.
    fn temporary_name(&self, file: TemporaryId) -> String {
        format!("{TEMPORARY_NAME}{}-{}", self.process, file.number)
    }

    /// Makes an empty file in the temporary folder. Makes the folder again if somebody removed it.
    fn temporary<'a>(&self, path: &'a OutputPath) -> Result<Temporary<'a>, OutputError> {
        match self.make_temporary(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                *lock(&self.staging) = None;
                self.make_temporary(path)
            }
            made => made,
        }
        .map_err(|error| failed(path, error))
    }

    fn make_temporary<'a>(&self, path: &'a OutputPath) -> io::Result<Temporary<'a>> {
        let staging = self.staging()?;
        let id = TemporaryId {
            number: self.next_number.fetch_add(1, Ordering::Relaxed),
            folder: staging.next(),
        };
        let folder = staging.folder(id.folder)?;
        let name = self.temporary_name(id);
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, &name, flags, Mode::from_raw_mode(0o666))?;
        Ok(Temporary {
            folder,
            name,
            id,
            file: file.into(),
            path,
            is_kept: false,
        })
    }

    /// Remembers what a finished temporary file may replace, and hands it out.
    fn ready(
        &self,
        temporary: Temporary<'_>,
        hash: ContentHash,
        replaces: Option<Identity>,
    ) -> Result<Staged, OutputError> {
        let stat =
            beneath::stat_open(&temporary.file).map_err(|error| failed(temporary.path, error))?;
        let path = temporary.path.clone();
        let id = temporary.keep();
        if let Some(identity) = replaces {
            lock(&self.replaces).insert(id, identity);
        }
        Ok(Staged::Ready(StagedFile {
            temporary: id,
            path,
            replace: replaces.is_some(),
            state: existing::state(&stat, hash),
        }))
    }

    fn stage_bytes(
        &self,
        path: &OutputPath,
        bytes: &[u8],
        owned: Owned<'_>,
        beat: Beat<'_>,
    ) -> Result<Staged, OutputError> {
        let hash = ContentHash::of(bytes);
        let existing = self.existing(path)?;
        let wanted = existing::Wanted {
            size: bytes.len() as u64,
            hash: &|| Ok(hash),
            beat,
        };
        let replaces = match existing.judge(path, owned, &wanted)? {
            Found::Right(state) => return Ok(Staged::Unchanged(state)),
            Found::Nothing => None,
            Found::Ours(identity) => Some(identity),
        };
        let mut temporary = self.temporary(path)?;
        temporary
            .file
            .write_all(bytes)
            .map_err(|error| failed(path, error))?;
        self.ready(temporary, hash, replaces)
    }

    fn stage_copy(
        &self,
        path: &OutputPath,
        source: &NotePath,
        owned: Owned<'_>,
        beat: Beat<'_>,
    ) -> Result<Staged, OutputError> {
        let unreadable = |error: io::Error| OutputError::Io {
            path: source.to_string(),
            error,
        };
        let (mut original, stamp) =
            self.notes
                .open_file(source)
                .map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => OutputError::Superseded(source.clone()),
                    _ => unreadable(error),
                })?;
        let is_untouched = |original: &File| -> Result<(), OutputError> {
            let now = beneath::stat_open(original).map_err(|error| unreadable(error.into()))?;
            let is_same = super::Stamp::from(&now) == stamp;
            is_same
                .then_some(())
                .ok_or_else(|| OutputError::Superseded(source.clone()))
        };
        let wanted = existing::Wanted {
            size: stamp.size,
            hash: &|| existing::hash_file(&original, beat).map_err(unreadable),
            beat,
        };
        let found = self.existing(path)?.judge(path, owned, &wanted)?;
        let replaces = match found {
            Found::Right(state) => {
                is_untouched(&original)?;
                return Ok(Staged::Unchanged(state));
            }
            Found::Nothing => None,
            Found::Ours(identity) => Some(identity),
        };
        let mut temporary = self.temporary(path)?;
        let hash = temporary.copy(&mut original, source, beat)?;
        is_untouched(&original)?;
        temporary
            .set_mtime(stamp.mtime)
            .map_err(|error| failed(path, error))?;
        self.ready(temporary, hash, replaces)
    }
}

impl OutputDisk for ExportTree {
    fn stage(
        &self,
        path: &OutputPath,
        content: Content<'_>,
        owned: Owned<'_>,
        beat: Beat<'_>,
    ) -> Result<Staged, OutputError> {
        match content {
            Content::Bytes(bytes) => self.stage_bytes(path, bytes, owned, beat),
            Content::Copy(source) => self.stage_copy(path, source, owned, beat),
        }
    }

    fn flush(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.root)?)
    }

    fn missing_folders(&self, path: &OutputPath) -> Vec<OutputPath> {
        let folder = path.folder();
        let ends = folder.match_indices('/').map(|(end, _)| end);
        ends.chain([folder.len()])
            .filter_map(|end| OutputPath::new(&folder[..end]).ok())
            // What can't be looked at can't be made either, and publishing says so.
            .filter(|folder| {
                matches!(
                    beneath::stat_entry(&self.root, folder.as_str()),
                    Err(Errno::NOENT)
                )
            })
            .collect()
    }

    fn publish(
        &self,
        staged: StagedFile,
        made: &mut dyn FnMut(OutputPath),
    ) -> Result<OutputState, OutputError> {
        self.publish_near(&staged, &mut None, made)
    }

    fn publish_all(
        &self,
        staged: Vec<StagedFile>,
        made: &mut dyn FnMut(OutputPath),
    ) -> Vec<Result<OutputState, OutputError>> {
        let mut near = None;
        let files = staged.into_iter();
        files
            .map(|file| self.publish_near(&file, &mut near, made))
            .collect()
    }

    fn delete(
        &self,
        path: &OutputPath,
        owned: Owned<'_>,
        beat: Beat<'_>,
    ) -> Result<bool, OutputError> {
        let existing = match self.existing(path) {
            // Whatever blocks the way is not ours, so what is behind it is not either.
            Err(OutputError::Blocked(_)) => return Ok(false),
            looked => looked?,
        };
        let Some(folder) = existing
            .ours_in(owned, beat)
            .map_err(|error| failed(path, error))?
        else {
            return Ok(false);
        };
        match rustix::fs::unlinkat(folder, path.name(), AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(failed(path, error)),
        }
    }

    fn remove_folder(&self, path: &OutputPath) -> io::Result<bool> {
        let folder = match self.folder(path) {
            Ok(Some(folder)) => folder,
            // The folder that we made is no longer there.
            Ok(None) | Err(OutputError::Blocked(_)) => return Ok(true),
            Err(OutputError::Io { error, .. }) => return Err(error),
            Err(error) => return Err(io::Error::other(error)),
        };
        match rustix::fs::unlinkat(folder, path.name(), AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => Ok(true),
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::BUSY) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn is_intact(&self, path: &OutputPath, state: &OutputState) -> bool {
        self.are_intact(&[(path, state)]) == [true]
    }

    fn are_intact(&self, outputs: &[(&OutputPath, &OutputState)]) -> Vec<bool> {
        // Every output is asked about at a start: each folder is opened once for those in it. What lies behind a symlink is
        // none of ours, even where the folder that we made was moved there.
        let mut open: Option<(&str, rustix::io::Result<OwnedFd>)> = None;
        let mut intact = Vec::with_capacity(outputs.len());
        for &(path, state) in outputs {
            let name = path.folder();
            if open.as_ref().is_none_or(|(known, _)| *known != name) {
                let flags = OFlags::PATH | OFlags::DIRECTORY;
                let folder = beneath::open_beneath(&self.root, name, flags, Symlinks::Refused);
                open = Some((name, folder));
            }
            let stat = match &open {
                Some((_, Ok(folder))) => beneath::stat_entry(folder, path.name()).ok(),
                Some((_, Err(_))) | None => None,
            };
            intact.push(stat.is_some_and(|stat| existing::is_intact(&stat, state)));
        }
        intact
    }

    /// To be called when no file is staged: what is staged and not published is removed too.
    fn sweep(&self) -> io::Result<()> {
        let mut slot = lock(&self.staging);
        *slot = None;
        lock(&self.replaces).clear();
        staging::sweep(&self.root)
    }
}

fn failed(path: &OutputPath, error: impl Into<io::Error>) -> OutputError {
    OutputError::Io {
        path: path.to_string(),
        error: error.into(),
    }
}

/// A lookup that met a symlink or a file where a folder should be, or failed otherwise.
fn blocked_or(path: &OutputPath, error: Errno) -> OutputError {
    match error {
        Errno::LOOP | Errno::NOTDIR | Errno::XDEV => OutputError::Blocked(path.clone()),
        error => failed(path, error),
    }
}

#[cfg(test)]
mod tests;
