//! The kernel's limits, set low in a user namespace of the test's own.

use super::*;
use std::process::Command;

/// Runs the calling test again in a user namespace, where the limits can be set. True inside it. The outer one fails
/// as the inner one does, and passes, saying so, where no such namespace can be had.
fn in_own_namespace(test: &str) -> bool {
    const MARK: &str = "SMARTNOTESD_TEST_IN_NAMESPACE";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let may = Command::new("unshare")
        .args([
            "-Ur",
            "sh",
            "-c",
            "echo 100 > /proc/sys/user/max_inotify_watches",
        ])
        .output();
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no user namespace can be had here");
        return false;
    }
    let inner = Command::new("unshare")
        .arg("-Ur")
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("watch::tests::limits::{test}"),
            "--nocapture",
        ])
        .env(MARK, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&inner.stdout).into_owned()
        + &String::from_utf8_lossy(&inner.stderr);
    assert!(
        inner.status.success() && said.contains("1 passed"),
        "in the namespace:\n{said}"
    );
    false
}

fn limit(name: &str, value: u32) {
    fs::write(
        format!("/proc/sys/user/max_inotify_{name}"),
        value.to_string(),
    )
    .unwrap();
}

#[tokio::test]
async fn folders_that_get_no_watch_are_polled_until_they_do() {
    if !in_own_namespace("folders_that_get_no_watch_are_polled_until_they_do") {
        return;
    }
    limit("watches", 3);
    let mut tree = Tree::new();
    assert_eq!(tree.watch.coverage(), Coverage::Native);
    for folder in ["a", "b", "c/d", "e"] {
        tree.mkdir(folder);
    }
    tree.converge().await;
    tree.walk("");
    assert_eq!(tree.watch.coverage(), Coverage::Partial { unwatched: 3 });
    let notice = tree.watch.take_notice();
    assert!(
        matches!(&notice, Some(Notice::Degraded { hint, .. }) if hint.contains("max_user_watches")),
        "{notice:?}"
    );
    assert_eq!(tree.watch.take_notice(), None, "once is enough");

    // A poll that gets no more watches finds the changes all the same.
    tree.write("a/a.md", "1");
    tree.write("c/d/d.md", "1");
    let polled: BTreeSet<_> = tree.watch.polled().into_iter().collect();
    assert_eq!(polled.len(), if polled.contains("c") { 2 } else { 3 });
    for folder in &polled {
        tree.walk(folder);
    }
    tree.converge().await;

    // A watch that is given back serves another folder.
    let watched = ["a", "b", "e", "c"]
        .into_iter()
        .find(|folder| lock(&tree.watch.shared.folders).is_standing(folder));
    fs::remove_dir_all(tree.path(watched.unwrap())).unwrap();
    tree.converge().await;
    tree.poll();
    assert!(matches!(tree.watch.coverage(), Coverage::Partial { unwatched } if unwatched < 3));

    limit("watches", 100);
    tree.poll();
    assert_eq!(
        (tree.watch.coverage(), tree.watch.take_notice()),
        (Coverage::Native, Some(Notice::Restored))
    );
    assert_eq!(tree.watch.take_notice(), None);
    assert!(tree.watch.polled().is_empty());
    tree.prove().await;
}

#[tokio::test]
async fn without_a_watcher_everything_is_polled_until_there_is_one() {
    if !in_own_namespace("without_a_watcher_everything_is_polled_until_there_is_one") {
        return;
    }
    limit("instances", 0);
    let mut tree = Tree::new();
    tree.mkdir("a");
    tree.walk("");
    assert_eq!(tree.watch.coverage(), Coverage::Poll);
    let notice = tree.watch.take_notice();
    assert!(
        matches!(&notice, Some(Notice::Degraded { hint, .. }) if hint.contains("max_user_instances")),
        "{notice:?}"
    );
    assert_eq!(tree.watch.polled(), vec!["".into()]);
    tree.walk("");
    assert_eq!(
        (tree.watch.coverage(), tree.watch.take_notice()),
        (Coverage::Poll, None)
    );

    limit("instances", 5);
    tree.poll();
    assert_eq!(
        (tree.watch.coverage(), tree.watch.take_notice()),
        (Coverage::Native, Some(Notice::Restored))
    );
    tree.prove().await;
}

#[tokio::test]
async fn a_watcher_is_replaced_where_only_one_can_be_had() {
    if !in_own_namespace("a_watcher_is_replaced_where_only_one_can_be_had") {
        return;
    }
    limit("instances", 1);
    limit("watches", 3);
    let mut tree = Tree::new();
    tree.mkdir("a");
    tree.mkdir("b");
    for _ in 0..20 {
        tree.watch.restart();
        tree.walk("");
        assert_eq!(tree.watch.coverage(), Coverage::Native);
    }
    tree.prove().await;
}

#[tokio::test]
async fn native_mode_refuses_to_do_without() {
    if !in_own_namespace("native_mode_refuses_to_do_without") {
        return;
    }
    limit("watches", 1);
    let mut tree = Tree::with(WatchMode::Native);
    assert!(tree.watch.require_native().is_ok());
    tree.mkdir("a");
    tree.walk("");
    assert!(tree.watch.require_native().is_err());
    limit("watches", 0);
    let error = Watch::start(&tree.root(), WatchMode::Native, Arc::default()).unwrap_err();
    assert!(error.to_string().contains("max_user_watches"), "{error}");
}
