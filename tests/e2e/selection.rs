//! Which files are notes, which notes go out, and which other files go along.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::Vault;

#[track_caller]
fn assert_exported(vault: &Vault, wanted: &[&str]) {
    assert_eq!(vault.tree().files(), wanted);
}

#[test]
fn include_and_exclude_say_which_files_are_notes() {
    let vault = Vault::with(
        "include: ['*.md', '*.txt']\nexclude: ['archive/', '!archive/keep.md', '/top.md']\nattachments: none",
    );
    for note in [
        "a.md",
        "b.txt",
        "c.markdown",
        "archive/d.md",
        "top.md",
        "deep/top.md",
    ] {
        vault.write(note, note);
    }
    vault.export().exits(0);
    assert_exported(&vault, &["a.md", "b.md", "deep/top.md"]);
}

/// Nobody reads an attachment's front matter, so Markdown must not become one.
#[test]
fn markdown_that_is_no_note_is_not_copied() {
    for attachments in ["referenced", "all"] {
        let vault = Vault::with(&format!(
            "include: ['blog/*.md']\nattachments: {attachments}"
        ));
        vault.write(
            "blog/p.md",
            "see [diary](../diary/d.md), [[d.md|it]] and [b](../b.txt)",
        );
        vault.write("diary/d.md", "---\nprivate: true\n---\nSECRET");
        vault.write("d.MARKDOWN", "SECRET");
        vault.write("b.txt", "fine");
        vault.export().exits(0);
        assert_exported(&vault, &["b.txt", "blog/p.md"]);
        assert_eq!(vault.output("blog/p.md"), "see diary, it and [b](../b.txt)");
    }
}

#[test]
fn hidden_files_and_editors_leftovers_stay_out() {
    let vault = Vault::with("attachments: all");
    for file in [
        ".hidden.md",
        ".obsidian/config.md",
        "a.md",
        "a.md~",
        "#a.md#",
        ".#a.md",
        ".a.md.swp",
        "4913",
    ] {
        vault.write(file, "text");
    }
    vault.export().exits(0);
    assert_exported(&vault, &["a.md"]);
}

#[test]
fn an_exportignore_holds_for_its_folder_as_a_gitignore_would() {
    let vault = Vault::new();
    vault.write(".exportignore", "/drafts/\n*.tmp.md\n");
    vault.write("sub/.exportignore", "secret.md\n!x.tmp.md\n");
    for note in [
        "a.md",
        "drafts/b.md",
        "x.tmp.md",
        "sub/x.tmp.md",
        "sub/secret.md",
        "sub/drafts/c.md",
        "secret.md",
    ] {
        vault.write(note, note);
    }
    let mut daemon = vault.daemon();
    assert_exported(
        &vault,
        &["a.md", "secret.md", "sub/drafts/c.md", "sub/x.tmp.md"],
    );
    vault.write(".exportignore", "a.md\n");
    daemon.wait_for_export("drafts/b.md");
    vault.assert_converged();
    assert!(
        !vault.has_output("a.md"),
        "what is ignored now is withdrawn"
    );
    vault.remove(".exportignore");
    vault.assert_converged();
    assert!(vault.has_output("a.md"));
}

#[test]
fn an_exportignore_counts_as_it_is_by_whatever_name_it_was_changed() {
    let vault = Vault::new();
    vault.write("rules.txt", "none\n");
    vault.write("own/a.md", "text");
    vault.write("linked/a.md", "text");
    fs::hard_link(vault.note("rules.txt"), vault.note("own/.exportignore")).unwrap();
    symlink("../rules.txt", vault.note("linked/.exportignore")).unwrap();
    let _daemon = vault.daemon();
    assert_exported(&vault, &["linked/a.md", "own/a.md"]);
    // Written in place, as the name that is a hard link else would lead to an older file.
    fs::write(vault.note("rules.txt"), "a.md\n").unwrap();
    vault.assert_converged();
    assert_exported(&vault, &[]);
    fs::write(vault.note("rules.txt"), "none\n").unwrap();
    vault.assert_converged();
    assert_exported(&vault, &["linked/a.md", "own/a.md"]);
}

#[test]
fn an_exportignore_that_leads_to_no_file_inside_lets_nothing_of_its_folder_out() {
    let vault = Vault::new();
    for folder in ["early", "outside", "open"] {
        vault.write(&format!("{folder}/a.md"), "text");
    }
    symlink("../later.txt", vault.note("early/.exportignore")).unwrap();
    symlink("/etc/hostname", vault.note("outside/.exportignore")).unwrap();
    let told = vault.export().exits(1).stderr;
    for folder in ["early", "outside"] {
        let line = told
            .lines()
            .find(|line| line.contains(folder))
            .expect(folder);
        assert!(
            line.contains("its .exportignore is a symlink to no file inside"),
            "{line}"
        );
    }
    assert_exported(&vault, &["open/a.md"]);
    vault.write("later.txt", "b.md\n");
    fs::remove_file(vault.note("outside/.exportignore")).unwrap();
    vault.export().exits(0);
    assert_exported(&vault, &["early/a.md", "open/a.md", "outside/a.md"]);
}

const TAGGED: [(&str, &str); 7] = [
    ("inline.md", "a #work/secret matter"),
    ("last-line.md", "text\n\nTags: home, work\n"),
    ("list.md", "---\ntags: [home, Work]\n---\ntext"),
    ("other.md", "#home and #workshop"),
    ("scalar.md", "---\ntag: work\n---\ntext"),
    ("text.md", "---\ntags: home work\n---\ntext"),
    ("untagged.md", "text"),
];

