//! What can be asked of a daemon and of what it left: status, batches, verify, explain, reload.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use serde_json::json;

use crate::support::{Daemon, Gate, Ran, Vault, program};

#[test]
fn status_says_what_the_daemon_does_for_people_and_for_scripts() {
    let vault = Vault::with("formats: {markdown: , x: {extension: x, command: ['false']}}");
    vault.write("a.md", "[[b]] [[nowhere]] ![[pic.png]]");
    vault.write("b.md", "---\ndraft: true\n---\n");
    vault.write("pic.png", "picture");
    let _daemon = vault.daemon();
    let status = vault.status();
    assert_eq!(status["state"], "watching");
    assert_eq!(status["watch"]["mode"], "native");
    assert_eq!(
        (
            &status["notes"],
            &status["withheld"],
            &status["attachments"]
        ),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(status["links"]["unresolved"], 1);
    assert_eq!(status["formats"], json!(["markdown", "x"]));
    assert_eq!(status["notes_dir"], vault.notes().to_str().unwrap());
    assert_eq!(status["queue"]["paths"], 0);
    assert_eq!(status["running"], json!(null));
    let failure = &status["failures"][0];
    assert_eq!(
        (&failure["note"], &failure["format"]),
        (&json!("a.md"), &json!("x"))
    );
    assert!(
        failure["attempt"].as_u64() >= Some(1) && failure["retry_in_ms"].is_u64(),
        "{failure}"
    );
    let batch = &status["batches"][0];
    assert!(batch["batch"].is_u64(), "{status}");
    assert_eq!(
        (&batch["attachments"], &batch["pages"]),
        (&json!(1), &json!(0))
    );

    let text = vault.run(&["status"]).exits(0).stdout;
    for words in [
        "watching",
        vault.notes().to_str().unwrap(),
        "kernel events",
        "a.md",
        "1 unresolved",
    ] {
        assert!(text.contains(words), "{words:?} in:\n{text}");
    }
    assert!(!text.contains('\x1b'), "no colours in a pipe");
}

#[test]
fn status_shows_a_batch_on_its_way() {
    let vault = Vault::new();
    let gate = Gate::new(&vault);
    vault.configure(&format!(
        "max_concurrent: 2\nformats:\n{}",
        gate.format("txt")
    ));
    for note in ["a.md", "b.md", "c.md"] {
        vault.write(note, "text");
    }
    let mut daemon = vault.start();
    gate.wait_for(2);
    let status = vault.status();
    assert_eq!(status["state"], "exporting");
    let running = &status["running"];
    assert_eq!(
        (&running["jobs"], &running["done"], &running["in_flight"]),
        (&json!(3), &json!(0), &json!(2))
    );
    assert!(
        vault
            .run(&["status"])
            .exits(0)
            .stdout
            .contains("2 in flight")
    );
    gate.open();
    daemon.wait_for("batch finished");
}

#[test]
fn batches_are_a_table_a_list_and_a_picture() {
    let vault = Vault::new();
    assert_eq!(vault.run(&["batches", "--json"]).exits(0).json(), json!([]));
    for round in 0..3 {
        vault.write(&format!("{round}.md"), "text");
        vault.export().exits(0);
    }
    let rows = vault.run(&["batches", "-n", "2", "--json"]).exits(0).json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(
            (&row["exported"], &row["trigger"]),
            (&json!(1), &json!("once")),
            "{row}"
        );
        for field in [
            "batch",
            "jobs",
            "limit",
            "attachments",
            "pages",
            "peak",
            "elapsed_ms",
            "sequential_ms",
            "speedup",
            "slowest",
            "slowest_ms",
        ] {
            assert!(!row[field].is_null(), "{field} in {row}");
        }
    }
    let table = vault.run(&["batches"]).exits(0).stdout;
    assert!(
        table.contains("exported") && table.lines().count() >= 4,
        "{table}"
    );

    let picture = vault.path("batch.svg");
    vault
        .run(&[
            "batches",
            "--timeline",
            "2",
            "--output",
            picture.to_str().unwrap(),
        ])
        .exits(0);
    let svg = fs::read_to_string(&picture).unwrap();
    assert!(svg.contains("<svg"), "{svg}");
    assert!(svg.contains("<title>1.md → markdown (new)\n"), "{svg}");
    let ran = vault
        .run(&[
            "batches",
            "--timeline",
            "99",
            "--output",
            picture.to_str().unwrap(),
        ])
        .exits(1);
    assert!(ran.stderr.contains("batch 99"), "{}", ran.stderr);
}

