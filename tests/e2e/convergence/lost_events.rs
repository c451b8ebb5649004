//! Events that the kernel drops, and watches that it does not give.

use std::fs;
use std::thread::yield_now;

use rustix::process::Signal;

use super::room::Room;
use crate::support::{Daemon, Vault, until};

const LIMIT: &str = "/proc/sys/user/max_inotify_watches";

fn allow_watches(number: usize) {
    fs::write(LIMIT, number.to_string()).expect("the room's limit is ours");
}

#[test]
fn the_queue_overflows_while_the_process_is_stopped() {
    let queue: usize = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(usize::MAX);
    if queue > 100_000 {
        println!("skipped: the kernel's queue takes {queue} events, which is too many to fill");
        return;
    }
    let vault = Vault::new();
    vault.write("index.md", "![[old/n]] [[new/n]] ![[0]]");
    vault.write("old/n.md", "old");
    vault.write("gone/n.md", "gone");
    let mut daemon = vault.daemon();
    daemon.signal(Signal::STOP);
    // Each write is two events or more, and the kernel merges only equal ones that follow each other.
    for write in 0..queue.max(20_000) {
        fs::write(vault.note(&format!("{}.md", write % 10)), write.to_string()).unwrap();
    }
    // What happens now, nobody is told.
    vault.rename("old", "moved");
    vault.write("new/n.md", "new");
    vault.write("old/n.md", "again");
    fs::remove_dir_all(vault.note("gone")).unwrap();
    fs::write(vault.note("0.md"), "last").unwrap();
    daemon.signal(Signal::CONT);
    let degraded = daemon.wait_for("watch degraded");
    assert!(degraded.text("reason").contains("lost"), "{degraded}");
    assert!(
        degraded
            .text("hint")
            .contains("fs.inotify.max_queued_events"),
        "{degraded}"
    );
    vault.assert_converged();
    // No stale watch is trusted, and every folder has one again.
    for note in ["moved/n.md", "new/n.md", "old/n.md", "0.md"] {
        fs::write(vault.note(note), "after the overflow").unwrap();
    }
    vault.assert_converged();
    assert_eq!(vault.output("moved/n.md"), "after the overflow");
}

/// A vault of five folders, with what is not watched polled often.
fn five_folders() -> Vault {
    let vault = Vault::with("watch: {poll_interval: 50ms}\n");
    vault.write("index.md", "![[0/n]] ![[4/n]]");
    for folder in 0..5 {
        vault.write(&format!("{folder}/n.md"), "before");
    }
    vault
}

fn write_everywhere(vault: &Vault, text: &str) {
    for folder in 0..5 {
        fs::write(vault.note(&format!("{folder}/n.md")), text).unwrap();
    }
}

fn wait_until_all_is_watched(vault: &Vault) {
    until("all is watched", || {
        (vault.status()["watch"]["mode"] == "native").then_some(())
    });
}

/// It was said once, with what can be done.
fn assert_told_once(daemon: &Daemon) {
    let told = daemon.all("watch degraded");
    assert_eq!(told.len(), 1, "{told:?}");
    let hint = told[0].text("hint");
    assert!(hint.contains("fs.inotify.max_user_watches"), "{hint}");
}

#[test]
fn at_the_start_there_are_too_few_watches_and_later_enough() {
    Room::Limits.run(|| {
        allow_watches(3);
        let vault = five_folders();
        let mut daemon = vault.start();
        assert_eq!(daemon.wait_for("ready").text("watch"), "native");
        vault.assert_converged();
        for text in ["polled", "polled again"] {
            write_everywhere(&vault, text);
            vault.assert_converged();
        }
        vault.write("new/er/n.md", "[[0/n]]");
        vault.assert_converged();
        assert!(vault.status()["degraded"].is_string());
        allow_watches(1000);
        wait_until_all_is_watched(&vault);
        assert!(vault.status()["degraded"].is_null());
        write_everywhere(&vault, "watched");
        vault.assert_converged();
        assert_told_once(&daemon);
    });
}

#[test]
fn with_no_watch_at_all_everything_is_polled() {
    Room::Limits.run(|| {
        allow_watches(0);
        let vault = five_folders();
        let mut daemon = vault.start();
        assert_eq!(daemon.wait_for("ready").text("watch"), "poll");
        vault.assert_converged();
        write_everywhere(&vault, "polled");
        vault.rename("0", "5");
        vault.assert_converged();
        assert_told_once(&daemon);
        allow_watches(1000);
        wait_until_all_is_watched(&vault);
        vault.rename("5", "0");
        write_everywhere(&vault, "watched");
        vault.assert_converged();
        assert_told_once(&daemon);
    });
}

#[test]
fn a_new_folder_has_no_watch() {
    Room::Limits.run(|| {
        allow_watches(7);
        let vault = five_folders();
        let daemon = vault.daemon();
        assert!(daemon.all("watch degraded").is_empty());
        fs::create_dir_all(vault.note("new/er/est")).unwrap();
        fs::write(vault.note("new/er/est/n.md"), "![[0/n]]").unwrap();
        vault.assert_converged();
        for round in 0..3 {
            fs::write(vault.note("new/er/est/n.md"), format!("round {round}")).unwrap();
            write_everywhere(&vault, &format!("round {round}"));
            vault.assert_converged();
        }
        assert_told_once(&daemon);
        // A folder that goes gives its watch to one that has none.
        fs::remove_dir_all(vault.note("4")).unwrap();
        fs::remove_dir_all(vault.note("3")).unwrap();
        wait_until_all_is_watched(&vault);
        fs::write(vault.note("new/er/est/n.md"), "watched").unwrap();
        vault.assert_converged();
        assert_told_once(&daemon);
    });
}

#[test]
fn native_only_does_not_start_without_watches() {
    Room::Limits.run(|| {
        allow_watches(3);
        let vault = five_folders();
        vault.configure("watch: {mode: native}\n");
        let ran = vault.start().ended().exits(74);
        assert!(
            ran.stderr.contains("fs.inotify.max_user_watches"),
            "{ran:?}"
        );
    });
}

#[test]
fn stopped_and_continued_a_hundred_times() {
    let vault = Vault::new();
    vault.write("index.md", "![[d/n]]");
    let daemon = vault.daemon();
    for round in 0..100 {
        daemon.signal(if round % 2 == 0 {
            Signal::STOP
        } else {
            Signal::CONT
        });
        vault.write("d/n.md", round.to_string());
        if round % 5 == 0 {
            vault.rename("d", &format!("d{round}"));
            fs::create_dir(vault.note("d")).unwrap();
        }
        yield_now();
    }
    daemon.signal(Signal::CONT);
    vault.assert_converged();
}
