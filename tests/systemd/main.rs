//! The service under a real systemd: each test boots one in a container and runs a script of checks there.
//!
//! What is laid over the container's root is what a package would install, from this checkout and this build. Where the
//! machine has no root, no systemd-nspawn or no mounts, each test says that it is skipped and why; with
//! `SMARTNOTESD_TEST_SYSTEMD=require` that is a failure, so that a machine which should run them cannot lose them unseen.
//! `SMARTNOTESD_TEST_ROOT` names the root of another system to boot in the place of the machine's own; `boot.sh` says how
//! to make one.

mod container;
mod package;

use std::process::Command;

use container::{Container, in_checkout, skip, skipped};

/// A boot takes two seconds; the rest is what the script waits for on a machine that has other things to do.
const PATIENCE_SECONDS: u32 = 300;

#[test]
fn a_system_service() {
    boots("service");
}

#[test]
fn a_reload_with_a_systemd_that_waits_for_it() {
    boots("notify-reload");
}

#[test]
fn faults_around_the_service() {
    boots("faults");
}

#[test]
fn documents_made_by_commands_in_the_sandbox() {
    if skipped("documents") {
        return;
    }
    let container = Container::new();
    container.install();
    let readme = std::fs::read_to_string(in_checkout("README.md")).unwrap();
    let formats = readme.split_once("```yaml\nformats:\n").unwrap().1;
    let formats = formats.split_once("```").unwrap().0;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("formats:\n{formats}")).unwrap();
    container.put(file.path(), "root/formats.yaml", 0o644);
    container.run("documents", PATIENCE_SECONDS);
}

#[test]
fn the_notes_of_a_person() {
    boots("people");
}

#[test]
fn the_debian_package() {
    if skipped("package") || lacks_dpkg("package") {
        return;
    }
    let container = Container::new();
    let folder = tempfile::tempdir().unwrap();
    for version in ["1", "2"] {
        let deb = folder.path().join("smartnotesd.deb");
        package::build(version, &deb);
        container.put(&deb, &format!("root/smartnotesd-{version}.deb"), 0o644);
    }
    container.run("package", PATIENCE_SECONDS);
}

#[test]
fn the_readme_installs_it() {
    if skipped("readme") || lacks_dpkg("readme") {
        return;
    }
    let container = Container::new();
    container.check_out();
    let folder = tempfile::tempdir().unwrap();
    let deb = folder.path().join("smartnotesd.deb");
    package::build("1", &deb);
    container.put(
        &deb,
        "srv/checkout/target/debian/smartnotesd_1_all.deb",
        0o644,
    );
    container.run("readme", PATIENCE_SECONDS);
}

fn lacks_dpkg(scenario: &str) -> bool {
    let lacks = Command::new("dpkg-deb").arg("--version").output().is_err();
    if lacks {
        skip(scenario, "there is no dpkg-deb");
    }
    lacks
}

fn boots(scenario: &str) {
    if skipped(scenario) {
        return;
    }
    let container = Container::new();
    container.install();
    container.run(scenario, PATIENCE_SECONDS);
}
