use super::paint::Paint;
use super::*;
use crate::control::status::{Failure, Links, Queue, Refused, Running, State, Status, WatchState};
use crate::log::events::Trigger;

const PLAIN: View = View {
    paint: Paint::Off,
    clock: |_| "2026-11-24 10:00:00".to_owned(),
};
const COLOURED: View = View {
    paint: Paint::On,
    ..PLAIN
};

fn row(batch: u64, trigger: Trigger, elapsed_ms: f64) -> BatchRow {
    BatchRow {
        batch,
        trigger,
        started_ms: 1_795_514_400_123,
        changed: 1,
        removed: 0,
        affected: 4,
        jobs: 8,
        limit: 8,
        exported: 5,
        unchanged: 2,
        deleted: 0,
        failed: 1,
        cancelled: 0,
        attachments: 3,
        pages: 1,
        peak: 8,
        elapsed_ms,
        sequential_ms: (elapsed_ms * 3.9).round(),
        speedup: 3.9,
        slowest: Some("d1/core\n.md".into()),
        slowest_ms: 12.3,
    }
}

fn rows() -> Vec<BatchRow> {
    let first = BatchRow {
        affected: 12_345,
        exported: 12_345,
        unchanged: 0,
        failed: 0,
        ..row(15, Trigger::Startup, 12_345.6)
    };
    let empty = BatchRow {
        jobs: 0,
        affected: 0,
        exported: 0,
        unchanged: 0,
        failed: 0,
        peak: 0,
        slowest: None,
        ..row(16, Trigger::Rescan, 0.4)
    };
    vec![row(17, Trigger::Watch, 41.25), first, empty]
}

#[test]
fn a_table_of_batches() {
    insta::assert_snapshot!(batches(&rows(), PLAIN));
}

#[test]
fn colours_do_not_move_columns() {
    let coloured = batches(&rows(), COLOURED);
    assert_ne!(coloured, batches(&rows(), PLAIN));
    assert_eq!(strip(&coloured), batches(&rows(), PLAIN));
}

fn strip(text: &str) -> String {
    let mut parts = text.split('\x1b');
    let first = parts.next().unwrap_or("").to_owned();
    parts.fold(first, |out, part| out + part.split_once('m').unwrap().1)
}

#[test]
fn no_batch_yet() {
    assert_eq!(batches(&[], PLAIN), "no batch has run yet\n");
}

fn full_status() -> Status {
    Status {
        version: "0.1.0".into(),
        pid: 4242,
        uptime_ms: 7_500_000,
        config: Some("/etc/smartnotesd/config.yaml".into()),
        notes_dir: "/home/me/notes".into(),
        export_dir: "/srv/export".into(),
        formats: vec!["markdown".into(), "html".into()],
        state: State::Exporting,
        watch: WatchState::Partial { polled_folders: 2 },
        degraded: Some("the kernel's limit of watches is reached".into()),
        notes: 1204,
        withheld: 3,
        attachments: 57,
        problems: 2,
        unreadable: vec![Refused {
            path: "work/lo\u{1b}cked.md".into(),
            error: "Permission denied (os error 13)".into(),
        }],
        not_withdrawn: vec![Refused {
            path: "html/se\u{1b}cret.html".into(),
            error: "Read-only file system (os error 30)".into(),
        }],
        links: Links {
            unresolved: 4,
            ambiguous: 1,
        },
        queue: Queue {
            paths: 3,
            due_in_ms: Some(120),
        },
        running: Some(Running {
            batch: 18,
            trigger: Trigger::Watch,
            done: 120,
            jobs: 300,
            in_flight: 8,
            elapsed_ms: 1234.0,
        }),
        last_rescan_ms_ago: Some(720_000),
        batches: {
            let mut rows = rows();
            rows.sort_by_key(|row| std::cmp::Reverse(row.batch));
            rows
        },
        failures: (0..22)
            .map(|at| Failure {
                note: format!("n{at:02}\u{1b}[2J.md"),
                format: "pdf".into(),
                error: "pandoc: exit code 1".into(),
                attempt: at + 1,
                retry_in_ms: (at > 0).then_some(4_000),
            })
            .collect(),
        config_error: Some("config.yaml:3:7: formts: unknown key; did you mean formats?".into()),
    }
}

