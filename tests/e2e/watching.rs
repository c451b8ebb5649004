//! The daemon on a folder that changes: edits, renames, deletes, restarts, and when batches begin.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::support::{Gate, Vault, until};

#[test]
fn edits_new_notes_renames_and_deletes_arrive() {
    let vault = Vault::with("formats: {markdown: , html: {dir: html}}");
    for note in 0..20 {
        vault.write(
            &format!("folder{}/note{note}.md", note % 3),
            format!("[[note{}]] ![[note{}]]", note + 1, note + 5),
        );
    }
    let _daemon = vault.daemon();
    vault.write("folder0/note0.md", "changed");
    vault.write("new/deep/er/note.md", "new [[note3]]");
    vault.remove("folder1/note1.md");
    vault.rename("folder2", "moved");
    vault.rename("folder0/note3.md", "note3 renamed.md");
    // In place, as careless editors do.
    fs::write(vault.note("folder1/note4.md"), "in place").unwrap();
    vault.assert_converged();
    assert!(
        !vault.has_output("folder2") && vault.has_output("moved/note2.md"),
        "{:?}",
        vault.tree().files()
    );
    fs::remove_dir_all(vault.note("moved")).unwrap();
    vault.write("moved", "a file where a folder was");
    fs::rename(vault.note("new"), vault.path("taken out")).unwrap();
    vault.assert_converged();
    fs::rename(vault.path("taken out"), vault.note("back")).unwrap();
    vault.assert_converged();
    vault.write("back/deep/er/note.md", "its watch followed it");
    vault.assert_converged();
    assert_eq!(
        vault.output("back/deep/er/note.md"),
        "its watch followed it"
    );
}

#[test]
fn polling_sees_the_same() {
    let vault = Vault::with("watch: {mode: poll, poll_interval: 30ms}");
    vault.write("a.md", "one");
    let mut daemon = vault.start();
    assert_eq!(daemon.wait_for("ready").text("watch"), "poll");
    daemon.wait_for("batch finished");
    vault.write("a.md", "two");
    vault.write("new/b.md", "b");
    daemon.wait_for_export("new/b.md");
    vault.assert_converged();
    vault.remove("a.md");
    until("the output is gone", || {
        (!vault.has_output("a.md")).then_some(())
    });
    vault.assert_converged();
}

#[test]
fn a_note_saved_during_its_own_export_is_exported_again() {
    let vault = Vault::new();
    let gate = Gate::new(&vault);
    vault.configure(&format!("formats:\n{}", gate.format("txt")));
    vault.write("a.md", "older");
    let mut daemon = vault.start();
    gate.wait_for(1);
    vault.write("a.md", "newer");
    gate.open();
    until("the newer text is exported", || {
        (vault.has_output("a.txt") && vault.output("a.txt") == "newer").then_some(())
    });
    vault.assert_converged();
    let batches: Vec<u64> = daemon
        .all("note exported")
        .iter()
        .map(|record| record.number("batch"))
        .collect();
    assert!(batches.is_sorted() && batches.len() <= 2, "{batches:?}");
    daemon.wait_for("batch finished");
    assert_eq!(vault.output("a.txt"), "newer");
}

#[test]
fn a_restart_exports_what_changed_while_it_was_down_and_nothing_else() {
    let vault = Vault::new();
    for note in ["changed.md", "gone.md", "kept.md", "moved.md", "embeds.md"] {
        vault.write(note, format!("text of {note}"));
    }
    vault.write("embeds.md", "![[changed]]");
    let daemon = vault.daemon();
    daemon.stop();
    let kept = fs::metadata(vault.export_dir().join("kept.md")).unwrap();
    vault.write("changed.md", "new text");
    vault.write("new.md", "new note");
    vault.remove("gone.md");
    vault.rename("moved.md", "there.md");
    let mut daemon = vault.start();
    let finished = daemon.wait_for("batch finished");
    let exported: BTreeMap<String, String> = daemon
        .all("note exported")
        .iter()
        .map(|record| {
            (
                record.text("note").to_owned(),
                record.text("because").to_owned(),
            )
        })
        .collect();
    let wanted = [
        ("changed.md", "changed"),
        ("embeds.md", "embeds changed.md"),
        ("new.md", "new"),
        ("there.md", "new"),
    ];
    assert_eq!(
        exported,
        wanted
            .map(|(note, because)| (note.to_owned(), because.to_owned()))
            .into()
    );
    assert_eq!(
        (finished.number("deleted"), finished.number("jobs")),
        (2, 4),
        "{finished}"
    );
    vault.assert_converged();
    let after = fs::metadata(vault.export_dir().join("kept.md")).unwrap();
    assert_eq!(
        (kept.ino(), kept.mtime_nsec()),
        (after.ino(), after.mtime_nsec())
    );
}

