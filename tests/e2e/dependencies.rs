//! Which notes are exported again when one changes, and what the log gives as the reason.

use std::collections::BTreeMap;
use std::fs;

use crate::support::{Daemon, Vault};

/// The next batch's exports: note → because. Of a note in several formats the first counts.
#[track_caller]
fn next_batch(daemon: &mut Daemon) -> BTreeMap<String, String> {
    let started = daemon.wait_for("batch started");
    let batch = started.number("batch");
    daemon.wait_until("its end", |record| {
        record.message() == "batch finished" && record.number("batch") == batch
    });
    let mut exported = BTreeMap::new();
    for record in daemon.all("note exported") {
        if record.number("batch") == batch {
            exported
                .entry(record.text("note").to_owned())
                .or_insert_with(|| record.text("because").to_owned());
        }
    }
    exported
}

#[track_caller]
fn assert_exports(daemon: &mut Daemon, wanted: &[(&str, &str)]) {
    let wanted: BTreeMap<String, String> = wanted
        .iter()
        .map(|(note, because)| ((*note).to_owned(), (*because).to_owned()))
        .collect();
    assert_eq!(next_batch(daemon), wanted);
}

#[test]
fn a_new_and_a_changed_note_are_exported_alone() {
    let vault = Vault::new();
    vault.write("a.md", "one");
    vault.write("b.md", "two");
    let mut daemon = vault.start();
    assert_exports(&mut daemon, &[("a.md", "new"), ("b.md", "new")]);
    vault.write("b.md", "other");
    assert_exports(&mut daemon, &[("b.md", "changed")]);
    vault.write("c/d.md", "more");
    assert_exports(&mut daemon, &[("c/d.md", "new")]);
    vault.assert_converged();
}

#[test]
fn embeds_are_followed_through_any_number_of_notes_and_no_further() {
    let vault = Vault::new();
    vault.write("top.md", "![[middle]]");
    vault.write("middle.md", "between ![[core]]");
    vault.write("core.md", "one");
    vault.write("aside.md", "[[core]]");
    let mut daemon = vault.daemon();
    vault.write("core.md", "two");
    let because = "embeds core.md";
    assert_exports(
        &mut daemon,
        &[
            ("core.md", "changed"),
            ("middle.md", because),
            ("top.md", because),
        ],
    );
    assert!(
        vault.output("top.md").contains("two"),
        "{}",
        vault.output("top.md")
    );
    vault.write("middle.md", "nothing any more");
    assert_exports(
        &mut daemon,
        &[("middle.md", "changed"), ("top.md", "embeds middle.md")],
    );
    vault.write("core.md", "three");
    assert_exports(&mut daemon, &[("core.md", "changed")]);
    vault.assert_converged();
}

#[test]
fn an_edit_outside_the_embedded_section_leaves_the_embedder_alone() {
    let vault = Vault::new();
    vault.write("a.md", "![[core#Seen]]");
    vault.write("core.md", "# Seen\n\nshown\n\n# Unseen\n\nhidden\n");
    let mut daemon = vault.daemon();
    vault.write("core.md", "# Seen\n\nshown\n\n# Unseen\n\nstill hidden\n");
    assert_exports(&mut daemon, &[("core.md", "changed")]);
    vault.write(
        "core.md",
        "# Seen\n\nshown anew\n\n# Unseen\n\nstill hidden\n",
    );
    assert_exports(
        &mut daemon,
        &[("a.md", "embeds core.md"), ("core.md", "changed")],
    );
    assert_eq!(vault.output("a.md").matches("shown anew").count(), 1);
    vault.assert_converged();
}

#[test]
fn a_link_follows_the_nearest_note_as_notes_come_and_go() {
    let vault = Vault::new();
    vault.write("a.md", "[[topic]]");
    vault.write("far/away/topic.md", "far");
    vault.write("b.md", "no link");
    let mut daemon = vault.daemon();
    assert!(
        vault.output("a.md").contains("(far/away/topic.md)"),
        "{}",
        vault.output("a.md")
    );
    vault.write("topic.md", "near");
    assert_exports(
        &mut daemon,
        &[("a.md", "links to topic.md"), ("topic.md", "new")],
    );
    assert!(
        vault.output("a.md").contains("(topic.md)"),
        "{}",
        vault.output("a.md")
    );
    vault.remove("topic.md");
    let exported = next_batch(&mut daemon);
    assert_eq!(exported.keys().collect::<Vec<_>>(), ["a.md"]);
    assert!(exported["a.md"].starts_with("links to "), "{exported:?}");
    vault.remove("far/away/topic.md");
    next_batch(&mut daemon);
    assert_eq!(vault.output("a.md"), "topic");
    vault.assert_converged();
}

