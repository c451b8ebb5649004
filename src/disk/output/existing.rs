//! What lies at an output's path, and whether we may replace or remove it.
//!
//! A file is ours when the manifest knows it and it still is the same file (inode and birth; then even when somebody
//! edited it in place), or has the content that we gave it (it was restored from a backup). What a crash interrupted
//! was announced before and is ours by its path. Everything else is foreign; but foreign or not, a file that is
//! already what we would write is right, and stays.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, OFlags, Statx};
use rustix::io::Errno;

use super::super::beneath::{self, Symlinks};
use super::super::{Beat, OutputError, OutputState, Owned};
use crate::hash::{ContentHash, ContentHasher};
use crate::path::OutputPath;

const HASH_BUFFER: usize = 64 * 1024;

/// What tells one file from all that exist at the same time, and from those that had its inode before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    inode: u64,
    birth: i64,
    /// Where the file system knows no birth, an inode may have been used again: then the content's stamp must be the same too.
    stamp: Option<(i64, u64)>,
}

impl From<&Statx> for Identity {
    fn from(stat: &Statx) -> Self {
        Self::new(
            stat.stx_ino,
            beneath::birth(stat),
            beneath::mtime(stat),
            stat.stx_size,
        )
    }
}

impl From<&OutputState> for Identity {
    fn from(state: &OutputState) -> Self {
        Self::new(state.inode, state.birth, state.mtime, state.size)
    }
}

impl Identity {
    fn new(inode: u64, birth: i64, mtime: i64, size: u64) -> Self {
        let stamp = (birth == 0).then_some((mtime, size));
        Self {
            inode,
            birth,
            stamp,
        }
    }
}

/// The file that we made, or its successor, as a stat and its content's hash describe it.
pub(super) fn state(stat: &Statx, hash: ContentHash) -> OutputState {
    OutputState {
        hash,
        size: stat.stx_size,
        mtime: beneath::mtime(stat),
        inode: stat.stx_ino,
        birth: beneath::birth(stat),
    }
}

/// Whether a stat describes the file that we know, untouched.
pub(super) fn is_intact(stat: &Statx, known: &OutputState) -> bool {
    beneath::kind(stat) == FileType::RegularFile && state(stat, known.hash) == *known
}

/// What lies at a path.
#[derive(Debug)]
pub(super) enum Existing {
    /// Nothing.
    Absent,
    /// A regular file.
    File(Box<ExistingFile>),
    /// A folder, a symlink or anything else that is never ours.
    Other,
}

/// A regular file at an output's path.
#[derive(Debug)]
pub(super) struct ExistingFile {
    folder: OwnedFd,
    name: String,
    stat: Statx,
}

/// What an output is to be.
pub(super) struct Wanted<'a> {
    /// Bytes.
    pub(super) size: u64,
    /// Its content's hash; asked for only where the size does not settle it.
    pub(super) hash: &'a dyn Fn() -> Result<ContentHash, OutputError>,
    /// Told of each piece that is read to find out.
    pub(super) beat: Beat<'a>,
}

/// What that means for whoever wants to write there.
#[derive(Debug)]
pub(super) enum Found {
    /// The way is free.
    Nothing,
    /// What lies there is what is wanted.
    Right(OutputState),
    /// What lies there may be replaced.
    Ours(Identity),
}

impl Existing {
    /// Looks at `name` in a folder of the tree.
    pub(super) fn look(folder: OwnedFd, name: &str) -> rustix::io::Result<Self> {
        let stat = match beneath::stat_entry(&folder, name) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Self::Absent),
            Err(error) => return Err(error),
        };
        if beneath::kind(&stat) != FileType::RegularFile {
            return Ok(Self::Other);
        }
        let name = name.to_owned();
        Ok(Self::File(Box::new(ExistingFile { folder, name, stat })))
    }

    /// Whether `wanted` lies there already, and if not, whether it may be written.
    pub(super) fn judge(
        &self,
        path: &OutputPath,
        owned: Owned<'_>,
        wanted: &Wanted<'_>,
    ) -> Result<Found, OutputError> {
        let file = match self {
            Self::Absent => return Ok(Found::Nothing),
            Self::Other => return Err(OutputError::Foreign(path.clone())),
            Self::File(file) => file,
        };
        let failed = |error| super::failed(path, error);
        let may_be_right = file.stat.stx_size == wanted.size;
        let content = match owned {
            // Untouched since we wrote it: its content is known without reading it.
            Owned::Yes(known) if is_intact(&file.stat, known) => known.hash,
            Owned::Yes(known) if !may_be_right && file.is_the_one(known) => return Ok(file.ours()),
            Owned::Announced if !may_be_right => return Ok(file.ours()),
            Owned::No if !may_be_right => return Err(OutputError::Foreign(path.clone())),
            _ => file.hash(wanted.beat).map_err(failed)?,
        };
        if may_be_right && content == (wanted.hash)()? {
            return Ok(Found::Right(state(&file.stat, content)));
        }
        let is_ours = match owned {
            Owned::No => false,
            Owned::Announced => true,
            Owned::Yes(known) => file.is_the_one(known) || content == known.hash,
        };
        if is_ours {
            Ok(file.ours())
        } else {
            Err(OutputError::Foreign(path.clone()))
        }
    }

    /// The folder of a file that is ours to remove.
    pub(super) fn ours_in(&self, owned: Owned<'_>, beat: Beat<'_>) -> io::Result<Option<&OwnedFd>> {
        let Self::File(file) = self else {
            return Ok(None);
        };
        let is_ours = match owned {
            Owned::No => false,
            Owned::Announced => true,
            Owned::Yes(known) => {
                file.is_the_one(known)
                    || (file.stat.stx_size == known.size && file.hash(beat)? == known.hash)
            }
        };
        Ok(is_ours.then_some(&file.folder))
    }
}

impl ExistingFile {
    fn ours(&self) -> Found {
        Found::Ours(Identity::from(&self.stat))
    }

    fn is_the_one(&self, known: &OutputState) -> bool {
        Identity::from(&self.stat) == Identity::from(known)
    }

    fn hash(&self, beat: Beat<'_>) -> io::Result<ContentHash> {
        // NONBLOCK: it was a regular file a moment ago.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = beneath::open_beneath(&self.folder, &self.name, flags, Symlinks::Refused)?;
        hash_file(&File::from(file), beat)
    }
}

/// The hash of an open file's content from its first byte on, wherever its cursor is.
pub(super) fn hash_file(file: &File, beat: Beat<'_>) -> io::Result<ContentHash> {
    let mut hasher = ContentHasher::new();
    let mut buffer = vec![0; HASH_BUFFER];
    let mut offset = 0;
    loop {
        let read = match rustix::io::pread(file.as_fd(), &mut buffer[..], offset) {
            Err(Errno::INTR) => continue,
            done => done?,
        };
        if read == 0 {
            return Ok(hasher.finish());
        }
        hasher.bytes(&buffer[..read]);
        offset += read as u64;
        beat();
    }
}
