//! Under which names notes are exported.

use crate::support::Vault;

#[test]
fn the_lesson_s_notes_come_out_as_its_program_writes_them() {
    let vault = Vault::with(
        "layout: slug\ninclude: ['*.json']\nformats:\n  markdown:\n    template: lesson.md\nmax_concurrent: 5",
    );
    vault.write_beside(
        "lesson.md",
        "# {{ title }}\n\n{{ body }}\n\nTags: {{ tags | join(', ') }}\n",
    );
    let notes = [
        (
            "Shopping List",
            "Milk, eggs, bread",
            &["home", "errands"][..],
            "shopping-list.md",
        ),
        (
            "Meeting Notes",
            "Discussed the Q3 roadmap",
            &["work"],
            "meeting-notes.md",
        ),
        (
            "Ideas",
            "Build a note exporter",
            &["ideas", "dev"],
            "ideas.md",
        ),
        (
            "Travel  Plan",
            "Book a train",
            &["travel"],
            "travel-plan.md",
        ),
        ("Untagged", "Nothing", &[], "untagged.md"),
    ];
    for (at, (title, body, tags, _)) in notes.iter().enumerate() {
        let note = serde_json::json!({ "title": title, "body": body, "tags": tags });
        vault.write(&format!("{at}.json"), note.to_string());
    }
    let finished = vault.export().exits(0).one("batch finished");
    assert_eq!(finished.number("exported"), 5, "{finished}");
    for (title, body, tags, output) in notes {
        assert_eq!(
            vault.output(output),
            format!("# {title}\n\n{body}\n\nTags: {}\n", tags.join(", "))
        );
    }
    assert_eq!(vault.tree().files().len(), 5);
}

#[test]
fn mirror_keeps_each_note_s_own_path_in_every_format_s_folder() {
    let vault = Vault::with(
        "formats:\n  markdown:\n  json:\n    dir: data\n  csv:\n    dir: data/tables\n    extension: tsv",
    );
    vault.write("a.md", "# A");
    vault.write("deep/er/b.markdown", "# B");
    vault.export().exits(0);
    assert_eq!(
        vault.tree().files(),
        [
            "a.md",
            "data/a.json",
            "data/deep/er/b.json",
            "data/tables/a.tsv",
            "data/tables/deep/er/b.tsv",
            "deep/er/b.md"
        ]
    );
}

#[test]
fn a_slug_follows_its_title_and_stays_inside_the_export_folder() {
    let vault = Vault::with("layout: slug");
    vault.write("x/note.md", "# First Title");
    vault.write("y.md", "---\ntitle: ../../etc/Passwd\n---\ntext");
    let mut daemon = vault.daemon();
    assert_eq!(
        vault.tree().files(),
        [
            "-.-etc-passwd.md".replace("-.-etc", "-.-..-etc").as_str(),
            "first-title.md"
        ]
    );
    vault.write("x/note.md", "# Second Title");
    daemon.wait_for_export("x/note.md");
    vault.assert_converged();
    assert!(vault.has_output("second-title.md") && !vault.has_output("first-title.md"));
}

#[test]
fn two_titles_that_make_one_slug_name_each_other() {
    let vault = Vault::with("layout: slug");
    vault.write("a.md", "# Same Title");
    vault.write("b.md", "# same   title");
    let failed = vault.export().exits(1).one("note failed");
    assert_eq!(failed.text("note"), "b.md");
    assert!(failed.text("error").contains("a.md"), "{failed}");
    assert_eq!(vault.output("same-title.md"), "# Same Title");
}

#[test]
fn json_and_csv_have_what_a_script_needs() {
    let vault = Vault::with("formats: {json: , csv: }");
    vault.write(
        "a.md",
        "---\ntags: [x, y/z]\n---\n# The \"Title\"\n\nSee [[b]].\n",
    );
    vault.write("b.md", "# B\n");
    vault.export().exits(0);
    let note: serde_json::Value = serde_json::from_str(&vault.output("a.json")).unwrap();
    assert_eq!(note["title"], "The \"Title\"");
    assert_eq!(note["tags"], serde_json::json!(["x", "y/z"]));
    assert_eq!(note["path"], "a.md");
    assert_eq!(note["front_matter"]["tags"][0], "x");
    let other: serde_json::Value = serde_json::from_str(&vault.output("b.json")).unwrap();
    assert_eq!(other["backlinks"][0]["path"], "a.md", "{other}");
    let table = vault.output("a.csv");
    assert!(table.starts_with("title,body,tags"), "{table}");
    assert!(
        table.contains("\"The \"\"Title\"\"\"") && table.trim_end().ends_with("\"x, y/z\""),
        "{table}"
    );
}
