//! Where changes come from. Out comes only "these paths may have changed" or "look at everything".
//!
//! [`Watch`] keeps a kernel watch on every folder that the folder walk enters and remembers those that cannot be
//! watched, which must be polled instead. [`Inbox`] holds what may have changed. [`Schedule`] says when to look without
//! having been told. None of them ever reads a note or decides what a change means: events are hints, the file system
//! is the truth.
//!
//! The one rule that nothing may break: a watch stands before its folder is read ([`Watch::enter`]), and whoever takes
//! a watch away first sees to it that the folder is looked at again.

mod events;
mod folders;
mod inbox;
mod native;
mod schedule;
#[cfg(test)]
mod tests;

pub use inbox::{Dirty, Inbox};
pub use schedule::{Due, Schedule};

use crate::config::WatchMode;
use crate::path::NotePath;
use crate::sync::lock;
use events::{Lost, Shared};
use folders::{Begun, Identity, LeftOver, Refusal};
use native::Native;
use std::collections::{BTreeMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// How much of the tree the kernel tells us about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Every folder that was entered.
    Native,
    /// All but some folders, which are polled.
    Partial {
        /// How many.
        unwatched: usize,
    },
    /// None of it.
    Poll,
}

impl Coverage {
    /// The log's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Native | Self::Partial { .. } => "native",
            Self::Poll => "poll",
        }
    }
}

/// Something about the watch that its user should hear, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Some folders, or all, are polled from now on because the kernel gives no watch.
    Degraded {
        /// What is not watched, and why.
        reason: String,
        /// What can be done.
        hint: String,
    },
    /// Every folder is watched again.
    Restored,
    /// Events were lost; everything is looked at again, and nothing else needs to be done.
    Lost {
        /// How.
        reason: String,
        /// How to have it happen less often.
        hint: String,
    },
}

/// Why the tree cannot be watched as `watch.mode: native` asks for.
#[derive(Debug, thiserror::Error)]
#[error("{reason}; {hint}, or set `watch.mode: auto` to have it polled")]
pub struct WatchError {
    /// What is not watched, and why.
    pub reason: String,
    /// What can be done.
    pub hint: String,
}

/// Keeps watches on the notes folder and what lies below it.
#[derive(Debug)]
pub struct Watch {
    root: PathBuf,
    mode: WatchMode,
    inbox: Arc<Inbox>,
    shared: Arc<Shared>,
    /// Held while the watcher's thread is waited for. That thread takes the locks of `shared` and the inbox, so they
    /// are only ever taken after this one and never held while waiting.
    native: Mutex<Option<Native>>,
    told: Mutex<Told>,
}

/// What was told last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Told {
    #[default]
    Nothing,
    Degraded,
}

impl Watch {
    /// Starts to watch the folder `root` itself; those below it follow as they are [entered](Self::enter).
    ///
    /// # Errors
    /// With [`WatchMode::Native`], when no watch can be had. With [`WatchMode::Auto`] that means polling.
    pub fn start(root: &Path, mode: WatchMode, inbox: Arc<Inbox>) -> Result<Self, WatchError> {
        let watch = Self {
            root: root.to_owned(),
            mode,
            inbox,
            shared: Arc::default(),
            native: Mutex::default(),
            told: Mutex::default(),
        };
        watch.enter(&[""]);
        watch.require_native()?;
        Ok(watch)
    }

    /// With [`WatchMode::Native`], whether all folders entered so far are watched. To be asked after the first walk;
    /// later failures are degraded operation, not a reason to end.
    ///
    /// # Errors
    /// When one is not.
    pub fn require_native(&self) -> Result<(), WatchError> {
        match self.complaint() {
            Some((reason, hint)) if self.mode == WatchMode::Native => {
                Err(WatchError { reason, hint })
            }
            _ => Ok(()),
        }
    }

    /// Sees to it that these folders ("" for the root) are watched, before they are read. Cheap when they are. A folder
    /// that cannot be watched is remembered and tried again whenever it is entered again.
    pub fn enter(&self, folders: &[&str]) {
        if self.mode == WatchMode::Poll || self.all_stand(folders) {
            return;
        }
        let mut native = lock(&self.native);
        self.settle(&mut native);
        // Another thread may have been faster, or none may have a chance.
        let begun = self.begin(folders);
        let Some(native) = native.as_mut() else {
            return;
        };
        let paths: Vec<PathBuf> = begun.iter().map(|folder| self.absolute(folder)).collect();
        for (folder, path) in begun.iter().zip(&paths) {
            if let Ok(identity) = identity(path) {
                lock(&self.shared.folders).is_named(folder, identity);
            }
        }
        // Of all together: each time the watcher's thread is waited for takes as long as setting several watches.
        let outcomes = native.watch(&paths);
        for ((folder, path), set) in begun.into_iter().zip(&paths).zip(outcomes) {
            self.note_outcome(folder, set, identity(path));
        }
    }

