//! How editors and tools save.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::symlink;
use std::process::Command;

use super::room::shell;
use crate::support::Vault;

/// Three notes that hang together.
fn vault() -> Vault {
    let vault = Vault::new();
    vault.write("index.md", "![[note]]");
    vault.write("note.md", "before");
    vault.write("d/other.md", "see [[note]]");
    vault
}

fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output();
    let is_there = found.is_ok_and(|ran| ran.status.success());
    if !is_there {
        println!("skipped: there is no {program} here");
    }
    is_there
}

#[track_caller]
fn assert_saved(vault: &Vault, text: &str) {
    vault.assert_converged();
    for note in ["note.md", "index.md"] {
        assert_eq!(vault.output(note).trim_end(), text);
    }
    assert_eq!(
        vault.tree().files(),
        ["d/other.md", "index.md", "note.md"],
        "nothing of the editor's own is exported"
    );
}

#[test]
fn vim_moves_the_old_file_aside_and_writes_a_new_one() {
    let vault = vault();
    let _daemon = vault.daemon();
    for round in 0..5 {
        let text = format!("saved {round}");
        fs::write(vault.note(".note.md.swp"), "swap").unwrap();
        fs::write(vault.note("4913"), "").unwrap();
        fs::remove_file(vault.note("4913")).unwrap();
        vault.rename("note.md", "note.md~");
        fs::write(vault.note("note.md"), &text).unwrap();
        fs::remove_file(vault.note("note.md~")).unwrap();
        fs::remove_file(vault.note(".note.md.swp")).unwrap();
        assert_saved(&vault, &text);
    }
}

#[test]
fn vim_itself() {
    if !is_there("vim") {
        return;
    }
    let vault = vault();
    let _daemon = vault.daemon();
    for settings in [
        "set backupcopy=no",
        "set backupcopy=yes",
        "set backup writebackup",
    ] {
        let note = vault.note("note.md");
        let script = format!(
            "vim -Nes -u NONE -i NONE -c '{settings}' -c '%s/.*/{settings}/' -c 'wq' '{}' < /dev/null",
            note.display()
        );
        shell(&script);
        assert_saved(&vault, settings);
        let _ = fs::remove_file(vault.note("note.md~"));
    }
}

#[test]
fn emacs_locks_saves_itself_and_keeps_a_backup() {
    let vault = vault();
    let _daemon = vault.daemon();
    symlink("me@here.1234:567", vault.note(".#note.md")).unwrap();
    fs::write(vault.note("#note.md#"), "half").unwrap();
    vault.rename("note.md", "note.md~");
    fs::write(vault.note("note.md"), "saved").unwrap();
    fs::remove_file(vault.note(".#note.md")).unwrap();
    fs::remove_file(vault.note("#note.md#")).unwrap();
    assert_saved(&vault, "saved");
    // Later it writes in place, and the backup stays.
    fs::write(vault.note("note.md"), "saved again").unwrap();
    assert_saved(&vault, "saved again");
}

#[test]
fn sed_in_place() {
    let vault = vault();
    let _daemon = vault.daemon();
    for (from, to) in [("before", "after"), ("after", "still after")] {
        shell(&format!(
            "sed -i s/{from}/'{to}'/ '{}'",
            vault.note("note.md").display()
        ));
    }
    assert_saved(&vault, "still after");
}

#[test]
fn vs_code_truncates_and_writes_in_place() {
    let vault = vault();
    let _daemon = vault.daemon();
    for round in 0..20 {
        let mut file = File::create(vault.note("note.md")).unwrap();
        file.write_all(b"written ").unwrap();
        file.write_all(round.to_string().as_bytes()).unwrap();
        file.sync_all().unwrap();
    }
    assert_saved(&vault, "written 19");
}

#[test]
fn syncthing_writes_aside_and_renames() {
    let vault = vault();
    let _daemon = vault.daemon();
    let old = File::open(vault.note("note.md")).unwrap();
    let old = old.metadata().unwrap().modified().unwrap();
    let draft = vault.note(".syncthing.note.md.tmp");
    let mut file = File::create(&draft).unwrap();
    file.write_all(b"synced").unwrap();
    // It brings the other machine's time along: here one that the note had before, and as many bytes.
    file.set_modified(old).unwrap();
    fs::rename(&draft, vault.note("note.md")).unwrap();
    assert_saved(&vault, "synced");
}

#[test]
fn git_checks_out_another_branch() {
    if !is_there("git") {
        return;
    }
    let vault = vault();
    for note in 0..50 {
        vault.write(&format!("d{}/{note}.md", note % 5), "on main");
    }
    let git = |arguments: &str| {
        shell(&format!(
            "cd '{}' && git -c user.name=n -c user.email=e@x -c init.defaultBranch=main {arguments}",
            vault.notes().display()
        ));
    };
    git("init -q");
    git("add .");
    git("commit -qm main");
    git("checkout -qb other");
    for note in 0..50 {
        let path = format!("d{}/{note}.md", note % 5);
        match note % 3 {
            0 => vault.remove(&path),
            1 => vault.write(&path, "on other"),
            _ => vault.rename(&path, &format!("moved-{note}.md")),
        }
    }
    vault.write("deep/er/new.md", "[[moved-2]]");
    git("add -A");
    git("commit -qm other");
    let _daemon = vault.daemon();
    for branch in ["main", "other", "main"] {
        git(&format!("checkout -q {branch}"));
        vault.assert_converged();
    }
    assert_eq!(vault.output("d1/1.md"), "on main");
    assert!(!vault.has_output("deep"));
}

#[test]
fn a_writer_that_keeps_the_file_open() {
    let vault = vault();
    let mut daemon = vault.daemon();
    let mut file = File::options()
        .write(true)
        .open(vault.note("note.md"))
        .unwrap();
    file.set_len(0).unwrap();
    file.write_all(b"half").unwrap();
    // What is half written may be exported; it is exported again when the rest has come.
    daemon.wait_for_export("note.md");
    file.write_all(b" and whole").unwrap();
    daemon.wait_for_export("note.md");
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(b"HALF").unwrap();
    drop(file);
    assert_saved(&vault, "HALF and whole");
}
