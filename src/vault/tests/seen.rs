//! Single things that one note shows of another, each with the change that must be seen.

use super::world::{HTML, World, config};
use crate::vault::{Alone, Change, NoteFacts, Rules, Seen, SeenNote};

/// The causes by path after `change` (a path and its new text; none deletes it) among `files`.
#[track_caller]
fn check(files: &[(&str, &str)], change: &[(&str, Option<&str>)], expected: &[(&str, &str)]) {
    let mut world = World::with(files);
    let mut tree = world.tree.clone();
    for (path, text) in change {
        match text {
            Some(text) => tree.insert((*path).to_owned(), (*text).to_owned()),
            None => tree.remove(*path),
        };
    }
    let delta = world.become_tree(tree);
    let affected = world.affected(&delta);
    let affected: Vec<(&str, &str)> = affected
        .iter()
        .map(|(path, why)| (&**path, &**why))
        .collect();
    assert_eq!(affected, expected);
}

#[test]
fn json_names_the_file_that_a_link_leads_to() {
    check(
        &[("n.md", "[[a]]"), ("a.md", "x")],
        &[("a.md", None), ("a.markdown", Some("x"))],
        &[("a.markdown", "new"), ("n.md", "links to a.markdown")],
    );
}

#[test]
fn a_heading_that_is_linked_to() {
    let files = [
        ("h.md", "# One\n"),
        ("n.md", "[[h#One]]"),
        ("o.md", "[[h]]"),
    ];
    check(
        &files,
        &[("h.md", Some("# Two\n"))],
        &[("h.md", "changed"), ("n.md", "links to h.md")],
    );
}

#[test]
fn a_cause_is_named_through_several_steps() {
    let files = [
        ("a.md", "![[b]]"),
        ("b.md", "![[c]]"),
        ("c.md", "![[d#S]]"),
        ("d.md", "# S\nx\n# T\ny"),
    ];
    check(
        &files,
        &[("d.md", Some("# S\nz\n# T\ny"))],
        &[
            ("a.md", "embeds d.md"),
            ("b.md", "embeds d.md"),
            ("c.md", "embeds d.md"),
            ("d.md", "changed"),
        ],
    );
    check(
        &files,
        &[("d.md", Some("# S\nx\n# T\nz"))],
        &[("d.md", "changed")],
    );
}

#[test]
fn a_title_in_backlinks() {
    let files = [("a.md", "[[b]]"), ("b.md", "x")];
    check(
        &files,
        &[("a.md", Some("# Named\n[[b]]"))],
        &[("a.md", "changed"), ("b.md", "linked from a.md")],
    );
}

#[test]
fn a_link_that_turns_out_to_be_private() {
    check(
        &[("n.md", "[x](secret)")],
        &[("secret.md", Some("---\nprivate: true\n---\n"))],
        &[("n.md", "links to secret.md")],
    );
}

#[test]
fn rules_are_others_where_files_get_other_places() {
    let mut moved = config();
    moved.formats[HTML].dir = "elsewhere".into();
    assert_ne!(Rules::new(&moved).key(), Rules::new(&config()).key());
    assert_eq!(Rules::new(&config()).key(), Rules::new(&config()).key());
}

#[test]
fn the_same_bytes_may_be_read_as_more_than_before() {
    let mut world = World::with(&[("a.md", "[[b]]"), ("b.md", "x")]);
    let id = world.vault.files().find("a.md").unwrap();
    let file = world.vault.files().get(id);
    let (path, stamp, mut facts) = (file.path.clone(), file.stamp, file.facts().unwrap());
    facts.refs.clear();
    let mut read = |facts: &NoteFacts| {
        let note = Some(Box::new(SeenNote::new(world.vault.rules(), &path, facts)));
        let now = Some(Seen {
            stamp,
            trusted: true,
            note,
        });
        let path = path.clone();
        world.vault.apply(vec![Change { path, now }], &Alone)
    };
    // The note itself, and the one that it no longer links to.
    assert_eq!(read(&facts).affected.len(), 2);
    assert!(read(&facts).affected.is_empty());
}

#[test]
fn of_several_causes_the_first_in_path_order_is_named() {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let mut notes = Vec::new();
    let mut expected = Vec::new();
    for (at, first) in NAMES.iter().enumerate() {
        for second in &NAMES[at + 1..] {
            let note = format!("{first} and {second}.md");
            expected.push((note.clone(), format!("links to {first}.md")));
            notes.push((note, format!("[[{second}]] [[{first}]]")));
        }
    }
    let notes: Vec<_> = notes
        .iter()
        .map(|(path, text)| (&**path, &**text))
        .collect();
    let mut world = World::with(&notes);
    let come = NAMES.map(|name| (format!("{name}.md"), "x"));
    let come: Vec<_> = come.iter().map(|(path, text)| (&**path, *text)).collect();
    let delta = world.write(&come);
    let mut affected = world.affected(&delta);
    affected.retain(|_, why| why != "new");
    assert_eq!(affected, expected.into_iter().collect());
}
