//! The state folder lost while the daemon runs: what it remembers is put back, and nothing of the export is harmed.

use std::fs::{self, File};
use std::path::PathBuf;

use rustix::fs::{FlockOperation, flock};
use rustix::process::Signal;

use super::exchange;
use crate::support::{Daemon, Vault};

const RENEWED: &str = "state folder begun anew";

fn vault() -> Vault {
    let vault = Vault::new();
    for note in ["a", "b", "c", "d"] {
        vault.write(&format!("{note}.md"), note);
    }
    vault
}

/// The one folder in the state folder: that of this export tree.
fn state_of_the_tree(vault: &Vault) -> PathBuf {
    let mut folders = fs::read_dir(vault.path("state")).unwrap();
    folders.next().expect("it was made").unwrap().path()
}

/// Loses the state in this way, and a note is changed at once. The daemon puts its state back, is found by others, and
/// is alone; the next process knows all that this one wrote.
#[track_caller]
fn assert_survives(lose: impl FnOnce(&Vault)) -> Vault {
    let vault = vault();
    let mut daemon = vault.daemon();
    lose(&vault);
    vault.write("a.md", "changed while nobody could remember");
    let renewed = daemon.wait_for(RENEWED);
    assert_eq!(renewed.text("level"), "WARN");
    assert_eq!(
        renewed.text("path"),
        state_of_the_tree(&vault).display().to_string()
    );
    assert!(!renewed.text("hint").is_empty(), "{renewed}");
    vault.assert_converged();
    vault.run(&["reload"]).exits(0);
    vault.run(&["run"]).exits(69);
    vault.write("b.md", "changed afterwards");
    vault.remove("c.md");
    vault.assert_converged();
    assert!(daemon.all("note failed").is_empty());
    assert_eq!(daemon.all(RENEWED).len(), 1);
    assert_eq!(knows_all(&vault, daemon), 0, "what is right is not written");
    vault
}

/// The daemon is killed, and notes are changed before the next one starts: none of its files is foreign to that. Returns
/// how many files were written besides the one for the change.
#[track_caller]
fn knows_all(vault: &Vault, daemon: Daemon) -> u64 {
    daemon.signal(Signal::KILL);
    daemon.ended();
    vault.write("a.md", "changed while nobody ran");
    vault.remove("b.md");
    let mut daemon = vault.start();
    let finished = daemon.wait_for("batch finished");
    assert_eq!(
        (finished.number("failed"), finished.number("deleted")),
        (0, 1),
        "{finished}"
    );
    vault.assert_converged();
    assert_eq!(vault.output("a.md"), "changed while nobody ran");
    daemon.stop();
    finished.number("exported") - 1
}

#[test]
fn deleted() {
    assert_survives(|vault| {
        // In one moment: else it could be made again while it is still being deleted.
        fs::rename(vault.path("state"), vault.path("deleted")).unwrap();
        fs::remove_dir_all(vault.path("deleted")).unwrap();
    });
}

#[test]
fn only_the_manifest_deleted() {
    let vault = assert_survives(|vault| {
        fs::remove_file(state_of_the_tree(vault).join("manifest.db")).unwrap();
    });
    // History has not gone with it.
    let batches = vault.run(&["batches", "--json"]).exits(0).json();
    let mut batches = batches.as_array().unwrap().iter();
    assert!(batches.any(|batch| batch["batch"] == 1));
}

/// Where the manifest keeps what was committed last.
fn log_of_the_manifest(vault: &Vault) -> PathBuf {
    state_of_the_tree(vault).join("manifest.db-wal")
}

#[test]
fn only_the_log_of_the_manifest_deleted() {
    let vault = assert_survives(|vault| {
        fs::remove_file(log_of_the_manifest(vault)).unwrap();
    });
    let aside = state_of_the_tree(&vault).join("manifest.db.corrupt-1");
    assert!(!aside.exists(), "the database was no other one");
}

#[test]
fn only_the_log_of_the_manifest_replaced() {
    assert_survives(|vault| {
        fs::write(vault.path("other"), "no log").unwrap();
        fs::rename(vault.path("other"), log_of_the_manifest(vault)).unwrap();
    });
}

#[test]
fn the_index_of_the_log_deleted_nothing_is_lost() {
    let vault = vault();
    let mut daemon = vault.daemon();
    fs::remove_file(state_of_the_tree(&vault).join("manifest.db-shm")).unwrap();
    vault.write("a.md", "changed");
    daemon.wait_for("batch finished");
    assert_eq!(batches(&vault), [1, 2]);
    vault.write("a.md", "changed while another index is there");
    daemon.wait_for("batch finished");
    assert_eq!(batches(&vault), [1, 2, 3]);
    assert_eq!(knows_all(&vault, daemon), 0);
}

/// The numbers of the batches that the manifest remembers.
#[track_caller]
fn batches(vault: &Vault) -> Vec<u64> {
    let batches = vault.run(&["batches", "--json"]).exits(0).json();
    let batches = batches.as_array().unwrap().iter();
    batches
        .map(|batch| batch["batch"].as_u64().unwrap())
        .collect()
}

