//! What hangs together through embeds: what is told of it is what an edit would do.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::generate::{Folder, Op, history};
use super::world::{Tree, World, config, is_note};
use crate::path::NotePath;
use crate::vault::{Because, Delta, Through};

/// In words: how, what, through which note.
fn told(world: &World, ways: &[Through], [embed, link]: [&str; 2]) -> Vec<String> {
    let word = |way: &Through| {
        let how = if way.edge.is_embed() { embed } else { link };
        let (note, through) = (world.path_of(way.edge.id()), world.path_of(way.through));
        format!("{how} {note} through {through}")
    };
    ways.iter().map(word).collect()
}

fn depends(world: &World, path: &str) -> Vec<String> {
    let ways = world.vault.depends_through(world.id(path));
    told(world, &ways, ["embeds", "links to"])
}

fn dependents(world: &World, path: &str) -> Vec<String> {
    let ways = world.vault.dependents_through(world.id(path));
    told(world, &ways, ["embedded in", "linked from"])
}

#[test]
fn the_nearest_come_first_and_the_way_is_told() {
    let world = World::with(&[
        ("a.md", "![[b]] [[e]]"),
        ("b.md", "![[d]] ![[c]] [[e]] ![[img.png]]"),
        ("c.md", "![[e]] [[x]]"),
        ("d.md", "[[c]] [[x]] ![[a]]"),
        ("e.md", "text"),
        ("x.md", "text"),
        ("img.png", ""),
    ]);
    let expected = [
        "embeds c.md through b.md",
        "embeds d.md through b.md",
        "embeds img.png through b.md",
        "embeds e.md through c.md",
        "links to x.md through c.md",
    ];
    assert_eq!(depends(&world, "a.md"), expected);
    let expected = [
        "embedded in b.md through c.md",
        "embedded in a.md through b.md",
        "embedded in d.md through a.md",
    ];
    assert_eq!(dependents(&world, "e.md"), expected);
    assert_eq!(
        dependents(&world, "c.md"),
        [
            "embedded in a.md through b.md",
            "embedded in d.md through a.md"
        ]
    );
    assert_eq!(depends(&world, "x.md"), [""; 0]);
}

#[test]
fn only_the_part_shown_counts() {
    let world = World::with(&[
        ("a.md", "![[b#One]]"),
        ("z.md", "![[b#^id]]"),
        (
            "b.md",
            "# One\n\n![[c]] [^1]\n\n# Two\n\n![[d]]\n\ntext ![[e]] ^id\n\n[^1]: [[f]]",
        ),
        ("c.md", ""),
        ("d.md", ""),
        ("e.md", ""),
        ("f.md", ""),
    ]);
    let expected = ["embeds c.md through b.md", "links to f.md through b.md"];
    assert_eq!(depends(&world, "a.md"), expected);
    assert_eq!(
        dependents(&world, "c.md"),
        ["embedded in a.md through b.md"]
    );
    assert_eq!(dependents(&world, "d.md"), [""; 0]);
    assert_eq!(
        dependents(&world, "e.md"),
        ["embedded in z.md through b.md"]
    );
    assert_eq!(
        dependents(&world, "f.md"),
        ["linked from a.md through b.md"]
    );
}

#[test]
fn what_is_kept_out_shows_nothing() {
    let private = |text: &str| format!("---\nprivate: true\n---\n{text}");
    let world = World::with(&[
        ("a.md", "![[hidden]] ![[b]]"),
        ("hidden.md", &private("![[c]]")),
        ("b.md", "![[c]]"),
        ("c.md", ""),
        ("h.md", &private("![[b]]")),
    ]);
    assert_eq!(depends(&world, "a.md"), ["embeds c.md through b.md"]);
    assert_eq!(depends(&world, "h.md"), [""; 0]);
    assert_eq!(
        dependents(&world, "c.md"),
        ["embedded in a.md through b.md"]
    );
}

#[test]
fn what_nests_too_deeply_is_linked_to() {
    let mut files: Vec<(String, String)> = (0..13)
        .map(|at| (format!("{at:02}.md"), format!("![[{:02}]]", at + 1)))
        .collect();
    files.push(("13.md".to_owned(), "text".to_owned()));
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (&**p, &**t)).collect();
    let mut world = World::with(&files);
    let down = depends(&world, "00.md");
    assert_eq!(down.len(), 10);
    assert_eq!(down[8], "embeds 10.md through 09.md");
    assert_eq!(down[9], "links to 11.md through 10.md");
    let up = dependents(&world, "11.md");
    assert_eq!(up.len(), 10);
    assert_eq!(up[9], "linked from 00.md through 01.md");
    // The planner agrees.
    let affects = |delta: &Delta, world: &World| world.affected(delta).contains_key("00.md");
    let delta = world.write(&[("10.md", "other ![[11]]")]);
    assert!(affects(&delta, &world));
    let delta = world.write(&[("11.md", "other ![[12]]")]);
    assert!(!affects(&delta, &world));
    let delta = world.delete(&["11.md"]);
    assert!(affects(&delta, &world));
}

