//! What somebody sees who has just cloned the repository.

use std::fs;

use rustix::process::Signal;

use crate::support::{Daemon, Ran, Tree, Vault, project};

/// The example config with its notes, copied into a folder of its own.
fn cloned() -> Vault {
    let vault = Vault::copied_from(&project().join("examples/notes"), "");
    let examples = vault.path("examples");
    fs::create_dir(&examples).unwrap();
    fs::rename(vault.notes(), examples.join("notes")).unwrap();
    let config = fs::read_to_string(project().join("config.example.yaml")).unwrap();
    // Only the form of the log is another: tests read JSON.
    assert!(
        config.contains("format: auto"),
        "the example config names the log's form"
    );
    vault.write_config(
        &config
            .replace("format: auto", "format: json")
            .replace("level: info", "level: debug"),
    );
    vault
}

#[test]
fn the_example_is_exported_and_a_saved_note_is_exported_again() {
    let vault = cloned();
    let mut daemon = Daemon::start(&mut vault.command(&["run"]));
    let exporting = daemon.wait_for("exporting");
    assert_eq!(
        exporting.text("export_dir"),
        vault.path("examples/export").to_str().unwrap()
    );
    daemon.wait_for("ready");
    let first = daemon.wait_for("batch finished");
    assert_eq!(
        (first.text("trigger"), first.number("failed")),
        ("startup", 0),
        "{first}"
    );
    let exported = Tree::read(&vault.path("examples/export"));
    assert!(
        exported.has("Welcome.md") && exported.has("attachments/journey.svg"),
        "{:?}",
        exported.files()
    );
    assert!(
        !exported.has("Guide/Draft ideas.md"),
        "a draft stays at home"
    );

    let welcome = vault.path("examples/notes/Welcome.md");
    let text = fs::read_to_string(&welcome)
        .unwrap()
        .replace("These few notes", "These good notes");
    fs::write(&welcome, text).unwrap();
    daemon.wait_for_export("Welcome.md");
    daemon.wait_for("batch finished");
    let output = fs::read_to_string(vault.path("examples/export/Welcome.md")).unwrap();
    assert!(output.contains("These good notes"), "{output}");

    daemon.signal(Signal::INT);
    let ran = daemon.ended().exits(0);
    assert_eq!(ran.one("stopping").text("signal"), "SIGINT");
    assert!(ran.one("stopped").has("uptime_ms"));
}

#[test]
fn the_examples_embed_and_link_each_other() {
    let vault = Vault::copied_from(&project().join("examples/notes"), "");
    vault.export().exits(0);
    let welcome = vault.output("Welcome.md");
    assert!(
        welcome.contains("smartnotesd keeps an exact copy"),
        "the embedded line is inlined:\n{welcome}"
    );
    assert!(
        welcome.contains("[How a change travels](How%20a%20change%20travels.md)"),
        "links are ordinary ones:\n{welcome}"
    );
}

#[test]
fn two_flags_stand_in_for_a_config_file() {
    let vault = Vault::new();
    vault.write("a.md", "# A\n");
    let mut command = crate::support::program(&vault.path("."));
    let (notes, export) = (vault.notes(), vault.export_dir());
    let arguments = [
        "export",
        "--notes",
        notes.to_str().unwrap(),
        "--export",
        export.to_str().unwrap(),
    ];
    Ran::of(command.args(arguments)).exits(0);
    assert_eq!(vault.output("a.md"), "# A\n");
}
