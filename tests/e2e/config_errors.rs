//! A wrong config: exit 78, every problem in a line of its own, and nothing is started.

use crate::support::{Ran, Vault, program};

fn lines(ran: &Ran) -> Vec<String> {
    ran.stderr
        .lines()
        .map(|line| line.trim_start_matches("smartnotesd: ").to_owned())
        .collect()
}

#[test]
fn each_problem_has_its_place_its_key_and_the_nearest_key() {
    let vault = Vault::new();
    vault.write_config(
        "notes_dir: notes\nexport_dir: export\nmax_concurent: 3\ndebounce:\n  quiet: soon\nlayout: tree\nformats:\n  docx: {extension: docx}\n",
    );
    for command in ["check", "export", "run", "status", "verify"] {
        let ran = vault.run(&[command]).exits(78);
        let file = vault.config().display().to_string();
        let lines = lines(&ran);
        let wanted = [
            ":3:1: max_concurent: is not a known key; did you mean `max_concurrent`?",
            ":5:10: debounce.quiet: `soon` is not a duration",
            ":6:9: layout: `tree` is not one of mirror, slug",
            ":8:3: formats.docx: ",
        ];
        assert_eq!(lines.len(), wanted.len(), "{}", ran.stderr);
        for (line, wanted) in lines.iter().zip(wanted) {
            assert!(line.starts_with(&format!("{file}{wanted}")), "{line}");
        }
        assert!(ran.stdout.is_empty());
    }
    assert!(!vault.export_dir().exists(), "nothing was started");
}

#[test]
fn what_is_required_must_be_there() {
    let vault = Vault::new();
    vault.write_config("layout: slug\n");
    let ran = vault.export().exits(78);
    assert!(
        ran.stderr.contains("notes_dir") && ran.stderr.contains("export_dir"),
        "{}",
        ran.stderr
    );
    // The flags stand in for it.
    let (notes, export) = (vault.notes(), vault.export_dir());
    let flags = [
        "export",
        "--notes",
        notes.to_str().unwrap(),
        "--export",
        export.to_str().unwrap(),
    ];
    vault.run(&flags).exits(0);
}

#[test]
fn neither_folder_may_lie_inside_the_other() {
    let vault = Vault::new();
    for (notes, export) in [
        ("notes", "notes/export"),
        ("notes/in", "notes"),
        ("notes", "./notes/../notes"),
    ] {
        vault.write_config(&format!("notes_dir: {notes}\nexport_dir: {export}\n"));
        let ran = vault.export().exits(78);
        assert!(
            ran.stderr.contains("inside") || ran.stderr.contains("same"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn a_file_that_is_no_yaml_a_variable_that_is_not_set_and_a_template_with_a_mistake() {
    let vault = Vault::new();
    vault.write_config("notes_dir: [\n");
    let ran = vault.export().exits(78);
    assert!(
        ran.stderr.contains("config.yaml:2:1: not valid YAML"),
        "{}",
        ran.stderr
    );

    vault.write_config("notes_dir: ${NO_SUCH_VARIABLE}/notes\nexport_dir: export\n");
    let ran = vault.export().exits(78);
    assert!(
        ran.stderr.contains("config.yaml:1:12: notes_dir: ")
            && ran.stderr.contains("NO_SUCH_VARIABLE"),
        "{}",
        ran.stderr
    );

    vault.configure("formats: {markdown: {template: page.md}}");
    vault.write_beside("page.md", "# {{ title }}\n{% for %}\n");
    let ran = vault.run(&["check"]).exits(78);
    assert!(ran.stderr.contains("page.md:2: "), "{}", ran.stderr);
}

#[test]
fn no_config_at_all_says_where_it_was_looked_for() {
    let vault = Vault::new();
    let ran = Ran::of(
        program(&vault.path("nowhere-home"))
            .current_dir(vault.path("."))
            .arg("export"),
    )
    .exits(78);
    assert!(
        ran.stderr.contains("/etc/smartnotesd/config.yaml") && ran.stderr.contains("--config"),
        "{}",
        ran.stderr
    );
    let ran =
        Ran::of(program(&vault.path(".")).args(["export", "--config", "missing.yaml"])).exits(78);
    assert!(ran.stderr.contains("missing.yaml"), "{}", ran.stderr);
}