#[test]
fn an_output_that_is_right_is_not_written_again() {
    let vault = Vault::with("formats: {markdown: , html: {dir: html}}");
    vault.write("a.md", "# A\n\n![[pic.png]]\n");
    vault.write("pic.png", "picture");
    vault.export().exits(0);
    let stamps = || -> Vec<(u64, i64, i64)> {
        let tree = vault.tree();
        let stat = |path| fs::metadata(vault.export_dir().join(path)).unwrap();
        let files = tree.files().into_iter().map(stat);
        files
            .map(|file| (file.ino(), file.mtime(), file.mtime_nsec()))
            .collect()
    };
    let before = stamps();
    let finished = vault
        .run(&["export", "--full"])
        .exits(0)
        .one("batch finished");
    assert_eq!(
        (finished.number("exported"), finished.number("unchanged")),
        (0, 2),
        "{finished}"
    );
    // Touched, but the same.
    vault.write("a.md", "# A\n\n![[pic.png]]\n");
    vault.export().exits(0);
    assert_eq!(stamps(), before);
}

#[test]
fn a_burst_is_one_batch() {
    let vault = Vault::with("debounce: {quiet: 1s, max_wait: 20s}");
    let mut daemon = vault.daemon();
    for note in 0..30 {
        vault.write(&format!("{note}.md"), "text");
    }
    let started = daemon.wait_for("batch started");
    assert_eq!(
        (started.number("changed"), started.text("trigger")),
        (30, "watch"),
        "{started}"
    );
}

/// The folder is never quiet for as long as the quiet window; without a longest wait no batch would ever begin.
#[test]
fn a_busy_writer_cannot_put_a_batch_off_for_ever() {
    let vault = Vault::with("debounce: {quiet: 1s, max_wait: 1s}");
    let mut daemon = vault.daemon();
    let (stop, stopped) = mpsc::channel::<()>();
    let busy = vault.note("busy.md");
    let writer = thread::spawn(move || {
        let mut writes = 0_u32;
        while stopped.recv_timeout(Duration::from_millis(5)) == Err(mpsc::RecvTimeoutError::Timeout)
        {
            writes += 1;
            fs::write(&busy, writes.to_string()).unwrap();
        }
    });
    vault.write("a.md", "text");
    daemon.wait_for_export("a.md");
    drop(stop);
    writer.join().unwrap();
    assert_eq!(vault.output("a.md"), "text");
}

#[test]
fn a_notes_folder_that_goes_deletes_nothing_and_is_taken_up_when_it_is_back() {
    let vault = Vault::new();
    vault.write("a.md", "one");
    let mut daemon = vault.daemon();
    fs::rename(vault.notes(), vault.path("away")).unwrap();
    let degraded = daemon.wait_for("watch degraded");
    assert!(
        degraded
            .text("reason")
            .contains(vault.notes().to_str().unwrap()),
        "{degraded}"
    );
    assert!(degraded.has("hint"), "{degraded}");
    assert_eq!(vault.status()["state"], "waiting_for_notes");
    assert_eq!(vault.output("a.md"), "one");
    fs::write(vault.path("away/a.md"), "two").unwrap();
    fs::rename(vault.path("away"), vault.notes()).unwrap();
    daemon.wait_for_export("a.md");
    vault.assert_converged();
    assert_eq!(vault.output("a.md"), "two");
}

#[test]
fn a_daemon_killed_at_work_leaves_whole_files_and_goes_on_after() {
    let vault = Vault::new();
    let gate = Gate::new(&vault);
    vault.configure(&format!(
        "max_concurrent: 2\nformats:\n  markdown:\n{}",
        gate.format("txt")
    ));
    for note in 0..6 {
        vault.write(&format!("{note}.md"), format!("text {note}"));
    }
    let daemon = vault.start();
    gate.wait_for(2);
    daemon.signal(rustix::process::Signal::KILL);
    assert_eq!(daemon.ended().code, None);
    for path in vault.tree().files_with("md") {
        assert_eq!(vault.output(path), format!("text {}", &path[..1]));
    }
    gate.open();
    let _daemon = vault.daemon();
    vault.assert_converged();
}

#[test]
fn a_rescan_finds_what_no_event_told_of() {
    let vault = Vault::with("watch: {mode: native, rescan: 1s}");
    let outside = vault.path("outside.md");
    fs::write(&outside, "before").unwrap();
    fs::hard_link(&outside, vault.note("a.md")).unwrap();
    let mut daemon = vault.daemon();
    // The kernel tells of a file by the name that it is changed under.
    fs::write(&outside, "changed by another name").unwrap();
    daemon.wait_for_export("a.md");
    let finished = daemon.wait_for("batch finished");
    assert_eq!(finished.text("trigger"), "rescan", "{finished}");
    vault.assert_converged();
}