fn is_path_of_note(path: &str) -> bool {
    is_note(&NotePath::new(path).unwrap())
}

/// The paths of all who hang on a file through the notes that they embed, with how near.
fn all_ways(world: &World, back: bool) -> BTreeSet<(String, String, bool, usize)> {
    let notes = world
        .vault
        .files()
        .iter()
        .filter(|(_, file)| back || file.is_note());
    let ways = notes.flat_map(|(id, _)| {
        let ways = if back {
            world.vault.dependents_through(id)
        } else {
            world.vault.depends_through(id)
        };
        ways.into_iter().map(move |way| {
            let ends = [id, way.edge.id()].map(|id| world.path_of(id));
            let [from, to] = if back { [1, 0] } else { [0, 1] };
            (
                ends[from].clone(),
                ends[to].clone(),
                way.edge.is_embed(),
                way.steps,
            )
        })
    });
    ways.collect()
}

/// Whether `from` was told to hang on `to`, in any way.
fn hangs_on(world: &World, from: &str, to: &str) -> bool {
    let ends = (world.vault.files().find(from), world.vault.files().find(to));
    let (Some(from), Some(to)) = ends else {
        return false;
    };
    let edges = &world.vault.files().get(from).edges;
    edges.iter().any(|edge| edge.id() == to)
        || world
            .vault
            .depends_through(from)
            .iter()
            .any(|way| way.edge.id() == to)
}

fn taken_in(world: &World, tree: Tree) -> (World, Delta) {
    let mut after = World {
        vault: world.vault.clone(),
        tree: world.tree.clone(),
        ..World::new(config())
    };
    let delta = after.become_tree(tree);
    (after, delta)
}

/// Whatever the planner exports again because of an embed was told, before or after it. A note that comes or goes is the
/// cause for all who use its name, and for attachments whose place it takes.
fn told_before(world: &World, after: &World, delta: &Delta) -> Result<(), TestCaseError> {
    for affected in &delta.affected {
        if let Because::Embeds(cause) = &affected.because {
            let (path, cause) = (after.path_of(affected.id), cause.as_str());
            let is_exported = |world: &World| {
                let files = world.vault.files();
                files.find(cause).is_some_and(|id| files.get(id).exported)
            };
            if !is_exported(world) || !is_exported(after) {
                continue;
            }
            prop_assert!(
                hangs_on(world, &path, cause) || hangs_on(after, &path, cause),
                "{path} because of {cause}: {:#?} {:#?}",
                world.tree,
                after.tree
            );
        }
    }
    Ok(())
}

/// Every line of a file becomes another, one at a time: whoever embeds it through another shows one of them, unless the
/// embed leads to nothing.
fn edits(text: &str) -> impl Iterator<Item = String> {
    let ends = text
        .match_indices('\n')
        .map(|(at, _)| at)
        .chain([text.len()]);
    let ends: Vec<usize> = ends.collect();
    ends.into_iter()
        .map(move |at| format!("{} zz{}", &text[..at], &text[at..]))
}

fn check(history: &[Vec<Op>]) -> Result<(), TestCaseError> {
    let mut folder = Folder::default();
    let mut world = World::new(config());
    for batch in history {
        let (after, delta) = taken_in(&world, folder.run(batch));
        told_before(&world, &after, &delta)?;
        world = after;
        world.vault.recycle();
        let ways = all_ways(&world, false);
        prop_assert_eq!(&ways, &all_ways(&world, true));
        for (from, to, embeds, _) in ways {
            let mut without = world.tree.clone();
            let text = without.remove(&to).unwrap();
            let affects = |tree: Tree| taken_in(&world, tree).1;
            let is_affected = |delta: &Delta| {
                delta
                    .affected
                    .iter()
                    .any(|other| world.path_of(other.id) == from)
            };
            let seen = embeds
                && edits(&text).any(|text| {
                    let mut tree = world.tree.clone();
                    tree.insert(to.clone(), text);
                    is_affected(&affects(tree))
                });
            // What leads nowhere as it is, is text before and after.
            let leads_nowhere = || !world.file(&to).exported || is_missing(&world, &to);
            prop_assert!(
                seen || is_affected(&affects(without)) || leads_nowhere() || !is_path_of_note(&to),
                "{from} is told to show {to}: {:#?}",
                world.tree
            );
        }
    }
    Ok(())
}

/// Whether some reference to a note names a part that it doesn't have.
fn is_missing(world: &World, path: &str) -> bool {
    let id = world.id(path);
    let targets = crate::vault::Targets::new(&world.vault);
    world.vault.files().iter().any(|(from, file)| {
        let facts = file.facts();
        facts.iter().flat_map(|facts| &facts.refs).any(|reference| {
            let missing = crate::vault::Target::Note(id, crate::vault::Place::Missing);
            targets.target(from, reference) == missing
        })
    })
}

proptest! {
    #![proptest_config(super::cases(300))]

    #[test]
    fn what_is_told_is_what_an_edit_does(history in history()) {
        check(&history)?;
    }
}
