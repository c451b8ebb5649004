//! The export folder itself, while the daemon runs: deleted, replaced, or something else in its place.

use std::fs;
use std::path::Path;

use super::exchange;
use crate::support::{Daemon, Vault, until};

#[test]
fn the_export_folder_is_deleted_while_it_runs() {
    let vault = Vault::new();
    vault.write("d/a.md", "a");
    vault.write("b.md", "![[a]]");
    let _daemon = vault.daemon();
    fs::remove_dir_all(vault.export_dir()).unwrap();
    vault.write("d/a.md", "after");
    vault.assert_converges_in_time();
    vault.write("d/a.md", "and again");
    vault.assert_converged();
}

#[test]
fn the_export_folder_is_deleted_with_the_one_above_it() {
    let vault = Vault::new();
    let config = fs::read_to_string(vault.config()).unwrap();
    let export_dir = vault.export_dir().display().to_string();
    vault.write_config(&config.replace(&export_dir, "site/export"));
    vault.write("d/a.md", "a");
    vault.write("b.md", "b");
    let mut daemon = vault.start();
    daemon.wait_for("batch finished");
    fs::remove_dir_all(vault.path("site")).unwrap();
    vault.write("d/a.md", "after");
    let reads = |output, text: &str| {
        let output = vault.path("site/export").join(output);
        fs::read_to_string(output).is_ok_and(|there| there == text)
    };
    until("all is there again", || {
        (reads("d/a.md", "after") && reads("b.md", "b")).then_some(())
    });
    assert!(daemon.all("export folder lost").is_empty());
}

#[test]
fn the_export_folder_is_emptied_or_replaced_while_it_runs() {
    let vault = Vault::new();
    vault.write("d/a.md", "a");
    vault.write("b.md", "![[a]]");
    let _daemon = vault.daemon();
    fs::remove_dir_all(vault.export_dir().join("d")).unwrap();
    vault.write("d/a.md", "after");
    vault.write("d/c.md", "new");
    vault.assert_converges_in_time();
    fs::rename(vault.export_dir(), vault.path("aside")).unwrap();
    fs::create_dir(vault.export_dir()).unwrap();
    vault.write("d/a.md", "in the new one");
    vault.assert_converges_in_time();
}

/// It says once what lies at this path instead of a folder, and waits: no job fails, and what changes is not forgotten.
#[track_caller]
fn assert_waits(vault: &Vault, daemon: &mut Daemon, at: &Path, what: &str) {
    vault.write("d/a.md", "while it was gone");
    let lost = daemon.wait_for("export folder lost");
    assert_eq!(lost.text("level"), "ERROR");
    let error = format!(
        "{}: {what}; export_dir needs a folder: move it away, or set another export_dir",
        at.display()
    );
    assert_eq!(lost.text("error"), error);
    until("the change waits, and the status says why", || {
        let status = vault.status();
        (status["degraded"] == *error && status["queue"]["paths"] != 0).then_some(())
    });
}

#[test]
fn a_file_in_its_place() {
    let vault = Vault::new();
    vault.write("d/a.md", "a");
    vault.write("b.md", "![[a]]");
    let mut daemon = vault.daemon();
    fs::write(vault.path("other"), "a file of somebody").unwrap();
    exchange(&vault.path("other"), &vault.export_dir());
    assert_waits(
        &vault,
        &mut daemon,
        &vault.export_dir(),
        "a file lies there",
    );
    // It looks every second, and says nothing new.
    let uptime = || vault.status()["uptime_ms"].as_u64().unwrap();
    let began = uptime();
    until("it has looked in vain more than once", || {
        (uptime() > began + 2_500).then_some(())
    });
    let there = fs::read_to_string(vault.export_dir()).unwrap();
    assert_eq!(there, "a file of somebody");
    fs::remove_file(vault.export_dir()).unwrap();
    daemon.wait_for("export folder begun anew");
    vault.assert_converged();
    assert_eq!(daemon.all("export folder lost").len(), 1);
    assert!(daemon.all("note failed").is_empty());
}

#[test]
fn a_file_in_its_place_until_the_folder_is_back() {
    let vault = Vault::new();
    vault.write("d/a.md", "a");
    let mut daemon = vault.daemon();
    let aside = vault.path("aside");
    fs::write(&aside, "a file of somebody").unwrap();
    exchange(&aside, &vault.export_dir());
    assert_waits(
        &vault,
        &mut daemon,
        &vault.export_dir(),
        "a file lies there",
    );
    exchange(&aside, &vault.export_dir());
    daemon.wait_for_export("d/a.md");
    vault.assert_converged();
    assert!(vault.status()["degraded"].is_null());
    assert!(daemon.all("export folder begun anew").is_empty());
}

#[test]
fn a_file_in_the_place_of_the_folder_above_it() {
    let vault = Vault::new();
    let config = fs::read_to_string(vault.config()).unwrap();
    let export_dir = vault.export_dir().display().to_string();
    vault.write_config(&config.replace(&export_dir, "site/export"));
    vault.write("d/a.md", "a");
    let mut daemon = vault.daemon();
    let (site, other) = (vault.path("site"), vault.path("other"));
    fs::write(&other, "a file of somebody").unwrap();
    exchange(&other, &site);
    assert_waits(&vault, &mut daemon, &site, "a file lies there");
    fs::remove_file(&site).unwrap();
    daemon.wait_for_export("d/a.md");
    let output = fs::read_to_string(site.join("export/d/a.md")).unwrap();
    assert_eq!(output, "while it was gone");
}
