//! What can be asked of a daemon and of what it left: status, batches, verify.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use crate::support::{Gate, Ran, Vault, program};

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
