//! What a service manager is told, and in which order.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;

use crate::support::{Daemon, Gate, LIMIT, Vault, program};

/// A service manager that listens.
struct Manager {
    socket: UnixDatagram,
}

impl Manager {
    /// Starts the daemon of a vault under it. The watchdog is impatient, so that every turn of the loop may ping.
    fn start(vault: &Vault) -> (Self, Daemon) {
        Self::start_command(vault, &mut vault.command(&["run"]))
    }

    fn start_command(vault: &Vault, command: &mut Command) -> (Self, Daemon) {
        let path = vault.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(*LIMIT)).unwrap();
        command
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "20000");
        (Self { socket }, Daemon::start(command))
    }

    /// The next message, in one line.
    fn next(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).expect("a message comes");
        String::from_utf8_lossy(&buffer[..length])
            .trim_end()
            .replace('\n', " ")
    }

    /// The next message that is so; those before it are passed over.
    fn wait_for(&self, is_so: impl Fn(&str) -> bool) -> String {
        std::iter::repeat_with(|| self.next())
            .find(|message| is_so(message))
            .expect("messages never end")
    }
}

#[test]
fn nothing_is_told_before_ready() {
    let vault = Vault::new();
    for note in 0..3_000 {
        let path = vault.note(&format!("{note}.md"));
        fs::write(path, format!("[[{}]]", note / 2)).unwrap();
    }
    // A ping would put the watchdog's patience in the place of the start's.
    let (manager, _daemon) = Manager::start(&vault);
    assert_eq!(manager.next(), "READY=1 STATUS=watching 3,000 notes");
    manager.wait_for(|message| message == "WATCHDOG=1");
}

#[test]
fn the_words_of_a_reload_and_of_the_end() {
    let vault = Vault::new();
    let (manager, daemon) = Manager::start(&vault);
    manager.wait_for(|message| message.starts_with("READY=1"));
    let good = fs::read_to_string(vault.config()).unwrap();
    vault.write_config("notes: nowhere\n");
    daemon.signal(Signal::HUP);
    manager.wait_for(|message| message.starts_with("RELOADING=1 MONOTONIC_USEC="));
    let rejected = manager.wait_for(|message| message.starts_with("READY=1"));
    assert!(
        rejected.contains("; config rejected: ") && rejected.contains(":1:1: notes: "),
        "{rejected}"
    );
    vault.write_config(&good);
    daemon.signal(Signal::HUP);
    let reloaded = manager.wait_for(|message| message.starts_with("READY=1"));
    assert!(
        reloaded.starts_with("READY=1 STATUS=watching 0 notes; batch 1: 0 exported in ")
            && !reloaded.contains("rejected"),
        "{reloaded}"
    );
    daemon.signal(Signal::TERM);
    manager.wait_for(|message| message == "STOPPING=1 STATUS=finishing the jobs in flight");
    daemon.ended().exits(0);
}

#[test]
fn a_batch_begins_with_none_of_its_jobs_done() {
    let vault = Vault::new();
    let gate = Gate::new(&vault);
    vault.configure(&format!("formats:\n{}", gate.format("slow")));
    for note in ["a.md", "b.md", "c.md"] {
        fs::write(vault.note(note), note).unwrap();
    }
    gate.open();
    let (manager, _daemon) = Manager::start(&vault);
    manager.wait_for(|message| message.starts_with("STATUS=watching 3 notes; batch 1: "));
    gate.close();
    vault.write("a.md", "other");
    let begun = manager.wait_for(|message| message.starts_with("STATUS=exporting batch 2: "));
    assert_eq!(begun, "STATUS=exporting batch 2: 0 of 1 job");
    gate.open();
}

#[test]
fn the_state_is_that_of_the_notes_folder_while_it_is_away_and_once_it_is_back() {
    let vault = Vault::new();
    fs::write(vault.note("a.md"), "a").unwrap();
    let (manager, _daemon) = Manager::start(&vault);
    manager.wait_for(|message| message.starts_with("STATUS=watching 1 note; batch 1: "));
    let away = vault.path("away");
    fs::rename(vault.notes(), &away).unwrap();
    let waiting = format!(
        "STATUS=waiting for the notes folder {}",
        vault.notes().display()
    );
    manager.wait_for(|message| message == waiting);
    // Nothing has changed meanwhile, so that no batch has anything to say.
    fs::rename(&away, vault.notes()).unwrap();
    manager.wait_for(|message| message.starts_with("STATUS=watching 1 note; batch 1: "));
}

#[test]
fn while_a_config_can_not_be_read_the_work_goes_on() {
    let vault = Vault::new();
    fs::write(vault.note("a.md"), "a").unwrap();
    // Without `--config` it is looked for at the usual places. Nothing is there at the start; then comes a FIFO, which
    // keeps its reader waiting as a file system does that hangs.
    let mut command = program(&vault.path("."));
    command.arg("--notes").arg(vault.notes());
    command.arg("--export").arg(vault.export_dir()).arg("run");
    let (manager, daemon) = Manager::start_command(&vault, &mut command);
    manager.wait_for(|message| message.starts_with("STATUS=watching 1 note; batch 1: "));
    let folder = vault.path(".config/smartnotesd");
    fs::create_dir_all(&folder).unwrap();
    let config = folder.join("config.yaml");
    mknodat(CWD, &config, FileType::Fifo, Mode::RWXU, 0).unwrap();
    daemon.signal(Signal::HUP);
    manager.wait_for(|message| message.starts_with("RELOADING=1"));
    for _ in 0..3 {
        manager.wait_for(|message| message == "WATCHDOG=1");
    }
    fs::write(vault.note("b.md"), "b").unwrap();
    manager.wait_for(|message| message.starts_with("STATUS=watching 2 notes; batch 2: "));
    // Once there is something to read, it is put in force.
    fs::write(&config, "max_concurent: 3\n").unwrap();
    let rejected = manager.wait_for(|message| message.starts_with("READY=1"));
    assert!(
        rejected.contains("max_concurent: is not a known key"),
        "{rejected}"
    );
    daemon.signal(Signal::HUP);
    manager.wait_for(|message| message.starts_with("RELOADING=1"));
    daemon.signal(Signal::TERM);
    daemon.ended().exits(0);
}