    fn all_stand(&self, folders: &[&str]) -> bool {
        let known = lock(&self.shared.folders);
        folders.iter().all(|folder| known.is_standing(folder))
    }

    /// Those whose watch is now to be set.
    fn begin<'a>(&self, folders: &[&'a str]) -> Vec<&'a str> {
        let mut known = lock(&self.shared.folders);
        let mut begun = folders.to_vec();
        begun.retain(|folder| known.begin(folder) == Begun::SetWatch);
        begun
    }

    fn note_outcome(
        &self,
        folder: &str,
        set: notify::Result<()>,
        identity: notify::Result<Identity>,
    ) {
        let mut folders = lock(&self.shared.folders);
        match (set, identity) {
            (Ok(()), Ok(identity)) => folders.stands(folder, identity),
            (Ok(()), Err(error)) => {
                // It went or was closed to us meanwhile: the watch is of no use.
                folders.forget(folder);
                folders.fails(folder, native::refusal(&error));
            }
            (Err(error), _) => folders.fails(folder, native::refusal(&error)),
        }
    }

    /// `folder` counts no longer, nor does anything below it: their watches are given back, and nobody polls them.
    pub fn leave(&self, folder: &str) {
        let mut native = lock(&self.native);
        lock(&self.shared.folders).forget(folder);
        self.settle(&mut native);
    }

    /// After a listing of `top` that found the folders `listed` (`top` among them): leaves those that it did not find.
    /// They are marked too: one that another thread has just entered, or that could not be seen, is looked at again.
    pub fn retain(&self, top: &str, listed: &[&str]) {
        let listed: HashSet<&str> = listed.iter().copied().collect();
        let mut native = lock(&self.native);
        let mut known = lock(&self.shared.folders).below(top);
        known.retain(|folder| !listed.contains(&**folder));
        for folder in known {
            lock(&self.shared.folders).forget(&folder);
            match NotePath::new(&folder) {
                Ok(folder) => self.inbox.mark(folder),
                // The root, which alone is no note path.
                Err(_) => self.inbox.mark_root(),
            }
        }
        self.settle(&mut native);
    }

    /// Trusts no watch any more: the root has been replaced, or is back. Everything is marked, and the walk that
    /// follows sets all watches anew. Waits for nobody: to part from the watcher can take seconds.
    pub fn restart(&self) {
        lock(&self.shared.folders).forget_all();
        self.inbox.mark_all();
    }

    /// The folders to list at this poll ("" for the root); none lies below another. Entering them in that listing is
    /// also the new attempt to watch them.
    pub fn polled(&self) -> Vec<Box<str>> {
        if self.mode == WatchMode::Poll {
            return vec!["".into()];
        }
        let mut folders = lock(&self.shared.folders);
        folders.try_again();
        topmost(folders.unwatched())
    }

    /// How much of the tree the kernel tells us about.
    pub fn coverage(&self) -> Coverage {
        if self.mode == WatchMode::Poll {
            return Coverage::Poll;
        }
        let folders = lock(&self.shared.folders);
        match folders.unwatched().len() {
            0 => Coverage::Native,
            _ if folders.none_watched() => Coverage::Poll,
            unwatched => Coverage::Partial { unwatched },
        }
    }

    /// What the user should hear now, if anything; to be asked until `None` after a walk and after a wake-up.
    pub fn take_notice(&self) -> Option<Notice> {
        if let Some(lost) = lock(&self.shared.lost).take() {
            let (reason, hint) = describe_loss(&lost);
            return Some(Notice::Lost { reason, hint });
        }
        let complaint = self.complaint();
        let mut told = lock(&self.told);
        match (complaint, *told) {
            (Some((reason, hint)), Told::Nothing) => {
                *told = Told::Degraded;
                Some(Notice::Degraded { reason, hint })
            }
            (None, Told::Degraded) => {
                *told = Told::Nothing;
                Some(Notice::Restored)
            }
            (Some(_), Told::Degraded) | (None, Told::Nothing) => None,
        }
    }

    /// What is not watched, and what can be done.
    fn complaint(&self) -> Option<(String, String)> {
        let folders = lock(&self.shared.folders);
        let (folder, refusal) = folders.unwatched().first_key_value()?;
        Some(describe_refusal(
            &self.absolute(folder),
            refusal,
            folders.unwatched().len() - 1,
        ))
    }

    /// Brings the watcher to what the books say: left-over watches go, and a watcher that can no longer be trusted is
    /// replaced. Always before a watch is set: the same folder under a new name has the same watch for the kernel.
    fn settle(&self, native: &mut Option<Native>) {
        if self.mode == WatchMode::Poll {
            return;
        }
        let left_over = lock(&self.shared.folders).take_left_over();
        let sound = match left_over {
            LeftOver::All => false,
            LeftOver::Some(folders) if folders.is_empty() => native.is_some(),
            LeftOver::Some(folders) => {
                let paths = folders.iter().map(|folder| self.absolute(folder)).collect();
                let outcome = native.as_mut().map(|native| native.unwatch(&paths));
                match &outcome {
                    Some(Ok(())) => lock(&self.shared.folders).given_back(&folders),
                    Some(Err(error)) => {
                        // First forget, then mark, as the handler does.
                        lock(&self.shared.folders).forget_all();
                        *lock(&self.shared.lost) = Some(Lost::Failed(native::words(error)));
                        self.inbox.mark_all();
                    }
                    None => {}
                }
                matches!(outcome, Some(Ok(())))
            }
        };
        if !sound {
            self.replace(native);
        }
    }

    fn replace(&self, native: &mut Option<Native>) {
        // The old one gives back its watches before the new one asks for some.
        let had_one = native.take().is_some();
        let no_use = matches!(
            lock(&self.shared.folders).refused(),
            Some(Refusal::NoWatcher(_))
        );
        if no_use && !had_one {
            return;
        }
        let outcome = Native::new(&self.root, &self.inbox, &self.shared);
        let mut folders = lock(&self.shared.folders);
        folders.forget_all();
        match outcome {
            Ok(new) => {
                *native = Some(new);
                folders.try_again();
            }
            Err(error) => folders.no_watcher(native::words(&error)),
        }
        // A new watcher has nothing left over.
        folders.take_left_over();
    }

    fn absolute(&self, folder: &str) -> PathBuf {
        if folder.is_empty() {
            self.root.clone()
        } else {
            self.root.join(folder)
        }
    }
}

