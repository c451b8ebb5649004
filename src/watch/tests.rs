//! The watch against the real kernel, driven by a walker that does what the engine does: it enters the folders of a
//! folder together, then reads each, and looks again wherever a hint says so.

mod limits;
mod storm;

use super::*;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::timeout;

/// Far more than any machine needs; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A tree, and what the walker knows of it.
struct Tree {
    dir: TempDir,
    inbox: Arc<Inbox>,
    watch: Watch,
    known: BTreeMap<String, Vec<u8>>,
    /// Looks at everything so far.
    full_walks: usize,
}

impl Tree {
    fn new() -> Self {
        Self::with(WatchMode::Auto)
    }

    fn with(mode: WatchMode) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("notes")).unwrap();
        let inbox = Arc::new(Inbox::new());
        let watch = Watch::start(&dir.path().join("notes"), mode, inbox.clone()).unwrap();
        let mut tree = Self {
            dir,
            inbox,
            watch,
            known: BTreeMap::new(),
            full_walks: 0,
        };
        tree.walk("");
        tree
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("notes")
    }

    fn path(&self, inside: &str) -> PathBuf {
        if inside.is_empty() {
            self.root()
        } else {
            self.root().join(inside)
        }
    }

    fn outside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, path: &str, content: &str) {
        fs::write(self.path(path), content).unwrap();
    }

    fn mkdir(&self, path: &str) {
        fs::create_dir_all(self.path(path)).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn walk(&mut self, folder: &str) {
        self.full_walks += usize::from(folder.is_empty());
        self.known.retain(|known, _| !is_at_or_below(known, folder));
        let mut listed = Vec::new();
        self.watch.enter(&[folder]);
        self.read_below(folder, &mut listed);
        let listed: Vec<&str> = listed.iter().map(|folder| &**folder).collect();
        self.watch.retain(folder, &listed);
    }

    fn read_below(&mut self, folder: &str, listed: &mut Vec<Box<str>>) {
        let Ok(entries) = fs::read_dir(self.path(folder)) else {
            return;
        };
        listed.push(folder.into());
        let mut inner = Vec::new();
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let path = if folder.is_empty() {
                name
            } else {
                format!("{folder}/{name}")
            };
            if self.path(&path).is_dir() {
                inner.push(path);
            } else if let Ok(content) = fs::read(self.path(&path)) {
                self.known.insert(path, content);
            }
        }
        let together: Vec<&str> = inner.iter().map(String::as_str).collect();
        self.watch.enter(&together);
        for folder in &inner {
            self.read_below(folder, listed);
        }
    }

    fn look(&mut self, path: &str) {
        if self.path(path).is_dir() {
            return self.walk(path);
        }
        self.known.retain(|known, _| !is_at_or_below(known, path));
        if let Ok(content) = fs::read(self.path(path)) {
            self.known.insert(path.to_owned(), content);
        }
    }

    /// Looks wherever the hints say. True when there were any.
    fn absorb(&mut self) -> bool {
        let dirty = self.inbox.take();
        let any = !dirty.is_empty();
        if dirty.everything {
            self.walk("");
        }
        dirty.folders.iter().for_each(|folder| self.walk(folder));
        dirty.paths.iter().for_each(|path| self.look(path.as_str()));
        any
    }

    /// What the daemon does when a poll is due.
    fn poll(&mut self) {
        for folder in self.watch.polled() {
            self.walk(&folder);
        }
    }

    /// Follows the hints until `done`.
    async fn follow_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let result = timeout(PATIENCE, async {
            loop {
                while self.absorb() {}
                if done(self) {
                    return;
                }
                self.inbox.changed().await;
            }
        });
        assert!(result.await.is_ok(), "{what}: never came about");
    }

    /// Follows the hints until the walker knows exactly what is there.
    async fn converge(&mut self) {
        self.follow_until("to know all files", |tree| {
            tree.known == files(&tree.root())
        })
        .await;
    }

    /// Converges, and shows that a change in every single folder still arrives.
    async fn prove(&mut self) {
        self.converge().await;
        for folder in folders(&self.root()) {
            fs::write(folder.join("proof.md"), "here").unwrap();
        }
        self.converge().await;
    }

    fn standing(&self) -> usize {
        lock(&self.watch.shared.folders).below("").len()
    }
}

fn is_at_or_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let mut all = vec![root.to_owned()];
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            all.extend(folders(&entry.path()));
        }
    }
    all
}

fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let all = folders(root)
        .into_iter()
        .flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    let files = all.filter(|entry| !entry.path().is_dir());
    let inside = |path: &Path| path.strip_prefix(root).unwrap().to_str().map(str::to_owned);
    files
        .filter_map(|entry| Some((inside(&entry.path())?, fs::read(entry.path()).ok()?)))
        .collect()
}

#[tokio::test]
async fn a_file_written_removed_renamed_and_touched_arrives() {
    let mut tree = Tree::new();
    tree.write("a.md", "1");
    tree.converge().await;
    tree.write("a.md", "2");
    tree.converge().await;
    tree.rename("a.md", "b.md");
    tree.converge().await;
    fs::remove_file(tree.path("b.md")).unwrap();
    tree.converge().await;
    assert!(tree.known.is_empty());
    assert_eq!(
        tree.full_walks, 1,
        "plain changes need no look at everything"
    );
}

#[tokio::test]
async fn our_own_reads_are_no_changes() {
    let mut tree = Tree::new();
    tree.write("a.md", "1");
    tree.prove().await;
    // What still comes from the writes above comes before what the last write sends.
    tree.write("last.md", "1");
    tree.follow_until("the last write", |tree| tree.known.contains_key("last.md"))
        .await;
    fs::read(tree.path("a.md")).unwrap();
    fs::read_dir(tree.root()).unwrap().for_each(drop);
    // Events keep their order: had the reads sent any, they would be there before this write's.
    tree.write("after.md", "1");
    let mut marked = BTreeSet::new();
    while !marked.contains("after.md") {
        timeout(PATIENCE, tree.inbox.changed()).await.unwrap();
        marked.extend(tree.inbox.take().paths.iter().map(ToString::to_string));
    }
    assert!(!marked.contains("a.md"), "{marked:?}");
}

#[tokio::test]
async fn nothing_made_in_new_folders_is_missed() {
    let mut tree = Tree::new();
    for number in 0..200 {
        let folder = format!("{}/{}/{number}", number % 7, number % 31);
        tree.mkdir(&folder);
        for file in 0..10 {
            tree.write(&format!("{folder}/{file}.md"), &format!("{number} {file}"));
        }
    }
    tree.prove().await;
    assert!(tree.known.len() >= 2000);
    tree.mkdir("x/y/z");
    tree.write("x/y/z/at-once.md", "1");
    tree.prove().await;
}

#[tokio::test]
async fn one_that_is_gone_costs_those_entered_with_it_no_watch() {
    let tree = Tree::new();
    tree.mkdir("a");
    tree.mkdir("b");
    let all = ["gone", "a", "gone too", "b", "last"];
    tree.watch.enter(&all);
    let folders = lock(&tree.watch.shared.folders);
    let standing = all.map(|folder| folders.is_standing(folder));
    assert_eq!(standing, [false, true, false, true, false]);
    assert!(folders.unwatched().is_empty(), "{:?}", folders.unwatched());
}

#[tokio::test]
async fn a_folder_renamed_inside_the_tree_reports_under_its_new_name() {
    let mut tree = Tree::new();
    tree.mkdir("a/b/c");
    tree.prove().await;
    tree.rename("a", "renamed");
    tree.prove().await;
    tree.mkdir("a/b/c");
    tree.prove().await;
    tree.rename("a/b", "renamed/taken");
    tree.rename("renamed", "a/b");
    tree.prove().await;
    assert_eq!(tree.standing(), folders(&tree.root()).len());
}

#[tokio::test]
async fn a_walk_before_the_rename_is_heard_of_does_no_harm() {
    let mut tree = Tree::new();
    tree.mkdir("a/b");
    tree.prove().await;
    // The watcher's thread cannot tell us anything while we hold the books … and the walker must not need it.
    tree.rename("a", "z");
    tree.mkdir("a/b");
    tree.walk("");
    tree.prove().await;
    tree.rename("a", "y");
    tree.rename("z", "a");
    tree.walk("");
    tree.prove().await;
}

