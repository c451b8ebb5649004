//! Much at once. Sized for seconds; `SMARTNOTESD_LOAD=n` makes it n times as much.

use std::env;
use std::fs;
use std::time::Instant;

use crate::support::{Daemon, LIMIT, Vault, until};

fn times(number: usize) -> usize {
    let factor = env::var("SMARTNOTESD_LOAD").map_or(1, |text| {
        text.parse().expect("SMARTNOTESD_LOAD is a number")
    });
    number * factor
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

#[test]
fn many_changes_in_one_burst() {
    let vault = Vault::with("log: {format: json, level: info}\n");
    let notes = times(5_000);
    vault.write("index.md", "![[0]] [[4999]]");
    let daemon = vault.daemon();
    for folder in 0..50 {
        fs::create_dir(vault.note(&folder.to_string())).unwrap();
    }
    for round in 0..2 {
        for note in 0..notes {
            let path = vault.note(&format!("{}/{note}.md", note % 50));
            fs::write(path, format!("{round} [[{}]]", note * 7 % notes)).unwrap();
        }
    }
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
fn a_note_rewritten_as_fast_as_can_be() {
    let vault = Vault::with("debounce: {quiet: 100ms, max_wait: 400ms}\n");
    vault.write("index.md", "![[busy]]");
    vault.write("busy.md", "0");
    let daemon = vault.daemon();
    let memory_before = memory(&daemon);
    let began = Instant::now();
    let mut round: u64 = 0;
    // It never becomes quiet, and is exported all along.
    while batches(&daemon) < times(6) {
        for _ in 0..200 {
            round += 1;
            fs::write(vault.note("busy.md"), round.to_string()).unwrap();
        }
        assert!(began.elapsed() < LIMIT, "{:#?}", daemon.records());
    }
    let batches = batches(&daemon);
    assert!(
        batches < usize::try_from(round).unwrap() / 5,
        "{batches} batches for {round} writes"
    );
    vault.assert_converged();
    assert_eq!(vault.output("index.md").trim_end(), round.to_string());
    let grown = memory(&daemon).saturating_sub(memory_before);
    assert!(grown < 64 * 1024, "memory grew by {grown} KiB");
}

#[test]
fn a_thousand_notes_that_fail() {
    let vault = Vault::with(
        "log: {format: json, level: info}\nmax_concurrent: 16\nformats:\n  md:\n    template: page.txt\n    extension: md\n",
    );
    let failing = times(1_000);
    vault.write_beside(
        "page.txt",
        "{% if 'bad' in body %}{{ no.such.thing() }}{% endif %}{{ body }}",
    );
    for note in 0..failing {
        vault.write(&format!("{note}.md"), "bad");
    }
    vault.write("good.md", "good");
    let daemon = vault.daemon();
    assert_eq!(vault.output("good.md"), "good");
    // The others are as fast as ever.
    let began = Instant::now();
    for round in 0..10 {
        vault.write("good.md", format!("good {round}"));
        until("it is exported", || {
            (vault.output("good.md") == format!("good {round}")).then_some(())
        });
    }
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    let status = vault.status();
    assert_eq!(status["failures"].as_array().map(Vec::len), Some(failing));
    let failed = daemon.all("note failed").len();
    let batches = daemon.all("batch finished").len();
    assert!(
        failed <= 20 * batches,
        "{failed} lines in {batches} batches"
    );
    assert!(!daemon.all("more notes failed").is_empty());
    vault.write_beside("page.txt", "{{ body }}");
    let told = daemon.records().len();
    for note in 0..failing {
        vault.write(&format!("{note}.md"), "good");
    }
    vault.assert_converged();
    assert!(daemon.records().len() < told + 200);
}
