//! Walks the notes folder with a few threads over a queue of folders. What counts is asked of `select`; each
//! folder's rules file is read before its entries are judged.

use std::io;
use std::mem::MaybeUninit;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex};

use rustix::fs::{FileType, OFlags, RawDir, Statx};
use rustix::io::Errno;

use super::super::beneath::{self, FolderId};
use super::{Listing, NOT_UTF8, NotesFolder, Root, found, is_nothing};
use crate::disk::select::{RULES_FILE, Rules, Select, Verdict};
use crate::disk::{Found, Hindrance, Stamp, Visitor};
use crate::path::{NotePath, child, last_part, parent, prefixes};
use crate::sync::{joined, lock};

/// More threads than this wait for the file system rather than help.
const MOST_THREADS: usize = 4;
/// A folder with more files than this is shared between the threads.
const FILES_A_TASK: usize = 256;
/// So many folders are entered together: each time takes two switches between threads where a watch is set.
const FOLDERS_AT_ONCE: usize = 256;
const ENTRY_BUFFER: usize = 32 * 1024;

/// A piece of the walk.
enum Task {
    /// To be read, if its folders lead to it only once; the visitor has been told.
    Folder(Folder),
    /// Files of an open folder, to be stamped.
    Files(Arc<Entered>, Files),
}

/// Files of a folder that count. All paths are one text: most are known, and then nobody needs a copy of one.
#[derive(Default)]
struct Files {
    paths: String,
    /// Where each path ends, and whether it is a note's.
    files: Vec<(usize, bool)>,
}

/// A folder that counts.
struct Folder {
    path: Box<str>,
    /// The rules of the folder it lies in.
    rules: Rules,
    above: Option<Arc<Ancestor>>,
}

/// The real folders that lead to a folder, so that a symlink to one of them ends the way.
struct Ancestor {
    id: FolderId,
    above: Option<Arc<Ancestor>>,
}

/// A folder that is open.
struct Entered {
    path: Box<str>,
    handle: OwnedFd,
    rules: Rules,
    chain: Arc<Ancestor>,
}

struct Walk<'a> {
    notes: &'a NotesFolder,
    root: &'a Root,
    select: &'a Select,
    visitor: &'a dyn Visitor,
    queue: Mutex<Queue>,
    /// Told when a task was added, and when the last one is done.
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    tasks: Vec<Task>,
    /// Tasks that a thread works on, each of which may add more.
    at_work: usize,
}

/// Lists `folder` and all below it; `rules` are those of the folder it lies in.
pub(super) fn walk(
    notes: &NotesFolder,
    root: &Root,
    select: &Select,
    folder: &str,
    rules: Rules,
    visitor: &dyn Visitor,
) -> io::Result<Listing> {
    let walk = Walk {
        notes,
        root,
        select,
        visitor,
        queue: Mutex::default(),
        changed: Condvar::new(),
    };
    let mut listing = Listing::default();
    let first = Folder {
        path: folder.into(),
        rules,
        above: ancestors_of(root, folder)?,
    };
    visitor.enter(&[folder]);
    match walk.folder(&first, &mut listing) {
        Err(error) if folder.is_empty() => return Err(error),
        Err(error) => report(folder, error, &mut listing),
        Ok(()) => {}
    }
    let threads = std::thread::available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .min(MOST_THREADS);
    // Whoever asks works too. Where the first folder was all, nobody is called.
    let helpers = if lock(&walk.queue).tasks.is_empty() {
        0
    } else {
        threads - 1
    };
    std::thread::scope(|scope| {
        let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(|| walk.work())).collect();
        merge(&mut listing, walk.work());
        for helper in helpers {
            merge(&mut listing, joined(helper.join()));
        }
    });
    Ok(listing)
}

fn merge(listing: &mut Listing, part: Listing) {
    listing.files.extend(part.files);
    listing.folders.extend(part.folders);
    listing.unreadable.extend(part.unreadable);
}

/// Notes what could not be looked at; what vanished meanwhile is just gone.
fn report(path: &str, error: io::Error, listing: &mut Listing) {
    if !is_nothing(&error) {
        listing.unreadable.push((path.to_owned(), error.into()));
    }
}

