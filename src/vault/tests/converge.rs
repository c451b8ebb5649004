//! Planning by what was affected leads to the tree that a plan from nothing makes: no output is missing, stale or
//! left over, whatever happened.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::generate::{Folder, Op, history};
use super::world::{FORMATS, Tree, World, config};
use crate::config::{Attachments, Config, Layout};
use crate::disk::OutputState;
use crate::hash::ContentHash;
use crate::manifest::{Owner, StoredOutput};
use crate::path::OutputPath;
use crate::plan::{FormatPlan, Plan, Planner, Work};
use crate::vault::load::{Load, Remembered, recall};
use crate::vault::{Because, Delta, FileId, Page, Vault};

/// An export tree and what the manifest knows of it.
#[derive(Clone, Default)]
pub(super) struct Export {
    known: BTreeMap<OutputPath, StoredOutput>,
    bytes: BTreeMap<OutputPath, Vec<u8>>,
}

impl Export {
    /// The export of no notes.
    pub(super) fn of_nothing(config: &Config) -> Self {
        fresh(config, &Tree::new())
    }

    /// Does what a delta asks for, as the engine does.
    pub(super) fn take_in(&mut self, world: &World, delta: &Delta) {
        let plan = self.plan(world, delta);
        self.run(world, plan);
    }

    /// The files as text.
    pub(super) fn texts(&self) -> BTreeMap<String, String> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        self.bytes
            .iter()
            .map(|(path, bytes)| (path.to_string(), text(bytes)))
            .collect()
    }

    fn of(&self, owner: &Owner) -> Vec<StoredOutput> {
        self.known
            .values()
            .filter(|row| row.owner == *owner)
            .cloned()
            .collect()
    }

    fn plan(&self, world: &World, delta: &Delta) -> Plan {
        let gone = delta.removed.iter().map(|(id, _)| *id);
        let notes = delta
            .affected
            .iter()
            .map(|affected| affected.id)
            .chain(delta.withdrawn.clone())
            .chain(gone.clone());
        let copies = delta.copies.iter().copied().chain(gone);
        self.plan_for(
            world,
            notes.collect(),
            copies.collect(),
            delta.pages.iter().cloned().collect(),
        )
    }

    /// Plans everything that there is or was.
    fn plan_all(&self, world: &World) -> Plan {
        let ids: BTreeSet<_> = world.vault.files().iter().map(|(id, _)| id).collect();
        let mut pages: BTreeSet<_> = world.vault.pages().iter().collect();
        for row in self.known.values() {
            if let Owner::Page(name) = &row.owner {
                pages.extend(Page::from_name(name));
            }
        }
        self.plan_for(world, ids.clone(), ids, pages)
    }

    fn plan_for(
        &self,
        world: &World,
        notes: BTreeSet<FileId>,
        copies: BTreeSet<FileId>,
        pages: BTreeSet<Page>,
    ) -> Plan {
        let formats = format_plans(world);
        let planner = Planner {
            vault: &world.vault,
            formats: &formats,
            full: false,
        };
        let mut plan = Plan::default();
        for id in notes {
            planner.note(&mut plan, id, &Because::Changed, &self.of(&Owner::Note(id)));
        }
        for id in copies {
            planner.copy(&mut plan, id, &Because::Changed, &self.of(&Owner::Copy(id)));
        }
        for page in pages {
            let rows = self.of(&Owner::Page(page.name()));
            planner.page(
                &mut plan,
                &page,
                |format| world.formats.page_path(format, &page),
                &rows,
            );
        }
        plan
    }

    /// Does what a plan says.
    fn run(&mut self, world: &World, plan: Plan) {
        let reader = world.reader();
        let written: BTreeSet<OutputPath> =
            plan.jobs.iter().map(|job| job.output.clone()).collect();
        for path in plan.withdraw.difference(&written) {
            self.known.remove(path);
            self.bytes.remove(path);
        }
        for job in plan.jobs {
            let (format, bytes) = match &job.work {
                Work::Note(id, format) => (
                    Some(*format),
                    world.formats.render(*format, &reader, *id).unwrap(),
                ),
                Work::Page(page, format) => (
                    Some(*format),
                    world.formats.render_page(*format, &reader, page).unwrap(),
                ),
                Work::Copy(id) => (None, world.tree[&world.path_of(*id)].clone().into_bytes()),
            };
            let state = OutputState {
                hash: ContentHash::of(&bytes),
                size: 0,
                mtime: 0,
                inode: 0,
                birth: 0,
            };
            let row = StoredOutput {
                path: job.output.clone(),
                owner: job.work.owner(),
                format: format.map_or("".into(), |format| world.formats.get(format).name.clone()),
                key: job.key,
                state: Some(state),
                replacing: false,
            };
            self.known.insert(job.output.clone(), row);
            self.bytes.insert(job.output, bytes);
        }
    }
}

pub(super) fn format_plans(world: &World) -> Vec<FormatPlan> {
    let plans = FORMATS.into_iter().map(|format| FormatPlan {
        name: world.formats.get(format).name.clone(),
        fingerprint: world.formats.fingerprint(format),
        reads_backlinks: world.formats.reads_backlinks(format),
        reads_pictures: false,
        has_pages: world.formats.pages(format),
    });
    plans.collect()
}

