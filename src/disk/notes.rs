//! The real notes folder. Everything is looked up below a handle of the root, so that no symlink leads out of it,
//! and only regular files are ever opened. Reads; never writes.
//!
//! The handle is held only while there is work (see [`NotesFolder::rest`]): a folder that somebody holds open
//! can't be unmounted.

mod links;
mod rules;
mod walk;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FileType, OFlags, Statx};
use rustix::io::Errno;

use self::links::Links;
use self::rules::RulesFile;
use super::beneath::{self, FolderId, FolderState, Symlinks};
use super::select::{BadGlob, FolderRules, RULES_FILE, Rules, Select, Verdict};
use super::{Found, Listing, Looked, NotesDisk, Stamp, Visitor};
use crate::path::{NotePath, below, parent, prefixes};
use crate::sync::lock;

/// What is said of a name that is no text.
const NOT_UTF8: &str = "the file name is not UTF-8; rename it";

/// The notes folder on a real file system.
#[derive(Debug)]
pub struct NotesFolder {
    path: PathBuf,
    select: RwLock<Arc<Select>>,
    root: Mutex<RootSlot>,
    /// The own rules of every folder that was entered, so that a look at one path costs the same however large
    /// the vault is. Whoever hears of a changed rules file looks at it, and that drops them.
    rules: RwLock<BTreeMap<Box<str>, OwnRules>>,
    links: Links,
}

type OwnRules = Option<Arc<FolderRules>>;

/// The handle of the root. Always of the folder `id`: another one at the same path is never taken for it unasked.
#[derive(Debug)]
struct RootSlot {
    id: FolderId,
    open: Option<Arc<Root>>,
}

/// An open root.
#[derive(Debug)]
struct Root {
    folder: OwnedFd,
    /// Its path without symlinks: what an absolute symlink that stays inside begins with.
    real_path: PathBuf,
}

/// What a folder's rules file says, and which of its lines say nothing.
struct ReadRules {
    own: OwnRules,
    bad: Vec<BadGlob>,
}

