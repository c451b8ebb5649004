//! All that is outside of the process: both folders, the clock, the kernel, and the adversary who acts at every call.
//!
//! [`Disks`] is the process's door to it. Before and after every call the adversary may end the process, have the call
//! fail, or let somebody change the notes or the export tree.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use smartnotesd::disk::select::{RULES_FILE, Select};
use smartnotesd::disk::{
    Beat, Content, Found, Listing, Looked, NotesDisk, OutputDisk, OutputError, OutputState, Owned,
    Staged, StagedFile, Stamp, TemporaryId, Visitor,
};
use smartnotesd::engine::FolderListener;
use smartnotesd::path::{NotePath, OutputPath};
use smartnotesd::watch::Inbox;

use crate::counts::Counts;
use crate::export::{ExportTree, Judged};
use crate::kernel::Kernel;
use crate::notes::{NotesTree, Root};
use crate::rng::Rng;
use crate::state::State;
use crate::user;

/// When the clock begins, ns since the epoch.
const BEGIN: i64 = 1_700_000_000_000_000_000;

/// The payload of the panic with which the process dies.
pub(crate) struct Killed;

/// What an open root shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    Tree,
    Nothing,
}

/// How hard the adversary is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Malice {
    /// How many calls in a thousand fail.
    pub(crate) faults: u64,
    /// At how many calls in a thousand somebody changes the notes.
    pub(crate) edits: u64,
    /// At how many calls in a thousand the notes folder goes.
    pub(crate) root_losses: u64,
    /// At how many calls in a thousand somebody meddles with the export tree.
    pub(crate) meddling: u64,
}

/// The world.
pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) clock: i64,
    pub(crate) notes: NotesTree,
    pub(crate) export: ExportTree,
    pub(crate) kernel: Kernel,
    pub(crate) select: Select,
    pub(crate) malice: Malice,
    /// After so many calls the process is killed.
    pub(crate) fuse: Option<u64>,
    /// Somebody changed our outputs, or a look failed, in a way that no event tells: only a rescan finds it.
    pub(crate) rescan_needed: bool,
    pub(crate) counts: Counts,
    /// What happened, for who must understand a failure.
    pub(crate) trace: Vec<String>,
    /// The last change of a file, and what it held before: somebody may take it back.
    pub(crate) undo: Option<(String, Vec<u8>)>,
    /// The manifest; none for a fresh export.
    pub(crate) state: Option<Arc<Mutex<State>>>,
    /// The notes folder, or the empty mount point, that the process has opened.
    pub(crate) held: Root,
    /// The machine may stop in this episode.
    pub(crate) power_may_go: bool,
    /// The manifest lies on the export tree's file system.
    pub(crate) one_disk: bool,
    next_token: u64,
    staged: Vec<(TemporaryId, Option<u64>)>,
}

impl World {
    pub(crate) fn new(seed: u64, select: Select) -> Self {
        Self {
            rng: Rng::new(seed),
            clock: BEGIN,
            notes: NotesTree::new(),
            export: ExportTree::default(),
            kernel: Kernel::default(),
            select,
            malice: Malice::default(),
            fuse: None,
            rescan_needed: false,
            counts: Counts::default(),
            trace: Vec::new(),
            undo: None,
            state: None,
            one_disk: false,
            power_may_go: false,
            held: Root::Here,
            next_token: 0,
            staged: Vec::new(),
        }
    }

    /// A world with the same notes in which nothing was exported yet and nobody does harm.
    pub(crate) fn fresh(&self) -> Self {
        let mut fresh = Self::new(0, self.select.clone());
        fresh.notes = self.notes.clone();
        fresh.clock = self.clock;
        fresh
    }

    pub(crate) fn note(&mut self, what: impl Into<String>) {
        let at = (self.clock - BEGIN) / 1000;
        self.trace.push(format!("{at:>10} µs  {}", what.into()));
    }

    /// A word that nobody wrote before.
    pub(crate) fn token(&mut self) -> String {
        self.next_token += 1;
        format!("tok{:05}x", self.next_token)
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.clock += i64::try_from(time.as_nanos()).expect("an episode is short");
    }

