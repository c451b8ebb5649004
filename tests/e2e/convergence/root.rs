//! The notes folder itself: gone, back, another one, behind a symlink, or under a mount that went.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use rustix::process::Signal;

use super::room::{Room, shell};
use crate::support::{Daemon, Tree, Vault, until};

fn vault() -> Vault {
    let vault = Vault::new();
    fill(&vault, "before");
    vault
}

fn fill(vault: &Vault, text: &str) {
    vault.write("index.md", "![[d/n]] [[e/f/n]]");
    vault.write("d/n.md", text);
    vault.write("e/f/n.md", text);
}

/// The folder is gone: that is said, once, and nothing is deleted.
fn assert_waits(vault: &Vault, daemon: &mut Daemon, exported: &Tree) {
    let degraded = daemon.wait_for("watch degraded");
    assert!(
        degraded
            .text("reason")
            .contains(&vault.notes().display().to_string()),
        "{degraded}"
    );
    assert!(!degraded.text("hint").is_empty());
    until("it waits", || {
        (vault.status()["state"] == "waiting_for_notes").then_some(())
    });
    assert!(vault.status()["queue"]["due_in_ms"].is_null());
    assert_eq!(vault.tree().differences(exported), "");
}

#[test]
fn renamed_away_and_back() {
    let vault = vault();
    let mut daemon = vault.daemon();
    let exported = vault.tree();
    fs::rename(vault.notes(), vault.path("away")).unwrap();
    assert_waits(&vault, &mut daemon, &exported);
    fs::write(vault.path("away/d/n.md"), "changed while it was away").unwrap();
    fs::rename(vault.path("away"), vault.notes()).unwrap();
    vault.assert_converged();
    assert_eq!(vault.output("d/n.md"), "changed while it was away");
    fs::write(vault.note("e/f/n.md"), "watched again").unwrap();
    vault.assert_converged();
    assert_eq!(daemon.all("watch degraded").len(), 1);
}

#[test]
fn another_folder_in_the_config_while_it_is_away() {
    let vault = vault();
    let mut daemon = vault.daemon();
    let exported = vault.tree();
    fs::rename(vault.notes(), vault.path("away")).unwrap();
    assert_waits(&vault, &mut daemon, &exported);
    let config = fs::read_to_string(vault.config()).unwrap();
    vault.write_config(&config.replace("notes_dir: notes", "notes_dir: away"));
    daemon.signal(Signal::HUP);
    daemon.wait_for("config reloaded");
    daemon.wait_for("batch finished");
    let status = vault.status();
    assert_eq!(status["state"], "watching");
    assert!(status["degraded"].is_null(), "{status:#}");
    vault.assert_converged();
}

#[test]
fn deleted_and_made_again() {
    let vault = vault();
    let mut daemon = vault.daemon();
    let exported = vault.tree();
    fs::remove_dir_all(vault.notes()).unwrap();
    assert_waits(&vault, &mut daemon, &exported);
    let staged = vault.path("staged");
    fs::create_dir_all(staged.join("d")).unwrap();
    fs::write(staged.join("d/n.md"), "anew").unwrap();
    fs::rename(&staged, vault.notes()).unwrap();
    vault.assert_converged();
    assert_eq!(vault.tree().files(), ["d/n.md"]);
    fs::write(vault.note("d/n.md"), "watched again").unwrap();
    vault.assert_converged();
}

#[test]
fn replaced_by_another_folder_in_one_moment() {
    let vault = vault();
    let _daemon = vault.daemon();
    let other = vault.path("other");
    fs::create_dir_all(other.join("d")).unwrap();
    fs::write(other.join("d/n.md"), "of the other").unwrap();
    fs::rename(vault.notes(), vault.path("away")).unwrap();
    fs::rename(&other, vault.notes()).unwrap();
    until("it has the other's", || {
        (vault.tree().files() == ["d/n.md"]).then_some(())
    });
    // The former one is nobody's business any more.
    fs::write(vault.path("away/d/n.md"), "of the former").unwrap();
    fs::write(vault.note("d/new.md"), "![[n]]").unwrap();
    vault.assert_converged();
    assert_eq!(vault.output("d/n.md"), "of the other");
}

