//! The floors: the least that any program has to do for the same work, done by two threads that know all paths before they
//! begin, parse nothing and remember nothing.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const THREADS: usize = 2;
const PORTION: usize = 32;

/// Whether what was written is on the disk before it gets its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// As the kernel likes.
    None,
    /// One `syncfs` before all renames.
    OneSync,
}

/// Reads every file at `paths` below `from`, writes it `copies` times under a temporary name in `to` and renames that to its
/// final name in the folders of the original.
pub(crate) fn copy_all(
    from: &Path,
    paths: &[String],
    to: &Path,
    copies: usize,
    durability: Durability,
) -> Result<Duration> {
    let began = Instant::now();
    let temporary = to.join(".temporary");
    fs::create_dir_all(&temporary)?;
    let folders: BTreeSet<&Path> = paths
        .iter()
        .filter_map(|path| Path::new(path).parent())
        .collect();
    for folder in folders {
        fs::create_dir_all(to.join(folder))?;
    }
    let staged = |at: usize, copy: usize| temporary.join(format!("{at}-{copy}"));
    let publish = |at: usize| -> io::Result<()> {
        for copy in 0..copies {
            let mut name = to.join(&paths[at]);
            if copy > 0 {
                name.set_extension(copy.to_string());
            }
            fs::rename(staged(at, copy), name)?;
        }
        Ok(())
    };
    each(paths.len(), |at| {
        let bytes = fs::read(from.join(&paths[at]))?;
        for copy in 0..copies {
            fs::write(staged(at, copy), &bytes)?;
        }
        if durability == Durability::None {
            publish(at)?;
        }
        Ok(())
    })?;
    if durability == Durability::OneSync {
        rustix::fs::syncfs(fs::File::open(to)?)?;
        each(paths.len(), publish)?;
    }
    Ok(began.elapsed())
}

/// Does `work` for 0 to `count`, shared among the threads.
fn each(count: usize, work: impl Fn(usize) -> io::Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let worker = || -> io::Result<()> {
        loop {
            let from = next.fetch_add(PORTION, Ordering::Relaxed);
            if from >= count {
                return Ok(());
            }
            (from..count.min(from + PORTION)).try_for_each(&work)?;
        }
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..THREADS).map(|_| scope.spawn(worker)).collect();
        worker()?;
        for other in others {
            match other.join() {
                Ok(done) => done?,
                Err(_) => bail!("a thread of the floor panicked"),
            }
        }
        Ok(())
    })
}

/// Looks at every file below `root`, and counts them.
pub(crate) fn stat_all(root: &Path) -> Result<(usize, Duration)> {
    let began = Instant::now();
    let folders = Mutex::new(vec![root.to_owned()]);
    let pending = AtomicUsize::new(1);
    let files = AtomicUsize::new(0);
    let worker = || -> io::Result<()> {
        while pending.load(Ordering::Acquire) > 0 {
            let next = folders.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(folder) = next else {
                thread::yield_now();
                continue;
            };
            let below = stat_folder(&folder, &files);
            let below = below.inspect_err(|_| pending.store(0, Ordering::Release))?;
            pending.fetch_add(below.len(), Ordering::AcqRel);
            folders
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(below);
            pending.fetch_sub(1, Ordering::AcqRel);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let other = scope.spawn(worker);
        worker()?;
        match other.join() {
            Ok(done) => Ok(done?),
            Err(_) => bail!("a thread of the floor panicked"),
        }
    })?;
    Ok((files.into_inner(), began.elapsed()))
}

fn stat_folder(folder: &Path, files: &AtomicUsize) -> io::Result<Vec<PathBuf>> {
    let mut below = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            below.push(entry.path());
        } else {
            entry.metadata()?;
            files.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(below)
}
