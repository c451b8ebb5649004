//! A restart changes nothing: what the manifest remembers gives the same vault, and the same answers to what comes.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::converge::restarted;
use super::generate::{Folder, Op, history};
use super::incremental::knowledge;
use super::world::{World, config};
use crate::vault::load::{Load, Remembered, recall};
use crate::vault::{Delta, FileId, Page};

/// A delta by paths: ids are given out again in another order after a restart.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    changed: Vec<String>,
    removed: Vec<String>,
    affected: BTreeMap<String, String>,
    withdrawn: BTreeSet<String>,
    copies: Vec<String>,
    pages: BTreeSet<Page>,
    touched: BTreeSet<String>,
}

fn told(world: &World, delta: &Delta) -> Told {
    let path = |id: &FileId| world.path_of(*id);
    Told {
        changed: delta.changed.iter().map(path).collect(),
        removed: delta
            .removed
            .iter()
            .map(|(_, path)| path.to_string())
            .collect(),
        affected: world.affected(delta),
        withdrawn: delta.withdrawn.iter().map(path).collect(),
        copies: delta.copies.iter().map(path).collect(),
        pages: delta.pages.clone(),
        touched: delta.touched.iter().map(path).collect(),
    }
}

fn check(history: &[Vec<Op>]) -> Result<(), TestCaseError> {
    let mut folder = Folder::default();
    let mut running = World::new(config());
    for batch in history {
        let vault = restarted(&running.vault, &config());
        prop_assert_eq!(knowledge(&vault), knowledge(&running.vault));
        let mut again = World {
            vault,
            tree: running.tree.clone(),
            ..World::new(config())
        };
        let tree = folder.run(batch);
        let (first, second) = (running.become_tree(tree.clone()), again.become_tree(tree));
        prop_assert_eq!(told(&running, &first), told(&again, &second));
        running.vault.recycle();
    }
    Ok(())
}

proptest! {
    #![proptest_config(super::cases(200))]

    #[test]
    fn a_restart_changes_nothing(history in history()) {
        check(&history)?;
    }
}

/// Only what was touched is saved: the rest of the manifest must still be right.
#[test]
fn what_is_not_touched_need_not_be_saved() {
    let mut world = World::with(&[("a.md", "[[b]] [[gone]]"), ("b.md", "x"), ("c.md", "[[a]]")]);
    let rows = |world: &World| -> BTreeMap<String, (Vec<u8>, u64)> {
        let files = world.vault.files().iter();
        files
            .map(|(_, file)| (file.path.to_string(), (file.to_record(), file.view.0)))
            .collect()
    };
    for change in [
        ("gone.md", "now"),
        ("d/b.md", "tie"),
        ("b.md", "# New\nx"),
        ("a.md", "![[c]]"),
    ] {
        let before = rows(&world);
        let delta = world.write(&[change]);
        let touched: BTreeSet<String> = delta.touched.iter().map(|&id| world.path_of(id)).collect();
        for (path, row) in rows(&world) {
            assert!(
                before.get(&path) == Some(&row) || touched.contains(&path),
                "{path} after {change:?}"
            );
        }
    }
}

#[test]
fn that_a_note_has_a_problem_is_known_without_its_facts() {
    let mut world = World::with(&[("a.md", "---\nx: [\n---\n"), ("b.md", "x")]);
    for (name, text) in [
        ("b.md", "---\n- no mapping\n---\n"),
        ("a.md", "---\nx: []\n---\n"),
        ("b.md", "x"),
    ] {
        world.write(&[(name, text)]);
        for vault in [&world.vault, &restarted(&world.vault, &config())] {
            for (_, file) in vault.files().iter() {
                let told = file.facts().and_then(|facts| facts.problem);
                assert_eq!(file.has_problem, told.is_some(), "{}", file.path);
            }
        }
    }
    assert!(
        world
            .vault
            .files()
            .iter()
            .all(|(_, file)| !file.has_problem)
    );
}

/// As after a start with what a version remembered that counted otherwise.
#[test]
fn what_was_counted_otherwise_is_counted_anew() {
    let world = World::with(&[("a.md", "[[gone]] ![[b#Gone]]"), ("b.md", "[[a]]")]);
    let mut vault = restarted(&world.vault, &config());
    vault.files.get_mut(world.id("a.md")).unresolved = 1;
    assert_eq!(vault.review_all(), [world.id("a.md")]);
    assert_eq!(knowledge(&vault), knowledge(&world.vault));
}

#[test]
fn damaged_records_are_noticed() {
    let world = World::with(&[("a.md", "[[b]]"), ("b.md", "x")]);
    let rules = world.vault.rules();
    let (id, file) = (world.id("a.md"), world.file("a.md"));
    let record = file.to_record();
    let recall = |record: &[u8]| {
        let remembered = Remembered {
            id,
            path: file.path.clone(),
            stamp: file.stamp,
            trusted: true,
            record: record.into(),
            view: file.view,
        };
        recall(rules, None, remembered)
    };
    for at in 0..record.len() {
        assert!(recall(&record[..at]).is_err());
        let mut spoiled = record.clone();
        spoiled[at] ^= 0x10;
        assert!(recall(&spoiled).is_err());
    }
    let mut again = Load::new(rules.clone(), 0);
    again.take_in(recall(&record).unwrap());
    // The other end of its edge is not there.
    assert!(again.finish().is_none());
}
