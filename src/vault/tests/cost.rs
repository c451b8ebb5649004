//! What a change costs: it looks at those who can see it, not at all who are near.

use std::sync::Arc;

use super::world::World;
use crate::vault::targets::MOST_BYTES;
use crate::vault::view::views_made;
use crate::vault::{Place, Target, Targets};

/// A hub that many link to and few embed.
fn hub(linkers: usize) -> World {
    let mut files: Vec<(String, String)> = (0..linkers)
        .map(|n| (format!("n/{n}.md"), "see [[hub]] #t".to_owned()))
        .collect();
    files.push((
        "hub.md".into(),
        "# Hub\nfirst ^b\n\n## Part\ntext [[n/1]]".into(),
    ));
    files.push(("whole.md".into(), "![[hub]]".into()));
    files.push(("part.md".into(), "![[hub#Part]]".into()));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    World::with(&files)
}

fn views_of(world: &mut World, files: &[(&str, &str)]) -> (usize, Vec<String>, Vec<String>) {
    let before = views_made();
    let delta = world.write(files);
    let touched = delta.touched.iter().map(|&id| world.path_of(id)).collect();
    (
        views_made() - before,
        world.affected(&delta).into_keys().collect(),
        touched,
    )
}

#[test]
fn text_of_a_hub_does_not_concern_those_who_link_to_it() {
    let mut world = hub(1000);
    let (views, affected, touched) = views_of(
        &mut world,
        &[(
            "hub.md",
            "# Hub\nfirst, changed ^b\n\n## Part\ntext [[n/1]]",
        )],
    );
    assert_eq!(affected, ["hub.md", "whole.md"]);
    assert_eq!(touched.len(), 2);
    // The hub and those who embed any of it.
    assert_eq!(views, 3);
}

#[test]
fn a_heading_of_a_hub_concerns_all_who_link_to_it() {
    let mut world = hub(1000);
    let (views, affected, _) = views_of(
        &mut world,
        &[("hub.md", "# Hub\nfirst ^b\n\n## Renamed\ntext [[n/1]]")],
    );
    // The links go to the note itself: they are looked at, and stay as they are.
    assert_eq!(affected, ["hub.md", "part.md", "whole.md"]);
    assert_eq!(views, 1003);
}

#[test]
fn a_note_that_links_to_a_hub_is_alone_with_its_change() {
    let mut world = hub(1000);
    let (views, affected, touched) = views_of(&mut world, &[("n/7.md", "see [[hub]] again #t")]);
    assert_eq!(
        (views, affected, touched),
        (1, vec!["n/7.md".to_owned()], vec!["n/7.md".to_owned()])
    );
}

#[test]
fn a_new_note_concerns_those_who_use_its_name() {
    let mut world = hub(1000);
    let (views, affected, _) = views_of(&mut world, &[("new.md", "[[hub]]")]);
    assert_eq!(affected, ["hub.md", "new.md"]);
    assert_eq!(views, 1);
    let (views, ..) = views_of(&mut world, &[("far/hub.md", "another")]);
    assert!(views >= 1002, "{views}");
}

/// A note of which some 20 KB are known.
fn long(name: &str) -> (String, String) {
    let headings = (0..200).map(|n| format!("# {name} {n} {}\n\n", "x".repeat(40)));
    (format!("{name}.md"), headings.collect())
}

#[test]
fn a_note_that_many_links_lead_into_is_unpacked_once_and_few_are_kept() {
    let names: Vec<String> = (0..40).map(|n| format!("n{n:02}")).collect();
    let mut files: Vec<(String, String)> = names.iter().map(|name| long(name)).collect();
    let link = |name: &String| format!("[[{name}#{name} 7 {}]]\n", "x".repeat(40));
    files.push(("links.md".into(), names.iter().map(link).collect()));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let vault = World::with(&files).vault;
    let from = vault.files().find("links.md").unwrap();
    let refs = vault.files().get(from).facts().unwrap().refs;
    let targets = Targets::new(&vault);
    let mut most = 0;
    for (reference, name) in refs.iter().zip(&names).chain(refs.iter().zip(&names)) {
        let id = vault.files().find(&format!("{name}.md")).unwrap();
        let before = targets.facts(id).unwrap();
        assert_eq!(
            targets.target(from, reference),
            Target::Note(id, Place::Heading(7))
        );
        assert!(Arc::ptr_eq(&before, &targets.facts(id).unwrap()), "{name}");
        most = most.max(targets.kept());
    }
    assert!((MOST_BYTES / 2..=MOST_BYTES).contains(&most), "{most}");
}
