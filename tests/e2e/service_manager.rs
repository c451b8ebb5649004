//! What a service manager is told, and in which order.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Instant;

use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};
use rustix::process::Signal;

use crate::support::{Daemon, Gate, LIMIT, Ran, Vault, program};

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
        Self::start_patient(vault, command.env("WATCHDOG_USEC", "20000"))
    }

    /// The same without a watchdog.
    fn start_patient(vault: &Vault, command: &mut Command) -> (Self, Daemon) {
        let path = vault.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(*LIMIT)).unwrap();
        command.env("NOTIFY_SOCKET", &path);
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

    /// What has come and was not looked at yet.
    fn left(&self) -> Vec<String> {
        self.socket.set_nonblocking(true).unwrap();
        let mut buffer = [0; 4096];
        std::iter::from_fn(|| {
            let length = self.socket.recv(&mut buffer).ok()?;
            Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
        })
        .collect()
    }

    /// The next message that is so; those before it are passed over.
    #[track_caller]
    fn wait_for(&self, is_so: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + *LIMIT;
        let mut passed = Vec::new();
        loop {
            let message = self.next();
            if is_so(&message) {
                return message;
            }
            // The watchdog's never end.
            if message != "WATCHDOG=1" {
                passed.push(message);
            }
            assert!(Instant::now() < deadline, "waited too long: {passed:#?}");
        }
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

/// A vault of one note whose export waits at a gate.
fn at_the_gate() -> (Vault, Gate) {
    let vault = Vault::new();
    let gate = Gate::new(&vault);
    vault.configure(&format!("formats:\n{}", gate.format("txt")));
    fs::write(vault.note("a.md"), "a").unwrap();
    (vault, gate)
}

#[test]
fn the_watchdog_is_told_while_a_command_runs() {
    let (vault, gate) = at_the_gate();
    let (manager, _daemon) = Manager::start(&vault);
    gate.wait_for(1);
    // Those that came before it was at the gate.
    manager.wait_for(|message| message.starts_with("STATUS=exporting batch 1: "));
    for _ in 0..20 {
        manager.wait_for(|message| message == "WATCHDOG=1");
    }
    assert_eq!(vault.status()["running"]["done"], 0);
    gate.open();
}

#[test]
fn the_watchdog_is_told_of_what_gets_further_only() {
    // Each job takes much longer than a turn of the loop, is no command and does not wait for the disk.
    let vault = Vault::with("max_concurrent: 1\nformats: {x: {extension: x, template: slow.txt}}");
    let loops = "{% for a in range(300) %}{% for b in range(300) %}{% endfor %}{% endfor %}";
    vault.write_beside("slow.txt", &format!("{loops}{{{{ nothing.of_the_kind }}}}"));
    for note in 0..200 {
        fs::write(vault.note(&format!("{note}.md")), "text").unwrap();
    }
    let (manager, _daemon) = Manager::start(&vault);
    manager.wait_for(|message| message.starts_with("STATUS=exporting batch 1: "));
    for _ in 0..20 {
        manager.wait_for(|message| message == "WATCHDOG=1");
    }
    let status = vault.status();
    let done = status["running"]["done"].as_u64();
    assert!(
        done.is_none_or(|done| done >= 15),
        "a loop that only turns was told of: {status:#}"
    );
}

#[test]
fn while_jobs_are_finished_more_time_is_asked_for_and_nothing_else_said() {
    let (vault, gate) = at_the_gate();
    // Where no watchdog has the loop turn, too.
    let (manager, daemon) = Manager::start_patient(&vault, &mut vault.command(&["run"]));
    gate.wait_for(1);
    daemon.signal(Signal::TERM);
    manager.wait_for(|message| message.starts_with("STOPPING=1 "));
    for _ in 0..3 {
        manager.wait_for(|message| message == "EXTEND_TIMEOUT_USEC=10000000");
    }
    gate.open();
    daemon.ended().exits(0);
    let left = manager.left();
    let last_word = |message: &String| message.starts_with("STATUS=");
    assert!(!left.iter().any(last_word), "{left:?}");
}

#[test]
fn all_who_wait_for_a_reload_are_told_of_the_latest_once() {
    let (vault, gate) = at_the_gate();
    let (manager, mut daemon) = Manager::start(&vault);
    gate.wait_for(1);
    let formats = format!("formats:\n{}", gate.format("txt"));
    let waiting = ["max_concurrent: 3", "max_concurrent: 5"].map(|keys| {
        vault.configure(&format!("{keys}\n{formats}"));
        let mut reload = vault.command(&["reload"]);
        let waiting = std::thread::spawn(move || Ran::of(&mut reload));
        manager.wait_for(|message| message.starts_with("RELOADING=1"));
        waiting
    });
    gate.open();
    for waiting in waiting {
        let told = waiting.join().unwrap().exits(0).stdout;
        assert_eq!(told, "config reloaded: max_concurrent\n");
    }
    let finished = daemon.wait_until("the batch of the reload", |record| {
        record.message() == "batch finished" && record.text("trigger") == "reload"
    });
    assert_eq!(finished.number("limit"), 5, "{finished}");
    assert_eq!(daemon.all("config reloaded").len(), 1);
}

#[test]
fn what_is_shown_of_a_batch_keeps_up_with_it() {
    let vault = Vault::new();
    let gate = Gate::new(&vault);
    vault.configure(&format!("formats:\n  markdown:\n{}", gate.format("txt")));
    fs::write(vault.note("a.md"), "a").unwrap();
    let (manager, _daemon) = Manager::start(&vault);
    manager.wait_for(|message| message == "STATUS=exporting batch 1: 1 of 2 jobs");
    gate.open();
}

#[test]
fn the_export_folder_is_waited_for_until_it_is_back() {
    let vault = Vault::new();
    fs::write(vault.note("a.md"), "a").unwrap();
    let (manager, _daemon) = Manager::start(&vault);
    manager.wait_for(|message| message.starts_with("STATUS=watching 1 note; batch 1: "));
    let (here, away) = (vault.export_dir(), vault.path("away"));
    fs::write(&away, "no folder").unwrap();
    let exchange = || renameat_with(CWD, &here, CWD, &away, RenameFlags::EXCHANGE).unwrap();
    exchange();
    let waiting = format!("STATUS=waiting for the export folder {}", here.display());
    manager.wait_for(|message| message == waiting);
    // It is the same folder, so that there is nothing to compare and no batch has anything to say.
    exchange();
    manager.wait_for(|message| message.starts_with("STATUS=watching 1 note; batch 1: "));
}