#[tokio::test]
async fn a_folder_moved_out_is_heard_of_no_more_and_moved_in_is() {
    let mut tree = Tree::new();
    tree.mkdir("a/b");
    tree.prove().await;
    let outside = tree.outside("elsewhere");
    fs::rename(tree.path("a"), &outside).unwrap();
    tree.prove().await;
    assert_eq!(tree.standing(), 1);
    fs::write(outside.join("b/not-ours.md"), "1").unwrap();
    tree.write("fence.md", "1");
    tree.follow_until("the fence", |tree| tree.known.contains_key("fence.md"))
        .await;
    assert!(tree.known.keys().all(|path| !path.contains("not-ours")));
    fs::rename(&outside, tree.path("back")).unwrap();
    tree.prove().await;
    assert!(tree.known.contains_key("back/b/not-ours.md"));
}

#[tokio::test]
async fn a_folder_becomes_a_file_and_a_folder_again() {
    let mut tree = Tree::new();
    for round in 0..5 {
        tree.mkdir("x/y");
        tree.write("x/y/a.md", &round.to_string());
        if round % 2 == 0 {
            tree.prove().await;
        }
        fs::remove_dir_all(tree.path("x")).unwrap();
        tree.write("x", "a file");
        if round % 2 == 1 {
            tree.prove().await;
        }
        fs::remove_file(tree.path("x")).unwrap();
    }
    tree.mkdir("x/y");
    tree.prove().await;
}

#[tokio::test]
async fn a_symlink_that_leads_to_a_folder_hears_what_the_folder_hears() {
    let mut tree = Tree::new();
    tree.mkdir("real/sub");
    tree.mkdir("other/sub");
    symlink("real", tree.path("link")).unwrap();
    tree.prove().await;
    tree.write("real/sub/a.md", "1");
    tree.converge().await;
    tree.write("link/sub/a.md", "2");
    tree.converge().await;
    tree.rename("real/sub", "real/renamed");
    tree.prove().await;
    // Replaced in one step, as `ln -sfn` does.
    symlink("other", tree.path("new-link")).unwrap();
    tree.rename("new-link", "link");
    tree.prove().await;
    tree.write("other/c.md", "1");
    tree.write("other/sub/b.md", "1");
    tree.converge().await;
}

#[tokio::test]
async fn what_a_listing_did_not_find_is_left_and_looked_at_again() {
    let mut tree = Tree::new();
    tree.mkdir("a/b");
    tree.prove().await;
    timeout(Duration::from_millis(100), tree.inbox.changed())
        .await
        .ok();
    tree.inbox.take();
    // As if the listing were older than the folder.
    tree.watch.retain("", &["", "a"]);
    assert_eq!(tree.standing(), 2);
    assert!(tree.inbox.take().paths.contains("a/b"));
    tree.watch.leave("a");
    assert_eq!(tree.standing(), 1);
    tree.walk("a");
    tree.prove().await;
}

#[tokio::test]
async fn permission_taken_and_given_back() {
    let mut tree = Tree::new();
    tree.mkdir("a/b");
    tree.prove().await;
    let forbid =
        |path: PathBuf, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    forbid(tree.path("a"), 0o000);
    tree.follow_until("the change of mode", |tree| tree.inbox.is_empty())
        .await;
    forbid(tree.path("a"), 0o755);
    tree.write("a/b/after.md", "1");
    tree.prove().await;
}

#[tokio::test]
async fn an_overflow_of_the_kernels_queue_loses_nothing() {
    let mut tree = Tree::new();
    let limit: u32 = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events")
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    if limit > 200_000 {
        eprintln!("skipped: fs.inotify.max_queued_events is {limit}, too many to fill");
        return;
    }
    tree.mkdir("a/b");
    tree.write("one", "");
    tree.write("two", "");
    tree.prove().await;
    let walks = tree.full_walks;
    {
        // The handler waits for the books, and the queue fills. Equal events in a row would be merged.
        let _blocked = lock(&tree.watch.shared.folders);
        for mode in 0..=limit / 2 + 100 {
            for file in ["one", "two"] {
                fs::set_permissions(
                    tree.dir.path().join("notes").join(file),
                    fs::Permissions::from_mode(0o600 + mode % 2),
                )
                .unwrap();
            }
        }
        // Its events are lost, and the stale watch would go on to report the old name.
        fs::rename(
            tree.dir.path().join("notes/a"),
            tree.dir.path().join("notes/renamed"),
        )
        .unwrap();
        fs::create_dir_all(tree.dir.path().join("notes/a/b")).unwrap();
    }
    tree.converge().await;
    assert!(tree.full_walks > walks);
    // Here alone: a stale watch on the renamed folder would hear of nothing.
    tree.write("a/b/only-here.md", "1");
    tree.converge().await;
    tree.prove().await;
    let notice = std::iter::from_fn(|| tree.watch.take_notice()).next();
    assert!(
        matches!(&notice, Some(Notice::Lost { hint, .. }) if hint.contains("max_queued_events")),
        "{notice:?}"
    );
    assert_eq!(tree.watch.take_notice(), None);
    tree.rename("renamed", "again");
    tree.prove().await;
}

