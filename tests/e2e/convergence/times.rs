//! Times that say nothing: one mtime for two contents, times in the future or long ago, and polls that have only those.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use crate::support::{Vault, until};

const POLL: &str = "watch: {mode: poll, poll_interval: 20ms}\n";

fn set_modified(vault: &Vault, note: &str, time: SystemTime) {
    let file = File::options().write(true).open(vault.note(note)).unwrap();
    file.set_modified(time).unwrap();
}

/// Writes in place: the file stays the same one.
fn overwrite(vault: &Vault, note: &str, text: &str) {
    fs::write(vault.note(note), text).unwrap();
}

#[test]
fn polled_edits_of_the_same_size_and_time() {
    let vault = Vault::with(POLL);
    vault.write("index.md", "![[a]]");
    vault.write("a.md", "000");
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    set_modified(&vault, "a.md", then);
    let mut daemon = vault.daemon();
    for round in 1..200 {
        overwrite(&vault, "a.md", &format!("{round:03}"));
        set_modified(&vault, "a.md", then);
        if round % 50 == 0 {
            daemon.wait_for_export("a.md");
        }
    }
    vault.assert_converged();
    assert_eq!(vault.output("index.md").trim_end(), "199");
}

#[test]
fn polled_edits_within_one_tick_of_the_clock() {
    let vault = Vault::with(POLL);
    vault.write("a.md", "000");
    let _daemon = vault.daemon();
    // Both are written so fast that they have one time, and a poll may come between the two.
    for round in 1..40 {
        overwrite(&vault, "a.md", "aaa");
        overwrite(&vault, "a.md", &format!("{round:03}"));
        until("the second is exported", || {
            (vault.output("a.md") == format!("{round:03}")).then_some(())
        });
    }
    vault.assert_converged();
}

#[test]
fn polled_attachments_of_the_same_size_and_time() {
    let vault = Vault::with(POLL);
    vault.write("index.md", "![[a.png]]");
    vault.write("a.png", "000");
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    set_modified(&vault, "a.png", then);
    let _daemon = vault.daemon();
    for round in 1..100 {
        overwrite(&vault, "a.png", &format!("{round:03}"));
        set_modified(&vault, "a.png", then);
        if round % 30 == 0 {
            vault.assert_converged();
        }
    }
    vault.assert_converged();
    assert_eq!(vault.output("a.png"), "099");
}

#[test]
fn times_in_the_future_and_before_all_times() {
    let year = Duration::from_secs(365 * 24 * 3600);
    for config in [POLL, ""] {
        let vault = Vault::with(config);
        vault.write("index.md", "![[future]] ![[epoch]] ![[before]]");
        let times = [
            ("future.md", SystemTime::now() + 10 * year),
            ("epoch.md", SystemTime::UNIX_EPOCH),
            ("before.md", SystemTime::UNIX_EPOCH - year),
        ];
        for (note, time) in times {
            vault.write(note, "first");
            set_modified(&vault, note, time);
        }
        let daemon = vault.daemon();
        vault.assert_converged();
        for text in ["second", "third!"] {
            for (note, time) in times {
                overwrite(&vault, note, text);
                set_modified(&vault, note, time);
            }
            vault.assert_converged();
        }
        daemon.stop();
        overwrite(&vault, "future.md", "while it was stopped");
        set_modified(&vault, "future.md", times[0].1);
        let _daemon = vault.daemon();
        vault.assert_converged();
    }
}

#[test]
fn an_older_file_put_back_with_its_time() {
    let vault = Vault::with(POLL);
    vault.write("a.md", "old text");
    let backup = vault.path("backup.md");
    fs::copy(vault.note("a.md"), &backup).unwrap();
    let old = fs::metadata(vault.note("a.md"))
        .unwrap()
        .modified()
        .unwrap();
    let _daemon = vault.daemon();
    vault.write("a.md", "new text");
    vault.assert_converged();
    fs::copy(&backup, vault.note("a.md")).unwrap();
    set_modified(&vault, "a.md", old);
    vault.assert_converged();
    assert_eq!(vault.output("a.md"), "old text");
}
