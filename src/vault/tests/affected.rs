//! A change affects exactly those notes and pages that would be written differently.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::generate::{Folder, history};
use super::world::{HTML, Tree, World, config};
use crate::config::{Config, Layout};
use crate::export::Source;
use crate::vault::syntax::MarkKind;
use crate::vault::{Because, Delta, Page, Place, Target, Targets};

/// Takes in one state after the other; `check` gets the world before and after each step, and what it affected.
fn each_step(
    config: &Config,
    history: &[Vec<super::generate::Op>],
    mut check: impl FnMut(&World, &World, &Delta) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut folder = Folder::default();
    let mut before = World::new(config.clone());
    for batch in history {
        let mut after = World {
            vault: before.vault.clone(),
            tree: before.tree.clone(),
            ..World::new(config.clone())
        };
        let delta = after.become_tree(folder.run(batch));
        check(&before, &after, &delta)?;
        after.vault.recycle();
        before = after;
    }
    Ok(())
}

fn exactly_what_differs(before: &World, after: &World, delta: &Delta) -> Result<(), TestCaseError> {
    let (old, new) = (before.render(), after.render());
    let affected = after.affected(delta);
    for (path, bytes) in &new {
        let named = affected.get(path);
        if old.get(path) != Some(bytes) {
            prop_assert!(
                named.is_some(),
                "{path} is written differently, but not affected\n{}",
                story(before, after)
            );
        } else if before.tree.get(path) == after.tree.get(path)
            && places(before, path) == places(after, path)
        {
            prop_assert!(
                named.is_none(),
                "{path}: {named:?}, but written as before\n{}",
                story(before, after)
            );
        }
    }
    let gone: BTreeSet<&str> = delta
        .removed
        .iter()
        .map(|(_, path)| path.as_str())
        .collect();
    let withdrawn: BTreeSet<String> = delta
        .withdrawn
        .iter()
        .map(|&id| after.path_of(id))
        .collect();
    for path in old.keys().filter(|path| !new.contains_key(*path)) {
        prop_assert!(
            gone.contains(path.as_str()) || withdrawn.contains(path),
            "{path} is not withdrawn"
        );
    }
    Ok(())
}

/// The cause that is named is a file that changed.
fn causes_changed(before: &World, after: &World, delta: &Delta) -> Result<(), TestCaseError> {
    for affected in &delta.affected {
        let own = &after.vault.files().get(affected.id).path;
        let cause = match &affected.because {
            Because::New => {
                prop_assert!(!before.tree.contains_key(own.as_str()));
                own
            }
            Because::Changed => own,
            Because::Embeds(path)
            | Because::LinksTo(path)
            | Because::LinkedFrom(path)
            | Because::Shares(path) => path,
            other => panic!("{other:?} is no cause in the vault"),
        };
        let changed = before.tree.get(cause.as_str()) != after.tree.get(cause.as_str());
        prop_assert!(
            changed,
            "{own}: {}, which did not change\n{}",
            affected.because,
            story(before, after)
        );
    }
    Ok(())
}

/// What counts though it need not be seen (see `view`): where embedded parts would be linked to, what the definitions
/// in them lead to, and whether anything is hidden in them.
fn places(world: &World, path: &str) -> BTreeSet<String> {
    let (vault, reader) = (&world.vault, world.reader());
    let mut places = BTreeSet::new();
    let mut queue = vec![world.id(path)];
    let mut seen = BTreeSet::new();
    while let Some(id) = queue.pop().filter(|&id| seen.insert(id)) {
        let note = reader.note(id).unwrap();
        let definitions = note
            .syntax
            .definitions
            .iter()
            .filter_map(|definition| definition.reference);
        let definitions: BTreeSet<u32> = definitions.collect();
        let hidden = note.syntax.marks.iter().filter(|mark| {
            matches!(
                mark.kind,
                MarkKind::Comment | MarkKind::BlockId { .. } | MarkKind::Definition(_)
            )
        });
        places.insert(format!("{} hides {}", world.path_of(id), hidden.count()));
        for (index, reference) in (0..).zip(&note.facts.refs) {
            let target = Targets::new(vault).target(id, reference);
            let Target::Note(to, place) = target else {
                if definitions.contains(&index) {
                    places.insert(format!("{} {target:?}", reference.target));
                }
                continue;
            };
            if reference.kind.is_embed() || definitions.contains(&index) {
                let facts = vault.files().get(to).facts().unwrap();
                let anchor = match place {
                    Place::Heading(at) => facts.headings[at].anchor.clone(),
                    Place::Block(at) => facts.blocks[at].id.clone(),
                    Place::Element(at) => facts.elements[at].clone(),
                    Place::Whole | Place::Missing => "".into(),
                };
                let path = definitions.contains(&index).then(|| world.path_of(to));
                places.insert(format!("{}#{anchor} {path:?}", vault.stem(to)));
                queue.extend(reference.kind.is_embed().then_some(to));
            }
        }
    }
    places
}

