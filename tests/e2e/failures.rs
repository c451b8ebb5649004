//! Jobs that fail: what becomes of the others, what is said, and when they are tried again.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use crate::convergence::room::{Room, shell};
use crate::support::{Record, Vault, until};

/// A format whose command refuses notes that say `bad`, unless the file `allowed` is there.
fn picky(vault: &Vault) -> String {
    format!(
        "formats:\n  txt:\n    extension: txt\n    command:\n      - sh\n      - -c\n      - |\n        \
         grep -q bad \"$1\" && [ ! -e {} ] && {{ echo 'no paper left' >&2; exit 3; }}\n        \
         cat \"$1\"\n      - sh\n      - '{{input}}'\n",
        vault.path("allowed").display()
    )
}

fn vault_with(config: &str) -> Vault {
    let vault = Vault::new();
    vault.configure(&(picky(&vault) + config));
    vault
}

#[test]
fn one_of_ten_leaves_nine_and_says_which_and_why() {
    let vault = vault_with("");
    for note in 0..10 {
        vault.write(
            &format!("{note}.md"),
            if note == 6 { "bad" } else { "good" },
        );
    }
    let ran = vault.export().exits(1);
    let failed = ran.one("note failed");
    assert_eq!(
        (failed.text("note"), failed.text("format")),
        ("6.md", "txt")
    );
    assert!(failed.text("error").contains("no paper left"), "{failed}");
    assert!(failed.text("error").contains("exit status 3"), "{failed}");
    assert_eq!(failed.number("attempt"), 1);
    // A daemon on this tree would wait so long.
    assert!(
        (1..=1000).contains(&failed.number("retry_in_ms")),
        "{failed}"
    );
    let finished = ran.one("batch finished");
    assert_eq!(
        (finished.number("exported"), finished.number("failed")),
        (9, 1),
        "{finished}"
    );
    assert_eq!(vault.tree().files().len(), 9);
    assert!(!vault.has_output("6.txt"));
}

#[test]
fn under_stop_the_rest_is_cancelled_and_comes_with_the_next_run() {
    let vault = vault_with("on_error: stop\nmax_concurrent: 1\n");
    for (note, text) in [
        ("a.md", "good"),
        ("b.md", "bad"),
        ("c.md", "good"),
        ("d.md", "good"),
    ] {
        vault.write(note, text);
    }
    let finished = vault.export().exits(1).one("batch finished");
    assert_eq!(
        (finished.number("exported"), finished.number("failed")),
        (1, 1),
        "{finished}"
    );
    assert_eq!(finished.number("cancelled"), 2, "{finished}");
    let batches = vault.run(&["batches", "--json"]).exits(0).json();
    assert_eq!(batches[0]["cancelled"], 2, "{batches}");
    assert_eq!(vault.tree().files(), ["a.txt"]);
    fs::write(vault.path("allowed"), "").unwrap();
    let finished = vault.export().exits(0).one("batch finished");
    assert_eq!(
        (finished.number("exported"), finished.number("failed")),
        (3, 0),
        "{finished}"
    );
}

#[test]
fn under_stop_a_note_that_keeps_failing_does_not_hold_up_the_others_for_ever() {
    let vault = vault_with("on_error: stop\nmax_concurrent: 1\n");
    for (note, text) in [("a.md", "bad"), ("b.md", "good"), ("c.md", "good")] {
        vault.write(note, text);
    }
    let mut daemon = vault.daemon();
    daemon.wait_for_export("c.md");
    assert_eq!(vault.tree().files(), ["b.txt", "c.txt"]);
}

#[test]
fn under_continue_a_failing_note_is_tried_again_less_and_less_often() {
    let vault = vault_with("");
    vault.write("a.md", "bad");
    let mut daemon = vault.start();
    let first = daemon.wait_for("note failed");
    let second = daemon.wait_for("note failed");
    assert_eq!((first.number("attempt"), second.number("attempt")), (1, 2));
    assert!(
        second.number("retry_in_ms") > first.number("retry_in_ms"),
        "{first}\n{second}"
    );
    let finished = daemon.wait_for("batch finished");
    assert_eq!(
        (finished.text("trigger"), finished.number("jobs")),
        ("retry", 1),
        "{finished}"
    );
    fs::write(vault.path("allowed"), "").unwrap();
    assert_eq!(daemon.wait_for_export("a.md").text("because"), "retry");
    vault.assert_converged();
    assert_eq!(vault.status()["failures"].as_array().map(Vec::len), Some(0));
}

/// When a record was made, ms since the epoch.
fn made_at(record: &Record) -> i64 {
    let time: jiff::Timestamp = record.text("timestamp").parse().unwrap();
    time.as_millisecond()
}