#[test]
fn verify_finds_what_is_missing_what_differs_and_what_is_stale_and_touches_nothing() {
    let vault = Vault::new();
    for note in ["a.md", "b.md", "c.md", "d.md"] {
        vault.write(note, note);
    }
    let ran = vault.run(&["verify"]).exits(1);
    assert_eq!(ran.stdout.matches("missing").count(), 4, "{}", ran.stdout);
    vault.export().exits(0);
    let ran = vault.run(&["verify"]).exits(0);
    assert!(ran.stdout.starts_with("equal: 4 outputs"), "{}", ran.stdout);

    fs::remove_file(vault.export_dir().join("a.md")).unwrap();
    fs::write(vault.export_dir().join("b.md"), "other").unwrap();
    vault.remove("c.md");
    let before = vault.tree();
    let report = vault.run(&["verify", "--json"]).exits(1).json();
    assert_eq!(report["equal"], false);
    let differences = json!([
        {"path": "a.md", "difference": "missing"},
        {"path": "b.md", "difference": "differs"},
        {"path": "c.md", "difference": "stale"},
    ]);
    assert_eq!(report["differences"], differences);
    let said = vault.run(&["verify"]).exits(1).stdout;
    let last = "2 of 3 outputs differ; 1 file should not be there\n";
    assert!(said.ends_with(last), "{said}");
    assert_eq!(vault.tree(), before);
    vault.export().exits(0);
    vault.run(&["verify"]).exits(0);
}

#[test]
fn verify_works_beside_a_daemon() {
    let vault = Vault::with("formats: {markdown: , html: {dir: html}}");
    vault.write("a.md", "text [[b]]");
    vault.write("b.md", "text");
    let _daemon = vault.daemon();
    vault.run(&["verify"]).exits(0);
}

#[test]
fn explain_says_on_what_a_note_depends_and_what_is_wrong_with_it() {
    let vault = Vault::new();
    vault.write(
        "a.md",
        "# The Title\n\n[[b]] ![[c]] [[nowhere]] [[twin]] [[b#none]] ![[b#^gone]] #tag\n",
    );
    vault.write("b.md", "text");
    vault.write("c.md", "![[d]]");
    vault.write("d.md", "text");
    vault.write("x/twin.md", "text");
    vault.write("y/twin.md", "text");
    vault.write("secret.md", "---\nprivate: true\n---\n[[a]]");
    let before = vault.run(&["explain", "--json", "a.md"]).exits(0).json();
    let _daemon = vault.daemon();
    let explained = vault.run(&["explain", "--json", "a.md"]).exits(0).json();
    assert_eq!(explained["title"], "The Title");
    assert_eq!(explained["tags"], json!(["tag"]));
    assert_eq!(explained["unresolved"], json!(["nowhere", "b#^gone"]));
    assert_eq!(vault.status()["links"]["unresolved"], 2);
    let twin =
        json!([{"link": "twin", "taken": "x/twin.md", "candidates": ["x/twin.md", "y/twin.md"]}]);
    assert_eq!(explained["ambiguous"], twin);
    assert_eq!(
        explained["outputs"],
        json!([{"format": "markdown", "path": "a.md", "exists": true}])
    );
    assert!(
        explained["problems"][0]
            .as_str()
            .unwrap()
            .contains("b#none"),
        "{explained}"
    );
    assert_eq!(
        explained["depends_on"],
        json!([
            {"note": "b.md", "how": "embeds"},
            {"note": "b.md", "how": "links to"},
            {"note": "c.md", "how": "embeds"},
            {"note": "x/twin.md", "how": "links to"},
            {"note": "d.md", "how": "embeds", "through": "c.md"},
        ])
    );
    // Without a daemon the notes themselves are asked; only the outputs were not there yet.
    for key in [
        "title",
        "tags",
        "unresolved",
        "ambiguous",
        "problems",
        "depends_on",
    ] {
        assert_eq!(before[key], explained[key], "{key}");
    }

    let by_file = vault.note("c.md");
    let text = vault
        .run(&["explain", by_file.to_str().unwrap()])
        .exits(0)
        .stdout;
    assert!(
        text.contains("embeds d.md") && text.contains("embedded in a.md"),
        "{text}"
    );
    let text = vault.run(&["explain", "d.md"]).exits(0).stdout;
    let dependents = "  embedded in c.md\n  embedded in a.md through c.md\n";
    assert!(text.contains(dependents), "{text}");
    let secret = vault
        .run(&["explain", "--json", "secret.md"])
        .exits(0)
        .json();
    assert_eq!(
        (&secret["exported"], secret["kept_out"].is_string()),
        (&json!(false), true)
    );
    let ran = vault.run(&["explain", "no-such.md"]).exits(1);
    assert!(ran.stderr.contains("no-such.md"), "{}", ran.stderr);
}

