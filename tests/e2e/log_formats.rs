//! The log in each of its forms.

use crate::support::{Ran, Vault};

/// The contract's fields of `batch finished`, in its order.
const FINISHED: [&str; 17] = [
    "batch",
    "trigger",
    "changed",
    "removed",
    "affected",
    "jobs",
    "limit",
    "exported",
    "unchanged",
    "deleted",
    "failed",
    "peak",
    "elapsed_ms",
    "sequential_ms",
    "speedup",
    "slowest",
    "slowest_ms",
];

fn logged(log: &str) -> Ran {
    let vault = Vault::with(&format!("log: {log}"));
    vault.write("a note.md", "[[a note]]");
    vault.write("b.md", "text");
    vault.export().exits(0)
}

/// Whether `fields` has all of `wanted` in this order, perhaps with others between them.
fn has_in_order(fields: &[&str], wanted: &[&str]) -> bool {
    let mut fields = fields.iter();
    wanted
        .iter()
        .all(|wanted| fields.any(|field| field == wanted))
}

#[test]
fn json_is_one_flat_object_a_record_with_the_contract_s_fields_in_order() {
    let ran = logged("{format: json, level: debug}");
    assert_eq!(
        ran.records().len(),
        ran.stderr.lines().count(),
        "every line is a record:\n{}",
        ran.stderr
    );
    for record in ran.records() {
        assert_eq!(
            record.fields()[..3],
            ["timestamp", "level", "message"],
            "{record}"
        );
        assert!(
            record
                .values()
                .all(|value| !value.is_object() && !value.is_array()),
            "{record}"
        );
        let stamp = record.text("timestamp");
        assert!(
            stamp.len() >= 20 && stamp.ends_with('Z') && stamp.as_bytes()[10] == b'T',
            "{stamp}"
        );
    }
    let finished = ran.one("batch finished");
    assert!(has_in_order(&finished.fields(), &FINISHED), "{finished}");
    assert_eq!(finished.text("level"), "INFO");
    let started = ran.one("batch started");
    assert!(has_in_order(&started.fields(), &FINISHED[..7]), "{started}");
    let exported = &ran.all("note exported")[0];
    let fields = [
        "batch",
        "note",
        "format",
        "output",
        "because",
        "queued_ms",
        "elapsed_ms",
    ];
    assert!(has_in_order(&exported.fields(), &fields), "{exported}");
    assert_eq!(exported.text("level"), "DEBUG");
}

#[test]
fn plain_is_a_line_of_words_and_pairs() {
    let ran = logged("{format: plain, level: debug}");
    let line = ran
        .stderr
        .lines()
        .find(|line| line.contains("batch finished"))
        .unwrap();
    let (head, fields) = line.split_once(" batch finished ").unwrap();
    let (stamp, level) = head.split_once(' ').unwrap();
    assert!(stamp.ends_with('Z'), "{line}");
    assert_eq!(level, "INFO");
    let names: Vec<&str> = fields
        .split(' ')
        .filter_map(|pair| Some(pair.split_once('=')?.0))
        .collect();
    assert!(has_in_order(&names, &FINISHED), "{line}");
    assert!(ran.stderr.contains("note=\"a note.md\""), "{}", ran.stderr);
    assert!(!ran.stderr.contains('\x1b'), "{}", ran.stderr);
}

#[test]
fn pretty_says_the_same_at_a_glance() {
    let ran = logged("{format: pretty, level: info}");
    let line = ran
        .stderr
        .lines()
        .find(|line| line.contains("batch finished"))
        .unwrap();
    assert!(
        line.contains("2 exported") && line.contains(" of 8)"),
        "{line}"
    );
    assert!(!line.contains("failed"), "{line}");
    assert!(
        !ran.stderr.contains('\x1b'),
        "no colours where no terminal is:\n{}",
        ran.stderr
    );
}

#[test]
fn auto_is_plain_where_neither_a_terminal_nor_a_journal_is() {
    let ran = logged("{format: auto}");
    assert!(
        ran.stderr
            .contains(" INFO batch finished batch=1 trigger=once"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("note exported"), "that is for debug");
}

#[test]
fn rust_log_overrides_the_level() {
    let vault = Vault::with("log: {format: json, level: error}");
    vault.write("a.md", "text");
    assert_eq!(vault.export().exits(0).stderr, "");
    vault.write("a.md", "other");
    let ran = Ran::of(vault.command(&["export"]).env("RUST_LOG", "debug")).exits(0);
    assert_eq!(ran.one("note exported").text("because"), "changed");
}

#[test]
fn each_of_many_failures_is_told_and_in_the_status() {
    let vault = Vault::with(
        "formats: {x: {extension: x, command: ['false']}}\nlog: {format: json, level: info}",
    );
    for note in 0..60 {
        vault.write(&format!("{note:02}.md"), "text");
    }
    let mut daemon = vault.start();
    let finished = daemon.wait_for("batch finished");
    assert_eq!(finished.number("failed"), 60);
    let batch = finished.number("batch");
    let failed = daemon.all("note failed");
    let of_batch = failed
        .iter()
        .filter(|record| record.number("batch") == batch);
    assert_eq!(of_batch.count(), 60);
    assert!(failed.iter().all(|record| record.text("level") == "ERROR"));
    assert_eq!(
        vault.status()["failures"].as_array().map(Vec::len),
        Some(60)
    );
}
