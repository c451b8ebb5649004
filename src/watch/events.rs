//! Turns the kernel's events into hints, on the watcher's own thread.
//!
//! It reads no file and waits for nobody: a slow handler is how the kernel's queue overflows. What an event says beyond
//! "look here" is used for one thing only: to tell which watches have lost the folder that they were set for.

use super::folders::Folders;
use super::inbox::Inbox;
use super::lock;
use crate::path::NotePath;
use notify::event::{ModifyKind, RenameMode};
use notify::{Event, EventHandler, EventKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

/// The only hidden file that says something about the notes.
const RULES: &str = ".exportignore";

/// What the event handler and the [`Watch`](super::Watch) share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) folders: Mutex<Folders>,
    /// Why events were lost, for the log.
    pub(super) lost: Mutex<Option<Lost>>,
}

/// How events were lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// They came faster than they were taken.
    Overflow,
    /// The watcher said that it failed, in its words.
    Failed(String),
}

/// Handles the events of one watcher.
pub(super) struct Handler {
    pub(super) root: PathBuf,
    pub(super) inbox: Arc<Inbox>,
    pub(super) shared: Arc<Shared>,
    /// Set before the watcher is shut down on purpose.
    pub(super) closing: Arc<AtomicBool>,
    /// Dropped with the handler when the watcher's thread ends: that is how others know.
    pub(super) _ended: Sender<()>,
}

/// Where a path lies.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// The notes folder itself.
    Root,
    /// In it, with a name of its own.
    Inside(NotePath),
    /// In this folder, with a name that is not UTF-8.
    Nameless(Box<str>),
    /// Hidden or outside: nothing that counts.
    Nowhere,
}

impl EventHandler for Handler {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        match event {
            Ok(event) if event.need_rescan() => self.lose(Lost::Overflow),
            Ok(event) => self.absorb(&event),
            Err(error) => self.lose(Lost::Failed(error.to_string())),
        }
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        if !self.closing.load(Ordering::Acquire) {
            self.lose(Lost::Failed("the watcher's thread ended".to_owned()));
        }
    }
}

impl Handler {
    /// Events were lost, and among them may be those that say which watches are stale: trust none.
    fn lose(&self, lost: Lost) {
        *lock(&self.shared.lost) = Some(lost);
        lock(&self.shared.folders).forget_all();
        self.inbox.mark_all();
    }

    fn absorb(&self, event: &Event) {
        let moved = match event.kind {
            // A pair of `From` and `To`, which both came on their own.
            EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => return,
            EventKind::Modify(ModifyKind::Name(_)) | EventKind::Remove(_) => true,
            EventKind::Any | EventKind::Other => {
                return self.lose(Lost::Failed(format!("unknown event {event:?}")));
            }
            _ => false,
        };
        for path in &event.paths {
            match place(&self.root, path) {
                Place::Root => {
                    // Moved, deleted, unmounted, or its permissions changed.
                    if moved {
                        lock(&self.shared.folders).forget_all();
                    }
                    self.inbox.mark_root();
                }
                Place::Inside(path) => self.hint(path, moved),
                // Its content is never exported; only whether it is there can be told.
                Place::Nameless(folder) if moved || event.kind.is_create() => {
                    self.inbox.mark_folder(&folder);
                }
                Place::Nameless(_) | Place::Nowhere => {}
            }
        }
    }

    /// First forget, then mark: whoever takes the mark then sets the watches anew.
    fn hint(&self, path: NotePath, moved: bool) {
        let twins = {
            let mut folders = lock(&self.shared.folders);
            let twins = folders.twins(path.as_str());
            if moved {
                folders.forget(path.as_str());
                for twin in &twins {
                    folders.forget(twin);
                }
            }
            twins
        };
        self.inbox.mark(path);
        for twin in twins {
            match NotePath::new(&twin) {
                Ok(twin) => self.inbox.mark(twin),
                // Nothing below the root comes here; but a hint must never be dropped.
                Err(_) => self.inbox.mark_all(),
            }
        }
    }
}