#[test]
fn after_the_log_was_deleted_a_kill_takes_nothing() {
    let vault = vault();
    let mut daemon = vault.daemon();
    fs::remove_file(log_of_the_manifest(&vault)).unwrap();
    vault.write("a.md", "changed while nobody could remember");
    let last = daemon.wait_for("batch finished").number("batch");
    daemon.signal(Signal::KILL);
    daemon.ended();
    let mut daemon = vault.start();
    let finished = daemon.wait_for("batch finished");
    let figures = ["batch", "jobs", "exported"].map(|figure| finished.number(figure));
    assert_eq!(figures, [last + 1, 0, 0], "{finished}");
    assert_eq!(batches(&vault), [1, last, last + 1]);
    vault.run(&["verify"]).exits(0);
}

#[test]
fn one_that_others_read_is_not_taken_for_lost() {
    let vault = vault();
    let mut daemon = vault.daemon();
    for text in ["once", "twice"] {
        assert!(!batches(&vault).is_empty());
        vault.status();
        vault.run(&["verify"]).exits(0);
        vault.write("a.md", text);
        daemon.wait_for("batch finished");
    }
    assert!(daemon.all(RENEWED).is_empty());
    assert_eq!(knows_all(&vault, daemon), 0);
}

#[test]
fn only_the_socket_deleted() {
    assert_survives(|vault| {
        fs::remove_file(state_of_the_tree(vault).join("control.sock")).unwrap();
    });
}

#[test]
fn moved_away_and_an_empty_folder_made_there() {
    let vault = assert_survives(|vault| {
        fs::create_dir(vault.path("away")).unwrap();
        exchange(&vault.path("state"), &vault.path("away"));
    });
    let away = fs::read_dir(vault.path("away")).unwrap().next();
    let away = away.unwrap().unwrap().path();
    assert!(away.join("manifest.db").exists());
    assert!(!away.join("control.sock").exists(), "nobody listens there");
}

#[test]
fn replaced_by_an_older_one_of_the_same_tree() {
    let vault = vault();
    let older = vault.daemon();
    fs::create_dir(vault.path("older")).unwrap();
    let state = state_of_the_tree(&vault);
    older.stop();
    fs::copy(state.join("manifest.db"), vault.path("older/manifest.db")).unwrap();
    let mut daemon = vault.daemon();
    vault.write("d.md", "what the older one does not know");
    daemon.wait_for_export("d.md");
    exchange(&vault.path("older"), &state);
    daemon.wait_for(RENEWED);
    vault.assert_converged();
    assert!(state.join("manifest.db.corrupt-1").exists(), "kept");
    assert_eq!(knows_all(&vault, daemon), 0);
}

#[test]
fn taken_by_another_process_it_ends() {
    let vault = vault();
    let daemon = vault.daemon();
    let other = vault.path("other");
    fs::create_dir(&other).unwrap();
    let lock = File::create(other.join("lock")).unwrap();
    flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
    let before = vault.tree();
    exchange(&other, &state_of_the_tree(&vault));
    vault.write("a.md", "not for this one");
    let refused = daemon.ended().exits(69);
    assert!(
        refused.stderr.contains("holds this export tree"),
        "{}",
        refused.stderr
    );
    assert_eq!(vault.tree().differences(&before), "");
    drop(lock);
}

#[test]
fn where_it_can_not_be_made_again_that_is_said_once_and_the_work_goes_on() {
    let vault = vault();
    let mut daemon = vault.daemon();
    fs::write(vault.path("away"), "no folder").unwrap();
    exchange(&vault.path("state"), &vault.path("away"));
    let lost = daemon.wait_for("state folder lost");
    assert_eq!(lost.text("level"), "ERROR");
    assert!(lost.text("error").contains("state_dir must be"), "{lost}");
    daemon.signal(Signal::HUP);
    let rejected = daemon.wait_for("config rejected");
    assert_eq!(rejected.text("error"), lost.text("error"));
    for text in ["once", "twice"] {
        vault.write("a.md", text);
        daemon.wait_for_export("a.md");
    }
    fs::remove_file(vault.path("state")).unwrap();
    daemon.wait_for(RENEWED);
    vault.assert_converged();
    assert_eq!(daemon.all("state folder lost").len(), 1);
    assert_eq!(knows_all(&vault, daemon), 0);
}

#[test]
fn another_state_folder_in_the_config_knows_what_the_one_before_knew() {
    let vault = vault();
    let mut daemon = vault.daemon();
    // And back again, to one that knows less by then. What was written before is to go each time.
    for (state, folder) in [("other", "x"), ("state", ".")] {
        vault.configure(&format!("formats: {{markdown: {{dir: {folder}}}}}"));
        let config = fs::read_to_string(vault.config()).unwrap();
        let paths =
            ["state", state].map(|name| format!("state_dir: {}", vault.path(name).display()));
        vault.write_config(&config.replace(&paths[0], &paths[1]));
        daemon.signal(Signal::HUP);
        daemon.wait_for("config reloaded");
        vault.assert_converged();
        assert!(vault.has_output(&format!("{folder}/a.md")));
    }
    assert!(daemon.all("note failed").is_empty());
    vault.write("b.md", "changed afterwards");
    vault.assert_converged();
    assert_eq!(knows_all(&vault, daemon), 0, "what is right is not written");
}
