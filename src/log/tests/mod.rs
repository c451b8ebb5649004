mod journald;
mod process;

use std::sync::Mutex;

use super::events::{self, BatchFinished, BatchStarted, NoteExported, NoteFailed, Trigger};
use super::record::Value;
use super::*;

const NOON: Duration = Duration::from_millis(1_795_514_400_123);

#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Vec<Record>>>);

impl<S: Subscriber> Layer<S> for Capture {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let record = Record::of_event(SystemTime::UNIX_EPOCH + NOON, event);
        self.0.lock().unwrap().push(record);
    }
}

/// The records that `say` makes, all at the same moment.
fn records(say: impl FnOnce()) -> Vec<Record> {
    let capture = Capture::default();
    let subscriber = tracing_subscriber::registry().with(capture.clone());
    tracing::subscriber::with_default(subscriber, say);
    std::mem::take(&mut capture.0.lock().unwrap())
}

fn started() -> BatchStarted {
    BatchStarted {
        batch: 12,
        trigger: Trigger::Watch,
        changed: 1,
        removed: 0,
        affected: 4,
        jobs: 8,
        limit: 8,
    }
}

fn finished() -> BatchFinished<'static> {
    BatchFinished {
        started: started(),
        exported: 5,
        unchanged: 2,
        deleted: 0,
        failed: 1,
        cancelled: 0,
        attachments: 0,
        pages: 1,
        peak: 8,
        elapsed: Duration::from_micros(41_250),
        sequential: Duration::from_micros(160_875),
        slowest: Some(("d1/core notes.md", Duration::from_micros(12_345))),
    }
}

/// One record of each kind, with names made to break lines.
fn one_of_each() -> Vec<Record> {
    records(|| {
        events::exporting(
            "/home/me/my notes".as_ref(),
            "/srv/export".as_ref(),
            "0.1.0",
        );
        events::ready(1204, "native");
        events::batch_started(&started());
        events::note_exported(&NoteExported {
            batch: 12,
            note: "d1/a \"quoted\"\nname.md",
            format: "html",
            output: "d1/a.html",
            because: "embeds core.md",
            queued: Duration::from_micros(1_500),
            elapsed: Duration::from_millis(3),
        });
        events::note_failed(&NoteFailed {
            batch: 12,
            note: "b.md",
            format: "pdf",
            error: &"pandoc: exit code 1:\n\x1b[31mno such \u{2028}thing",
            attempt: 2,
            retry_in: Duration::from_secs(4),
        });
        events::batch_finished(&finished());
        events::problem("c.md", 3, 7, "the front matter is no mapping");
        events::unreadable("private", &"Permission denied (os error 13)");
        events::config_reloaded(&["formats", "debounce.quiet"]);
        events::config_rejected(&"config.yaml:3:7: formts: unknown key; did you mean formats?");
        events::watch_degraded("the notes folder is gone", "mount it again");
        events::watch_restored("native");
        events::stopping("SIGTERM");
        events::stopped(17, Duration::from_secs(7205));
        tracing::warn!(target: "other_crate", timestamp = "mine", r#type = true, ratio = f64::NAN, "two\nlines");
    })
}

fn all(form: impl Fn(&Record) -> String) -> String {
    one_of_each().iter().map(form).collect()
}

fn pretty_with(paint: Paint) -> Pretty {
    Pretty {
        paint,
        clock: |_| "10:00:00".to_owned(),
    }
}

#[test]
fn plain_lines() {
    insta::assert_snapshot!(all(plain::line));
}

#[test]
fn json_lines() {
    insta::assert_snapshot!(all(json::line));
}

#[test]
fn pretty_lines() {
    insta::assert_snapshot!(all(|record| pretty_with(Paint::Off).line(record)));
}

#[test]
fn pretty_colours() {
    let failed = pretty_with(Paint::On).line(&records(|| events::batch_finished(&finished()))[0]);
    insta::assert_snapshot!(failed.replace('\x1b', "^"));
}

#[test]
fn a_record_is_one_line_in_every_form() {
    for record in one_of_each() {
        for line in [
            plain::line(&record),
            json::line(&record),
            pretty_with(Paint::Off).line(&record),
        ] {
            assert_eq!(
                line.chars()
                    .filter(|c| crate::report::safe::is_unsafe(*c))
                    .collect::<String>(),
                "\n",
                "{line}"
            );
        }
    }
}

#[test]
fn json_is_json_with_types() {
    for record in one_of_each() {
        let object: serde_json::Value = serde_json::from_str(&json::line(&record)).unwrap();
        assert_eq!(object["message"], record.message);
        for (name, value) in &record.fields {
            match value {
                Value::Text(text) => assert_eq!(object[name], *text),
                Value::Unsigned(number) => assert_eq!(object[name], *number),
                Value::Signed(number) => assert_eq!(object[name], *number),
                Value::Bool(flag) => assert_eq!(object[name], *flag),
                Value::Float(number) if number.is_nan() => assert!(object[name].is_null()),
                Value::Float(number) => assert_eq!(object[name].as_f64(), Some(*number)),
            }
        }
    }
}

#[test]
fn pretty_leaves_no_field_out() {
    // Each field has a value that no other has, so that it can be found in the line.
    let mut record = records(|| events::batch_finished(&finished())).remove(0);
    for (at, (_, value)) in record.fields.iter_mut().enumerate() {
        match value {
            Value::Unsigned(number) => *number = 7_000 + at as u64,
            Value::Float(number) => *number = 700.0 + at as f64,
            _ => {}
        }
    }
    let line = pretty_with(Paint::Off).line(&record);
    for (name, value) in &record.fields {
        assert!(
            line.contains(&value.to_string()),
            "{name}={value} is missing in {line}"
        );
    }
}

#[test]
fn the_contract_names_of_a_finished_batch() {
    let record = records(|| events::batch_finished(&finished())).remove(0);
    let names: Vec<&str> = record
        .fields
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    for name in [
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
    ] {
        assert!(names.contains(&name), "{name}");
    }
    assert_eq!(record.get("speedup"), Some(&Value::Float(3.9)));
    assert_eq!(record.get("elapsed_ms"), Some(&Value::Float(41.25)));
}

#[test]
fn a_batch_with_no_jobs() {
    let empty = BatchFinished {
        started: BatchStarted {
            jobs: 0,
            affected: 0,
            changed: 0,
            ..started()
        },
        exported: 0,
        unchanged: 0,
        failed: 0,
        pages: 0,
        peak: 0,
        elapsed: Duration::ZERO,
        sequential: Duration::ZERO,
        slowest: None,
        ..finished()
    };
    let record = records(|| events::batch_finished(&empty)).remove(0);
    insta::assert_snapshot!(pretty_with(Paint::Off).line(&record), @"10:00:00 ✓ batch finished  #12 watch  0 exported  in 0 ms  changed=0 affected=0 jobs=0 sequential_ms=0");
}

/// A stream for an output and its other end.
fn pipe() -> (std::io::PipeReader, std::fs::File) {
    let (reader, writer) = std::io::pipe().unwrap();
    (
        reader,
        std::fs::File::from(std::os::fd::OwnedFd::from(writer)),
    )
}
