//! The limit on concurrent jobs, and what the log says of a batch's times: the lesson's figures.

use std::fs;
use std::path::Path;

use crate::support::{Gate, Vault};

/// A format whose command takes a fifth of a second.
fn slow(name: &str) -> String {
    format!(
        "  {name}:\n    extension: {name}\n    command: [sh, -c, 'sleep 0.2; cat \"$1\"', sh, \"{{input}}\"]\n"
    )
}

/// The longest job of this kind takes at least so long.
const SLEEP_MS: f64 = 200.0;

#[test]
fn five_slow_notes_take_as_many_rounds_as_the_limit_makes() {
    for (limit, rounds) in [(1_u32, 5.0), (2, 3.0), (5, 1.0)] {
        let vault = Vault::with(&format!(
            "max_concurrent: {limit}\nformats:\n{}",
            slow("txt")
        ));
        for note in ["a.md", "b.md", "c.md", "d.md", "e.md"] {
            vault.write(note, note);
        }
        let finished = vault.export().exits(0).one("batch finished");
        assert_eq!(
            (finished.number("jobs"), finished.number("exported")),
            (5, 5),
            "{finished}"
        );
        assert_eq!(finished.number("peak"), u64::from(limit), "{finished}");
        assert_eq!(finished.number("limit"), u64::from(limit), "{finished}");
        let (elapsed, sequential) = (
            finished.measure("elapsed_ms"),
            finished.measure("sequential_ms"),
        );
        assert!(
            elapsed >= rounds * SLEEP_MS,
            "{rounds} rounds take their time: {finished}"
        );
        assert!(
            sequential >= 5.0 * SLEEP_MS,
            "the jobs' own times added up: {finished}"
        );
        let speedup = finished.measure("speedup");
        assert!(
            (speedup - sequential / elapsed).abs() < 0.02,
            "the second over the first: {finished}"
        );
        assert!(
            speedup <= f64::from(limit),
            "no faster than the limit allows: {finished}"
        );
        assert!(finished.measure("slowest_ms") >= SLEEP_MS, "{finished}");
    }
}

/// A hundred notes in three formats. Each command notes when it begins and ends, and the first wait for each other: were
/// fewer than twenty begun at once, the batch would never end.
#[test]
fn twenty_run_at_once_and_never_one_more() {
    let vault = Vault::new();
    let folder = vault.path("counters");
    fs::create_dir(&folder).unwrap();
    let script = "
        echo + >> FOLDER/running
        until [ -e FOLDER/full ]; do
          [ -d FOLDER ] || exit 9
          [ \"$(grep -c + FOLDER/running)\" -lt 20 ] || : > FOLDER/full
          sleep 0.02
        done
        cat \"$1\"
        echo - >> FOLDER/running"
        .replace("FOLDER", folder.to_str().unwrap());
    let format = |name| {
        format!(
            "  {name}:\n    extension: {name}\n    command:\n      - sh\n      - -c\n      - |{script}\n      - sh\n      - '{{input}}'\n"
        )
    };
    let formats: String = ["one", "two", "three"].map(format).concat();
    vault.configure(&format!("max_concurrent: 20\nformats:\n{formats}"));
    for note in 0..100 {
        vault.write(&format!("{note:02}.md"), format!("note {note}"));
    }
    let finished = vault.export().exits(0).one("batch finished");
    assert_eq!(
        (finished.number("jobs"), finished.number("exported")),
        (300, 300),
        "{finished}"
    );
    assert_eq!(
        (finished.number("peak"), finished.number("limit")),
        (20, 20),
        "{finished}"
    );
    assert_eq!(vault.tree().files().len(), 300);
    assert_eq!(most_at_once(&folder.join("running")), (300, 20));
}

/// From the begins and ends in the order in which they were written: how many there were, and how many at once.
fn most_at_once(file: &Path) -> (usize, usize) {
    let (mut begun, mut running, mut most) = (0, 0, 0);
    for line in fs::read_to_string(file).unwrap().lines() {
        if line == "+" {
            begun += 1;
            running += 1;
            most = most.max(running);
        } else {
            running -= 1;
        }
    }
    (begun, most)
}

#[test]
fn results_are_told_in_path_order_whatever_finishes_first() {
    let vault = Vault::new();
    let gate = Gate::new(&vault);
    // The first note waits for the gate, which the last opens.
    let open = vault.path("gate/open");
    let last = format!(
        "  z:\n    extension: z\n    command: [sh, -c, 'grep -q last \"$1\" && : > {}; cat \"$1\"', sh, \"{{input}}\"]\n",
        open.display()
    );
    vault.configure(&format!(
        "max_concurrent: 4\nformats:\n{}{last}",
        gate.format("a")
    ));
    for (note, text) in [("1.md", "first"), ("2/3.md", "middle"), ("9.md", "last")] {
        vault.write(note, text);
    }
    let ran = vault.export().exits(0);
    let told: Vec<(String, String)> = ran
        .all("note exported")
        .iter()
        .map(|record| {
            (
                record.text("note").to_owned(),
                record.text("format").to_owned(),
            )
        })
        .collect();
    let wanted = [
        ("1.md", "a"),
        ("1.md", "z"),
        ("2/3.md", "a"),
        ("2/3.md", "z"),
        ("9.md", "a"),
        ("9.md", "z"),
    ];
    assert_eq!(
        told,
        wanted.map(|(note, format)| (note.to_owned(), format.to_owned()))
    );
}

#[test]
fn an_empty_folder_is_a_batch_of_nothing() {
    let finished = Vault::new().export().exits(0).one("batch finished");
    for field in [
        "changed",
        "removed",
        "affected",
        "jobs",
        "exported",
        "unchanged",
        "deleted",
        "failed",
        "peak",
    ] {
        assert_eq!(finished.number(field), 0, "{field} in {finished}");
    }
    assert_eq!(finished.text("trigger"), "once");
}
