//! The floors: the least that any program has to do for the same work, done by two threads that know all paths before they
//! begin. Most parse nothing and remember nothing; those that do do the least that our promises take.

use std::collections::BTreeSet;
use std::fs;
use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use pulldown_cmark::{Options, Parser};

use crate::known::Known;

const THREADS: usize = 2;
const PORTION: usize = 32;

/// What a floor promises beyond that the files are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Nothing: what is written reaches the disk as the kernel likes.
    Nothing,
    /// No name without its bytes: one `syncfs` before all renames.
    Whole,
    /// That, and Markdown was parsed, once a note, and the file that was written is known again: its inode and length are
    /// in a database, in one transaction.
    WholeAndKnown,
}

/// Reads every file at `paths` below `from`, writes it `copies` times under a temporary name in `to` and renames that to its
/// final name in the folders of the original.
pub(crate) fn copy_all(
    from: &Path,
    paths: &[String],
    to: &Path,
    copies: usize,
    promise: Promise,
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
            fs::rename(staged(at, copy), output(to, &paths[at], copy))?;
        }
        Ok(())
    };
    each(paths.len(), |at| {
        let bytes = fs::read(from.join(&paths[at]))?;
        if promise == Promise::WholeAndKnown {
            parse(&bytes);
        }
        for copy in 0..copies {
            fs::write(staged(at, copy), &bytes)?;
        }
        if promise == Promise::Nothing {
            publish(at)?;
        }
        Ok(())
    })?;
    if promise != Promise::Nothing {
        rustix::fs::syncfs(fs::File::open(to)?)?;
        each(paths.len(), publish)?;
    }
    if promise == Promise::WholeAndKnown {
        remember(to, paths, copies)?;
    }
    Ok(began.elapsed())
}

fn output(to: &Path, path: &str, copy: usize) -> PathBuf {
    let mut name = to.join(path);
    if copy > 0 {
        name.set_extension(copy.to_string());
    }
    name
}

/// What any program has to find out of a note: where its links, headings and tags are.
fn parse(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_MATH;
    let events = Parser::new_ext(&text, options).into_offset_iter();
    black_box(events.count());
}

/// Writes down which files are ours, so that they are known again, once their names are on the disk; and has it there.
fn remember(to: &Path, paths: &[String], copies: usize) -> Result<()> {
    let known = Mutex::new(Vec::with_capacity(paths.len() * copies));
    each(paths.len(), |at| {
        for copy in 0..copies {
            let name = output(to, &paths[at], copy);
            let file = fs::metadata(&name)?;
            known
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((name, file));
        }
        Ok(())
    })?;
    rustix::fs::syncfs(fs::File::open(to)?)?;
    let known = known.into_inner().unwrap_or_else(PoisonError::into_inner);
    Known::begin(&to.join(".known"))?.remember(known, 0)
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
    let files = AtomicUsize::new(0);
    walk(root, &|entry| {
        entry.metadata()?;
        files.fetch_add(1, Ordering::Relaxed);
        Ok(())
    })?;
    Ok((files.into_inner(), began.elapsed()))
}

/// Tells of every file below `root` what it is.
pub(crate) fn look_at_all(
    root: &Path,
    tell: &(impl Fn(&Path, &fs::Metadata) + Sync),
) -> Result<()> {
    walk(root, &|entry| {
        tell(&entry.path(), &entry.metadata()?);
        Ok(())
    })
}

/// Does `visit` for every file below `root`.
fn walk(root: &Path, visit: &(impl Fn(&fs::DirEntry) -> io::Result<()> + Sync)) -> Result<()> {
    let folders = Mutex::new(vec![root.to_owned()]);
    let pending = AtomicUsize::new(1);
    let worker = || -> io::Result<()> {
        while pending.load(Ordering::Acquire) > 0 {
            let next = folders.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(folder) = next else {
                thread::yield_now();
                continue;
            };
            let below = walk_folder(&folder, visit);
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
    })
}

fn walk_folder(
    folder: &Path,
    visit: &impl Fn(&fs::DirEntry) -> io::Result<()>,
) -> io::Result<Vec<PathBuf>> {
    let mut below = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            below.push(entry.path());
        } else {
            visit(&entry)?;
        }
    }
    Ok(below)
}