#[test]
fn an_alias_that_comes_and_goes_leads_links_and_embeds() {
    let vault = Vault::new();
    vault.write("a.md", "[[nickname]] ![[nickname]]");
    vault.write("b.md", "text of b");
    let mut daemon = vault.daemon();
    assert!(!vault.output("a.md").contains("text of b"));
    vault.write("b.md", "---\naliases: [nickname]\n---\ntext of b");
    let exported = next_batch(&mut daemon);
    assert_eq!(exported.keys().collect::<Vec<_>>(), ["a.md", "b.md"]);
    let output = vault.output("a.md");
    assert!(
        output.contains("(b.md)") && output.contains("text of b"),
        "{output}"
    );
    vault.write("b.md", "text of b");
    next_batch(&mut daemon);
    assert!(!vault.output("a.md").contains("text of b"));
    vault.assert_converged();
}

#[test]
fn a_rename_moves_the_output_and_re_points_the_links() {
    let vault = Vault::new();
    vault.write("a.md", "[[b]] [[new name]]");
    vault.write("b.md", "text");
    let mut daemon = vault.daemon();
    vault.rename("b.md", "new name.md");
    daemon.wait_for_export("a.md");
    vault.assert_converged();
    assert_eq!(vault.output("a.md"), "b [new name](new%20name.md)");
    assert!(!vault.has_output("b.md"));
}

#[test]
fn backlinks_are_exported_again_where_they_are_shown() {
    let vault = Vault::with("formats: {markdown: , json: }");
    vault.write("a.md", "no link yet");
    vault.write("b.md", "# B\n");
    let mut daemon = vault.daemon();
    vault.write("a.md", "now [[b]]");
    assert_exports(
        &mut daemon,
        &[("a.md", "changed"), ("b.md", "linked from a.md")],
    );
    let again: Vec<String> = daemon
        .all("note exported")
        .iter()
        .filter(|record| record.text("because") == "linked from a.md")
        .map(|record| record.text("format").to_owned())
        .collect();
    assert_eq!(again, ["json"], "Markdown shows no backlinks");
    vault.remove("a.md");
    assert_exports(&mut daemon, &[("b.md", "linked from a.md")]);
    vault.assert_converged();
}

#[test]
fn an_output_that_somebody_took_or_edited_is_made_again_at_the_next_start() {
    let vault = Vault::with("formats: {html: }");
    for note in ["a.md", "b.md", "c.md"] {
        vault.write(note, format!("text of {note} ![[pic.png]]"));
    }
    vault.write("pic.png", "picture");
    vault.export().exits(0);
    let before = vault.tree();
    for taken in ["a.html", "index.html", "pic.png"] {
        fs::remove_file(vault.export_dir().join(taken)).unwrap();
    }
    // In place: it is still the file that was written here.
    fs::write(vault.export_dir().join("b.html"), "edited").unwrap();
    let ran = vault.export().exits(0);
    let exported: BTreeMap<String, String> = ran
        .all("note exported")
        .iter()
        .map(|record| {
            (
                record.text("note").to_owned(),
                record.text("because").to_owned(),
            )
        })
        .collect();
    for note in ["a.md", "b.md"] {
        assert_eq!(
            exported[note], "output missing or changed",
            "{}",
            ran.stderr
        );
    }
    // Because of what depends on whether its stamp was old enough to be trusted when it was first copied.
    assert!(exported.contains_key("pic.png"), "{}", ran.stderr);
    assert!(!exported.contains_key("c.md"), "{}", ran.stderr);
    assert_eq!(vault.tree().differences(&before), "");
}

#[test]
fn a_file_that_somebody_put_in_the_place_of_an_output_is_theirs() {
    let vault = Vault::new();
    vault.write("a.md", "note");
    vault.export().exits(0);
    vault.write_beside("theirs", "theirs");
    fs::rename(vault.path("theirs"), vault.export_dir().join("a.md")).unwrap();
    let failed = vault.export().exits(1).one("note failed");
    assert!(failed.text("error").contains("is in the way"), "{failed}");
    assert_eq!(vault.output("a.md"), "theirs");
}

#[test]
fn a_changed_config_and_a_full_export_are_reasons_too() {
    let vault = Vault::with("formats: {html: {template: page.html}}");
    vault.write_beside("page.html", "<title>{{ title }}</title>{{ body }}");
    vault.write("a.md", "text");
    vault.export().exits(0);
    assert_eq!(
        vault.export().exits(0).one("batch finished").number("jobs"),
        0
    );
    vault.write_beside("page.html", "<title>{{ title }}!</title>{{ body }}");
    assert_eq!(
        vault.export().exits(0).one("note exported").text("because"),
        "config"
    );
    assert!(vault.output("a.html").contains("<title>a!</title>"));
    let finished = vault
        .run(&["export", "--full"])
        .exits(0)
        .one("batch finished");
    assert_eq!(
        (finished.number("affected"), finished.number("unchanged")),
        (1, 1),
        "{finished}"
    );
}
