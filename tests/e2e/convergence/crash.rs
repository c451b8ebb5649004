//! Killed at any instant, and started again.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;

use super::whole::{Reader, version};
use crate::support::{Dice, Gate, Vault, until};

/// A fast format and two slow ones; all give the note's own text.
const SLOW: &str = "formats:
  markdown:
  slow:
    extension: slow
    command: [sh, -c, 'sleep 0.0$(($$ % 10)); cat \"$0\"', '{input}']
  slower:
    extension: slower
    command: [sh, -c, 'while read line; do echo \"$line\"; done < \"$0\" > \"$1\"', '{input}', '{output}']
";

#[test]
fn killed_at_any_instant_no_file_is_ever_torn() {
    let vault = Vault::with(SLOW);
    for note in 0..20 {
        vault.write(&format!("{}/{note}.md", note % 3), version(note));
    }
    fs::create_dir(vault.export_dir()).unwrap();
    fs::write(vault.export_dir().join("mine.txt"), version(7)).unwrap();
    let reader = Reader::of(vault.export_dir());
    // Fixed: each run kills at the same times after its starts.
    let mut dice = Dice::new(0x5eed);
    for round in 0..25 {
        let daemon = vault.start();
        // Some are killed before they are ready, most in the middle of a batch.
        let pause = dice.below(150) as u64;
        for change in 0..10 {
            let note = (round * 3 + change) % 20;
            vault.write(
                &format!("{}/{note}.md", note % 3),
                version(round * 10 + change),
            );
            sleep(Duration::from_millis(pause / 10));
        }
        daemon.signal(Signal::KILL);
        assert_eq!(daemon.ended().code, None);
    }
    let daemon = vault.daemon();
    vault.assert_converges_in_time_around("mine.txt");
    reader.assert_all_whole();
    assert_eq!(
        fs::read_to_string(vault.export_dir().join("mine.txt")).unwrap(),
        version(7)
    );
    daemon.stop();
    assert!(
        !vault
            .tree()
            .files()
            .iter()
            .any(|file| file.starts_with('.')),
        "nothing temporary is left"
    );
}

#[test]
fn killed_in_the_middle_of_the_first_export_of_many() {
    let vault = Vault::new();
    for note in 0..1000 {
        vault.write(&format!("{}/{note}.md", note % 10), version(note % 50));
    }
    let reader = Reader::of(vault.export_dir());
    for pause in [5, 20, 40, 80, 120, 200] {
        let daemon = vault.start();
        sleep(Duration::from_millis(pause));
        daemon.signal(Signal::KILL);
        daemon.ended();
    }
    let _daemon = vault.daemon();
    vault.assert_converged();
    reader.assert_all_whole();
}

#[test]
fn killed_while_notes_move_and_go() {
    let vault = Vault::new();
    for note in 0..40 {
        vault.write(&format!("a/{note}.md"), format!("[[{}]]", (note + 1) % 40));
    }
    let mut at = "a".to_owned();
    for round in 0..15 {
        let daemon = vault.start();
        let next = format!("b{round}");
        sleep(Duration::from_millis(20 + 7 * round % 60));
        vault.rename(&at, &next);
        vault.remove(&format!("{next}/{round}.md"));
        sleep(Duration::from_millis(11 * round % 50));
        daemon.signal(Signal::KILL);
        daemon.ended();
        at = next;
    }
    let _daemon = vault.daemon();
    vault.assert_converged();
    assert_eq!(vault.tree().files().len(), 25);
}

#[test]
fn what_was_left_temporary_is_swept_at_the_start() {
    let vault = Vault::new();
    vault.write("a.md", "a");
    vault.export().exits(0);
    let temporary = vault.export_dir().join(".smartnotesd-tmp");
    fs::create_dir(&temporary).unwrap();
    fs::write(temporary.join("sn-123-4"), "half a file").unwrap();
    let daemon = vault.daemon();
    vault.assert_converged();
    daemon.stop();
    assert!(!temporary.exists());
    // What is not ours in there stays.
    fs::create_dir(&temporary).unwrap();
    fs::write(temporary.join("sn-123-5"), "half a file").unwrap();
    fs::write(temporary.join("mine"), "mine").unwrap();
    vault.daemon().stop();
    let there: Vec<_> = fs::read_dir(&temporary)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(there, ["mine"]);
}

#[test]
fn the_number_of_a_batch_that_was_killed_names_no_other() {
    let vault = Vault::new();
    let gate = Gate::new(&vault);
    vault.configure(&format!("formats:\n  markdown:\n{}", gate.format("txt")));
    vault.write("a.md", "a");
    let mut daemon = vault.start();
    let killed = daemon.wait_for("batch started").number("batch");
    // One format's output is there, and another's is still being made.
    until("the output is published", || {
        vault.has_output("a.md").then_some(())
    });
    gate.wait_for(1);
    daemon.signal(Signal::KILL);
    daemon.ended();
    gate.open();
    let next = vault.daemon().all("batch started")[0].number("batch");
    assert_eq!(next, killed + 1);
}
