//! What `explain` says of a note, beside a daemon and without one.

use std::fs;

use serde_json::json;

use crate::support::Vault;

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