#[tokio::test]
async fn the_root_that_is_moved_deleted_or_replaced_is_marked() {
    let mut tree = Tree::new();
    tree.mkdir("a");
    tree.prove().await;
    let away = tree.outside("away");
    let wait_for_root = async |tree: &mut Tree| {
        let result = timeout(PATIENCE, async {
            while !tree.inbox.take().root {
                tree.inbox.changed().await;
            }
        });
        assert!(result.await.is_ok(), "the root was never marked");
    };
    fs::rename(tree.root(), &away).unwrap();
    wait_for_root(&mut tree).await;
    fs::rename(&away, tree.root()).unwrap();
    tree.watch.restart();
    tree.prove().await;

    fs::rename(tree.root(), &away).unwrap();
    fs::create_dir(tree.root()).unwrap();
    wait_for_root(&mut tree).await;
    tree.watch.restart();
    tree.mkdir("new");
    tree.prove().await;

    fs::remove_dir_all(tree.root()).unwrap();
    wait_for_root(&mut tree).await;
    fs::create_dir(tree.root()).unwrap();
    tree.watch.restart();
    tree.prove().await;
}

#[tokio::test]
async fn the_root_that_was_replaced_without_any_event_is_watched_anew() {
    let mut tree = Tree::new();
    tree.mkdir("a");
    tree.prove().await;
    // The folder around the root is renamed: the root's own watch hears nothing of it.
    let away = tempfile::tempdir().unwrap();
    fs::rename(tree.dir.path(), away.path()).unwrap();
    tree.mkdir("a");
    tree.watch.restart();
    tree.prove().await;
}

#[tokio::test]
async fn a_restart_waits_for_no_watcher() {
    let mut tree = Tree::new();
    tree.mkdir("a");
    tree.prove().await;
    std::thread::scope(|scope| {
        // As one does who parts from a watcher whose thread takes long.
        let watcher = lock(&tree.watch.native);
        let (restarted, is_restarted) = std::sync::mpsc::channel();
        let watch = &tree.watch;
        scope.spawn(move || {
            watch.restart();
            let _ = restarted.send(());
        });
        let result = is_restarted.recv_timeout(PATIENCE);
        drop(watcher);
        result.expect("it waits");
    });
    tree.prove().await;
}

#[tokio::test]
async fn a_watcher_whose_thread_died_is_replaced() {
    let mut tree = Tree::new();
    tree.mkdir("a");
    tree.prove().await;
    // A handler that panics ends the watcher's thread; so does this message, which notify's own drop sends.
    drop(lock(&tree.watch.native).as_mut().unwrap().take_watcher());
    tree.follow_until("to hear that it ended", |tree| tree.full_walks > 1)
        .await;
    tree.prove().await;
    assert!(matches!(
        tree.watch.take_notice(),
        Some(Notice::Lost { .. })
    ));
}

#[tokio::test]
async fn polling_sets_no_watch_and_has_the_root_polled() {
    let mut tree = Tree::with(WatchMode::Poll);
    tree.write("a.md", "1");
    tree.walk("");
    assert_eq!(tree.watch.coverage(), Coverage::Poll);
    assert_eq!(tree.watch.polled(), vec!["".into()]);
    assert_eq!(tree.watch.take_notice(), None);
    assert!(lock(&tree.watch.native).is_none());
}

#[test]
fn a_poll_lists_no_folder_twice() {
    let unwatched = ["a", "a b", "a/b", "b/c", "b/c/d", "b0"]
        .map(|folder| (folder.into(), Refusal::TooManyWatches));
    assert_eq!(
        topmost(&unwatched.into()),
        ["a", "a b", "b/c", "b0"].map(Box::from)
    );
    let unwatched = ["", "a"].map(|folder| (folder.into(), Refusal::Denied));
    assert_eq!(topmost(&unwatched.into()), [Box::from("")]);
}