#[test]
fn a_rescan_leaves_what_failed_its_time() {
    let vault = Vault::new();
    vault.configure(&(picky(&vault) + "  markdown:\nwatch: {rescan: 100ms}\n"));
    // The second can't be exported at all, as the first has its name.
    for (note, text) in [("a.md", "bad"), ("b.markdown", "good"), ("b.md", "good")] {
        vault.write(note, text);
    }
    let mut daemon = vault.start();
    daemon.wait_for("ready");
    // What is missing is made again by a rescan, whatever else of its note failed.
    daemon.wait_until("the second attempt", |record| {
        record.message() == "note failed" && record.number("attempt") == 2
    });
    fs::remove_file(vault.export_dir().join("a.md")).unwrap();
    daemon.wait_for_export("a.md");
    daemon.wait_until("the third attempt", |record| {
        record.message() == "note failed" && record.number("attempt") == 3
    });
    for format in ["txt", "markdown"] {
        let failed = daemon.all("note failed");
        let failed: Vec<&Record> = failed
            .iter()
            .filter(|r| r.text("format") == format)
            .collect();
        for two in failed
            .windows(2)
            .filter(|two| two[0].text("note") == two[1].text("note"))
        {
            let waited = made_at(two[1]) - made_at(two[0]);
            let said = i64::try_from(two[0].number("retry_in_ms")).unwrap();
            assert!(
                waited + 50 >= said,
                "after {waited} ms:\n{}\n{}",
                two[0],
                two[1]
            );
        }
    }
    vault.write("a.md", "good");
    daemon.wait_until("its change is no retry", |record| {
        record.message() == "note exported" && record.text("because") == "changed"
    });
}

#[test]
fn a_reload_tries_at_once_what_failed() {
    let vault = vault_with("");
    vault.write("a.md", "bad");
    let mut daemon = vault.start();
    daemon.wait_until("it waits for long", |record| {
        record.message() == "note failed" && record.number("attempt") == 3
    });
    daemon.wait_for("batch finished");
    vault.run(&["reload"]).exits(0);
    let failed = daemon.wait_for("note failed");
    assert_eq!(failed.number("attempt"), 4, "{failed}");
    assert_eq!(daemon.wait_for("batch finished").text("trigger"), "reload");
}

#[test]
fn a_failing_note_is_tried_at_once_when_it_changes() {
    let vault = vault_with("");
    vault.write("a.md", "bad");
    let mut daemon = vault.start();
    daemon.wait_for("note failed");
    vault.write("a.md", "good");
    assert_eq!(daemon.wait_for_export("a.md").text("because"), "changed");
    assert_eq!(daemon.wait_for("batch finished").text("trigger"), "watch");
    vault.assert_converged();
}

#[test]
fn what_failed_before_a_restart_is_tried_after_it() {
    let vault = vault_with("");
    vault.write("a.md", "bad");
    vault.write("b.md", "good");
    vault.export().exits(1);
    fs::write(vault.path("allowed"), "").unwrap();
    let mut daemon = vault.start();
    daemon.wait_for_export("a.md");
    let finished = daemon.wait_for("batch finished");
    assert_eq!(
        (finished.number("exported"), finished.number("jobs")),
        (1, 1),
        "{finished}"
    );
}

#[test]
fn a_command_that_is_not_there_or_never_ends_fails_its_note_with_the_reason() {
    let vault = Vault::with(
        "formats:\n  txt:\n    extension: txt\n    command: [no-such-program, \"{input}\"]\n",
    );
    vault.write("a.md", "a");
    let failed = vault.export().exits(1).one("note failed");
    assert!(
        failed
            .text("error")
            .starts_with("no-such-program: program not found"),
        "{failed}"
    );

    let vault = Vault::with(
        "formats:\n  txt:\n    extension: txt\n    timeout: 100ms\n    command: [sleep, \"60\"]\n",
    );
    vault.write("a.md", "a");
    let failed = vault.export().exits(1).one("note failed");
    assert!(
        failed.text("error").contains("still ran after 100ms"),
        "{failed}"
    );
}

#[test]
fn an_output_in_a_mount_within_the_export_tree_fails_with_what_to_do() {
    Room::Mounts.run(|| {
        let vault = Vault::new();
        let folder = vault.export_dir().join("d");
        fs::create_dir_all(&folder).unwrap();
        shell(&format!("mount -t tmpfs none '{}'", folder.display()));
        vault.write("d/a.md", "note");
        vault.write("b.md", "note");
        let failed = vault.export().exits(1).one("note failed");
        let said = "d/a.md: its folder lies on another file system";
        assert!(failed.text("error").starts_with(said), "{failed}");
        assert!(vault.has_output("b.md"));
    });
}

