//! Much at once. Sized for seconds; in full size (100,000 notes, 50,000 changes at once, a file written 1,000 times a second
//! for a minute, 10,000 failing notes) with
//!
//! ```text
//! SMARTNOTESD_LOAD=full cargo test --release --test e2e load:: -- --nocapture --test-threads=1
//! ```
//!
//! which takes some minutes and prints what was measured; `TMPDIR=/dev/shm` leaves the disk out of it.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Daemon, LIMIT, Vault, is_full_load, until};

fn sized(usual: usize, full: usize) -> usize {
    if is_full_load() { full } else { usual }
}

/// What a person who measures wants to read; the test runner keeps it to itself unless it is asked for.
fn tell(what: &str, began: Instant, daemon: &Daemon) {
    let (seconds, memory) = (began.elapsed().as_secs_f64(), memory(daemon) / 1024);
    println!("{what}: {seconds:.1} s, {memory} MiB");
}

/// The process's memory in KiB.
fn memory(daemon: &Daemon) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid().as_raw_nonzero()));
    let status = status.expect("the daemon runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.trim().split(' ').next());
    number
        .and_then(|number| number.parse().ok())
        .expect("Linux says it")
}

fn batches(daemon: &Daemon) -> usize {
    daemon.all("batch finished").len()
}

/// Saves a note and waits until its export shows it. How long that took.
fn saved(vault: &Vault, note: &str, text: &str) -> Duration {
    let began = Instant::now();
    vault.write(note, text);
    until("it is exported", || {
        (vault.has_output(note) && vault.output(note) == text).then_some(())
    });
    began.elapsed()
}

#[test]
fn many_changes_in_one_burst() {
    let vault = Vault::with("log: {format: json, level: info}\n");
    let notes = sized(5_000, 100_000);
    let write = |round: usize, note: usize| {
        let path = vault.note(&format!("{}/{note}.md", note % 50));
        fs::write(path, format!("{round} [[{}]]", note * 7 % notes)).unwrap();
    };
    vault.write("index.md", "![[0]] [[4999]]");
    for folder in 0..50 {
        fs::create_dir(vault.note(&folder.to_string())).unwrap();
    }
    // A tenth comes in the burst.
    let there = notes / 10 * 9;
    (0..there).for_each(|note| write(0, note));
    let began = Instant::now();
    let daemon = vault.daemon();
    tell(&format!("{there} notes"), began, &daemon);

    let began = Instant::now();
    (notes / 2..notes).for_each(|note| write(1, note));
    let last = format!("{}/{}.md", (notes - 1) % 50, notes - 1);
    until("the burst is exported", || {
        vault.has_output(&last).then_some(())
    });
    tell(&format!("{} changes in a burst", notes / 2), began, &daemon);
    vault.assert_converged();

    for folder in 0..25 {
        fs::remove_dir_all(vault.note(&folder.to_string())).unwrap();
    }
    vault.assert_converged();
    let records = daemon.records();
    assert!(
        records.len() < 1_000,
        "a line for each change is too many: {}",
        records.len()
    );
}

#[test]
fn a_note_rewritten_all_the_time() {
    const MAX_WAIT: Duration = Duration::from_millis(400);
    let vault = Vault::with("debounce: {quiet: 100ms, max_wait: 400ms}\n");
    vault.write("index.md", "![[busy]]");
    vault.write("busy.md", "0");
    let daemon = vault.daemon();
    let memory_before = memory(&daemon);
    let mut most_memory = 0;
    let time = Duration::from_secs(sized(3, 60) as u64);
    let began = Instant::now();
    let mut round: u32 = 0;
    let mut edits = 0;
    // It never becomes quiet, and is exported all along.
    while began.elapsed() < time {
        let due = began.elapsed().as_secs_f64() * 1_000.0;
        while f64::from(round) < due && began.elapsed() < time {
            round += 1;
            fs::write(vault.note("busy.md"), round.to_string()).unwrap();
        }
        if began.elapsed().as_millis() / 500 > edits {
            edits += 1;
            vault.write(&format!("other{}.md", edits % 7), edits.to_string());
            most_memory = most_memory.max(memory(&daemon));
        }
        // The pace, and no wait for anything.
        thread::sleep(Duration::from_millis(1));
    }
    let took = began.elapsed();
    let batches = batches(&daemon);
    println!("{round} writes and {edits} others: {batches} batches, {most_memory} KiB at most");
    // A slow machine makes fewer; none makes more.
    let bound = usize::try_from(took.as_millis() / MAX_WAIT.as_millis()).unwrap();
    assert!(
        batches > 1 && batches <= bound * 2,
        "{batches} batches where {bound} are due"
    );
    vault.assert_converged();
    assert_eq!(vault.output("index.md").trim_end(), round.to_string());
    let grown = most_memory.saturating_sub(memory_before);
    assert!(grown < 64 * 1024, "memory grew by {grown} KiB");
}