/// What changed, for the message of a failure.
fn story(before: &World, after: &World) -> String {
    let show = |tree: &Tree| {
        tree.iter()
            .map(|(path, text)| format!("== {path}\n{text}"))
            .collect::<Vec<_>>()
            .concat()
    };
    format!(
        "BEFORE\n{}\nAFTER\n{}",
        show(&before.tree),
        show(&after.tree)
    )
}

fn exactly_the_pages_that_differ(
    before: &World,
    after: &World,
    delta: &Delta,
) -> Result<(), TestCaseError> {
    let (old, new) = (before.render_pages(), after.render_pages());
    let pages: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for page in pages {
        let named = delta.pages.contains(page);
        if old.get(page) != new.get(page) {
            prop_assert!(
                named,
                "{page:?} is written differently, but not named\n{}",
                story(before, after)
            );
        } else if !contested(before, page)
            && !contested(after, page)
            && !listed_otherwise(before, after)
        {
            prop_assert!(
                !named,
                "{page:?} is named, but written as before\n{}",
                story(before, after)
            );
        }
    }
    Ok(())
}

/// Whether a file of the vault has to do with the place of a page. Then the page is looked at whatever comes of it.
fn contested(world: &World, page: &Page) -> bool {
    let output = world.formats.page_path(HTML, page);
    let is_within = |inner: &str, outer: &str| {
        let rest = inner.strip_prefix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let in_the_way =
        |path: &String| is_within(path, output.as_str()) || is_within(output.as_str(), path);
    world.vault.is_claimed(output.as_str()) || world.tree.keys().any(in_the_way)
}

/// What counts on pages though it need not be seen (see `page`): the extension of the note that has a place, and how a
/// note spells a tag.
fn listed_otherwise(before: &World, after: &World) -> bool {
    let exported = |world: &World| -> BTreeMap<String, String> {
        let ids = world.vault.exported().into_iter();
        ids.map(|id| (world.vault.stem(id), world.path_of(id)))
            .collect()
    };
    let (old, new) = (exported(before), exported(after));
    let renamed = new
        .iter()
        .any(|(stem, path)| old.get(stem).is_some_and(|before| before != path));
    let (old, new) = (spellings(before), spellings(after));
    renamed
        || new
            .iter()
            .any(|(tag, written)| old.get(tag).is_some_and(|before| before != written))
}

/// How each note spells its tags, by its path and the folded tag.
fn spellings(world: &World) -> BTreeMap<(String, String), String> {
    let mut spellings = BTreeMap::new();
    for (_, file) in world.vault.files().iter() {
        for tag in file.facts().into_iter().flat_map(|facts| facts.tags) {
            for (end, _) in tag.match_indices('/').chain([(tag.len(), "")]) {
                let key = (file.path.to_string(), tag[..end].to_lowercase());
                spellings
                    .entry(key)
                    .or_insert_with(|| tag[..end].to_owned());
            }
        }
    }
    spellings
}

fn slugs() -> Config {
    Config {
        layout: Layout::Slug,
        ..config()
    }
}

proptest! {
    #![proptest_config(super::cases(200))]

    #[test]
    fn notes_are_affected_if_they_differ(history in history()) {
        each_step(&config(), &history, |before, after, delta| {
            exactly_what_differs(before, after, delta)?;
            causes_changed(before, after, delta)
        })?;
    }

    #[test]
    fn notes_are_affected_if_they_differ_under_slugs(history in history()) {
        each_step(&slugs(), &history, |before, after, delta| {
            exactly_what_differs(before, after, delta)?;
            causes_changed(before, after, delta)
        })?;
    }

    #[test]
    fn pages_are_affected_if_they_differ(history in history()) {
        each_step(&config(), &history, exactly_the_pages_that_differ)?;
    }
}

/// Whether a page shows a footnote is for its whole note to say, and links to what is in it go by that.
#[test]
fn links_into_a_footnote_go_by_its_mentions() {
    let of = |before: &str| format!("{before}\n\n[^1]: f <i id=\"e\">g</i> ^b\n");
    for link in ["[[n#^b]]", "[x](n.md#e)"] {
        let mut world = World::with(&[("a.md", link), ("n.md", &of("x"))]);
        let before = world.render();
        let delta = world.write(&[("n.md", &of("x[^1]"))]);
        assert!(world.affected(&delta).contains_key("a.md"), "{link}");
        assert_ne!(before.get("a.md"), world.render().get("a.md"), "{link}");
        let delta = world.write(&[("n.md", &of("y[^1]"))]);
        assert!(!world.affected(&delta).contains_key("a.md"), "{link}");
    }
}
