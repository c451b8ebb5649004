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
