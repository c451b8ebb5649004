//! After any changes a vault knows exactly what one that is made anew from the same files knows.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::generate::{Folder, Op, history};
use super::world::{World, config};
use crate::vault::names::NameIndex;
use crate::vault::{Candidates, Target, Targets, Vault};

/// Everything that is derived, by paths instead of ids.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Knowledge {
    files: BTreeMap<String, FileKnowledge>,
    indexes: [BTreeMap<String, BTreeSet<String>>; 5],
    folders: BTreeMap<String, u32>,
    pages: BTreeMap<String, (u64, BTreeSet<String>)>,
}

#[derive(Debug, PartialEq, Eq)]
struct FileKnowledge {
    exported: bool,
    /// Only exported notes' views are kept up to date.
    view: Option<u64>,
    backlinks: u64,
    counts: (u16, u16),
    has_problem: bool,
    edges: BTreeSet<(String, bool)>,
    incoming: Vec<(String, bool)>,
    refs: Vec<String>,
    blocked: Option<String>,
    copied: bool,
}

pub(super) fn knowledge(vault: &Vault) -> Knowledge {
    let path = |id| vault.files().get(id).path.to_string();
    let files = vault.files().iter().map(|(id, file)| {
        let ends = |edges: &[crate::vault::Edge]| -> Vec<(String, bool)> {
            edges
                .iter()
                .map(|edge| (path(edge.id()), edge.is_embed()))
                .collect()
        };
        let mut incoming = ends(&file.incoming);
        incoming.sort();
        let refs = file.facts().map(|facts| facts.refs).unwrap_or_default();
        let refs = refs.iter().map(|reference| {
            let candidates = match vault.candidates(id, reference) {
                Candidates::None => "nothing".to_owned(),
                Candidates::One(to) => path(to),
                Candidates::Tie(ids) => {
                    format!("{:?}", ids.into_iter().map(path).collect::<Vec<_>>())
                }
            };
            let target = match Targets::new(vault).target(id, reference) {
                Target::Note(to, place) => format!("{} {place:?}", path(to)),
                Target::File(to) => path(to),
                Target::Nowhere(why) => format!("{why:?}"),
            };
            format!("{candidates}: {target}")
        });
        let known = FileKnowledge {
            exported: file.exported,
            view: file.exported.then_some(file.view.0),
            backlinks: file.backlinks.0,
            counts: (file.unresolved, file.ambiguous),
            has_problem: file.has_problem,
            edges: ends(&file.edges).into_iter().collect(),
            incoming,
            refs: refs.collect(),
            blocked: vault.blocked(id, 0).map(|blocked| blocked.to_string()),
            copied: vault.is_copied(id),
        };
        (file.path.to_string(), known)
    });
    let index = |names: &NameIndex| {
        names
            .iter()
            .map(|(key, ids)| (format!("{key:?}"), ids.iter().copied().map(path).collect()))
            .collect()
    };
    let pages = vault.pages().iter().map(|page| {
        let tagged = match &page {
            crate::vault::Page::Index => BTreeSet::new(),
            crate::vault::Page::Tag(tag) => vault.pages().tagged(tag).map(path).collect(),
        };
        (
            page.name().into(),
            (vault.pages().key(&page).unwrap().0, tagged),
        )
    });
    let [stems, below] = vault.claims.indexes();
    let folders = vault.claims.folders().into_iter();
    Knowledge {
        files: files.collect(),
        indexes: [&vault.names, &vault.aliases, &vault.mentions, stems, below].map(index),
        folders: folders
            .map(|(folder, count)| (folder.to_owned(), count))
            .collect(),
        pages: pages.collect(),
    }
}

/// `edges` and `incoming` say the same.
fn mirrored(vault: &Vault) -> bool {
    let of = |out: bool| -> BTreeSet<_> {
        let all = vault.files().iter().flat_map(|(id, file)| {
            let ends = if out { &*file.edges } else { &*file.incoming };
            ends.iter().map(move |end| {
                let (from, to) = if out { (id, end.id()) } else { (end.id(), id) };
                (from, to, end.is_embed())
            })
        });
        all.collect()
    };
    of(true) == of(false)
}

fn check(history: &[Vec<Op>]) -> Result<(), TestCaseError> {
    let mut folder = Folder::default();
    let mut world = World::new(config());
    for batch in history {
        let tree = folder.run(batch);
        world.become_tree(tree.clone());
        world.vault.recycle();
        prop_assert!(mirrored(&world.vault));
        let fresh = World::of(&config(), &tree);
        prop_assert_eq!(knowledge(&world.vault), knowledge(&fresh.vault));
    }
    Ok(())
}

proptest! {
    #![proptest_config(super::cases(300))]

    #[test]
    fn incremental_is_the_same_as_fresh(history in history()) {
        check(&history)?;
    }
}
