//! The kernel's events, through notify: one watch for each folder, set one by one.
//!
//! notify could watch a tree by itself. It would then find a new folder, watch it and only then tell us, and what was
//! made in the folder in between would be told to nobody. So its recursive mode is never used: the folder walk sets the
//! watch before it reads a folder, and what came before the watch is found by the reading.

use super::events::{Handler, Shared};
use super::folders::Refusal;
use super::inbox::Inbox;
use notify::{
    Config, ErrorKind, EventKindMask, PathOp, RecommendedWatcher, RecursiveMode, UpdatePathsError,
    WatchPathConfig, Watcher,
};
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::time::Duration;

/// How long to wait for an old watcher to give back its watches before a new one asks for some.
const PARTING: Duration = Duration::from_secs(5);

/// Everything but opening and read-only closing: our own reads must not look like changes, and a queue that they fill
/// overflows. Data is told while a file is written and again when its writer closes it.
fn wanted() -> EventKindMask {
    EventKindMask::CORE | EventKindMask::ACCESS_CLOSE
}

/// A watcher and its thread.
#[derive(Debug)]
pub(super) struct Native {
    /// `None` only while it is dropped.
    watcher: Option<RecommendedWatcher>,
    closing: Arc<AtomicBool>,
    ended: Receiver<()>,
}

impl Native {
    pub(super) fn new(
        root: &Path,
        inbox: &Arc<Inbox>,
        shared: &Arc<Shared>,
    ) -> notify::Result<Self> {
        let (thread, ended) = channel();
        let closing = Arc::new(AtomicBool::new(false));
        let handler = Handler {
            root: root.to_owned(),
            inbox: inbox.clone(),
            shared: shared.clone(),
            closing: closing.clone(),
            _ended: thread,
        };
        // A failure drops the handler, which must not cry for help.
        closing.store(true, Ordering::Release);
        let watcher =
            RecommendedWatcher::new(handler, Config::default().with_event_kinds(wanted()))?;
        closing.store(false, Ordering::Release);
        Ok(Self {
            watcher: Some(watcher),
            closing,
            ended,
        })
    }

    /// Sets a watch on each of these folders and tells of each, in their order, whether it stands. Waits for the watcher's
    /// thread, and so for the handler.
    pub(super) fn watch(&mut self, folders: &[PathBuf]) -> Vec<notify::Result<()>> {
        let config = WatchPathConfig::new(RecursiveMode::NonRecursive);
        let mut outcomes = Vec::with_capacity(folders.len());
        while outcomes.len() < folders.len() {
            let left = &folders[outcomes.len()..];
            let operations = left
                .iter()
                .map(|folder| PathOp::Watch(folder.clone(), config.clone()));
            let Err(refused) = self.update(operations.collect()) else {
                outcomes.extend(left.iter().map(|_| Ok(())));
                break;
            };
            // What was not even tried: all, where it can't be known.
            let untried = match refused.origin {
                Some(_) => refused.remaining.len(),
                None => left.len() - 1,
            };
            outcomes.extend((1 + untried..left.len()).map(|_| Ok(())));
            if matches!(refused.source.kind, ErrorKind::MaxFilesWatch) {
                // So it is for the others, and asking for each would only take time.
                let refuse = || Err(notify::Error::new(ErrorKind::MaxFilesWatch));
                outcomes.resize_with(folders.len() - 1, refuse);
            }
            outcomes.push(Err(refused.source));
        }
        outcomes
    }

    fn update(&mut self, operations: Vec<PathOp>) -> Result<(), UpdatePathsError> {
        match &mut self.watcher {
            Some(watcher) => watcher.update_paths(operations),
            None => Err(UpdatePathsError {
                source: notify::Error::generic("the watcher is gone"),
                origin: None,
                remaining: operations,
            }),
        }
    }

    #[cfg(test)]
    pub(super) fn take_watcher(&mut self) -> Option<RecommendedWatcher> {
        self.watcher.take()
    }

    /// Removes the watches of these folders, as far as they have one.
    pub(super) fn unwatch(&mut self, folders: &HashSet<PathBuf>) -> notify::Result<()> {
        let Some(watcher) = &self.watcher else {
            return Ok(());
        };
        // notify has already removed most of them, and looking for one that is not there costs it a pass over all.
        let standing = watcher.watched_paths()?.into_iter().map(|(path, _)| path);
        self.remove(standing.filter(|path| folders.contains(path)))
    }

    /// Removes the watches of these folders; one that notify has removed itself meanwhile is no failure.
    fn remove(&mut self, standing: impl Iterator<Item = PathBuf>) -> notify::Result<()> {
        let mut outcome = self.update(standing.map(PathOp::Unwatch).collect());
        while let Err(refused) = outcome {
            if !matches!(refused.source.kind, ErrorKind::WatchNotFound) {
                return Err(refused.source);
            }
            outcome = self.update(refused.remaining);
        }
        Ok(())
    }
}

impl Drop for Native {
    /// Waits until its thread has given back all watches: another watcher may need them.
    fn drop(&mut self) {
        let dead = self.ended.try_recv() == Err(TryRecvError::Disconnected);
        self.closing.store(true, Ordering::Release);
        let Some(watcher) = self.watcher.take() else {
            return;
        };
        if dead {
            // notify's own drop panics when it cannot tell its thread to stop.
            std::mem::forget(watcher);
            return;
        }
        drop(watcher);
        if self.ended.recv_timeout(PARTING) == Err(RecvTimeoutError::Timeout) {
            tracing::debug!("the old watcher takes long to end");
        }
    }
}

/// Why a watch was refused; `None` when the folder is gone, which is no reason to come back to it.
pub(super) fn refusal(error: &notify::Error) -> Option<Refusal> {
    match &error.kind {
        ErrorKind::PathNotFound => None,
        ErrorKind::MaxFilesWatch => Some(Refusal::TooManyWatches),
        ErrorKind::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Some(Refusal::Denied)
        }
        _ => Some(Refusal::Other(words(error))),
    }
}

/// The system's words, without the paths that notify puts after them.
pub(super) fn words(error: &notify::Error) -> String {
    match &error.kind {
        ErrorKind::Io(error) => error.to_string(),
        ErrorKind::Generic(text) => text.clone(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_that_went_before_it_was_removed_is_no_failure_and_the_others_go_too() {
        let dir = tempfile::tempdir().unwrap();
        let folders = ["a", "b", "c"].map(|name| dir.path().join(name));
        for folder in &folders {
            std::fs::create_dir(folder).unwrap();
        }
        let mut native = Native::new(dir.path(), &Arc::default(), &Arc::default()).unwrap();
        let [a, b, c] = folders;
        let set = native.watch(&[a.clone(), c.clone()]);
        assert!(set.iter().all(Result::is_ok), "{set:?}");
        // As if `b` had still been among those that stand when they were listed.
        native.remove([a, b, c].into_iter()).unwrap();
        let standing = native.take_watcher().unwrap().watched_paths().unwrap();
        assert!(standing.is_empty(), "{standing:?}");
    }
}
