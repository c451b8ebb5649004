//! What a change costs: it looks at those who can see it, not at all who are near.

use super::world::World;
use crate::vault::view::views_made;

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
