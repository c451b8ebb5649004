//! What may have changed and nobody has looked at yet.
//!
//! In go hints, from the kernel's events or from anyone who knows better; out comes, once, the set of them all. A hint
//! says only "look here": too many hints are no harm, a lost one is. Its memory is bounded by [`MOST_PATHS`]: past
//! them it keeps the one hint that covers all others.

use super::lock;
use crate::path::NotePath;
use std::collections::BTreeSet;
use std::sync::Mutex;
use tokio::sync::Notify;

/// Past so many distinct paths a look at everything is the cheaper one.
const MOST_PATHS: usize = 100_000;

/// Where to look again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dirty {
    /// Look at the whole tree; the sets below are empty then.
    pub everything: bool,
    /// Look whether the notes folder itself is still the one that it was.
    pub root: bool,
    /// Files or folders, there or gone.
    pub paths: BTreeSet<NotePath>,
    /// Folders ("" for the root) to list again, because something without a usable name changed in them.
    pub folders: BTreeSet<Box<str>>,
}

impl Dirty {
    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        !self.everything && !self.root && self.paths.is_empty() && self.folders.is_empty()
    }

    fn collapse(&mut self) {
        self.everything = true;
        self.paths = BTreeSet::new();
        self.folders = BTreeSet::new();
    }
}

/// Collects hints from any thread and wakes the one who takes them.
#[derive(Debug, Default)]
pub struct Inbox {
    dirty: Mutex<Dirty>,
    arrived: Notify,
}

impl Inbox {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// A file or folder may have changed, come or gone.
    pub fn mark(&self, path: NotePath) {
        self.put(|dirty| {
            dirty.paths.insert(path);
        });
    }

    /// A folder ("" for the root) must be listed again.
    pub fn mark_folder(&self, folder: &str) {
        self.put(|dirty| {
            if !dirty.folders.contains(folder) {
                dirty.folders.insert(folder.into());
            }
        });
    }

    /// Anything may have changed.
    pub fn mark_all(&self) {
        self.put(Dirty::collapse);
    }

    /// The notes folder itself may have gone or been replaced, and with it everything.
    pub fn mark_root(&self) {
        self.put(|dirty| {
            dirty.root = true;
            dirty.collapse();
        });
    }

    fn put(&self, hint: impl FnOnce(&mut Dirty)) {
        {
            let mut dirty = lock(&self.dirty);
            hint(&mut dirty);
            if dirty.everything || dirty.paths.len() + dirty.folders.len() > MOST_PATHS {
                dirty.collapse();
            }
        }
        // Also when the hint was there already: it came again, and the quiet time begins anew.
        self.arrived.notify_one();
    }

    /// Takes all hints; whoever takes them must look.
    pub fn take(&self) -> Dirty {
        std::mem::take(&mut lock(&self.dirty))
    }

    /// Puts back hints that were taken but not looked at.
    pub fn put_back(&self, taken: Dirty) {
        if taken.is_empty() {
            return;
        }
        self.put(|dirty| {
            dirty.root |= taken.root;
            dirty.everything |= taken.everything;
            dirty.paths.extend(taken.paths);
            dirty.folders.extend(taken.folders);
        });
    }

    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        lock(&self.dirty).is_empty()
    }

    /// How many paths there are to look at; "everything" is one.
    pub fn count(&self) -> usize {
        let dirty = lock(&self.dirty);
        dirty.paths.len() + dirty.folders.len() + usize::from(dirty.everything)
    }

    /// Takes the hint that the notes folder itself may have gone, if there is one.
    pub fn take_root(&self) -> bool {
        std::mem::take(&mut lock(&self.dirty).root)
    }

    /// Waits until a hint comes, or came since the last call, and has not been taken.
    ///
    /// Dropped before it is done it loses nothing: the wake-up goes to the next call.
    pub async fn changed(&self) {
        loop {
            self.arrived.notified().await;
            // A wake-up may be left over from a hint that was taken meanwhile.
            if !self.is_empty() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    fn path(text: &str) -> NotePath {
        NotePath::new(text).unwrap()
    }

    #[test]
    fn gives_each_hint_once() {
        let inbox = Inbox::new();
        inbox.mark(path("a.md"));
        inbox.mark(path("a.md"));
        inbox.mark_folder("");
        let dirty = inbox.take();
        assert_eq!(
            (dirty.paths.len(), dirty.folders.len(), dirty.everything),
            (1, 1, false)
        );
        assert!(inbox.take().is_empty());
    }

    #[test]
    fn everything_covers_what_came_before_and_after() {
        let inbox = Inbox::new();
        inbox.mark(path("a.md"));
        inbox.mark_root();
        inbox.mark(path("b.md"));
        assert_eq!(
            inbox.take(),
            Dirty {
                everything: true,
                root: true,
                ..Dirty::default()
            }
        );
    }

    #[test]
    fn memory_is_bounded() {
        let inbox = Inbox::new();
        for number in 0..MOST_PATHS {
            inbox.mark(path(&format!("{number}")));
        }
        assert_eq!(lock(&inbox.dirty).paths.len(), MOST_PATHS);
        inbox.mark_folder("one more");
        assert_eq!(
            inbox.take(),
            Dirty {
                everything: true,
                ..Dirty::default()
            }
        );
    }

    #[test]
    fn what_is_put_back_joins_what_came_since() {
        let inbox = Inbox::new();
        inbox.mark(path("a.md"));
        let taken = inbox.take();
        inbox.mark(path("b.md"));
        inbox.put_back(taken);
        assert_eq!(
            inbox.take().paths,
            BTreeSet::from([path("a.md"), path("b.md")])
        );
        inbox.mark(path("c.md"));
        inbox.put_back(Dirty {
            everything: true,
            ..Dirty::default()
        });
        assert_eq!(
            inbox.take(),
            Dirty {
                everything: true,
                ..Dirty::default()
            }
        );
    }

    #[tokio::test]
    async fn wakes_for_each_hint_but_not_for_taken_ones() {
        let inbox = Inbox::new();
        inbox.mark(path("a.md"));
        inbox.changed().await;
        inbox.mark(path("a.md"));
        inbox.changed().await;
        inbox.mark(path("a.md"));
        inbox.take();
        assert!(
            timeout(Duration::from_millis(20), inbox.changed())
                .await
                .is_err(),
            "the hint was taken"
        );
        tokio::join!(inbox.changed(), async { inbox.mark_all() });
    }
}
