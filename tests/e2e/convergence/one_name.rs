//! A file and a folder of one name: who has it hangs on the notes alone, and the other comes when it is free.

use std::fs;

use crate::support::{Daemon, Record, Vault};

/// The next batch for a change, which must leave nothing to be done.
#[track_caller]
fn next_batch(vault: &Vault, daemon: &mut Daemon) -> Record {
    let finished = daemon.wait_until("a batch for a change", |record| {
        record.message() == "batch finished" && record.text("trigger") == "watch"
    });
    vault.assert_converged();
    vault.run(&["verify"]).exits(0);
    finished
}

#[test]
fn a_note_and_a_folder_of_notes() {
    let vault = Vault::with("formats: {html: , json: }");
    vault.write("x.md", "# X");
    let mut daemon = vault.daemon();
    assert!(vault.has_output("x.html") && vault.has_output("x.json"));

    // Within one batch the file goes and the folder comes.
    vault.write("x.html/d/y.md", "# Y, see [[x]]");
    let finished = next_batch(&vault, &mut daemon);
    assert_eq!(finished.number("exported"), 2, "{finished}");
    assert_eq!(
        vault.tree().files(),
        ["index.html", "x.html/d/y.html", "x.html/d/y.json"]
    );
    let said = "x.html: the notes in x.html/ are exported into a folder of this name; rename x.md or that folder";
    let only_x_failed = |daemon: &Daemon| {
        let failed = daemon.all("note failed");
        failed.len() >= 2
            && failed
                .iter()
                .all(|failed| failed.text("note") == "x.md" && failed.text("error") == said)
    };
    assert!(only_x_failed(&daemon));
    let explained = vault.run(&["explain", "x.md"]).exits(0);
    assert!(explained.stdout.contains(said), "{}", explained.stdout);

    // And the other way round.
    fs::remove_dir_all(vault.note("x.html")).unwrap();
    let finished = next_batch(&vault, &mut daemon);
    assert_eq!(
        (finished.number("exported"), finished.number("failed")),
        (2, 0),
        "{finished}"
    );
    assert_eq!(vault.tree().files(), ["index.html", "x.html", "x.json"]);
    assert!(only_x_failed(&daemon));
    daemon.stop();
}

#[test]
fn whichever_was_there_first() {
    let of_both = ["x.html/y.html", "x.html/y.json"];
    for order in [["x.md", "x.html/y.md"], ["x.html/y.md", "x.md"]] {
        let vault = Vault::with("formats:\n  json:\n  html:\n    template: t.html\n");
        vault.write_beside("t.html", "{{ title }}");
        for note in order {
            vault.write(note, "text");
            vault.export();
        }
        assert_eq!(
            vault.tree().files_with("html").collect::<Vec<_>>(),
            ["index.html", of_both[0]]
        );
        assert_eq!(
            vault.tree().files_with("json").collect::<Vec<_>>(),
            [of_both[1]]
        );
        vault.run(&["verify"]).exits(0);
    }
}

#[test]
fn a_slug_and_a_folder_of_attachments() {
    let vault = Vault::with("layout: slug\nattachments: all\n");
    vault.write("a.md/pic.png", "a picture");
    let mut daemon = vault.daemon();
    assert_eq!(vault.tree().files(), ["a.md/pic.png"]);
    vault.write("notes/1.md", "# A");
    let finished = next_batch(&vault, &mut daemon);
    assert_eq!(finished.number("failed"), 0, "{finished}");
    assert_eq!(vault.tree().files(), ["a.md"]);
    vault.write("notes/1.md", "# B");
    let finished = next_batch(&vault, &mut daemon);
    assert_eq!(finished.number("failed"), 0, "{finished}");
    assert_eq!(vault.tree().files(), ["a.md/pic.png", "b.md"]);
    daemon.stop();
}

#[test]
fn an_attachment_and_a_folder_of_outputs() {
    let vault = Vault::with("attachments: all\nformats:\n  json:\n    dir: data\n");
    vault.write("data/d", "an attachment");
    vault.write("data/e", "an attachment");
    vault.write("data.md", "# Data");
    let mut daemon = vault.daemon();
    assert_eq!(vault.tree().files(), ["data/d", "data/data.json", "data/e"]);
    vault.write("d/n.md", "# N");
    let finished = next_batch(&vault, &mut daemon);
    assert_eq!(finished.number("failed"), 0, "{finished}");
    assert_eq!(
        vault.tree().files(),
        ["data/d/n.json", "data/data.json", "data/e"]
    );
    vault.remove("d/n.md");
    next_batch(&vault, &mut daemon);
    assert_eq!(vault.tree().files(), ["data/d", "data/data.json", "data/e"]);
    daemon.stop();
}

#[test]
fn pages_and_folders() {
    let vault = Vault::with("formats: {html: }\nattachments: all\n");
    vault.write("n.md", "#team/old");
    let mut daemon = vault.daemon();
    let pages = [
        "index.html",
        "n.html",
        "tags/team.html",
        "tags/team/old.html",
    ];
    assert_eq!(vault.tree().files(), pages);
    for (file, output, without) in [
        ("index.html/m.md", "index.html/m.html", 0..1),
        ("index.html/pic.png", "index.html/pic.png", 0..1),
        ("tags/team.html/m.md", "tags/team.html/m.html", 2..3),
        ("tags/team", "tags/team", 3..4),
        ("tags", "tags", 2..4),
    ] {
        vault.write(file, "text");
        let finished = next_batch(&vault, &mut daemon);
        assert_eq!(finished.number("failed"), 0, "{file}: {finished}");
        let mut expected: Vec<&str> = pages.to_vec();
        expected.drain(without);
        expected.push(output);
        expected.sort_unstable();
        assert_eq!(vault.tree().files(), expected, "{file}");
        match file.split_once('/') {
            Some((folder, _)) => fs::remove_dir_all(vault.note(folder)).unwrap(),
            None => vault.remove(file),
        }
        next_batch(&vault, &mut daemon);
        assert_eq!(vault.tree().files(), pages, "{file}");
    }
    daemon.stop();
}

#[test]
fn what_someone_keeps_in_our_folder_is_in_the_way_until_it_is_moved() {
    let vault = Vault::with("formats: {markdown: }");
    vault.write("x.markdown", "# X");
    vault.write("x.md/y.md", "# Y");
    let mut daemon = vault.daemon();
    let theirs = vault.export_dir().join("x.md/theirs.txt");
    fs::write(&theirs, "theirs").unwrap();
    fs::remove_dir_all(vault.note("x.md")).unwrap();
    let said = daemon.wait_until("the file in the way", |record| {
        record.message() == "note failed" && record.text("error").contains("in the way")
    });
    assert_eq!(said.text("note"), "x.markdown");
    assert!(said.text("error").starts_with("x.md: "), "{said}");
    assert_eq!(vault.tree().files(), ["x.md/theirs.txt"]);
    fs::remove_dir_all(vault.export_dir().join("x.md")).unwrap();
    vault.write("x.markdown", "# X again");
    daemon.wait_for_export("x.markdown");
    vault.assert_converged();
    vault.run(&["verify"]).exits(0);
    daemon.stop();
}