#[test]
fn a_symlink_that_is_turned_to_another_folder() {
    let vault = vault();
    fs::rename(vault.notes(), vault.path("one")).unwrap();
    fs::create_dir_all(vault.path("two/e")).unwrap();
    fs::write(vault.path("two/e/m.md"), "of two").unwrap();
    symlink("one", vault.notes()).unwrap();
    let daemon = vault.daemon();
    vault.assert_converged();
    fs::write(vault.note("d/n.md"), "through the link").unwrap();
    vault.assert_converged();
    symlink("two", vault.path("link")).unwrap();
    fs::rename(vault.path("link"), vault.notes()).unwrap();
    until("it follows the link", || {
        vault.has_output("e/m.md").then_some(())
    });
    vault.assert_converged();
    fs::write(vault.note("e/m.md"), "watched").unwrap();
    vault.assert_converged();
    assert_eq!(vault.tree().files(), ["e/m.md"]);
    // Nobody heard that anything was amiss.
    let said = |message| daemon.all(message).len();
    assert_eq!((said("watch degraded"), said("watch restored")), (0, 0));
}

#[test]
fn gone_when_the_program_starts() {
    let vault = vault();
    vault.export().exits(0);
    let exported = vault.tree();
    fs::rename(vault.notes(), vault.path("away")).unwrap();
    let ran = vault.export().exits(74);
    assert!(
        ran.stderr.contains(&vault.notes().display().to_string()),
        "{}",
        ran.stderr
    );
    assert_eq!(vault.tree().differences(&exported), "");
}

/// Notes on a file system of their own, mounted where the notes are.
fn mounted() -> Vault {
    let vault = Vault::new();
    let store = vault.path("store");
    fs::create_dir(&store).unwrap();
    shell(&format!("mount -t tmpfs none '{}'", store.display()));
    mount(&vault);
    fs::create_dir_all(vault.note("e/f")).unwrap();
    fs::write(vault.note("index.md"), "![[n]]").unwrap();
    fs::write(vault.note("e/f/n.md"), "before").unwrap();
    vault
}

fn mount(vault: &Vault) {
    let (store, notes) = (vault.path("store"), vault.notes());
    shell(&format!(
        "mount --bind '{}' '{}'",
        store.display(),
        notes.display()
    ));
}

/// Unmounts the notes, as soon as nobody is in there.
fn unmount(vault: &Vault) {
    until("nobody holds the mount", || {
        let mut umount = Command::new("umount");
        let ran = umount.arg(vault.notes()).output().expect("it is there");
        ran.status.success().then_some(())
    });
}

#[test]
fn unmounted_to_an_empty_mount_point_and_mounted_again() {
    Room::Mounts.run(|| {
        let vault = mounted();
        let mut daemon = vault.daemon();
        let exported = vault.tree();
        for round in 0..2 {
            unmount(&vault);
            assert_waits(&vault, &mut daemon, &exported);
            mount(&vault);
            vault.assert_converged();
            fs::write(vault.note("e/f/n.md"), format!("round {round}")).unwrap();
            vault.assert_converged();
            fs::write(vault.note("e/f/n.md"), "before").unwrap();
            vault.assert_converged();
        }
    });
}

#[test]
fn a_file_system_mounted_over_the_notes_and_gone_again() {
    Room::Mounts.run(|| {
        let vault = vault();
        let _daemon = vault.daemon();
        shell(&format!(
            "mount -t tmpfs none '{}'",
            vault.notes().display()
        ));
        fs::write(vault.note("other.md"), "of the other").unwrap();
        until("it has the other's", || {
            vault.has_output("other.md").then_some(())
        });
        vault.assert_converged();
        unmount(&vault);
        until("it has its own again", || {
            vault.has_output("d/n.md").then_some(())
        });
        vault.assert_converged();
        fs::write(vault.note("d/n.md"), "watched").unwrap();
        vault.assert_converged();
    });
}

#[test]
fn started_while_the_notes_are_not_mounted() {
    Room::Mounts.run(|| {
        let vault = mounted();
        vault.daemon().stop();
        let exported = vault.tree();
        fs::write(vault.note("e/f/n.md"), "changed while it was stopped").unwrap();
        unmount(&vault);
        vault.export().exits(74);
        let said = vault.run(&["verify"]).exits(74).stderr;
        assert!(said.contains("the notes folder is gone"), "{said}");
        assert_eq!(vault.tree().differences(&exported), "");
        let mut daemon = vault.start();
        assert_waits(&vault, &mut daemon, &exported);
        // It looks every second.
        until("it has looked in vain more than once", || {
            (vault.status()["uptime_ms"].as_u64()? > 3_000).then_some(())
        });
        mount(&vault);
        vault.assert_converged();
        assert_eq!(
            vault.output("index.md").trim_end(),
            "changed while it was stopped"
        );
        // However often it was looked for in vain.
        let said = |message| daemon.all(message).len();
        assert_eq!((said("watch degraded"), said("watch restored")), (1, 1));
    });
}
