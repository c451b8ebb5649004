//! Whole vaults in all formats: the examples, and those that `SMARTNOTESD_TEST_VAULTS` names, a folder each.

use std::env;
use std::fs;
use std::path::Path;

use crate::support::{Tree, Vault, links, project};

const FORMATS: &str = "formats: {markdown: {dir: markdown}, html: {dir: html}, json: {dir: json}, csv: {dir: csv}}\nlog: {format: json, level: info}";
const FOLDERS: [(&str, &str); 4] = [
    ("markdown", "md"),
    ("html", "html"),
    ("json", "json"),
    ("csv", "csv"),
];

#[test]
fn the_examples_come_out_whole_in_every_format() {
    check_vault(&project().join("examples/notes"));
}

#[test]
fn other_vaults_come_out_whole_in_every_format() {
    let Some(folder) = env::var_os("SMARTNOTESD_TEST_VAULTS") else {
        println!("skipped: SMARTNOTESD_TEST_VAULTS names no folder of vaults");
        return;
    };
    let vaults: Vec<_> = fs::read_dir(folder)
        .expect("SMARTNOTESD_TEST_VAULTS names a folder")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.is_dir())
        .collect();
    assert!(
        !vaults.is_empty(),
        "SMARTNOTESD_TEST_VAULTS has a folder for each vault"
    );
    for vault in vaults {
        println!("{}", vault.display());
        check_vault(&vault);
    }
}

fn check_vault(notes: &Path) {
    let vault = Vault::copied_from(notes, FORMATS);
    let finished = vault.export().exits(0).one("batch finished");
    assert_eq!(finished.number("failed"), 0, "{finished}");
    assert_every_note_is_there(&vault);
    assert_json_is_as_documented(&vault);
    assert!(
        links::count(&vault.export_dir()) > 0,
        "there are links to follow"
    );
    let broken = links::broken(&vault.export_dir());
    assert!(
        broken.is_empty(),
        "{} broken links:\n{}",
        broken.len(),
        broken.join("\n")
    );
    assert!(vault.run(&["verify"]).exits(0).stdout.starts_with("equal"));
}

fn assert_every_note_is_there(vault: &Vault) {
    let exported = vault.tree();
    let notes = Tree::read(&vault.notes());
    let wanted: Vec<&str> = notes
        .files_with("md")
        .filter(|note| !note.split('/').any(|part| part.starts_with('.')))
        .filter(|note| {
            let bytes = fs::read(vault.note(note)).expect("a note can be read");
            !is_kept_out(&String::from_utf8_lossy(&bytes))
        })
        .collect();
    assert!(!wanted.is_empty(), "there are notes to export");
    for note in wanted {
        let stem = note.strip_suffix(".md").expect("it has that extension");
        for (folder, extension) in FOLDERS {
            let output = format!("{folder}/{stem}.{extension}");
            assert!(exported.has(&output), "{note} is not in {folder}");
        }
    }
}

/// Whether its front matter holds one of the words that keep a note private.
fn is_kept_out(note: &str) -> bool {
    let Some(front_matter) = note
        .strip_prefix("---")
        .and_then(|rest| rest.split("\n---").next())
    else {
        return false;
    };
    let words = [
        "export: false",
        "publish: false",
        "draft: true",
        "private: true",
    ];
    front_matter
        .lines()
        .any(|line| words.contains(&line.trim()))
}

fn assert_json_is_as_documented(vault: &Vault) {
    let schema = project().join("schema/note.schema.json");
    let mut schemas = boon::Schemas::new();
    let index = boon::Compiler::new()
        .compile(
            schema.to_str().expect("the project's path is text"),
            &mut schemas,
        )
        .expect("the schema is one");
    let folder = vault.export_dir().join("json");
    for note in Tree::read(&folder).files_with("json") {
        let text = fs::read_to_string(folder.join(note)).expect("JSON is text");
        let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{note}: {error}"));
        if let Err(error) = schemas.validate(&value, index) {
            panic!("{note} is not as the schema says:\n{error}");
        }
    }
}

#[test]
fn degenerate_notes_come_out_in_every_format() {
    let vault = Vault::with(FORMATS);
    let long = 50_000;
    let pieces = [
        "[",
        "*",
        "[[",
        "![[",
        "[[x]]",
        "![[x]]",
        "| ",
        "<",
        "%%",
        "$",
        "> ",
        "- ",
        "`a ``",
        "![",
        "](",
        "[a](",
        "[^1]",
        "<a x=\"",
        "<img src=x>",
        "<!--",
        "&",
        "\\",
        "#",
        "# a\n",
        "~~",
        "==",
        "\0",
        "\r",
        "\t",
        "\u{301}",
        "[[]]",
        "[[|]]",
        "[[#]]",
        "[[a|]]",
    ];
    for (number, piece) in pieces.iter().enumerate() {
        vault.write(
            &format!("{number}.md"),
            piece.repeat(long / piece.len() + 1),
        );
    }
    let nested: Vec<String> = (0..500).map(|depth| "  ".repeat(depth) + "- x\n").collect();
    let ticks: Vec<String> = (1..400).map(|run| "`".repeat(run) + " ").collect();
    let laughs: Vec<String> = (1..20)
        .map(|level| {
            format!(
                "a{level}: &a{level} [{}]\n",
                format!("*a{},", level - 1).repeat(8)
            )
        })
        .collect();
    for (name, text) in [
        ("line.md", "a".repeat(10 << 20)),
        ("quotes.md", ">".repeat(20_000) + " x"),
        ("list.md", nested.concat()),
        ("ticks.md", ticks.concat()),
        (
            "bomb.md",
            format!("---\na0: &a0 [x]\n{}---\n", laughs.concat()),
        ),
        ("deep.md", format!("---\na: {}\n---\n", "[".repeat(long))),
        ("unclosed.md", "```\n![[".to_owned()),
    ] {
        vault.write(name, text);
    }
    vault.write("bytes.md", b"\xfe\x80".repeat(long));
    let ran = vault.export().exits(0);
    let finished = ran.one("batch finished");
    assert_eq!(finished.number("failed"), 0, "{finished}");
    assert_eq!(
        ran.all("note has a problem").len(),
        3,
        "bomb, deep and bytes"
    );
    assert_every_note_is_there(&vault);
    vault.run(&["verify"]).exits(0);
}

/// The checks above would see what they are for.
#[test]
fn the_link_checker_finds_what_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    let page = "<!-- <a href=no.html> --><a class=x href=\"sub/b.html#%C3%A4\">fine</a> <a href='sub/b.html#none'>x</a>\
                <img src=gone.png/> <a href=\"https://example.com/none\">out</a> <p id=here><a href=\"#here\">fine</a>\
                <a href=\"../up.html\">x</a> <a href=\"mailto:a@example.com\">out</a> <a title='a>b' href=\"a%20b.html?x&amp;y\">x</a>";
    fs::write(folder.path().join("a.html"), page).unwrap();
    fs::write(folder.path().join("sub/b.html"), "<h1 id=\"ä\">B</h1>").unwrap();
    assert_eq!(
        links::broken(folder.path()),
        [
            "a.html: sub/b.html#none: sub/b.html has no id none",
            "a.html: gone.png/: there is no file gone.png",
            "a.html: ../up.html: leads out of the export",
            "a.html: a%20b.html?x&y: there is no file a b.html",
        ]
    );
}
