//! Compares the export tree with the manifest, and the manifest with the vault: at start, after a config change and at
//! each rescan. What is missing, was changed by someone, or belongs to nobody any more is planned again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::prepare::Wanted;
use super::relay::share;
use super::{Engine, EngineError};
use crate::batch::Progress;
use crate::disk::OutputDisk;
use crate::export::Formats;
use crate::hash::Key;
use crate::manifest::{Owner, StoredOutput};
use crate::plan::Planner;
use crate::sync::lock;
use crate::vault::{Because, FileId, Page};

/// What is needed to judge an output, by any thread.
struct Judge<'a> {
    planner: Planner<'a>,
    formats: &'a Formats,
    outputs: &'a dyn OutputDisk,
    progress: &'a Progress,
    /// How many outputs of each file are as they should be, by its id.
    current: Vec<AtomicUsize>,
    /// The same of pages.
    pages: Mutex<BTreeMap<Page, usize>>,
}

impl Judge<'_> {
    /// Counts those that are as they should be. The others come back, with whether they are wanted as the manifest knows
    /// them.
    fn judge_all(&self, rows: Vec<StoredOutput>) -> Vec<(StoredOutput, bool)> {
        self.progress.beat();
        let states = rows
            .iter()
            .filter_map(|row| Some((&row.path, row.state.as_ref()?)));
        let states: Vec<_> = states.collect();
        let mut are_intact = self.outputs.are_intact(&states).into_iter();
        let mut others = Vec::new();
        for row in rows {
            let place = |page: &Page, format| self.formats.page_path(format, page);
            let right = self.planner.is_wanted(&row, place);
            let is_intact = row.state.is_some() && are_intact.next() == Some(true);
            if !right || row.replacing || !is_intact {
                others.push((row, right));
                continue;
            }
            match row.owner {
                Owner::Note(id) | Owner::Copy(id) => {
                    self.current[id.0 as usize].fetch_add(1, Ordering::Relaxed);
                }
                Owner::Page(name) => {
                    if let Some(page) = Page::from_name(&name) {
                        *lock(&self.pages).entry(page).or_default() += 1;
                    }
                }
            }
        }
        others
    }
}

impl Engine {
    /// Adds to `wanted` whatever has an output that is not as it should be.
    pub(super) fn audit(&self, wanted: &mut Wanted) -> Result<(), EngineError> {
        let before: HashMap<Box<str>, Key> = self
            .ledger
            .manifest
            .formats()?
            .into_iter()
            .map(|format| (format.name, format.key))
            .collect();
        let judge = Judge {
            planner: Planner {
                vault: &self.vault,
                formats: &self.format_plans,
                full: false,
            },
            formats: &self.formats,
            outputs: &*self.outputs,
            progress: &self.progress,
            current: std::iter::repeat_with(AtomicUsize::default)
                .take(self.vault.files().slots())
                .collect(),
            pages: Mutex::default(),
        };
        let others = share(
            |hand_over| self.ledger.load_outputs(hand_over),
            |rows| judge.judge_all(rows),
        )?;
        let Judge { current, pages, .. } = judge;
        let mut others = others.concat();
        // Whichever thread found it, the first reason of several is always the same.
        others.sort_unstable_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        for (row, right) in others {
            let because = if right {
                wanted.damaged.insert(row.path.clone());
                Because::Output
            } else {
                self.why_stale(&row, &before)
            };
            want(wanted, row, because);
        }
        self.want_missing(wanted, &current, &lock(&pages), &before);
        Ok(())
    }

    fn why_stale(&self, row: &StoredOutput, before: &HashMap<Box<str>, Key>) -> Because {
        let now = self
            .format_plans
            .iter()
            .find(|format| format.name == row.format);
        let same = now.is_none_or(|now| before.get(&row.format) == Some(&now.fingerprint));
        if same && !self.ledger.unsaved.settings {
            Because::Changed
        } else {
            Because::Config
        }
    }

    /// Those who should have an output and have none.
    fn want_missing(
        &self,
        wanted: &mut Wanted,
        current: &[AtomicUsize],
        pages: &BTreeMap<Page, usize>,
        before: &HashMap<Box<str>, Key>,
    ) {
        let known = |name: &str| before.contains_key(name);
        let because = || {
            if !before.is_empty() && self.format_plans.iter().any(|format| !known(&format.name)) {
                Because::Config
            } else {
                Because::Output
            }
        };
        for (id, file) in self.vault.files().iter() {
            let there = current[id.0 as usize].load(Ordering::Relaxed);
            if !file.is_note() {
                if there == 0 && self.vault.is_copied(id) {
                    wanted.copies.entry(id).or_insert_with(because);
                }
            } else if (file.exported || self.vault.blocked(id, 0).is_some())
                && there < self.format_plans.len()
            {
                wanted.notes.entry(id).or_insert_with(because);
            }
        }
        let with_pages = self
            .format_plans
            .iter()
            .filter(|format| format.has_pages)
            .count();
        if with_pages > 0 {
            wanted.pages.extend(
                self.vault
                    .pages()
                    .iter()
                    .filter(|page| pages.get(page).copied().unwrap_or(0) < with_pages),
            );
        }
    }
}

/// Has the owner of a row planned again; what has no owner any more is withdrawn.
pub(super) fn want(wanted: &mut Wanted, row: StoredOutput, because: Because) {
    match row.owner {
        Owner::Note(id) => prefer_output(&mut wanted.notes, id, because),
        Owner::Copy(id) => prefer_output(&mut wanted.copies, id, because),
        Owner::Page(name) => match Page::from_name(&name) {
            Some(page) => {
                wanted.pages.insert(page);
            }
            None => {
                wanted.withdraw.insert(row.path);
            }
        },
    }
}

/// Notes a reason where there is none yet. That an output is missing or was edited comes before all others: it alone has an
/// output made again that the manifest thinks current.
fn prefer_output(reasons: &mut BTreeMap<FileId, Because>, id: FileId, because: Because) {
    if because == Because::Output {
        reasons.insert(id, because);
    } else {
        reasons.entry(id).or_insert(because);
    }
}