#[test]
fn a_foreign_file_survives_and_the_job_says_so() {
    let vault = Vault::new();
    fs::create_dir(vault.export_dir()).unwrap();
    fs::write(vault.export_dir().join("a.md"), "mine").unwrap();
    fs::write(vault.export_dir().join("letter.txt"), "mine too").unwrap();
    vault.write("a.md", "note");
    vault.write("b.md", "note");
    let ran = vault.export().exits(1);
    let failed = ran.one("note failed");
    assert_eq!(failed.text("note"), "a.md");
    assert!(
        failed
            .text("error")
            .starts_with("a.md: a file or folder that smartnotesd did not write is in the way"),
        "{failed}"
    );
    assert_eq!(
        (vault.output("a.md"), vault.output("b.md")),
        ("mine".to_owned(), "note".to_owned())
    );
    // Neither a full export nor the end of the note takes it away.
    vault.run(&["export", "--full"]).exits(1);
    vault.remove("a.md");
    vault.export().exits(0);
    assert_eq!(
        (vault.output("a.md"), vault.output("letter.txt")),
        ("mine".to_owned(), "mine too".to_owned())
    );
}

#[test]
fn a_foreign_file_that_goes_makes_room() {
    let vault = Vault::new();
    fs::create_dir(vault.export_dir()).unwrap();
    fs::write(vault.export_dir().join("a.md"), "mine").unwrap();
    vault.write("a.md", "note");
    let mut daemon = vault.start();
    daemon.wait_for("note failed");
    fs::remove_file(vault.export_dir().join("a.md")).unwrap();
    daemon.wait_for_export("a.md");
    vault.assert_converged();
}

#[test]
fn of_two_notes_for_one_file_the_first_has_it_and_the_other_names_both() {
    let vault = Vault::new();
    vault.write("a.markdown", "first in path order");
    vault.write("a.md", "second");
    let failed = vault.export().exits(1).one("note failed");
    assert_eq!(failed.text("note"), "a.md");
    assert!(failed.text("error").contains("a.markdown"), "{failed}");
    assert_eq!(vault.output("a.md"), "first in path order");

    let mut daemon = vault.daemon();
    vault.remove("a.markdown");
    daemon.wait_for_export("a.md");
    assert_eq!(vault.output("a.md"), "second");
    vault.assert_converged();
}

#[test]
fn what_is_tried_again_gives_way_to_a_change() {
    let vault = Vault::new();
    vault.write_beside("job.sh", "exit 1");
    let path = |name: &str| vault.path(name).display().to_string();
    vault.configure(&format!(
        "max_concurrent: 1\nformats:\n  markdown:\n  bad: {{extension: bad, command: [sh, {}]}}\n",
        path("job.sh")
    ));
    for note in 0..5 {
        vault.write(&format!("{note}.md"), "text");
    }
    let mut daemon = vault.daemon();
    daemon.wait_for("batch finished");
    vault.write_beside(
        "job.sh",
        &format!(
            ": > {}\nuntil [ -e {} ]; do [ -e {} ] || exit 9; sleep 0.02; done\nexit 1",
            path("begun"),
            path("open"),
            path("job.sh"),
        ),
    );
    until("a job is tried again", || {
        vault.path("begun").exists().then_some(())
    });
    vault.write("good.md", "good");
    until("the change is due", || {
        let queue = &vault.status()["queue"];
        (queue["paths"] == 1 && queue["due_in_ms"] == 0).then_some(())
    });
    vault.write_beside("open", "");
    let retried = daemon.wait_for("batch finished");
    assert_eq!(retried.text("trigger"), "retry", "{retried}");
    assert_eq!(
        retried.number("failed") + retried.number("cancelled"),
        5,
        "{retried}"
    );
    assert!(retried.number("cancelled") > 0, "{retried}");
    let next = daemon.wait_for("batch started");
    assert_eq!(
        (next.text("trigger"), next.number("jobs")),
        ("watch", 2),
        "what failed waits for its own time: {next}"
    );
    daemon.wait_for_export("good.md");
}

/// What should have gone and is still there may be private: whoever publishes the folder has to know.
#[test]
fn an_output_that_cannot_be_withdrawn_fails_the_export_and_is_told_of() {
    Room::Unprivileged.run(|| {
        let vault = Vault::new();
        vault.write("a.md", "text");
        vault.export().exits(0);
        let mode = |mode| {
            fs::set_permissions(vault.export_dir(), Permissions::from_mode(mode)).unwrap();
        };
        vault.write("a.md", "---\nprivate: true\n---\ntext");
        mode(0o555);
        let ran = vault.export().exits(1);
        assert_eq!(
            ran.one("output not withdrawn").text("error"),
            "a.md: Permission denied (os error 13)"
        );
        let mut daemon = vault.start();
        daemon.wait_for("output not withdrawn");
        daemon.wait_for("batch finished");
        let left = until("the status tells of it", || {
            let status = vault.status();
            let left = status["not_withdrawn"].as_array()?.clone();
            (!left.is_empty()).then_some(left)
        });
        assert_eq!(left[0]["path"], "a.md");
        let explained = vault.run(&["explain", "a.md"]).exits(0).stdout;
        assert!(explained.contains("could not be withdrawn"), "{explained}");
        mode(0o755);
        daemon.wait_until("it is withdrawn", |record| {
            record.message() == "batch finished" && record.number("deleted") == 1
        });
        assert!(!vault.has_output("a.md"));
        daemon.stop().exits(0);
        vault.export().exits(0);
    });
}