/// The chain of real folders above `folder`, from the root.
fn ancestors_of(root: &Root, folder: &str) -> io::Result<Option<Arc<Ancestor>>> {
    let Some(parent) = parent(folder) else {
        return Ok(None);
    };
    let mut chain = None;
    for prefix in std::iter::once("").chain(prefixes(parent)) {
        let id = match root.open_inside(prefix, OFlags::PATH | OFlags::DIRECTORY) {
            Ok(handle) => FolderId::from(&beneath::stat_open(&handle)?),
            Err(error) if is_nothing(&error) => break,
            Err(error) => return Err(error),
        };
        chain = Some(Arc::new(Ancestor { id, above: chain }));
    }
    Ok(chain)
}

impl Ancestor {
    fn includes(chain: Option<&Arc<Self>>, id: FolderId) -> bool {
        std::iter::successors(chain, |ancestor| ancestor.above.as_ref())
            .any(|ancestor| ancestor.id == id)
    }
}

impl Walk<'_> {
    /// Takes tasks until all are done.
    fn work(&self) -> Listing {
        let mut listing = Listing::default();
        while let Some(task) = self.next() {
            // Counts the task as done even if the visitor panics: the others would wait for ever.
            let _done = Done(self);
            match task {
                Task::Folder(folder) => {
                    if let Err(error) = self.folder(&folder, &mut listing) {
                        report(&folder.path, error, &mut listing);
                    }
                }
                Task::Files(folder, files) => self.stamp(&folder, &files, &mut listing),
            }
        }
        listing
    }

    /// The next task; waits while others may still add one.
    fn next(&self) -> Option<Task> {
        let mut queue = lock(&self.queue);
        loop {
            if let Some(task) = queue.tasks.pop() {
                queue.at_work += 1;
                return Some(task);
            }
            if queue.at_work == 0 {
                return None;
            }
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    fn add(&self, task: Task) {
        lock(&self.queue).tasks.push(task);
        self.changed.notify_one();
    }

    /// Reads one folder: its rules, then its entries.
    fn folder(&self, folder: &Folder, listing: &mut Listing) -> io::Result<()> {
        let handle = self
            .root
            .open_inside(&folder.path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let id = FolderId::from(&beneath::stat_open(&handle)?);
        if Ancestor::includes(folder.above.as_ref(), id) {
            return Ok(());
        }
        // Without its rules nobody knows what in it must not be shown.
        let read = self.notes.read_rules(self.root, &folder.path, &handle)?;
        for bad in read.bad {
            let hindrance = Hindrance::Itself(bad.to_string());
            listing
                .unreadable
                .push((child(&folder.path, RULES_FILE), hindrance));
        }
        listing.folders.push(folder.path.clone());
        let entered = Arc::new(Entered {
            path: folder.path.clone(),
            handle,
            rules: folder.rules.below(read.own),
            chain: Arc::new(Ancestor {
                id,
                above: folder.above.clone(),
            }),
        });
        self.entries(&entered, listing)
    }

    fn entries(&self, folder: &Arc<Entered>, listing: &mut Listing) -> io::Result<()> {
        let mut files = Files::default();
        let mut folders = Vec::new();
        let mut path = child(&folder.path, "");
        let prefix = path.len();
        let mut buffer = vec![MaybeUninit::uninit(); ENTRY_BUFFER];
        let mut entries = RawDir::new(&folder.handle, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_bytes().starts_with(b".") {
                continue;
            }
            let Ok(name) = name.to_str() else {
                let path = child(&folder.path, &name.to_string_lossy());
                let hindrance = Hindrance::Itself(NOT_UTF8.to_owned());
                listing.unreadable.push((path, hindrance));
                continue;
            };
            path.truncate(prefix);
            path.push_str(name);
            match entry.file_type() {
                FileType::RegularFile => self.judge(folder, &path, &mut files),
                FileType::Directory => folders.extend(self.inner(folder, &path)),
                FileType::Symlink | FileType::Unknown => {
                    match self.follow(folder, &path, listing) {
                        Ok(inner) => folders.extend(inner),
                        Err(error) => report(&path, error, listing),
                    }
                }
                _ => {}
            }
            if files.files.len() == FILES_A_TASK {
                self.add(Task::Files(Arc::clone(folder), std::mem::take(&mut files)));
            }
            if folders.len() == FOLDERS_AT_ONCE {
                self.enter(std::mem::take(&mut folders));
            }
        }
        self.enter(folders);
        self.stamp(folder, &files, listing);
        Ok(())
    }

    /// Keeps a file that counts for [`Self::stamp`].
    fn judge(&self, folder: &Entered, path: &str, files: &mut Files) {
        let is_note = match self.select.file(path, &folder.rules) {
            Verdict::LeftOut => return,
            Verdict::Note => true,
            Verdict::Attachment => false,
        };
        files.paths.push_str(path);
        files.files.push((files.paths.len(), is_note));
    }

    /// Stamps files of an open folder, and lists those that the visitor doesn't know.
    fn stamp(&self, folder: &Entered, files: &Files, listing: &mut Listing) {
        let mut begin = 0;
        for &(end, is_note) in &files.files {
            let path = &files.paths[begin..end];
            begin = end;
            let name = last_part(path);
            let stamp = match beneath::stat_entry(&folder.handle, name) {
                Ok(stat) if beneath::kind(&stat) == FileType::RegularFile => Stamp::from(&stat),
                // It was swapped for something else since the folder was read; its event will be looked at.
                Ok(_) | Err(Errno::NOENT) => continue,
                Err(error) => {
                    let error = io::Error::from(error);
                    listing.unreadable.push((path.to_owned(), error.into()));
                    continue;
                }
            };
            if self.visitor.knows(path, is_note, &stamp) {
                continue;
            }
            match NotePath::new(path) {
                Ok(path) => listing.files.push(Found {
                    path,
                    is_note,
                    stamp,
                }),
                Err(error) => listing
                    .unreadable
                    .push((path.to_owned(), Hindrance::Itself(error.to_string()))),
            }
        }
    }

    /// Tells the visitor of folders, and has them read.
    fn enter(&self, folders: Vec<Folder>) {
        if folders.is_empty() {
            return;
        }
        let paths: Vec<&str> = folders.iter().map(|folder| &*folder.path).collect();
        self.visitor.enter(&paths);
        for folder in folders {
            self.add(Task::Folder(folder));
        }
    }

    /// A folder inside another, if it counts.
    fn inner(&self, folder: &Entered, path: &str) -> Option<Folder> {
        let counts = self.select.enters(path, &folder.rules);
        counts.then(|| Folder {
            path: path.into(),
            rules: folder.rules.clone(),
            above: Some(Arc::clone(&folder.chain)),
        })
    }

    /// An entry that the folder alone does not tell the kind of: what it leads to counts, if that is inside. When that is a
    /// folder, it comes back.
    fn follow(
        &self,
        folder: &Entered,
        path: &str,
        listing: &mut Listing,
    ) -> io::Result<Option<Folder>> {
        let target = self.root.open_inside(path, OFlags::PATH);
        let stat: Option<Statx> = match target {
            Ok(target) => Some(beneath::stat_open(&target)?),
            Err(error) if is_nothing(&error) => None,
            Err(error) => return Err(error),
        };
        self.notes
            .links
            .note(path, stat.as_ref().map(FolderId::from));
        let Some(stat) = stat else { return Ok(None) };
        match beneath::kind(&stat) {
            FileType::Directory
                if !Ancestor::includes(Some(&folder.chain), FolderId::from(&stat)) =>
            {
                return Ok(self.inner(folder, path));
            }
            FileType::RegularFile => {
                let verdict = self.select.file(path, &folder.rules);
                let path = NotePath::new(path).map_err(io::Error::other)?;
                listing.files.extend(found(path, verdict, &stat));
            }
            _ => {}
        }
        Ok(None)
    }
}

/// A task under way.
struct Done<'a>(&'a Walk<'a>);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        let mut queue = lock(&self.0.queue);
        queue.at_work -= 1;
        if queue.at_work == 0 && queue.tasks.is_empty() {
            self.0.changed.notify_all();
        }
    }
}