#[test]
fn many_notes_whose_template_fails() {
    let vault = Vault::with(
        "log: {format: json, level: info}\nmax_concurrent: 16\nformats:\n  md:\n    template: page.txt\n    extension: md\n",
    );
    let failing = sized(1_000, 10_000);
    vault.write_beside(
        "page.txt",
        "{% if 'bad' in body %}{{ no.such.thing() }}{% endif %}{{ body }}",
    );
    for note in 0..failing {
        vault.write(&format!("{note}.md"), "bad");
    }
    vault.write("good.md", "good");
    let began = Instant::now();
    let daemon = vault.daemon();
    tell(&format!("{failing} failures"), began, &daemon);
    assert_eq!(vault.output("good.md"), "good");
    // The others are as fast as ever.
    let began = Instant::now();
    for round in 0..10 {
        saved(&vault, "good.md", &format!("good {round}"));
    }
    assert!(began.elapsed() < *LIMIT, "{:?}", began.elapsed());
    assert_failures_are_told(&vault, &daemon, failing);
    vault.write_beside("page.txt", "{{ body }}");
    let told = daemon.records().len();
    for note in 0..failing {
        vault.write(&format!("{note}.md"), "good");
    }
    vault.assert_converged();
    // Nothing is said of each that has recovered; those that had not yet may have been tried again.
    let expected = ["batch started", "batch finished", "note failed"];
    let records = daemon.records();
    let mut others = records[told..].iter().map(|record| record.text("message"));
    assert_eq!(others.find(|message| !expected.contains(message)), None);
}

#[test]
fn many_notes_whose_command_fails() {
    let vault = Vault::with(
        "log: {format: json, level: info}\nformats:\n  markdown:\n  bad: {extension: bad, command: [\"false\"]}\n",
    );
    let failing = sized(300, 10_000);
    for note in 0..failing {
        vault.write(&format!("{note}.md"), "text");
    }
    let began = Instant::now();
    let daemon = vault.daemon();
    tell(&format!("{failing} failures"), began, &daemon);
    let memory_before = memory(&daemon);
    // All the while they are tried again, and nobody waits for that.
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    let mut round = 0;
    while retries(&daemon) < 3 {
        round += 1;
        slowest = slowest.max(saved(&vault, "good.md", &format!("good {round}")));
        assert!(began.elapsed() < *LIMIT, "nothing is tried again");
        // The time for which nobody saves.
        thread::sleep(Duration::from_millis(100));
    }
    tell(
        &format!("{round} saves, {slowest:?} at most"),
        began,
        &daemon,
    );
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
    // The good one has a failing format too.
    assert_failures_are_told(&vault, &daemon, failing + 1);
    let grown = memory(&daemon).saturating_sub(memory_before);
    assert!(grown < 64 * 1024, "memory grew by {grown} KiB");
}

fn retries(daemon: &Daemon) -> usize {
    let finished = daemon.all("batch finished");
    finished
        .iter()
        .filter(|batch| batch.text("trigger") == "retry")
        .count()
}

fn assert_failures_are_told(vault: &Vault, daemon: &Daemon, failing: usize) {
    let status = vault.status();
    assert_eq!(status["failures"].as_array().map(Vec::len), Some(failing));
    let failed = daemon.all("note failed");
    let notes: BTreeSet<&str> = failed.iter().map(|record| record.text("note")).collect();
    assert_eq!(notes.len(), failing);
}
