//! The private folder of a command, and what becomes of those that a killed process left behind.
//!
//! It lies in `$TMPDIR`, as `smartnotesd-XXXXXX/smartnotesd-command`. Whoever makes one holds a lock on the outer folder,
//! which ends with the process however that ends: a folder of this form that is not locked is nobody's any more, and neither
//! is one that was left empty, once nobody can be about to fill it.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat};
use tempfile::TempDir;

const PREFIX: &str = "smartnotesd-";
const INNER: &str = "smartnotesd-command";
/// An empty folder that is as old is not about to be filled.
const ABANDONED: Duration = Duration::from_secs(600);
/// Nobody else's eyes.
const MODE: u32 = 0o700;

/// A private folder. Dropped, it is removed with all it holds.
pub(super) struct Scratch {
    path: PathBuf,
    _outer: TempDir,
    /// Given back after the folder is gone.
    _lock: OwnedFd,
}

impl Scratch {
    pub(super) fn new() -> io::Result<Self> {
        Self::new_in(&std::env::temp_dir())
    }

    fn new_in(folder: &Path) -> io::Result<Self> {
        let outer = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(MODE))
            .tempdir_in(folder)?;
        let lock = open(outer.path())?;
        let mut path = outer.path().to_owned();
        // Waits for one who sweeps, for a moment: without the inner folder this one is left alone, and so it is where the
        // file system has no locks.
        if flock(&lock, FlockOperation::LockExclusive).is_ok() {
            path.push(INNER);
            DirBuilder::new().mode(MODE).create(&path)?;
        }
        Ok(Self {
            path,
            _outer: outer,
            _lock: lock,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Removes the folders that processes of ours left in `$TMPDIR` when they were killed.
pub fn sweep() {
    sweep_in(&std::env::temp_dir());
}

fn sweep_in(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let is_named_so = entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PREFIX.as_bytes());
        if !is_named_so {
            continue;
        }
        let path = entry.path();
        // What can't be asked or removed now stays for the next start.
        if let Ok(Some(_lock)) = lock_left(&path) {
            let _later = std::fs::remove_dir_all(&path);
        } else if is_abandoned(&path).unwrap_or(false) {
            // Fails, as it should, if it is filled after all.
            let _later = std::fs::remove_dir(&path);
        }
    }
}

/// The lock of a folder that is of our making and that no process works in.
fn lock_left(path: &Path) -> io::Result<Option<OwnedFd>> {
    let folder = open(path)?;
    if !is_private(&folder)? || flock(&folder, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(None);
    }
    let mut holds = std::fs::read_dir(path)?;
    let inner = holds.next().transpose()?;
    let is_ours = holds.next().is_none() && inner.is_some_and(|inner| inner.file_name() == INNER);
    Ok(is_ours.then_some(folder))
}

/// Whether a folder is one whose maker was killed before it held anything, or after.
fn is_abandoned(path: &Path) -> io::Result<bool> {
    let folder = open(path)?;
    let age = std::fs::metadata(path)?.modified()?.elapsed();
    Ok(is_private(&folder)? && age.is_ok_and(|age| age > ABANDONED))
}

fn is_private(folder: &OwnedFd) -> io::Result<bool> {
    let stat = fstat(folder)?;
    Ok(stat.st_uid == rustix::process::geteuid().as_raw()
        && Mode::from_raw_mode(stat.st_mode) == Mode::from_raw_mode(MODE))
}

fn open(folder: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(folder, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::SystemTime;

    use super::*;

    fn make(folder: &Path, name: &str, mode: u32) -> PathBuf {
        let path = folder.join(name);
        DirBuilder::new().mode(mode).create(&path).unwrap();
        path
    }

    #[test]
    fn what_a_killed_process_left_is_swept() {
        let tmp = tempfile::tempdir().unwrap();
        let left = make(tmp.path(), "smartnotesd-abcdef", MODE);
        let inner = make(&left, INNER, MODE);
        fs::write(inner.join("note.md"), "text").unwrap();
        sweep_in(tmp.path());
        assert!(!left.exists());
    }

    #[test]
    fn an_empty_one_is_swept_when_nobody_can_be_about_to_fill_it() {
        let tmp = tempfile::tempdir().unwrap();
        let fresh = make(tmp.path(), "smartnotesd-fresh", MODE);
        let old = make(tmp.path(), "smartnotesd-old", MODE);
        let open_to_all = make(tmp.path(), "smartnotesd-open", 0o755);
        let filled = make(tmp.path(), "smartnotesd-filled", MODE);
        fs::write(filled.join("mine"), "mine").unwrap();
        let long_ago = SystemTime::now() - 2 * ABANDONED;
        for folder in [&old, &open_to_all, &filled] {
            File::open(folder).unwrap().set_modified(long_ago).unwrap();
        }
        sweep_in(tmp.path());
        assert!(!old.exists());
        assert!(fresh.exists() && open_to_all.exists() && filled.exists());
    }

    #[test]
    fn what_is_in_use_or_not_of_our_making_stays() {
        let tmp = tempfile::tempdir().unwrap();
        let used = Scratch::new_in(tmp.path()).unwrap();
        make(tmp.path(), "smartnotesd-backup", MODE);
        let more = make(tmp.path(), "smartnotesd-more", MODE);
        make(&more, INNER, MODE);
        fs::write(more.join("mine"), "mine").unwrap();
        make(&make(tmp.path(), "smartnotesd-open", 0o755), INNER, MODE);
        make(&make(tmp.path(), "other", MODE), INNER, MODE);
        let led = make(&make(tmp.path(), "led", MODE), INNER, MODE);
        let link = tmp.path().join("smartnotesd-link");
        std::os::unix::fs::symlink(led.parent().unwrap(), link).unwrap();
        let count = || fs::read_dir(tmp.path()).unwrap().count();
        let before = count();
        sweep_in(tmp.path());
        assert_eq!(count(), before);
        assert!(used.path().exists() && led.exists());
        let path = used.path().parent().unwrap().to_owned();
        drop(used);
        assert!(!path.exists());
    }
}
