//! Not a word of a note that is kept in is in the export, whatever happens to it and around it.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::converge::{Export, configs};
use super::generate::{Folder, Op, history};
use super::world::{Tree, World, is_note};
use crate::config::{Attachments, Config};
use crate::path::NotePath;
use crate::vault::{NoteFacts, Privacy, Target, Targets, note};

/// Whether a note is to be kept in, judged without the vault.
fn is_kept_in(config: &Config, facts: &NoteFacts) -> bool {
    let has = |wanted: &[String]| {
        facts.tags.iter().any(|tag| {
            let tag = tag.to_lowercase();
            wanted
                .iter()
                .any(|wanted| tag == *wanted || tag.starts_with(&format!("{wanted}/")))
        })
    };
    facts.privacy != Privacy::Public
        || has(&config.skip_tags)
        || (!config.only_tags.is_empty() && !has(&config.only_tags))
}

fn facts(path: &str, tree: &Tree) -> Option<NoteFacts> {
    let note_path = NotePath::new(path).unwrap();
    is_note(&note_path).then(|| note::parse(&note_path, tree[path].as_bytes()).facts)
}

/// The attachments that the notes which go out refer to.
fn wanted_attachments(world: &World, public: &BTreeSet<&str>) -> BTreeSet<String> {
    let vault = &world.vault;
    let refs = public.iter().filter_map(|path| {
        let id = world.id(path);
        let refs = vault.files().get(id).facts()?.refs;
        Some(
            refs.into_iter()
                .map(move |reference| Targets::new(vault).target(id, &reference)),
        )
    });
    let files = refs.flatten().filter_map(|target| match target {
        Target::File(id) => Some(world.path_of(id)),
        Target::Note(..) | Target::Nowhere(_) => None,
    });
    files.collect()
}

fn check(config: &Config, history: &[Vec<Op>]) -> Result<(), TestCaseError> {
    let mut folder = Folder::default();
    let mut world = World::new(config.clone());
    let mut export = Export::of_nothing(config);
    for batch in history {
        let tree = folder.run(batch);
        let delta = world.become_tree(tree.clone());
        export.take_in(&world, &delta);
        world.vault.recycle();

        let notes: Vec<_> = tree
            .keys()
            .filter_map(|path| Some((path.as_str(), facts(path, &tree)?)))
            .collect();
        let (kept_in, public): (Vec<_>, Vec<_>) = notes
            .iter()
            .partition(|(_, facts)| is_kept_in(config, facts));
        let public_paths: BTreeSet<&str> = public.iter().map(|(path, _)| *path).collect();
        let wanted = wanted_attachments(&world, &public_paths);
        for (path, mark) in folder.marks() {
            let stays_in = kept_in.iter().any(|(kept, _)| *kept == path)
                || (!notes.iter().any(|(note, _)| *note == path)
                    && config.attachments == Attachments::Referenced
                    && !wanted.contains(path));
            if !stays_in {
                continue;
            }
            for (output, text) in export.texts() {
                for word in [format!("zq{mark}x"), format!("zq{mark}t")] {
                    prop_assert!(
                        !text.contains(&word),
                        "{output} shows {word} of {path}, which is kept in:\n{text}"
                    );
                }
            }
        }
        for tag in world.vault.pages().iter().filter_map(|page| match page {
            crate::vault::Page::Tag(tag) => Some(tag),
            crate::vault::Page::Index => None,
        }) {
            let has = |facts: &NoteFacts| {
                facts.tags.iter().any(|other| {
                    let other = other.to_lowercase();
                    other == *tag || other.starts_with(&format!("{tag}/"))
                })
            };
            prop_assert!(
                public.iter().any(|(_, facts)| has(facts)),
                "only notes that are kept in have the tag {tag}"
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(super::cases(150))]

    #[test]
    fn nothing_of_a_note_that_is_kept_in_gets_out(config in configs(), history in history()) {
        check(&config, &history)?;
    }
}

/// What another note's reference to a note shows may not outlive the note's going in.
#[test]
fn going_in_takes_everything_along() {
    let mut world = World::with(&[
        ("open.md", "![[other]] [[other]] [plain](other) #t"),
        (
            "other.md",
            "---\ntitle: Told\ntags: [only]\n---\nhush [[open]] ![[pic.png]]",
        ),
        ("pic.png", "pixels"),
    ]);
    let mut export = Export::of_nothing(&world.config);
    let everything = world.vault.clone();
    assert_eq!(everything.exported().len(), 2);
    let delta = world.write(&[(
        "other.md",
        "---\ntitle: Told\ntags: [only]\nprivate: true\n---\nhush [[open]] ![[pic.png]]",
    )]);
    export.take_in(&world, &delta);
    let id = world.id("open.md");
    assert_eq!(world.affected(&delta)["open.md"], "embeds other.md");
    assert_eq!(delta.withdrawn, [world.id("other.md")]);
    assert!(world.vault.backlinks(id).is_empty());
    assert!(!world.vault.is_copied(world.id("pic.png")));
    for (output, text) in export.texts() {
        for word in ["hush", "Told", "only", "pixels"] {
            assert!(!text.contains(word), "{output}: {word}");
        }
    }
}
