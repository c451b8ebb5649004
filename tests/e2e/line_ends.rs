//! Notes whose lines end as old Macs ended them, from the file to the export.

use crate::support::Vault;

/// With these line ends in the place of line feeds, in turn.
fn with_ends(text: &str, ends: &[&str]) -> String {
    let mut ends = ends.iter().cycle();
    let parts = text
        .split('\n')
        .map(|line| (line, ends.next().unwrap_or(&"")));
    let text: String = parts.map(|(line, end)| line.to_owned() + end).collect();
    text.trim_end().to_owned()
}

#[test]
fn lone_carriage_returns_hide_nothing_that_keeps_a_note_in() {
    let kinds = [
        &["\n"][..],
        &["\r"],
        &["\r\n"],
        &["\r", "\n"],
        &["\r\n", "\r"],
    ];
    for ends in kinds {
        let vault = Vault::with("formats: {markdown: , json: , html: }\n");
        for (name, matter) in [("a", "private: true"), ("b", "publish: false")] {
            let text = format!("---\ntitle: HUSH\n{matter}\n---\nHUSH");
            vault.write(&format!("{name}.md"), with_ends(&text, ends));
        }
        let public = "---\ntitle: T\ntags: [x]\naliases: [other]\n---\n# H\n\n[[a|l]] ![[b]] #tag\n\n%%HUSH\nHUSH%%\n\npara ^id\n";
        vault.write("n.md", with_ends(public, ends));
        vault.write("m.md", "[[other]] ![[n#^id]]\n");
        vault.export().exits(0);
        let tree = vault.tree();
        for file in tree.files() {
            assert!(!vault.output(file).contains("HUSH"), "{file} with {ends:?}");
        }
        assert!(
            !vault.has_output("a.md") && !vault.has_output("b.html"),
            "{ends:?}"
        );
        assert!(
            vault.output("m.md").starts_with("[other](n.md)"),
            "{ends:?}"
        );
        assert!(vault.output("m.md").ends_with("para\n"), "{ends:?}");
        let json: serde_json::Value = serde_json::from_str(&vault.output("n.json")).unwrap();
        assert_eq!(
            (&json["title"], &json["aliases"][0]),
            (&"T".into(), &"other".into()),
            "{ends:?}"
        );
        assert_eq!(json["tags"], serde_json::json!(["x", "tag"]), "{ends:?}");
    }
}