impl NotesFolder {
    /// Opens the folder at an absolute path.
    ///
    /// # Errors
    /// When it isn't there, can't be read, or the kernel is too old.
    pub fn open(path: &Path, select: Select) -> io::Result<Self> {
        let (root, id) = Root::open(path)?;
        Ok(Self {
            path: path.to_owned(),
            select: RwLock::new(Arc::new(select)),
            root: Mutex::new(RootSlot {
                id,
                open: Some(Arc::new(root)),
            }),
            rules: RwLock::default(),
            links: Links::default(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes another config's say in what counts. What was listed before has to be listed again.
    pub fn select_by(&self, select: Select) {
        *write(&self.select) = Arc::new(select);
    }

    /// What stands at the folder's path now. Only while it is `Same` do absent files mean that they were removed.
    ///
    /// # Errors
    /// When it can't be known (permission, an I/O error).
    pub fn root_state(&self) -> io::Result<FolderState> {
        let id = lock(&self.root).id;
        beneath::folder_state(&self.path, id)
    }

    /// The file system that the folder lies on, as a number to tell it from others.
    pub fn device(&self) -> u64 {
        let (major, minor) = lock(&self.root).id.device();
        u64::from(major) << 32 | u64::from(minor)
    }

    /// Takes whatever folder stands at the path now for the notes folder.
    ///
    /// # Errors
    /// As [`Self::open`]; then the former one stays.
    pub fn reopen(&self) -> io::Result<()> {
        let (root, id) = Root::open(&self.path)?;
        let open = Some(Arc::new(root));
        *lock(&self.root) = RootSlot { id, open };
        write(&self.rules).clear();
        self.links.forget_below("");
        Ok(())
    }

    /// Lets go of the folder until it is needed again, so that it can be unmounted. To be called when a batch is done.
    pub fn rest(&self) {
        lock(&self.root).open = None;
    }

    /// Opens a regular file to be copied; the stamp is its present one.
    ///
    /// # Errors
    /// As for [`NotesDisk::read`].
    pub fn open_file(&self, path: &NotePath) -> io::Result<(File, Stamp)> {
        let root = self.root()?;
        // NONBLOCK and NOCTTY: it was a regular file when it was looked at; should it have become a FIFO or a terminal since,
        // opening it waits for nobody and takes nothing. What it is now is asked of the open file.
        let file = root.open_inside(
            path.as_str(),
            OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY,
        )?;
        let stat = beneath::stat_open(&file)?;
        require_regular(&stat)?;
        Ok((file.into(), Stamp::from(&stat)))
    }

    /// The handle of the root, opened again if it was let go.
    fn root(&self) -> io::Result<Arc<Root>> {
        let mut slot = lock(&self.root);
        if let Some(root) = &slot.open {
            return Ok(Arc::clone(root));
        }
        let (root, id) = Root::open(&self.path)?;
        if id != slot.id {
            return Err(root_lost("was replaced"));
        }
        let root = Arc::new(root);
        slot.open = Some(Arc::clone(&root));
        Ok(root)
    }

    fn select(&self) -> Arc<Select> {
        Arc::clone(&read(&self.select))
    }

    /// The rules that hold in `folder`, or `None` when it or a folder above is left out.
    fn rules_in(&self, root: &Root, select: &Select, folder: &str) -> io::Result<Option<Rules>> {
        let mut rules = Rules::default().below(self.own_rules(root, "")?);
        for prefix in prefixes(folder) {
            if !select.enters(prefix, &rules) {
                return Ok(None);
            }
            rules = rules.below(self.own_rules(root, prefix)?);
        }
        Ok(Some(rules))
    }

    fn own_rules(&self, root: &Root, folder: &str) -> io::Result<OwnRules> {
        if let Some(own) = read(&self.rules).get(folder) {
            return Ok(own.clone());
        }
        match root.open_inside(folder, OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(handle) => Ok(self.read_rules(root, folder, &handle)?.own),
            Err(error) if is_nothing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the rules file of an open folder and remembers what it says.
    fn read_rules(&self, root: &Root, folder: &str, handle: &OwnedFd) -> io::Result<ReadRules> {
        let file = RulesFile::read(root, folder, handle)?;
        self.links.note_rules(folder, &file);
        let read = match file.text {
            None => ReadRules {
                own: None,
                bad: Vec::new(),
            },
            Some(text) => {
                let (own, bad) = FolderRules::parse(folder, &text);
                ReadRules {
                    own: Some(Arc::new(own)),
                    bad,
                }
            }
        };
        write(&self.rules).insert(folder.into(), read.own.clone());
        Ok(read)
    }

    /// Forgets the rules of a folder and of all below it.
    fn forget_rules(&self, folder: &str) {
        let mut rules = write(&self.rules);
        rules.remove(folder);
        // No more than what lies there is looked at.
        let known = rules.range::<str, _>(below(folder));
        let known: Vec<Box<str>> = known.map(|(path, _)| path.clone()).collect();
        for path in known {
            rules.remove(&path);
        }
    }

    /// What is at `path`, if it is there and inside, however many symlinks lead to it; and whether one does.
    fn stat_inside(root: &Root, path: &str) -> io::Result<(Option<Statx>, bool)> {
        match beneath::open_beneath(&root.folder, path, OFlags::PATH, Symlinks::Refused) {
            Ok(file) => Ok((Some(beneath::stat_open(&file)?), false)),
            Err(Errno::LOOP) => Ok((Self::stat_by_link(root, path)?, true)),
            Err(error) if beneath::is_absence(error) => Ok((None, false)),
            Err(error) => Err(error.into()),
        }
    }

    fn stat_by_link(root: &Root, path: &str) -> io::Result<Option<Statx>> {
        if !root.is_walkable(path)? {
            return Ok(None);
        }
        match root.open_inside(path, OFlags::PATH) {
            Ok(file) => Ok(Some(beneath::stat_open(&file)?)),
            Err(error) if is_nothing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl NotesDisk for NotesFolder {
    fn is_there(&self) -> bool {
        matches!(self.root_state(), Ok(FolderState::Same))
    }

    fn list(&self, folder: &str, visitor: &dyn Visitor) -> io::Result<Listing> {
        let root = self.root()?;
        if folder.is_empty() && self.root_state()? != FolderState::Same {
            return Err(root_lost("is not the one that was opened"));
        }
        let select = self.select();
        self.forget_rules(folder);
        self.links.forget_below(folder);
        let Some(rules) = self.rules_in(&root, &select, parent(folder).unwrap_or_default())? else {
            return Ok(Listing::default());
        };
        let counts = match parent(folder) {
            None => true,
            Some(_) => select.enters(folder, &rules) && root.is_walkable(folder)?,
        };
        if !counts {
            return Ok(Listing::default());
        }
        let above = if folder.is_empty() {
            Rules::default()
        } else {
            rules
        };
        let listing = walk::walk(self, &root, &select, folder, above, visitor)?;
        root.require_present()?;
        Ok(listing)
    }

    fn look(&self, path: &NotePath) -> io::Result<Looked> {
        let root = self.root()?;
        let select = self.select();
        if path.name() == RULES_FILE {
            self.forget_rules(path.folder());
            let counts = self.rules_in(&root, &select, path.folder())?.is_some();
            return Ok(if counts {
                Looked::Rules
            } else {
                Looked::Nothing
            });
        }
        let Some(rules) = self.rules_in(&root, &select, path.folder())? else {
            return Ok(Looked::Nothing);
        };
        let (stat, by_link) = Self::stat_inside(&root, path.as_str())?;
        if by_link {
            self.links
                .note(path.as_str(), stat.as_ref().map(FolderId::from));
        }
        let Some(stat) = stat else {
            // Gone from a root that is gone itself means nothing.
            root.require_present()?;
            self.forget_rules(path.as_str());
            return Ok(Looked::Nothing);
        };
        Ok(match beneath::kind(&stat) {
            FileType::Directory => {
                // It may be another one than before.
                self.forget_rules(path.as_str());
                if select.enters(path.as_str(), &rules) {
                    Looked::Folder
                } else {
                    Looked::Nothing
                }
            }
            FileType::RegularFile => found(path.clone(), select.file(path.as_str(), &rules), &stat)
                .map_or(Looked::Nothing, Looked::File),
            _ => Looked::Nothing,
        })
    }

    fn read(&self, path: &NotePath) -> io::Result<(Vec<u8>, Stamp)> {
        let (file, stamp) = self.open_file(path)?;
        Ok((read_whole(&file, stamp.size)?, stamp))
    }

    fn turned_links(&self) -> Vec<NotePath> {
        // Without a root there is nothing that could be looked at.
        self.root()
            .map_or_else(|_| Vec::new(), |root| self.links.turned(&root))
    }

    fn now(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|age| i64::try_from(age.as_nanos()).ok())
            .unwrap_or(0)
    }
}

impl Root {
    fn open(path: &Path) -> io::Result<(Self, FolderId)> {
        let (folder, id) = beneath::open_root(path)?;
        let real_path = path.canonicalize()?;
        Ok((Self { folder, real_path }, id))
    }

    /// Opens a path below the root ("" for itself), following symlinks as long as they stay inside.
    fn open_inside(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        match beneath::open_beneath(&self.folder, path, flags, Symlinks::Inside) {
            Err(Errno::XDEV) => self.open_by_real_path(path, flags),
            done => Ok(done?),
        }
    }

    /// The same where an absolute symlink is on the way: the kernel takes each for a way out, but it may lead back in.
    fn open_by_real_path(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let real = self.real_path.join(path).canonicalize()?;
        let inside = real
            .strip_prefix(&self.real_path)
            .map_err(|_| leads_out())?;
        let inside = inside
            .to_str()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, NOT_UTF8))?;
        Ok(beneath::open_beneath(
            &self.folder,
            inside,
            flags,
            Symlinks::Refused,
        )?)
    }

    /// Whether every folder on the way to `path`, and `path` itself if it is one, is inside and met for the first time:
    /// a walk from the root comes only there, however the symlinks on the way would be resolved all at once.
    fn is_walkable(&self, path: &str) -> io::Result<bool> {
        let mut met = vec![FolderId::from(&beneath::stat_open(&self.folder)?)];
        for prefix in prefixes(path) {
            let stat = match self.open_inside(prefix, OFlags::PATH) {
                Ok(file) => beneath::stat_open(&file)?,
                Err(error) if is_nothing(&error) => return Ok(false),
                Err(error) => return Err(error),
            };
            if beneath::kind(&stat) != FileType::Directory {
                return Ok(prefix.len() == path.len());
            }
            let id = FolderId::from(&stat);
            if met.contains(&id) {
                return Ok(false);
            }
            met.push(id);
        }
        Ok(true)
    }

    /// A deleted folder still answers, and says that it is empty.
    fn require_present(&self) -> io::Result<()> {
        if beneath::stat_open(&self.folder)?.stx_nlink == 0 {
            return Err(root_lost("was deleted"));
        }
        Ok(())
    }
}

/// A file that counts, unless it is left out.
fn found(path: NotePath, verdict: Verdict, stat: &Statx) -> Option<Found> {
    let is_note = match verdict {
        Verdict::LeftOut => return None,
        Verdict::Note => true,
        Verdict::Attachment => false,
    };
    Some(Found {
        path,
        is_note,
        stamp: Stamp::from(stat),
    })
}

/// Reads a regular file to its end with as few calls as can be: one, if it has the size that it said.
fn read_whole(file: &File, size: u64) -> io::Result<Vec<u8>> {
    let expected = usize::try_from(size).map_err(|_| Errno::FBIG)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(expected.saturating_add(1))?;
    loop {
        if bytes.len() == bytes.capacity() {
            bytes.try_reserve(bytes.capacity())?;
        }
        let read = match rustix::io::read(file.as_fd(), rustix::buffer::spare_capacity(&mut bytes))
        {
            Err(Errno::INTR) => continue,
            done => done?,
        };
        // There was room for more than this: the end.
        if read == 0 || bytes.len() == expected {
            return Ok(bytes);
        }
    }
}

fn require_regular(stat: &Statx) -> io::Result<()> {
    match beneath::kind(stat) {
        FileType::RegularFile => Ok(()),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        )),
    }
}

/// Whether an error of [`Root::open_inside`] says that nothing is there that counts.
fn is_nothing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::CrossesDevices
        || Errno::from_io_error(error).is_some_and(beneath::is_absence)
}

fn leads_out() -> io::Error {
    io::Error::new(
        io::ErrorKind::CrossesDevices,
        "a symlink leads out of the notes folder",
    )
}

fn root_lost(how: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("the notes folder {how}"))
}

// What these locks guard is whole after every statement, so a panic elsewhere leaves nothing half done.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
