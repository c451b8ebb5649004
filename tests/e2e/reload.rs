//! A config that is reloaded: put in force between two batches, or rejected with the old one left in force.

use std::fs;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use serde_json::json;

use crate::support::{Daemon, Gate, Ran, Vault, program};

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