fn identity(folder: &Path) -> notify::Result<Identity> {
    let metadata = std::fs::metadata(folder).map_err(notify::Error::io_watch)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Those that do not lie below another. In order, a folder comes before what lies below it.
fn topmost(folders: &BTreeMap<Box<str>, Refusal>) -> Vec<Box<str>> {
    let covered = |folder: &str| {
        let ancestors = folder.match_indices('/').map(|(end, _)| &folder[..end]);
        folders.contains_key("")
            || ancestors
                .into_iter()
                .any(|ancestor| folders.contains_key(ancestor))
    };
    folders
        .keys()
        .filter(|folder| folder.is_empty() || !covered(folder))
        .cloned()
        .collect()
}

fn describe_refusal(folder: &Path, refusal: &Refusal, others: usize) -> (String, String) {
    let what = match others {
        0 => folder.display().to_string(),
        1 => format!("{} and 1 more folder", folder.display()),
        _ => format!("{} and {others} more folders", folder.display()),
    };
    match refusal {
        Refusal::TooManyWatches => (
            format!("{what}: no watch to be had, the limit of inotify watches is reached"),
            "raise the sysctl fs.inotify.max_user_watches".to_owned(),
        ),
        Refusal::NoWatcher(error) => (
            format!("{what}: no inotify instance to be had: {error}"),
            "raise the sysctl fs.inotify.max_user_instances or the limit of open files".to_owned(),
        ),
        Refusal::Denied => (
            format!("{what}: cannot be watched: permission denied"),
            "make the folder readable for smartnotesd".to_owned(),
        ),
        Refusal::Other(error) => (
            format!("{what}: cannot be watched: {error}"),
            "it is polled; nothing is missed, only later".to_owned(),
        ),
    }
}

fn describe_loss(lost: &Lost) -> (String, String) {
    match lost {
        Lost::Overflow => (
            "events came faster than they were read and some were lost; looking at everything"
                .to_owned(),
            "if this comes often, raise the sysctl fs.inotify.max_queued_events".to_owned(),
        ),
        Lost::Failed(error) => (
            format!("the watcher failed, events may be lost: {error}; looking at everything"),
            "if this comes often, set `watch.mode: poll`".to_owned(),
        ),
    }
}
