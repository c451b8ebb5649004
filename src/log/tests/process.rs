//! What holds for the log of a whole process: its writer, panics, reloads.

use std::io::Read as _;

use super::*;

#[test]
fn a_new_output_takes_over_between_two_records() {
    let (mut first, stream) = pipe();
    let (mut second, other) = pipe();
    let writer = Writer::start(Output::new(Form::Plain, stream), Queue::new()).unwrap();
    let around = Arc::new(Mutex::new(0));
    let count = Arc::clone(&around);
    writer.draw_around(Some(Box::new(move |write| {
        *count.lock().unwrap() += 1;
        write();
    })));
    let record = |message: &str| Record::new(SystemTime::UNIX_EPOCH, tracing::Level::INFO, message);
    writer.queue.push(record("before"));
    writer.queue.redirect(Output::new(Form::Json, other));
    writer.queue.push(record("after"));
    writer.queue.close();
    let (mut before, mut after) = (String::new(), String::new());
    first.read_to_string(&mut before).unwrap();
    second.read_to_string(&mut after).unwrap();
    assert_eq!(before, "1970-01-01T00:00:00.000Z INFO before\n");
    assert_eq!(
        after,
        "{\"timestamp\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"INFO\",\"message\":\"after\"}\n"
    );
    assert_eq!(*around.lock().unwrap(), 2);
}

#[test]
fn the_journal_stream_is_known_by_device_and_inode() {
    assert!(names_file("8:1234", 8, 1234));
    assert!(!names_file("8:1234", 8, 1235));
    assert!(!names_file("8", 8, 1234));
    assert!(!names_file("", 0, 0));
}

#[test]
fn a_wrong_filter_is_named() {
    let wrong = settings(LogFormat::Plain, "smartnotesd=lots");
    let error = filter(&wrong, None).unwrap_err().to_string();
    assert!(
        error.starts_with("log.level: \"smartnotesd=lots\" is no log filter"),
        "{error}"
    );
    let right = settings(LogFormat::Plain, "info");
    let error = filter(&right, Some("=".into())).unwrap_err().to_string();
    assert!(
        error.starts_with("RUST_LOG: \"=\" is no log filter"),
        "{error}"
    );
}

/// Runs a test of this module again in a process of its own, where it finds `SMARTNOTESD_TEST_CHILD` set.
fn in_a_child(test: &str, rust_log: Option<&str>) -> std::process::Output {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", &format!("log::tests::process::{test}")])
        .env("SMARTNOTESD_TEST_CHILD", "1")
        .env_remove("RUST_LOG");
    if let Some(filter) = rust_log {
        child.env("RUST_LOG", filter);
    }
    child.output().unwrap()
}

fn is_child() -> bool {
    std::env::var_os("SMARTNOTESD_TEST_CHILD").is_some()
}

fn settings(format: LogFormat, level: &str) -> config::Log {
    config::Log {
        format,
        level: level.into(),
    }
}

#[test]
fn a_panic_anywhere_is_one_record_and_the_end() {
    if is_child() {
        let _log = init(&settings(LogFormat::Plain, "off")).unwrap();
        install_panic_hook();
        let other = std::thread::Builder::new()
            .name("worker".into())
            .spawn(|| panic!("at the\ndisco"))
            .unwrap();
        // Were the process not ended, this would be its end, and a good one.
        let _panicked = other.join();
        std::process::exit(0);
    }
    let output = in_a_child("a_panic_anywhere_is_one_record_and_the_end", None);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(101));
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.contains(
            " ERROR panicked error=\"at the\\ndisco\" location=src/log/tests/process.rs:"
        ),
        "{stderr}"
    );
    assert!(stderr.ends_with(" thread=worker\n"), "{stderr}");
}

#[test]
fn a_reload_changes_form_and_level() {
    if is_child() {
        let log = init(&settings(LogFormat::Plain, "warn")).unwrap();
        assert!(matches!(
            init(&settings(LogFormat::Plain, "warn")),
            Err(LogError::Twice)
        ));
        events::ready(1, "native");
        events::watch_degraded("a", "b");
        assert!(
            log.reload(&settings(LogFormat::Json, "smartnotesd=lots"))
                .is_err()
        );
        events::watch_degraded("c", "d");
        log.reload(&settings(LogFormat::Json, "info")).unwrap();
        events::ready(2, "native");
        return;
    }
    let output = in_a_child("a_reload_changes_form_and_level", None);
    let stderr = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = stderr.lines().collect();
    let [first, second, third] = lines[..] else {
        panic!("{stderr}");
    };
    assert!(
        first.ends_with(" WARN watch degraded reason=a hint=b"),
        "{first}"
    );
    assert!(
        second.ends_with(" WARN watch degraded reason=c hint=d"),
        "{second}"
    );
    assert!(
        third.ends_with(r#""message":"ready","notes":2,"watch":"native"}"#),
        "{third}"
    );
}

#[test]
fn rust_log_overrides_the_level() {
    if is_child() {
        let _log = init(&settings(LogFormat::Plain, "info")).unwrap();
        events::ready(1, "native");
        events::config_rejected(&"x");
        return;
    }
    let output = in_a_child("rust_log_overrides_the_level", Some("error"));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("config rejected"), "{stderr}");
}
