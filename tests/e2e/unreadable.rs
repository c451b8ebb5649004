//! Notes that are there and can't be read: who says so.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use rustix::fs::{Mode, OFlags};
use serde_json::json;

use crate::convergence::room::Room;
use crate::support::Vault;

fn lock(vault: &Vault, note: &str) {
    fs::set_permissions(vault.note(note), Permissions::from_mode(0o000)).unwrap();
}

/// A vault with a note that can't be read, and a folder of one.
fn vault() -> Vault {
    let vault = Vault::new();
    vault.write("a.md", "text");
    vault.write("locked.md", "text");
    lock(&vault, "locked.md");
    vault
}

#[test]
fn export_and_verify_exit_1_and_name_them() {
    Room::Unprivileged.run(|| {
        let vault = vault();
        let ran = vault.export().exits(1);
        assert_eq!(ran.one("file unreadable").text("path"), "locked.md");
        assert_eq!(vault.tree().files(), ["a.md"]);
        let ran = vault.run(&["verify"]).exits(1);
        assert!(
            ran.stdout.contains("unread   locked.md: Permission denied"),
            "{}",
            ran.stdout
        );
        assert!(!ran.stdout.contains("equal"), "{}", ran.stdout);
        let report = vault.run(&["verify", "--json"]).exits(1).json();
        assert_eq!(report["equal"], false);
        assert_eq!(report["unreadable"][0]["path"], "locked.md");
        vault.remove("locked.md");
        vault.export().exits(0);
        vault.run(&["verify"]).exits(0);
    });
}

#[test]
fn an_output_or_attachment_that_cannot_be_read_is_not_equal() {
    Room::Unprivileged.run(|| {
        let vault = Vault::new();
        vault.write("a.md", "![[pic.png]]");
        vault.write("pic.png", "picture");
        vault.export().exits(0);
        let mode = |mode| {
            let output = vault.export_dir().join("a.md");
            fs::set_permissions(output, Permissions::from_mode(mode)).unwrap();
        };
        mode(0o000);
        let report = vault.run(&["verify", "--json"]).exits(1).json();
        let unreadable = json!([{"path": "a.md", "difference": "unreadable"}]);
        assert_eq!(report["differences"], unreadable);
        mode(0o644);
        vault.run(&["verify"]).exits(0);
        lock(&vault, "pic.png");
        let ran = vault.run(&["verify"]).exits(1);
        assert!(ran.stdout.contains("unread   pic.png\n"), "{}", ran.stdout);
        assert!(ran.stdout.contains("fails    pic.png: "), "{}", ran.stdout);
    });
}

/// The daemon keeps what it exported of them, so `verify` calls it right; what no config asks for any more is stale.
#[test]
fn what_was_exported_of_them_before_is_not_stale() {
    Room::Unprivileged.run(|| {
        let vault = Vault::with("formats: {markdown: , json: {dir: data}}");
        vault.write("a.md", "text");
        vault.write("b.md", "text ![[d/pic.png]]");
        vault.write("d/m.md", "text");
        vault.write("d/pic.png", "picture");
        let mut daemon = vault.daemon();
        // Another state of it is wanted, so that it is read again.
        fs::write(vault.note("a.md"), "changed").unwrap();
        lock(&vault, "a.md");
        lock(&vault, "d");
        daemon.wait_until("a.md can't be read", |record| {
            record.message() == "file unreadable" && record.text("path") == "a.md"
        });
        daemon.stop();
        let verify = || vault.run(&["verify", "--json"]).exits(1).json();
        let stale = |report: &serde_json::Value| -> Vec<String> {
            let differences = report["differences"].as_array().unwrap().iter();
            let stale = differences.filter(|entry| entry["difference"] == "stale");
            stale
                .map(|entry| entry["path"].as_str().unwrap().to_owned())
                .collect()
        };
        let report = verify();
        assert!(vault.has_output("a.md") && vault.has_output("d/m.md"));
        assert!(stale(&report).is_empty(), "{report}");
        assert_eq!(
            report["unreadable"].as_array().unwrap().len(),
            2,
            "{report}"
        );
        // A note that is gone leaves what is stale.
        vault.remove("b.md");
        assert_eq!(stale(&verify()), ["b.md", "data/b.json"]);
        vault.configure("formats: {markdown: , json: {dir: elsewhere}}");
        let report = verify();
        assert_eq!(
            stale(&report),
            ["b.md", "data/a.json", "data/b.json", "data/d/m.json"],
            "{report}"
        );
        vault.configure("");
        assert_eq!(stale(&verify()), stale(&report));
    });
}

#[test]
fn explain_and_status_tell_of_them() {
    Room::Unprivileged.run(|| {
        let vault = vault();
        vault.write("d/m.md", "text");
        lock(&vault, "d");
        let explains = || {
            let locked = vault
                .run(&["explain", "--json", "locked.md"])
                .exits(0)
                .json();
            assert_eq!(locked["exported"], false);
            let problem = locked["problems"][0].as_str().unwrap();
            assert!(
                problem.starts_with("it can't be read: Permission denied"),
                "{locked}"
            );
            let ran = vault.run(&["explain", "d/m.md"]).exits(1);
            assert!(ran.stderr.contains("d can't be read"), "{}", ran.stderr);
        };
        explains();
        let mut daemon = vault.daemon();
        explains();
        let status = vault.status();
        let paths: Vec<&str> = status["unreadable"]
            .as_array()
            .unwrap()
            .iter()
            .map(|unreadable| unreadable["path"].as_str().unwrap())
            .collect();
        assert_eq!(paths, ["d", "locked.md"], "{status}");
        let text = vault.run(&["status"]).exits(0).stdout;
        assert!(text.contains("✗ locked.md: Permission denied"), "{text}");

        // One that could be read before is explained as it was.
        vault.write("a.md", "changed");
        daemon.wait_for_export("a.md");
        fs::write(vault.note("a.md"), "changed again").unwrap();
        lock(&vault, "a.md");
        daemon.wait_until("a.md can't be read", |record| {
            record.message() == "file unreadable" && record.text("path") == "a.md"
        });
        daemon.wait_for("batch finished");
        let explained = vault.run(&["explain", "--json", "a.md"]).exits(0).json();
        assert_eq!(explained["exported"], true);
        let problem = explained["problems"][0].as_str().unwrap();
        assert!(
            problem.ends_with("what is known of the note is older"),
            "{problem}"
        );
    });
}

/// Behind a path that is too long for the system there may well be something: it is no reason to delete its output.
#[test]
fn what_lies_too_deep_for_the_system_is_told_of_and_not_taken_for_gone() {
    let vault = Vault::new();
    vault.write("x/a.md", "text");
    vault.export().exits(0);
    let mode = Mode::from_raw_mode(0o755);
    let mut folder = rustix::fs::open(vault.notes(), OFlags::DIRECTORY, Mode::empty()).unwrap();
    let top = rustix::io::dup(&folder).unwrap();
    let name = "d".repeat(200);
    for _ in 0..21 {
        rustix::fs::mkdirat(&folder, &name, mode).unwrap();
        folder = rustix::fs::openat(&folder, &name, OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    rustix::fs::renameat(&top, "x", &folder, "x").unwrap();
    let ran = vault.export().exits(1);
    assert!(!ran.all("file unreadable").is_empty());
    vault.run(&["verify"]).exits(1);
}