/// The export of these files into an empty folder.
fn fresh(config: &Config, tree: &Tree) -> Export {
    let world = World::of(config, tree);
    let mut export = Export::default();
    let plan = export.plan_all(&world);
    let paths: BTreeSet<&OutputPath> = plan.jobs.iter().map(|job| &job.output).collect();
    assert_eq!(paths.len(), plan.jobs.len(), "two jobs for one output");
    export.run(&world, plan);
    export
}

fn check(config: &Config, history: &[Vec<Op>]) -> Result<(), TestCaseError> {
    let mut folder = Folder::default();
    let mut world = World::new(config.clone());
    // An index there is from the start.
    let mut export = Export::of_nothing(config);
    for batch in history {
        let tree = folder.run(batch);
        let delta = world.become_tree(tree.clone());
        export.take_in(&world, &delta);
        let again = export.plan_all(&world);
        prop_assert!(
            again.jobs.is_empty() && again.withdraw.is_empty(),
            "left to do: {again:?}"
        );
        for row in export.known.values() {
            prop_assert!(
                is_wanted(&world, row),
                "{} is as planned, but not wanted",
                row.path
            );
        }
        world.vault.recycle();
        let fresh = fresh(config, &tree).texts();
        for path in fresh.keys() {
            let mut folders = path.match_indices('/').map(|(end, _)| &path[..end]);
            prop_assert!(
                !folders.any(|folder| fresh.contains_key(folder)),
                "{} lies below a file",
                path
            );
        }
        prop_assert_eq!(export.texts(), fresh);
    }
    Ok(())
}

fn is_wanted(world: &World, row: &StoredOutput) -> bool {
    let formats = format_plans(world);
    let planner = Planner {
        vault: &world.vault,
        formats: &formats,
        full: false,
    };
    planner.is_wanted(row, |page, format| world.formats.page_path(format, page))
}

/// The vault as a restart finds it: the rows of the manifest, under some rules.
pub(super) fn restarted(vault: &Vault, config: &Config) -> Vault {
    let rules = crate::vault::Rules::new(config);
    let mut again = Load::new(rules.clone(), 0);
    for (id, file) in vault.files().iter() {
        let record = file.to_record();
        let remembered = Remembered {
            id,
            path: file.path.clone(),
            stamp: file.stamp,
            trusted: file.trusted,
            record: record.into(),
            view: file.view,
        };
        again.take_in(recall(&rules, None, remembered).unwrap());
    }
    again.finish().unwrap()
}

/// After a restart with another config: the tree is that of the new one.
fn check_config_change(
    before: &Config,
    after: &Config,
    history: &[Vec<Op>],
) -> Result<(), TestCaseError> {
    let mut folder = Folder::default();
    let tree = history
        .iter()
        .map(|batch| folder.run(batch))
        .last()
        .unwrap_or_default();
    let old = World::of(before, &tree);
    let mut export = fresh(before, &tree);
    let mut world = World {
        vault: restarted(&old.vault, after),
        tree: tree.clone(),
        ..World::new(after.clone())
    };
    if Vault::rules(&world.vault).key() != old.vault.rules().key() {
        world.vault.review_all();
    }
    let plan = export.plan_all(&world);
    export.run(&world, plan);
    prop_assert_eq!(export.texts(), fresh(after, &tree).texts());
    prop_assert_eq!(
        super::incremental::knowledge(&world.vault),
        super::incremental::knowledge(&World::of(after, &tree).vault)
    );
    Ok(())
}

/// Configs that see the same notes differently.
pub(super) fn configs() -> impl Strategy<Value = Config> {
    let tags = || prop::collection::vec(prop::sample::select(vec!["t", "u", "work"]), 0..2);
    let attachments = prop::sample::select(vec![
        Attachments::Referenced,
        Attachments::All,
        Attachments::None,
    ]);
    let switches = (any::<bool>(), any::<bool>(), any::<bool>());
    (switches, attachments, tags(), tags()).prop_map(
        |((slug, moved, alike), attachments, skip, only)| {
            let mut config = Config {
                layout: if slug { Layout::Slug } else { Layout::Mirror },
                attachments,
                skip_tags: skip.into_iter().map(str::to_owned).collect(),
                only_tags: only.into_iter().map(str::to_owned).collect(),
                ..config()
            };
            if moved {
                config.formats[super::world::HTML].dir = "".into();
            }
            if alike {
                config.formats[super::world::CSV].extension = "x.md".into();
            }
            config
        },
    )
}

proptest! {
    #![proptest_config(super::cases(150))]

    #[test]
    fn the_tree_is_that_of_a_fresh_export(config in configs(), history in history()) {
        check(&config, &history)?;
    }

    #[test]
    fn the_tree_is_that_of_a_fresh_export_after_a_config_change(
        before in configs(), after in configs(), history in history(),
    ) {
        check_config_change(&before, &after, &history)?;
    }
}