#[test]
fn a_status_with_everything() {
    insta::assert_snapshot!(status(&full_status(), PLAIN));
    assert_eq!(
        strip(&status(&full_status(), COLOURED)),
        status(&full_status(), PLAIN)
    );
}

#[test]
fn a_status_with_nothing_to_say() {
    let quiet = Status {
        state: State::Watching,
        watch: WatchState::Native,
        degraded: None,
        config: None,
        notes: 1,
        withheld: 0,
        problems: 0,
        unreadable: Vec::new(),
        not_withdrawn: Vec::new(),
        links: Links::default(),
        queue: Queue::default(),
        running: None,
        last_rescan_ms_ago: None,
        batches: Vec::new(),
        failures: Vec::new(),
        config_error: None,
        ..full_status()
    };
    insta::assert_snapshot!(status(&quiet, PLAIN));
}

#[test]
fn what_waits_says_for_what() {
    let line = |state, due_in_ms, running| {
        let waiting = Status {
            state,
            queue: Queue {
                paths: 1,
                due_in_ms,
            },
            running,
            ..full_status()
        };
        let text = status(&waiting, PLAIN);
        let line = text.lines().find(|line| line.contains("may have changed"));
        line.unwrap().trim_start().to_owned()
    };
    let running = full_status().running;
    assert_eq!(
        line(State::WaitingForNotes, None, None),
        "queue     1 path may have changed, looked at when the notes folder is back"
    );
    assert_eq!(
        line(State::Exporting, Some(0), running.clone()),
        "queue     1 path may have changed, next batch after this one"
    );
    assert_eq!(
        line(State::Exporting, None, running),
        "queue     1 path may have changed"
    );
    assert_eq!(
        line(State::Watching, Some(0), None),
        "queue     1 path may have changed, next batch in 0 ms"
    );
}

#[test]
fn a_status_goes_through_json_unchanged() {
    let text = serde_json::to_string(&full_status()).unwrap();
    assert_eq!(
        serde_json::from_str::<Status>(&text).unwrap(),
        full_status()
    );
    insta::assert_snapshot!(
        serde_json::to_string_pretty(&Status {
            failures: vec![],
            ..full_status()
        })
        .unwrap()
    );
}

fn bar(note: &str, format: &str, start_ms: f64, elapsed_ms: f64, outcome: Outcome) -> JobBar {
    JobBar {
        note: note.into(),
        format: format.into(),
        start_ms,
        elapsed_ms,
        outcome,
        because: "changed".into(),
    }
}

fn few_jobs() -> Vec<JobBar> {
    vec![
        bar(
            "d1/<core> & \"more\".md",
            "html",
            0.0,
            20.0,
            Outcome::Exported,
        ),
        bar("a.md", "markdown", 0.0, 5.0, Outcome::Exported),
        bar("b.md", "markdown", 5.0, 10.0, Outcome::Unchanged),
        bar("c.md", "html", 15.0, 12.0, Outcome::Failed),
        bar(
            "a/very/long/path/that/has/no/room/at/all.md",
            "html",
            20.0,
            3.0,
            Outcome::Cancelled,
        ),
    ]
}

#[test]
fn a_timeline_of_a_few_jobs() {
    insta::assert_snapshot!(timeline_svg(&row(17, Trigger::Watch, 41.25), &few_jobs()));
}

#[test]
fn a_timeline_of_ten_thousand_jobs_stays_a_picture() {
    let jobs: Vec<JobBar> = (0..10_000)
        .map(|at| {
            let slot = at % 8;
            bar(
                &format!("n{at}.md"),
                "html",
                f64::from(at / 8) * 2.0 + f64::from(slot) * 0.1,
                2.0,
                Outcome::Exported,
            )
        })
        .collect();
    let svg = timeline_svg(
        &BatchRow {
            elapsed_ms: 2_502.0,
            ..row(1, Trigger::Startup, 0.0)
        },
        &jobs,
    );
    assert_eq!(svg.matches("class=\"lane\"").count(), 8);
    assert_eq!(svg.matches("class=\"job ").count(), 10_000);
    let width: f64 = svg
        .split("width=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!((7_000.0..9_000.0).contains(&width), "{width}");
    assert!(svg.len() < 4 << 20, "{}", svg.len());
}

#[test]
fn a_timeline_of_nothing() {
    let svg = timeline_svg(
        &BatchRow {
            elapsed_ms: 0.0,
            ..row(1, Trigger::Startup, 0.0)
        },
        &[],
    );
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}