#[test]
fn skip_tags_count_every_kind_of_tag_and_cover_their_children() {
    let vault = Vault::with("skip_tags: [work]");
    for (note, text) in TAGGED {
        vault.write(note, text);
    }
    vault.export().exits(0);
    assert_exported(&vault, &["other.md", "untagged.md"]);
}

#[test]
fn only_tags_let_nothing_else_out() {
    let vault = Vault::with("only_tags: [home]\nskip_tags: [work/secret, workshop]");
    for (note, text) in TAGGED {
        vault.write(note, text);
    }
    vault.export().exits(0);
    assert_exported(&vault, &["last-line.md", "list.md", "text.md"]);
}

#[test]
fn attachments_go_along_as_the_config_says() {
    for (mode, wanted) in [
        ("referenced", &["a.md", "img/seen.png", "linked.pdf"][..]),
        (
            "all",
            &["a.md", "img/seen.png", "img/unseen.png", "linked.pdf"],
        ),
        ("none", &["a.md"]),
    ] {
        let vault = Vault::with(&format!("attachments: {mode}"));
        vault.write("a.md", "![[seen.png|100]] and [the paper](linked.pdf)");
        for file in ["img/seen.png", "img/unseen.png", "linked.pdf"] {
            vault.write(file, b"\x89PNG\0\xff");
        }
        vault.export().exits(0);
        assert_exported(&vault, wanted);
    }
}

#[test]
fn an_attachment_comes_with_its_first_reference_and_goes_with_its_last() {
    let vault = Vault::new();
    vault.write("a.md", "no picture");
    vault.write("b.md", "---\nprivate: true\n---\n![[pic.png]]");
    vault.write("pic.png", "one");
    let mut daemon = vault.daemon();
    assert!(!vault.has_output("pic.png"), "only a private note shows it");
    vault.write("a.md", "![[pic.png]]");
    daemon.wait_for_export("a.md");
    vault.assert_converged();
    assert_eq!(vault.output("pic.png"), "one");
    vault.write("pic.png", "other");
    daemon.wait_for("batch finished");
    vault.assert_converged();
    assert_eq!(vault.output("pic.png"), "other");
    vault.write("a.md", "no picture");
    daemon.wait_for("batch finished");
    vault.assert_converged();
    assert!(!vault.has_output("pic.png"));
}

#[test]
fn a_private_note_leaks_nowhere() {
    let vault =
        Vault::with("formats: {markdown: , html: {dir: html}, json: {dir: json}, csv: {dir: csv}}");
    vault.write("open.md", "before [[hidden]] and ![[hidden]] after");
    for (number, key) in [
        "export: false",
        "publish: false",
        "draft: true",
        "private: true",
    ]
    .iter()
    .enumerate()
    {
        vault.write(
            &format!("hidden{number}.md"),
            format!("---\n{key}\n---\nXYZZY{number}"),
        );
    }
    vault.write(
        "hidden.md",
        "---\nprivate: true\ntitle: Plugh\n---\nXYZZY [[open]] ![[only-here.png]]",
    );
    vault.write("only-here.png", "XYZZY");
    vault.export().exits(0);
    let tree = vault.tree();
    assert!(
        !tree.mentions("XYZZY") && !tree.mentions("Plugh"),
        "{:?}",
        tree.files()
    );
    assert_eq!(vault.output("open.md"), "before hidden and hidden after");
    assert!(vault.run(&["verify"]).exits(0).stdout.starts_with("equal"));
}

#[test]
fn a_note_made_private_is_withdrawn_with_all_that_shows_it() {
    let vault = Vault::with("formats: {markdown: , html: {dir: html}, json: {dir: json}}");
    vault.write("a.md", "# A\n\n![[secret]]\n\n[[secret]]");
    vault.write("b.md", "![[a]]");
    vault.write("secret.md", "---\ntags: [hush]\n---\n\nXYZZY [[a]]");
    let mut daemon = vault.daemon();
    assert!(vault.output("b.md").contains("XYZZY"));
    assert!(
        vault.has_output("html/tags/hush.html"),
        "{:?}",
        vault.tree().files()
    );
    vault.write(
        "secret.md",
        "---\ntags: [hush]\nprivate: true\n---\n\nXYZZY [[a]]",
    );
    daemon.wait_for_export("b.md");
    vault.assert_converged();
    let tree = vault.tree();
    assert!(
        !tree.mentions("XYZZY") && !tree.has("html/tags/hush.html"),
        "{:?}",
        tree.files()
    );
    vault.write("secret.md", "XYZZY again");
    daemon.wait_for_export("secret.md");
    vault.assert_converged();
    assert!(vault.output("b.md").contains("XYZZY again"));
}

#[test]
fn front_matter_that_cannot_be_read_is_left_as_text_or_withholds_the_note() {
    let vault = Vault::new();
    vault.write("broken.md", "---\ntitle: [x\n---\ntext");
    vault.write("maybe.md", "---\ntitle: [x\nprivate: true\n---\ntext");
    let ran = vault.export().exits(0);
    assert_exported(&vault, &["broken.md"]);
    assert!(
        vault.output("broken.md").contains("title: [x"),
        "{}",
        vault.output("broken.md")
    );
    let problems = ran.all("note has a problem");
    let notes: Vec<&str> = problems.iter().map(|record| record.text("note")).collect();
    assert_eq!(notes, ["broken.md", "maybe.md"]);
    assert!(
        problems
            .iter()
            .all(|record| record.number("line") >= 1 && record.number("column") >= 1),
        "{problems:?}"
    );
}