    fn error(&mut self) -> io::Error {
        self.counts.failed_calls += 1;
        // ENOSPC, EROFS, EIO, EMFILE
        let code = self.rng.choose(&[28, 30, 5, 24]).expect("there are four");
        io::Error::from_raw_os_error(code)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The door of one process to the world.
#[derive(Clone)]
pub(crate) struct Disks(Arc<Mutex<World>>);

impl Disks {
    pub(crate) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        // One thread lives an episode: whoever finds it locked has locked it already.
        match self.0.try_lock() {
            Ok(world) => world,
            Err(TryLockError::Poisoned(world)) => world.into_inner(),
            Err(TryLockError::WouldBlock) => panic!("the world was asked for by who has it"),
        }
    }

    /// The adversary's turn before a call.
    fn meet(&self) -> MutexGuard<'_, World> {
        self.burn();
        let mut world = self.world();
        world.counts.calls += 1;
        let drift = world.rng.below(100_000);
        world.pass(Duration::from_nanos(drift));
        let Malice {
            edits,
            meddling,
            root_losses,
            ..
        } = world.malice;
        let is_here = world.notes.root == Root::Here;
        if root_losses > 0 && is_here && world.rng.rarely(root_losses) {
            user::lose_root(&mut world);
        } else if root_losses > 0 && !is_here && world.rng.rarely(10 * root_losses) {
            // Back before anybody could notice.
            world.notes.root = Root::Here;
            world.note("the notes folder is back");
        }
        if edits > 0 && world.rng.rarely(edits) {
            user::change_notes(&mut world);
        }
        if meddling > 0 && world.rng.rarely(meddling) {
            user::meddle(&mut world);
        }
        world
    }

    /// The same for a call that may fail.
    fn call(&self, what: &str) -> io::Result<MutexGuard<'_, World>> {
        let mut world = self.meet();
        let faults = world.malice.faults;
        if faults > 0 && world.rng.rarely(faults) {
            let error = world.error();
            world.note(format!("call fails: {what}: {error}"));
            return Err(error);
        }
        Ok(world)
    }

    /// Ends the process if its time has come.
    pub(crate) fn burn(&self) {
        let mut world = self.world();
        if let Some(left) = &mut world.fuse {
            if *left == 0 {
                world.fuse = None;
                world.note("killed");
                drop(world);
                // Not a panic of anybody's code: no hook runs.
                std::panic::resume_unwind(Box::new(Killed));
            }
            *left -= 1;
        }
    }
}

/// Where the paths of entries are watched from.
pub(crate) struct Watcher<'a> {
    pub(crate) disks: &'a Disks,
    pub(crate) inbox: &'a Inbox,
}

impl FolderListener for Watcher<'_> {
    fn enter(&self, folders: &[&str]) {
        let mut world = self.disks.world();
        for &folder in folders {
            if let Some(there) = world.notes.folder(folder)
                && there.readable
            {
                world.kernel.watch(folder, there.inode);
            }
        }
    }

    fn listed(&self, top: &str, folders: &[&str]) {
        self.disks.world().kernel.retain(top, folders, self.inbox);
    }
}

impl NotesDisk for Disks {
    fn list(&self, folder: &str, visitor: &dyn Visitor) -> io::Result<Listing> {
        let mut listing = Listing::default();
        {
            let world = self.call(&format!("list {folder:?}"))?;
            if folder.is_empty() && !world.is_same_root() {
                return Err(io::ErrorKind::NotFound.into());
            }
            if world.sees()? == Sight::Nothing {
                listing.folders.push(folder.into());
                return Ok(listing);
            }
            if !world.counts_as_folder(folder) {
                return if world.notes.is_file(folder) && world.clock % 2 == 0 {
                    Err(io::ErrorKind::NotADirectory.into())
                } else {
                    Ok(listing)
                };
            }
        }
        visitor.enter(&[folder]);
        let mut waiting = vec![folder.to_owned()];
        while let Some(folder) = waiting.pop() {
            let known = waiting.len();
            self.list_one(&folder, &mut listing, &mut waiting)?;
            let inner: Vec<&str> = waiting[known..].iter().map(String::as_str).collect();
            if !inner.is_empty() {
                visitor.enter(&inner);
            }
        }
        let is_known =
            |found: &Found| visitor.knows(found.path.as_str(), found.is_note, &found.stamp);
        listing.files.retain(|found| !is_known(found));
        Ok(listing)
    }