fn place(root: &Path, path: &Path) -> Place {
    let Ok(inside) = path.strip_prefix(root) else {
        return Place::Nowhere;
    };
    if inside.as_os_str().is_empty() {
        return Place::Root;
    }
    let hidden_folder = inside
        .parent()
        .is_some_and(|folder| folder.iter().any(|part| part.as_bytes().starts_with(b".")));
    let name = inside.file_name().map_or(&b""[..], OsStrExt::as_bytes);
    if hidden_folder || (name.starts_with(b".") && name != RULES.as_bytes()) {
        return Place::Nowhere;
    }
    match NotePath::try_from(inside) {
        Ok(path) => Place::Inside(path),
        Err(_) => Place::Nameless(
            inside
                .parent()
                .map_or_else(Box::default, |folder| folder.to_string_lossy().into()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::folders::{Begun, LeftOver};
    use crate::watch::inbox::Dirty;
    use notify::event::{AccessKind, AccessMode, CreateKind, DataChange, Flag, RemoveKind};
    use std::collections::BTreeSet;
    use std::ffi::OsStr;
    use std::sync::mpsc::channel;

    const CHANGED: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    const FROM: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::From));

    fn handler() -> Handler {
        Handler {
            root: "/notes".into(),
            inbox: Arc::default(),
            shared: Arc::default(),
            closing: Arc::default(),
            _ended: channel().0,
        }
    }

    fn event(kind: EventKind, path: impl AsRef<OsStr>) -> Event {
        Event::new(kind).add_path(Path::new(&path).to_owned())
    }

    fn watched(handler: &Handler, watched: &[(&str, u64)]) {
        let mut folders = lock(&handler.shared.folders);
        for (folder, inode) in watched {
            assert_eq!(folders.begin(folder), Begun::SetWatch);
            folders.stands(folder, (1, *inode));
        }
    }

    fn paths(paths: &[&str]) -> Dirty {
        let paths = paths
            .iter()
            .map(|path| NotePath::new(path).unwrap())
            .collect();
        Dirty {
            paths,
            ..Dirty::default()
        }
    }

    #[test]
    fn a_path_becomes_a_note_path() {
        let handler = handler();
        handler.absorb(&event(CHANGED, "/notes/d/a.md"));
        handler.absorb(&event(
            EventKind::Access(AccessKind::Close(AccessMode::Write)),
            "/notes/b.md",
        ));
        assert_eq!(handler.inbox.take(), paths(&["b.md", "d/a.md"]));
    }

    #[test]
    fn what_is_hidden_or_outside_costs_nothing() {
        let handler = handler();
        for path in [
            "/notes/.a.md.swp",
            "/notes/.git/index",
            "/notes/d/.git/x/y.md",
            "/notes2/a.md",
            "/notes/.git/.exportignore",
        ] {
            handler.absorb(&event(CHANGED, path));
        }
        assert!(handler.inbox.is_empty());
        handler.absorb(&event(CHANGED, "/notes/d/.exportignore"));
        assert_eq!(handler.inbox.take(), paths(&["d/.exportignore"]));
    }

    #[test]
    fn a_name_that_is_not_utf8_has_its_folder_listed_when_it_comes_or_goes() {
        let handler = handler();
        let name = OsStr::from_bytes(b"/notes/d/\xff.md");
        handler.absorb(&event(CHANGED, name));
        assert!(handler.inbox.is_empty());
        handler.absorb(&event(EventKind::Create(CreateKind::File), name));
        handler.absorb(&event(FROM, OsStr::from_bytes(b"/notes/\xff.md")));
        assert_eq!(
            handler.inbox.take().folders,
            BTreeSet::from(["".into(), "d".into()])
        );
    }

    #[test]
    fn lost_events_make_everything_dirty_and_no_watch_trusted() {
        for lost in [
            Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)),
            Err(notify::Error::generic("broken")),
        ] {
            let mut handler = handler();
            watched(&handler, &[("", 1), ("d", 2)]);
            handler.handle_event(lost);
            assert_eq!(
                handler.inbox.take(),
                Dirty {
                    everything: true,
                    ..Dirty::default()
                }
            );
            assert_eq!(
                lock(&handler.shared.folders).take_left_over(),
                LeftOver::All
            );
            assert!(lock(&handler.shared.lost).is_some());
        }
    }

    #[test]
    fn a_folder_that_moved_is_forgotten_with_what_lies_below() {
        let handler = handler();
        watched(&handler, &[("", 1), ("d", 2), ("d/e", 3), ("f", 4)]);
        handler.absorb(&event(FROM, "/notes/d"));
        assert_eq!(
            lock(&handler.shared.folders).below(""),
            ["".into(), "f".into()]
        );
        assert_eq!(handler.inbox.take(), paths(&["d"]));
    }

    #[test]
    fn the_root_that_went_leaves_no_watch_but_one_that_was_touched_does() {
        let handler = handler();
        watched(&handler, &[("", 1), ("d", 2)]);
        handler.absorb(&event(
            EventKind::Modify(ModifyKind::Metadata(notify::event::MetadataKind::Any)),
            "/notes",
        ));
        assert!(handler.inbox.take().root);
        assert_eq!(lock(&handler.shared.folders).below("").len(), 2);
        handler.absorb(&event(EventKind::Remove(RemoveKind::Folder), "/notes"));
        assert_eq!(
            handler.inbox.take(),
            Dirty {
                root: true,
                everything: true,
                ..Dirty::default()
            }
        );
        assert!(lock(&handler.shared.folders).below("").is_empty());
    }

    #[test]
    fn all_names_of_a_folder_are_marked_and_forgotten() {
        let handler = handler();
        watched(
            &handler,
            &[
                ("", 1),
                ("real", 2),
                ("real/e", 3),
                ("link", 2),
                ("link/e", 3),
            ],
        );
        handler.absorb(&event(FROM, "/notes/link/e"));
        assert_eq!(handler.inbox.take(), paths(&["link/e", "real/e"]));
        assert_eq!(
            lock(&handler.shared.folders).below(""),
            ["".into(), "link".into(), "real".into()]
        );
    }

    #[test]
    fn a_thread_that_ends_unasked_is_told() {
        let lone = handler();
        let (inbox, shared) = (lone.inbox.clone(), lone.shared.clone());
        drop(lone);
        assert!(inbox.take().everything);
        assert!(matches!(*lock(&shared.lost), Some(Lost::Failed(_))));
        let asked = handler();
        asked.closing.store(true, Ordering::Release);
        let inbox = asked.inbox.clone();
        drop(asked);
        assert!(inbox.is_empty());
    }
}
