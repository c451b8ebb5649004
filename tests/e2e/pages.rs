//! The `html` format: whole pages, an index and a page a tag, kept up to date as everything else.

use crate::support::{Vault, links};

#[test]
fn every_note_has_a_page_and_every_tag_and_all_have_an_index() {
    let vault = Vault::with("formats: {html: }");
    vault.write(
        "a.md",
        "---\ntags: [big/small]\n---\n# The A\n\n[[b#Part Two]]\n",
    );
    vault.write("sub/b.md", "# The B\n\n## Part Two\n\n![[a]]\n\n#other\n");
    vault.export().exits(0);
    let files = [
        "a.html",
        "index.html",
        "sub/b.html",
        "tags/big.html",
        "tags/big/small.html",
        "tags/other.html",
    ];
    assert_eq!(vault.tree().files(), files);
    let page = vault.output("a.html");
    assert_eq!(page.matches("<article").count(), 1, "{page}");
    assert!(page.contains("href=\"sub/b.html#part-two\""), "{page}");
    assert!(!page.contains("<script"), "{page}");
    let index = vault.output("index.html");
    assert!(
        index.contains("The A") && index.contains("href=\"sub/b.html\""),
        "{index}"
    );
    assert!(
        vault
            .output("tags/big/small.html")
            .contains("href=\"../../a.html\"")
    );
    assert_eq!(links::broken(&vault.export_dir()), Vec::<String>::new());
}

#[test]
fn index_and_tag_pages_follow_the_notes() {
    let vault = Vault::with("formats: {html: }");
    vault.write("a.md", "# First\n\n#one\n");
    let mut daemon = vault.daemon();
    vault.write("a.md", "# Second\n\n#two\n");
    daemon.wait_for_export("a.md");
    vault.assert_converged();
    assert!(vault.output("index.html").contains("Second"));
    assert!(vault.has_output("tags/two.html") && !vault.has_output("tags/one.html"));
    vault.remove("a.md");
    daemon.wait_for("batch finished");
    vault.assert_converged();
    assert!(!vault.has_output("tags/two.html"));
}

#[test]
fn a_note_named_index_has_its_place() {
    let vault = Vault::with("formats: {html: }");
    vault.write("index.md", "# My own index\n");
    vault.write("a.md", "# A\n");
    vault.export().exits(0);
    assert!(vault.output("index.html").contains("My own index"));
    assert_eq!(links::broken(&vault.export_dir()), Vec::<String>::new());
}

#[test]
fn raw_html_is_sanitised() {
    let vault = Vault::with("formats: {html: }");
    vault.write(
        "a.md",
        "<script>alert(1)</script>\n\n<b onclick=\"x()\">bold</b>\n\n[x](javascript:alert(1))\n",
    );
    vault.export().exits(0);
    let page = vault.output("a.html");
    for danger in ["alert(1)", "onclick", "javascript:"] {
        assert!(!page.contains(danger), "{danger} in {page}");
    }
}

#[test]
fn raw_html_leads_to_the_exported_files() {
    let vault =
        Vault::with("formats: {html: {dir: html}, markdown: {dir: md}}\nattachments: referenced");
    vault.write(
        "sub/a.md",
        "<a href=\"../b.md#part-two\">b</a> <a href=\"../hidden.md\">h</a>\n\n<p align=center>\n  <img src=\"../pics/a%201.png\" width=300>\n  <video poster='../pics/gone.png'></video>\n</p>\n",
    );
    vault.write("b.md", "## Part Two\n\n![[a]]\n");
    vault.write(
        "hidden.md",
        "---\nprivate: true\n---\n<img src=pics/b.png>\n",
    );
    vault.write("pics/a 1.png", "one");
    vault.write("pics/b.png", "two");
    let mut daemon = vault.daemon();
    for (folder, extension) in [("html", "html"), ("md", "md")] {
        let note = vault.output(&format!("{folder}/sub/a.{extension}"));
        for wanted in [
            format!("<a href=\"../b.{extension}#part-two\">b</a> <a>h</a>"),
            "<img src=\"../../pics/a%201.png\" width=".to_owned(),
        ] {
            assert!(note.contains(&wanted), "{wanted} in {note}");
        }
        assert!(!note.contains("gone"), "{note}");
        let embedder = vault.output(&format!("{folder}/b.{extension}"));
        assert!(embedder.contains("src=\"../pics/a%201.png\""), "{embedder}");
    }
    assert!(vault.has_output("pics/a 1.png") && !vault.has_output("pics/b.png"));
    assert!(!vault.tree().mentions("hidden"));
    assert_eq!(links::broken(&vault.export_dir()), Vec::<String>::new());
    let explained = vault
        .run(&["explain", "--json", "sub/a.md"])
        .exits(0)
        .json();
    assert_eq!(explained["depends_on"].as_array().map(Vec::len), Some(3));
    assert_eq!(explained["unresolved"][0], "../pics/gone.png");

    vault.remove("b.md");
    daemon.wait_for_export("sub/a.md");
    vault.write("sub/a.md", "nothing\n");
    daemon.wait_for_export("sub/a.md");
    vault.assert_converged();
    assert!(!vault.has_output("pics/a 1.png"));
}