    fn look(&self, path: &NotePath) -> io::Result<Looked> {
        let world = self.call(&format!("look {path}"))?;
        if world.sees()? == Sight::Nothing {
            return Ok(Looked::Nothing);
        }
        let Some(rules) = world.notes.rules_in(&world.select, path.folder()) else {
            return Ok(Looked::Nothing);
        };
        if path.name() == RULES_FILE {
            return Ok(Looked::Rules);
        }
        if world.notes.folder(path.as_str()).is_some() {
            let counts = world.select.enters(path.as_str(), &rules);
            return Ok(if counts {
                Looked::Folder
            } else {
                Looked::Nothing
            });
        }
        Ok(world
            .notes
            .found(&world.select, path.as_str())?
            .map_or(Looked::Nothing, Looked::File))
    }

    fn read(&self, path: &NotePath) -> io::Result<(Vec<u8>, Stamp)> {
        let world = self.call(&format!("read {path}"))?;
        world.read(path)
    }

    fn is_there(&self) -> bool {
        self.meet().is_same_root()
    }

    fn now(&self) -> i64 {
        self.world().clock
    }
}

impl World {
    /// Whether the folder that the process has opened is the one at the path.
    pub(crate) fn is_same_root(&self) -> bool {
        self.held == self.notes.root
    }

