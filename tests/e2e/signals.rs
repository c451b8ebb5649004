//! How the daemon ends, and what becomes of what it was doing.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Daemon, Gate, Vault, until};

/// A vault of three notes, whose exports wait at a gate, one after the other.
fn at_the_gate() -> (Vault, Gate) {
    let vault = Vault::new();
    let gate = Gate::new(&vault);
    vault.configure(&format!(
        "max_concurrent: 1\nformats:\n{}",
        gate.format("txt")
    ));
    for note in ["a.md", "b.md", "c.md"] {
        vault.write(note, note);
    }
    (vault, gate)
}

#[test]
fn sigterm_finishes_the_jobs_in_flight_and_begins_no_other() {
    let (vault, gate) = at_the_gate();
    let mut daemon = vault.start();
    gate.wait_for(1);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait_for("stopping").text("signal"), "SIGTERM");
    assert_eq!(vault.status()["state"], "stopping");
    // From here on no change is taken.
    vault.write("d.md", "too late");
    gate.open();
    let ran = daemon.ended().exits(0);
    assert_eq!(
        ran.one("batch finished").number("exported"),
        1,
        "{}",
        ran.stderr
    );
    let stopped = ran.one("stopped");
    assert!(
        stopped.has("batches") && stopped.has("uptime_ms"),
        "{stopped}"
    );
    assert_eq!(vault.tree().files(), ["a.txt"]);
    let mut daemon = vault.start();
    // What was cancelled is tried again.
    assert_eq!(daemon.wait_for_export("b.md").text("because"), "retry");
    daemon.wait_for_export("d.md");
    vault.assert_converged();
}

#[test]
fn a_second_signal_leaves_at_once_and_ends_the_commands() {
    let (vault, gate) = at_the_gate();
    let mut daemon = vault.start();
    let [command] = gate.wait_for(1)[..] else {
        unreachable!("one was waited for")
    };
    assert!(is_alive(command), "a command leads its own process group");
    daemon.signal(Signal::INT);
    daemon.wait_for("stopping");
    daemon.signal(Signal::INT);
    daemon.ended().exits(0);
    until("the command and what it started are gone", || {
        (!is_alive(command)).then_some(())
    });
    assert_eq!(vault.tree().files(), Vec::<&str>::new());
    gate.open();
    vault.export().exits(0);
    assert_eq!(vault.tree().files(), ["a.txt", "b.txt", "c.txt"]);
}

#[test]
fn a_signal_with_nothing_to_do_ends_at_once() {
    for signal in [Signal::TERM, Signal::INT] {
        let vault = Vault::new();
        let daemon = vault.daemon();
        daemon.signal(signal);
        assert_eq!(daemon.ended().exits(0).one("stopped").number("batches"), 1);
    }
}

/// The private folders of commands that there are.
fn private_folders(tmp: &Path) -> usize {
    fs::read_dir(tmp).unwrap().count()
}

#[test]
fn whatever_ends_a_command_line_ends_the_commands_of_its_formats() {
    for (command, signals) in [
        ("verify", &[Signal::INT, Signal::TERM, Signal::HUP][..]),
        ("export", &[Signal::HUP]),
    ] {
        for &signal in signals {
            let (vault, gate) = at_the_gate();
            let tmp = vault.path("tmp");
            fs::create_dir(&tmp).unwrap();
            let mut line = vault.command(&[command]);
            let mut child = line
                .env("TMPDIR", &tmp)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let [group] = gate.wait_for(1)[..] else {
                unreachable!("one was waited for")
            };
            assert_eq!(private_folders(&tmp), 1);
            kill_process(Pid::from_child(&child), signal).unwrap();
            let status = child.wait().unwrap();
            assert!(!status.success(), "{command}, {signal:?}");
            if command == "verify" {
                assert_eq!(status.signal(), Some(signal.as_raw()));
            }
            until("the command and what it started are gone", || {
                (!is_alive(group)).then_some(())
            });
            assert_eq!(private_folders(&tmp), 0, "{command}, {signal:?}");
        }
    }
}

#[test]
fn nohup_keeps_an_export_going() {
    let (vault, gate) = at_the_gate();
    let export = vault.command(&["export"]);
    let mut nohup = Command::new("nohup");
    nohup.arg(export.get_program()).args(export.get_args());
    let mut child = nohup
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir(vault.path("."))
        .spawn()
        .unwrap();
    gate.wait_for(1);
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    gate.open();
    assert!(child.wait().unwrap().success());
    assert_eq!(vault.tree().files(), ["a.txt", "b.txt", "c.txt"]);
}

#[test]
fn what_a_killed_daemon_left_in_the_temporary_folder_goes_with_the_next_start() {
    let (vault, gate) = at_the_gate();
    let tmp = vault.path("tmp");
    fs::create_dir_all(tmp.join("smartnotesd-mine")).unwrap();
    let start = || Daemon::start(vault.command(&["run"]).env("TMPDIR", &tmp));
    let daemon = start();
    gate.wait_for(1);
    assert_eq!(private_folders(&tmp), 2);
    daemon.signal(Signal::KILL);
    daemon.ended();
    gate.open();
    assert_eq!(private_folders(&tmp), 2);
    let mut daemon = start();
    daemon.wait_for("batch finished");
    until("what was left is gone", || {
        (private_folders(&tmp) == 1).then_some(())
    });
    assert!(tmp.join("smartnotesd-mine").exists());
}

/// Whether any process of this group runs. Those that ended and that nobody has reaped don't.
fn is_alive(group: u32) -> bool {
    let group = group.to_string();
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(Result::ok)
        .any(|process| {
            // After the name in parentheses: the state, the parent and the group.
            let Ok(stat) = fs::read_to_string(process.path().join("stat")) else {
                return false;
            };
            let Some((_, fields)) = stat.rsplit_once(") ") else {
                return false;
            };
            let fields: Vec<&str> = fields.split(' ').collect();
            fields[2] == group && fields[0] != "Z"
        })
}