#[test]
fn explain_tells_a_file_that_is_no_note_from_none() {
    let vault = Vault::with("exclude: [\"drafts/\"]");
    for file in [".hidden.md", "drafts/a.md", "picture.png"] {
        vault.write(file, "text");
    }
    for (name, said) in [
        (".hidden.md", "it is left out"),
        ("drafts/a.md", "it is left out"),
        ("picture.png", "it is no note but an attachment"),
        ("none.md", "no such note in"),
    ] {
        let ran = vault.run(&["explain", name]).exits(1);
        assert!(
            ran.stderr.contains(&format!("{name}: {said}")),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn explain_waits_for_a_look_at_the_notes() {
    let vault = Vault::new();
    for note in 0..2_000 {
        fs::write(vault.note(&format!("{note}.md")), "x".repeat(4_000)).unwrap();
    }
    let mut daemon = vault.start();
    daemon.wait_for("exporting");
    // It is asked again and again while the first look goes on, which is long enough for some of these.
    while daemon.all("ready").is_empty() {
        let explained = vault.run(&["explain", "--json", "7.md"]).exits(0).json();
        assert_eq!(explained["note"], "7.md");
    }
}

#[test]
fn explain_tells_of_outputs_that_failed() {
    let vault = Vault::with("formats: {markdown: , x: {extension: x, command: ['false']}}");
    vault.write("a.md", "text");
    vault.write("b.md", "text");
    fs::create_dir(vault.export_dir()).unwrap();
    fs::write(vault.export_dir().join("b.md"), "mine").unwrap();
    let problems = |note: &str| {
        let explained = vault.run(&["explain", "--json", note]).exits(0).json();
        explained["problems"].clone()
    };
    let failed = "x: false: failed with exit status 1";
    let in_the_way =
        "markdown: b.md: a file or folder that smartnotesd did not write is in the way";
    let tells = || {
        assert_eq!(problems("a.md"), json!([failed]));
        let b = problems("b.md");
        assert!(b[0].as_str().unwrap().starts_with(in_the_way), "{b}");
        assert_eq!(b[1], failed);
    };
    let daemon = vault.daemon();
    tells();
    daemon.stop();
    // What the last export says of it is known without a daemon too.
    tells();
}

#[test]
fn a_good_config_is_put_in_force_without_a_restart() {
    let vault = Vault::new();
    vault.write("a.md", "text");
    let mut daemon = vault.daemon();
    vault.configure("max_concurrent: 3\nformats: {html: {dir: html}, json: }");
    let ran = vault.run(&["reload"]).exits(0);
    assert!(
        ran.stdout.contains("formats") && ran.stdout.contains("max_concurrent"),
        "{}",
        ran.stdout
    );
    let reloaded = daemon.wait_for("config reloaded");
    assert!(
        reloaded.text("changed").contains("max_concurrent"),
        "{reloaded}"
    );
    let finished = daemon.wait_for("batch finished");
    assert_eq!(
        (finished.text("trigger"), finished.number("limit")),
        ("reload", 3),
        "{finished}"
    );
    vault.assert_converged();
    assert_eq!(
        vault.tree().files(),
        ["a.json", "html/a.html", "html/index.html"]
    );
    vault.write("b.md", "after the reload");
    daemon.wait_for_export("b.md");
    vault.assert_converged();
}

#[test]
fn sighup_reloads_too_and_another_folder_is_watched() {
    let vault = Vault::new();
    vault.write("a.md", "text");
    let mut daemon = vault.daemon();
    fs::create_dir(vault.path("others")).unwrap();
    fs::write(vault.path("others/x.md"), "text of x").unwrap();
    let text = fs::read_to_string(vault.config())
        .unwrap()
        .replace("notes_dir: notes", "notes_dir: others");
    vault.write_config(&text);
    daemon.signal(Signal::HUP);
    assert!(
        daemon
            .wait_for("config reloaded")
            .text("changed")
            .contains("notes_dir")
    );
    daemon.wait_for_export("x.md");
    vault.assert_converged();
    assert_eq!(vault.tree().files(), ["x.md"]);
    fs::write(vault.path("others/y.md"), "text of y").unwrap();
    daemon.wait_for_export("y.md");
    vault.assert_converged();
}

#[test]
fn a_config_that_is_no_file_any_more_is_rejected_and_not_waited_for() {
    let vault = Vault::new();
    vault.write("a.md", "text");
    let mut daemon = vault.daemon();
    fs::remove_file(vault.config()).unwrap();
    mknodat(CWD, vault.config(), FileType::Fifo, Mode::RWXU, 0).unwrap();
    daemon.signal(Signal::HUP);
    let rejected = daemon.wait_for("config rejected");
    let reason = "cannot be read: it is no regular file";
    assert!(rejected.text("error").contains(reason), "{rejected}");
    vault.write("a.md", "changed");
    daemon.wait_for_export("a.md");
    daemon.stop();
}

#[test]
fn a_wrong_config_is_rejected_and_the_old_one_stays() {
    let vault = Vault::new();
    vault.write("a.md", "text");
    let mut daemon = vault.daemon();
    let good = fs::read_to_string(vault.config()).unwrap();
    for (wrong, reason) in [
        ("max_concurent: 3\n", "max_concurent: is not a known key"),
        ("formats: [\n", "not valid YAML"),
        (
            "layout: slug\nformats: {markdown: {template: none.md}}\n",
            "none.md",
        ),
    ] {
        let text = good.replace("formats: {markdown: }\n", "");
        vault.write_config(&(text + wrong));
        let ran = vault.run(&["reload"]).exits(1);
        assert!(
            ran.stdout.is_empty() && ran.stderr.contains(reason),
            "{ran:?}"
        );
        let rejected = daemon.wait_for("config rejected");
        assert!(rejected.text("error").contains(reason), "{rejected}");
        // The daemon is found whatever the file says by now.
        assert_eq!(vault.status()["config_error"], rejected.text("error"));
        vault.write("a.md", reason);
        daemon.wait_for_export("a.md");
        assert_eq!(vault.output("a.md"), reason);
    }
    daemon.signal(Signal::HUP);
    daemon.wait_for("config rejected");
    vault.configure("");
    assert!(
        vault.status()["config_error"]
            .as_str()
            .unwrap()
            .contains("none.md")
    );
    vault.run(&["reload"]).exits(0);
    assert_eq!(vault.status()["config_error"], json!(null));
    vault.assert_converged();
}

#[test]
fn a_reload_counts_for_what_is_a_note() {
    let vault = Vault::new();
    vault.write("a.md", "text");
    vault.write("b.md", "not for others any more");
    let _daemon = vault.daemon();
    vault.configure("exclude: [b.md]");
    vault.run(&["reload"]).exits(0);
    vault.assert_converged();
    assert_eq!(vault.tree().files(), ["a.md"]);
}

#[test]
fn the_file_that_the_config_came_from_is_read_again_whatever_else_is_found_by_then() {
    let vault = Vault::new();
    let first = vault.path("first");
    let usual = vault.path(".config/smartnotesd/config.yaml");
    fs::create_dir_all(usual.parent().unwrap()).unwrap();
    let notes = format!("notes_dir: {}", vault.notes().display());
    let config = fs::read_to_string(vault.config()).unwrap();
    fs::write(&usual, config.replace("notes_dir: notes", &notes)).unwrap();
    let mut command = program(&vault.path("."));
    command.env("CONFIGURATION_DIRECTORY", &first).arg("run");
    let mut daemon = Daemon::start(&mut command);
    daemon.wait_for("batch finished");
    fs::create_dir(&first).unwrap();
    fs::write(first.join("config.yaml"), "another: one\n").unwrap();
    daemon.signal(Signal::HUP);
    let read = daemon.wait_until("end of the reload", |record| {
        record.message().starts_with("config ")
    });
    assert_eq!(read.message(), "config reloaded", "{read}");
}

#[test]
fn a_daemon_is_found_by_its_file_under_any_name_unless_other_folders_are_named() {
    let vault = Vault::new();
    let _daemon = vault.daemon();
    let good = fs::read_to_string(vault.config()).unwrap();
    let link = vault.path("link.yaml");
    symlink(vault.config(), &link).unwrap();
    let elsewhere = good.replace("/export\n", "/elsewhere\n");
    for text in [elsewhere, good + "max_concurent: 3\n"] {
        vault.write_config(&text);
        for file in [&link, &vault.config()] {
            let mut status = program(&vault.path("."));
            status.arg("--config").arg(file).arg("status");
            Ran::of(&mut status).exits(0);
        }
    }
    vault.configure("");
    let there = vault.path("there");
    let elsewhere = ["--export", there.to_str().unwrap(), "status"];
    vault.run(&elsewhere).exits(69);
}

#[test]
fn a_config_that_fails_at_its_folders_leaves_the_log_as_it_was() {
    let vault = Vault::new();
    vault.write("a.md", "text");
    let mut daemon = vault.daemon();
    let good = fs::read_to_string(vault.config()).unwrap();
    vault.write_beside("file", "no folder");
    let wrong = good
        .replace("/export\n", "/file/export\n")
        .replace("level: debug", "level: error");
    vault.write_config(&wrong);
    daemon.signal(Signal::HUP);
    let rejected = daemon.wait_for("config rejected");
    assert!(
        rejected.text("error").contains("a file lies there"),
        "{rejected}"
    );
    vault.write("a.md", "changed");
    // Told at the level of the config in force alone.
    daemon.wait_for_export("a.md");
}

#[test]
fn a_reload_that_moves_the_export_takes_the_daemon_along() {
    let vault = Vault::new();
    vault.write("a.md", "text");
    let mut daemon = vault.daemon();
    let here = fs::read_to_string(vault.config()).unwrap();
    let elsewhere = here
        .replace("/export\n", "/elsewhere\n")
        .replace("/state\n", "/other-state\n");
    for text in [here.replace("/export\n", "/there\n"), elsewhere] {
        vault.write_config(&text);
        if text.contains("/other-state\n") {
            // Nothing in the file says any more where the daemon is.
            vault.run(&["status"]).exits(69);
            daemon.signal(Signal::HUP);
            daemon.wait_for("config reloaded");
        } else {
            vault.run(&["status"]).exits(0);
            vault.run(&["reload"]).exits(0);
        }
        daemon.wait_for_export("a.md");
        daemon.wait_for("batch finished");
        assert_eq!(vault.status()["state"], "watching");
        vault.export().exits(69);
    }
    assert_eq!(
        fs::read_to_string(vault.path("elsewhere/a.md")).unwrap(),
        "text"
    );
    // The first one is free again.
    vault.write_config(&here);
    vault.export().exits(0);
}

#[test]
fn names_that_could_confuse_a_terminal_or_break_a_line_are_shown_escaped() {
    let vault = Vault::with("formats: {markdown: , x: {extension: x, command: ['false']}}");
    let name = "\u{1b}[31mred\nline.md";
    vault.write(name, "[[nowhere\u{202e}]] text");
    vault.write("a.md", format!("# \u{1b}[2Jtitle\n[[{}]]", "\u{1b}[31mred"));
    let shown = "\\u001b[31mred\\nline.md";
    let _daemon = vault.daemon();
    fs::remove_file(vault.export_dir().join(name)).unwrap();
    for command in [&["explain", name][..], &["explain", "a.md"], &["verify"]] {
        let ran = vault.run(command);
        assert!(!ran.stdout.contains(['\u{1b}', '\u{202e}']), "{ran:?}");
        assert!(
            command[1..] == ["a.md"] || ran.stdout.contains(shown),
            "{ran:?}"
        );
    }
    let ran = vault.run(&["explain", "\u{1b}[31mnone"]).exits(1);
    assert!(ran.stderr.contains("\\u001b[31mnone"), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
}

#[test]
fn a_reload_that_the_end_of_the_daemon_overtakes_was_not_rejected() {
    let vault = Vault::new();
    let gate = Gate::new(&vault);
    vault.configure(&format!("formats:\n{}", gate.format("txt")));
    vault.write("a.md", "text");
    let mut daemon = vault.start();
    gate.wait_for(1);
    let mut waits = vault.command(&["reload"]);
    let waits = std::thread::spawn(move || Ran::of(&mut waits));
    // It is asked for when the status that was asked for later is answered; then again while the daemon stops.
    vault.status();
    daemon.signal(Signal::TERM);
    daemon.wait_for("stopping");
    let late = vault.run(&["reload"]);
    gate.open();
    daemon.ended().exits(0);
    for ran in [late, waits.join().unwrap()] {
        let ran = ran.exits(69);
        assert!(
            ran.stderr.contains("the daemon is stopping"),
            "{}",
            ran.stderr
        );
        assert!(ran.stdout.is_empty());
    }
}

#[test]
fn status_words_a_problem_as_it_is() {
    let vault = Vault::new();
    vault.write("a.md", b"no UTF-8: \xff");
    let _daemon = vault.daemon();
    assert_eq!(vault.status()["problems"], 1);
    let text = vault.run(&["status"]).exits(0).stdout;
    assert!(text.contains("1 note has one"), "{text}");
    assert!(!text.contains("front matter"), "{text}");
    let text = vault.run(&["explain", "a.md"]).exits(0).stdout;
    assert!(text.contains("UTF-8"), "{text}");
}
