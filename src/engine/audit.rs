//! Compares the export tree with the manifest, and the manifest with the vault: at start, after a config change and at
//! each rescan. What is missing, was changed by someone, or belongs to nobody any more is planned again.

use std::collections::{BTreeMap, HashMap};

use super::prepare::Wanted;
use super::{Engine, EngineError};
use crate::hash::Key;
use crate::manifest::{Owner, StoredOutput};
use crate::plan::Planner;
use crate::vault::{Because, FileId, Page};

impl Engine {
    /// Adds to `wanted` whatever has an output that is not as it should be.
    pub(super) fn audit(&self, wanted: &mut Wanted) -> Result<(), EngineError> {
        let planner = Planner {
            vault: &self.vault,
            formats: &self.format_plans,
            full: false,
        };
        let before: HashMap<Box<str>, Key> = self
            .manifest
            .formats()?
            .into_iter()
            .map(|format| (format.name, format.key))
            .collect();
        let mut current: BTreeMap<FileId, usize> = BTreeMap::new();
        let mut pages: BTreeMap<Page, usize> = BTreeMap::new();
        self.load_outputs(|row| {
            let right =
                planner.is_wanted(&row, |page, format| self.formats.page_path(format, page));
            let intact = right
                && !row.replacing
                && row
                    .state
                    .is_some_and(|state| self.outputs.is_intact(&row.path, &state));
            if intact {
                match row.owner {
                    Owner::Note(id) | Owner::Copy(id) => *current.entry(id).or_default() += 1,
                    Owner::Page(name) => {
                        if let Some(page) = Page::from_name(&name) {
                            *pages.entry(page).or_default() += 1;
                        }
                    }
                }
                return;
            }
            let because = if right {
                wanted.damaged.insert(row.path.clone());
                Because::Output
            } else {
                self.why_stale(&row, &before)
            };
            want(wanted, row, because);
        })?;
        self.want_missing(wanted, &current, &pages, &before);
        Ok(())
    }

    fn why_stale(&self, row: &StoredOutput, before: &HashMap<Box<str>, Key>) -> Because {
        let now = self
            .format_plans
            .iter()
            .find(|format| format.name == row.format);
        let same = now.is_none_or(|now| before.get(&row.format) == Some(&now.fingerprint));
        if same && !self.unsaved.settings {
            Because::Changed
        } else {
            Because::Config
        }
    }

    /// Those who should have an output and have none.
    fn want_missing(
        &self,
        wanted: &mut Wanted,
        current: &BTreeMap<FileId, usize>,
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
            let there = current.get(&id).copied().unwrap_or(0);
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
