//! The system calls that both folders share: opening below a folder's handle so that no `..`, no symlink and no
//! rename in between leads out of it; and what tells one folder or file from another.

mod steps;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Statx, StatxFlags};
use rustix::io::Errno;

use super::Stamp;

/// How often a lookup that met a rename on its way is begun again before it is given up.
const LOOKUP_ATTEMPTS: usize = 64;

/// Which symlinks a lookup may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symlinks {
    /// None.
    Refused,
    /// Relative ones that stay inside.
    Inside,
}

/// Opens `path` below `folder`; "" is the folder itself. A symlink that leads out is `EXDEV`; one where none may
/// be is `ELOOP`.
pub(super) fn open_beneath(
    folder: impl AsFd,
    path: &str,
    flags: OFlags,
    links: Symlinks,
) -> rustix::io::Result<OwnedFd> {
    match openat2_beneath(folder.as_fd(), path, flags, links) {
        // No such call, or a sandbox refuses it.
        Err(Errno::NOSYS | Errno::PERM) => steps::open(folder.as_fd(), path, flags, links),
        done => done,
    }
}

fn openat2_beneath(
    folder: BorrowedFd<'_>,
    path: &str,
    flags: OFlags,
    links: Symlinks,
) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH
        | ResolveFlags::NO_MAGICLINKS
        | match links {
            Symlinks::Refused => ResolveFlags::NO_SYMLINKS,
            Symlinks::Inside => ResolveFlags::empty(),
        };
    let path = if path.is_empty() { "." } else { path };
    for _ in 0..LOOKUP_ATTEMPTS {
        // EAGAIN: the kernel can't say whether `..` stayed inside, since something was renamed meanwhile.
        match rustix::fs::openat2(
            folder,
            path,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            resolve,
        ) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            done => return done,
        }
    }
    Err(Errno::AGAIN)
}

/// What is known of an open file.
pub(super) fn stat_open(file: impl AsFd) -> rustix::io::Result<Statx> {
    rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, STAT_FIELDS)
}

/// What is known of an entry of an open folder; a symlink is not followed.
pub(super) fn stat_entry(
    folder: impl AsFd,
    name: impl rustix::path::Arg,
) -> rustix::io::Result<Statx> {
    rustix::fs::statx(folder, name, AtFlags::SYMLINK_NOFOLLOW, STAT_FIELDS)
}

const STAT_FIELDS: StatxFlags = StatxFlags::BASIC_STATS.union(StatxFlags::BTIME);

/// The kind of file that a stat describes.
pub(super) fn kind(stat: &Statx) -> FileType {
    FileType::from_raw_mode(stat.stx_mode.into())
}

/// Nanoseconds since the epoch.
fn nanoseconds(seconds: i64, nanoseconds: u32) -> i64 {
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds.into())
}

/// Modification time.
pub(super) fn mtime(stat: &Statx) -> i64 {
    nanoseconds(stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec)
}

/// Birth time, 0 where the file system has none.
pub(super) fn birth(stat: &Statx) -> i64 {
    if stat.stx_mask & StatxFlags::BTIME.bits() == 0 {
        0
    } else {
        nanoseconds(stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec)
    }
}

impl From<&Statx> for Stamp {
    fn from(stat: &Statx) -> Self {
        Self {
            mtime: mtime(stat),
            ctime: nanoseconds(stat.stx_ctime.tv_sec, stat.stx_ctime.tv_nsec),
            size: stat.stx_size,
            inode: stat.stx_ino,
        }
    }
}

/// What tells one folder from all others, and from those that had its inode before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FolderId {
    device: (u32, u32),
    inode: u64,
    birth: i64,
}

impl FolderId {
    /// The file system, as the kernel numbers it.
    pub(super) fn device(self) -> (u32, u32) {
        self.device
    }
}

impl From<&Statx> for FolderId {
    fn from(stat: &Statx) -> Self {
        Self {
            device: (stat.stx_dev_major, stat.stx_dev_minor),
            inode: stat.stx_ino,
            birth: birth(stat),
        }
    }
}

/// What stands now where a folder was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderState {
    /// The folder that was opened.
    Same,
    /// Another folder.
    Replaced,
    /// An empty folder on another file system: the mount went, or is not there yet.
    EmptyMountPoint,
    /// Nothing, or no folder.
    Gone,
}

/// Opens the folder at `path`, which is the root of all lookups to come.
pub(super) fn open_root(path: &Path) -> io::Result<(OwnedFd, FolderId)> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(path, flags, Mode::empty())?;
    let id = FolderId::from(&stat_open(&folder)?);
    Ok((folder, id))
}

/// What stands at `path`, where `known` was opened.
pub(super) fn folder_state(path: &Path, known: FolderId) -> io::Result<FolderState> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(folder) => folder,
        Err(error) if is_absence(error) => return Ok(FolderState::Gone),
        Err(error) => return Err(error.into()),
    };
    let now = FolderId::from(&stat_open(&folder)?);
    if now == known {
        return Ok(FolderState::Same);
    }
    if now.device != known.device && is_empty(&folder)? {
        return Ok(FolderState::EmptyMountPoint);
    }
    Ok(FolderState::Replaced)
}

/// Whether an open folder has no entry.
fn is_empty(folder: &OwnedFd) -> io::Result<bool> {
    for entry in rustix::fs::Dir::read_from(folder)? {
        if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether an error of a lookup says that nothing is there, rather than that it can't be known: behind a path that is too
/// long for the system there may well be something.
pub(super) fn is_absence(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
}
