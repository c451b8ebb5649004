//! A disk that is full or may not be written, and a process that may open no more files.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, prlimit};

use super::room::{Room, shell};
use super::whole::{Reader, version};
use crate::support::{Daemon, Record, Vault, until};

fn mount_small(folder: &Path, size: &str) {
    fs::create_dir_all(folder).unwrap();
    shell(&format!(
        "mount -t tmpfs -o size={size} none '{}'",
        folder.display()
    ));
}

fn remount(folder: &Path, options: &str) {
    shell(&format!(
        "mount -o remount,{options} '{}'",
        folder.display()
    ));
}

/// Notes of 40 KB each.
fn write_large(vault: &Vault, notes: usize, number: usize) {
    for note in 0..notes {
        vault.write(
            &format!("{}/{note}.md", note % 3),
            version(number + note).repeat(10),
        );
    }
}

#[test]
fn the_disk_of_the_export_is_full_for_a_while() {
    Room::Mounts.run(|| {
        let vault = Vault::new();
        mount_small(&vault.export_dir(), "200k");
        for note in 0..100 {
            vault.write(&format!("{}/{note}.md", note % 3), version(note));
        }
        let reader = Reader::of(vault.export_dir());
        let mut daemon = vault.start();
        let failed = daemon.wait_for("note failed");
        assert!(failed.text("error").contains("No space left"), "{failed}");
        // What has room is exported; and what is there stays whole when it can't be replaced.
        daemon.wait_for("batch finished");
        assert!(!vault.tree().files().is_empty());
        for note in 0..100 {
            vault.write(&format!("{}/{note}.md", note % 3), version(note + 300));
        }
        daemon.wait_for("batch finished");
        vault.remove("0/0.md");
        until("what is withdrawn is gone", || {
            (!vault.has_output("0/0.md")).then_some(())
        });
        remount(&vault.export_dir(), "size=20m");
        vault.assert_converges_in_time();
        reader.assert_all_whole();
    });
}

#[test]
fn the_disk_of_the_state_is_full_for_a_while() {
    Room::Mounts.run(|| {
        let vault = Vault::new();
        mount_small(&vault.path("state"), "300k");
        vault.write("a.md", "a");
        let mut daemon = vault.daemon();
        // The manifest has no room for so many notes.
        write_large(&vault, 300, 0);
        daemon.wait_for("batch finished");
        remount(&vault.path("state"), "size=20m");
        vault.write("a.md", "there is room again");
        vault.assert_converges_in_time();
        // What it could not remember it knows again by now.
        daemon.stop();
        let _daemon = vault.daemon();
        vault.remove("1/1.md");
        vault.assert_converged();
    });
}

#[test]
fn the_export_folder_is_read_only_for_a_while() {
    Room::Mounts.run(|| {
        let vault = Vault::new();
        vault.write("index.md", "![[n]]");
        vault.write("n.md", "before");
        vault.write("gone.md", "before");
        vault.write("private.md", "before");
        mount_small(&vault.export_dir(), "20m");
        let mut daemon = vault.daemon();
        let exported = vault.tree();
        remount(&vault.export_dir(), "ro");
        vault.write("n.md", "after");
        vault.write("private.md", "---\nprivate: true\n---\nafter");
        vault.remove("gone.md");
        let failed = daemon.wait_for("note failed");
        assert!(failed.text("error").contains("Read-only"), "{failed}");
        assert_eq!(vault.tree().differences(&exported), "");
        remount(&vault.export_dir(), "rw");
        vault.assert_converges_in_time();
    });
}

#[test]
fn a_read_only_export_folder_at_the_start() {
    Room::Mounts.run(|| {
        let vault = Vault::new();
        vault.write("n.md", "n");
        mount_small(&vault.export_dir(), "20m");
        remount(&vault.export_dir(), "ro");
        let ran = vault.export();
        assert!(matches!(ran.code, Some(1 | 74)), "{ran:?}");
        assert!(ran.stderr.contains("Read-only"), "{}", ran.stderr);
        remount(&vault.export_dir(), "rw");
        vault.export().exits(0);
        assert_eq!(vault.output("n.md"), "n");
    });
}

#[test]
fn the_process_may_open_no_more_files_for_a_while() {
    let vault = Vault::with(
        "formats:\n  markdown:\n  copy:\n    extension: copy\n    command: [cat, '{input}']\n",
    );
    write_many(&vault, "before");
    let daemon = vault.daemon();
    for most in [8, 14, 20] {
        let before = daemon.records().len();
        let usual = may_open(&daemon, most);
        write_many(&vault, &format!("with {most} open files"));
        vault.write(&format!("new/{most}/n.md"), "new");
        vault.remove("0/0.md");
        // It can't be asked how it fares: it says so where it met the limit, and a batch that got through met none.
        until("it has tried", || {
            let mut records = daemon.records().into_iter().skip(before);
            let tells = |record: Record| {
                record.message() == "batch finished"
                    || record.to_string().contains("Too many open files")
            };
            records.any(tells).then_some(())
        });
        may_open(&daemon, usual);
        vault.assert_converges_in_time();
    }
    assert!(!daemon.all("file unreadable").is_empty());
    daemon.stop();
}

fn write_many(vault: &Vault, text: &str) {
    for note in 0..50 {
        let text = format!("{text} {note}");
        vault.write(&format!("{}/{note}.md", note % 7), text);
    }
}

/// Sets the limit of open files; gives back the former one.
fn may_open(daemon: &Daemon, most: u64) -> u64 {
    let limit = Rlimit {
        current: Some(most),
        maximum: getrlimit(Resource::Nofile).maximum,
    };
    let before = prlimit(Some(daemon.pid()), Resource::Nofile, limit).expect("the daemon runs");
    before.current.expect("there is a limit")
}