    /// What there is to see below the folder that the process has opened.
    fn sees(&self) -> io::Result<Sight> {
        match (self.held, self.notes.root) {
            (Root::Here, Root::Here | Root::MovedAway) => Ok(Sight::Tree),
            (Root::Unmounted, Root::Unmounted) => Ok(Sight::Nothing),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn mark_durable(&mut self) {
        if let Some(state) = &self.state {
            lock(state).mark_durable();
            self.export.synced();
        }
    }

    /// Whether a folder is there and nothing leaves it out.
    fn counts_as_folder(&self, folder: &str) -> bool {
        self.notes.folder(folder).is_some() && self.notes.rules_in(&self.select, folder).is_some()
    }

    fn read(&self, path: &NotePath) -> io::Result<(Vec<u8>, Stamp)> {
        match self.sees()? {
            Sight::Tree => self.notes.read(path.as_str()),
            Sight::Nothing => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Disks {
    fn list_one(
        &self,
        folder: &str,
        listing: &mut Listing,
        waiting: &mut Vec<String>,
    ) -> io::Result<()> {
        let world = match self.call(&format!("read folder {folder:?}")) {
            Ok(world) => world,
            Err(error) if folder.is_empty() => return Err(error),
            Err(error) => {
                listing.unreadable.push((folder.to_owned(), error.into()));
                return Ok(());
            }
        };
        let Some(there) = world.notes.folder(folder) else {
            return Ok(());
        };
        if !there.readable {
            let error = io::Error::from(io::ErrorKind::PermissionDenied);
            listing.unreadable.push((folder.to_owned(), error.into()));
            return Ok(());
        }
        listing.folders.push(folder.into());
        let Some(rules) = world.notes.rules_in(&world.select, folder) else {
            return Ok(());
        };
        let (files, folders) = world.notes.entries(folder);
        waiting.extend(
            folders
                .into_iter()
                .filter(|path| world.select.enters(path, &rules)),
        );
        let found: Vec<io::Result<Option<Found>>> = files
            .iter()
            .map(|path| world.notes.found(&world.select, path))
            .collect();
        for found in found {
            listing.files.extend(found?);
        }
        Ok(())
    }

    fn bytes(&self, content: Content<'_>) -> Result<(Vec<u8>, Option<i64>), OutputError> {
        let path = match content {
            Content::Bytes(bytes) => return Ok((bytes.to_vec(), None)),
            Content::Copy(path) => path,
        };
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => OutputError::Superseded(path.clone()),
            _ => OutputError::Io {
                path: path.to_string(),
                error,
            },
        };
        let (bytes, stamp) = self
            .call(&format!("copy {path}"))
            .and_then(|world| world.read(path))
            .map_err(failed)?;
        let (_, after) = self
            .call(&format!("copy on {path}"))
            .and_then(|world| world.read(path))
            .map_err(failed)?;
        if after != stamp {
            return Err(OutputError::Superseded(path.clone()));
        }
        Ok((bytes, Some(stamp.mtime)))
    }
}

fn refused(path: &OutputPath) -> impl Fn(io::Error) -> OutputError {
    let path = path.to_string();
    move |error| OutputError::Io {
        path: path.clone(),
        error,
    }
}

impl OutputDisk for Disks {
    fn stage(
        &self,
        path: &OutputPath,
        content: Content<'_>,
        owned: Owned<'_>,
        _: Beat<'_>,
    ) -> Result<Staged, OutputError> {
        let (bytes, mtime) = self.bytes(content)?;
        let mut world = self.call(&format!("stage {path}")).map_err(refused(path))?;
        let replaces = match world.export.judge(path, owned, &bytes)? {
            Judged::Right(state) => {
                world.note(format!("is right already {path}"));
                return Ok(Staged::Unchanged(state));
            }
            Judged::Free(replaces) => replaces,
        };
        let clock = world.clock;
        let (temporary, state) = world
            .export
            .stage(path, &bytes, mtime.unwrap_or(clock), clock);
        world.staged.push((temporary, replaces));
        world.note(format!("staged {path}"));
        Ok(Staged::Ready(StagedFile {
            temporary,
            path: path.clone(),
            replace: replaces.is_some(),
            state,
        }))
    }

    fn flush(&self) -> io::Result<()> {
        let mut world = self.call("flush")?;
        world.export.flush();
        if world.one_disk {
            world.mark_durable();
        }
        Ok(())
    }

    fn missing_folders(&self, path: &OutputPath) -> Vec<OutputPath> {
        self.meet().export.missing_folders(path)
    }

    fn publish(
        &self,
        staged: StagedFile,
        made: &mut dyn FnMut(OutputPath),
    ) -> Result<OutputState, OutputError> {
        let path = &staged.path;
        let mut world = self
            .call(&format!("publish {path}"))
            .map_err(refused(path))?;
        let known = world.staged.iter().find(|(id, _)| *id == staged.temporary);
        let replaces = known
            .and_then(|(_, replaces)| *replaces)
            .filter(|_| staged.replace);
        if !world.one_disk {
            // Nothing is published before the manifest's announcement of it, and all before that, is on the disk.
            world.mark_durable();
        }
        world
            .export
            .publish(staged.temporary, path, replaces, made)?;
        world.note(format!("published {path}"));
        drop(world);
        self.burn();
        Ok(staged.state)
    }

    fn delete(
        &self,
        path: &OutputPath,
        owned: Owned<'_>,
        _: Beat<'_>,
    ) -> Result<bool, OutputError> {
        let mut world = self
            .call(&format!("delete {path}"))
            .map_err(refused(path))?;
        let deleted = world.export.delete(path, owned);
        world.note(format!("withdrew {path}: {deleted}"));
        drop(world);
        self.burn();
        Ok(deleted)
    }

    fn remove_folder(&self, path: &OutputPath) -> io::Result<bool> {
        let mut world = self.call(&format!("rmdir {path}"))?;
        Ok(world.export.remove_folder(path))
    }

    fn is_intact(&self, path: &OutputPath, state: &OutputState) -> bool {
        self.meet().export.is_intact(path.as_str(), state)
    }

    fn sweep(&self) -> io::Result<()> {
        let mut world = self.call("sweep")?;
        world.export.sweep();
        world.staged.clear();
        Ok(())
    }
}

/// The clock that the process sees: the same time as an instant.
#[derive(Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn at(self, world: &World) -> Instant {
        let passed = u64::try_from(world.clock - BEGIN).expect("the clock only goes on");
        self.0 + Duration::from_nanos(passed)
    }
}
