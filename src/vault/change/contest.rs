//! The second step of a change: who has which place of the export now, and whom that concerns. The rule itself is in
//! `places`; here is only what has to be asked again when claims come and go.

use std::collections::{BTreeMap, BTreeSet};

use super::Update;
use super::cause::{Cause, Reason};
use crate::vault::places::above;
use crate::vault::{FileId, Page};

/// A note whose place is to be decided anew.
#[derive(Clone, Copy, Default)]
struct Doubt {
    /// The change of those who want its stem, if that is why.
    contest: Option<Cause>,
    /// Whether it is let out and the place is its own, where that is known already.
    has_place: Option<bool>,
}

impl Update<'_> {
    /// Moves a note's claim on an output from one stem to another.
    pub(super) fn claim(
        &mut self,
        id: FileId,
        cause: Cause,
        before: Option<&str>,
        after: Option<String>,
    ) {
        if before == after.as_deref() {
            return;
        }
        let rules = &self.vault.rules;
        let claims = &mut self.vault.claims;
        let mut folders = Vec::new();
        if let Some(stem) = before {
            folders.extend(claims.remove(rules, stem, id));
            self.contested.insert(stem.to_owned(), cause);
        }
        if let Some(stem) = after {
            folders.extend(claims.add(rules, &stem, id));
            self.contested.insert(stem, cause);
        }
        let folders = folders.into_iter();
        self.refolded.extend(folders.map(|folder| (folder, cause)));
        self.resurfaced.insert(id, cause);
    }

    /// Decides anew who is exported, among the changed notes and those who share an output with one.
    pub(super) fn settle(&mut self) {
        self.contest_files();
        self.contest_sharing();
        let contested = std::mem::take(&mut self.contested);
        let mut doubtful: BTreeMap<FileId, Doubt> = BTreeMap::new();
        for (stem, &cause) in &contested {
            let claimants = self.vault.claims.of(stem);
            let owner = self.vault.owner_of(stem);
            for &id in claimants {
                // The claims hold hashes: it may want another stem.
                let wants_it = owner == Some(id) || self.vault.stem(id) == *stem;
                let doubt = Doubt {
                    contest: Some(cause),
                    has_place: wants_it.then_some(owner == Some(id)),
                };
                doubtful.insert(id, doubt);
            }
            self.contest_place(stem, cause);
        }
        for &id in self.reasons.keys().chain(self.resurfaced.keys()) {
            doubtful.entry(id).or_default();
        }
        for (id, doubt) in doubtful {
            self.helpers.beat();
            self.settle_one(id, doubt);
        }
    }

    fn settle_one(&mut self, id: FileId, Doubt { contest, has_place }: Doubt) {
        let exported = has_place.unwrap_or_else(|| self.is_exported(id));
        let was_exported = self.vault.files.get(id).exported;
        if let Some(contest) = contest
            && (was_exported || exported || self.vault.blocked(id, 0).is_some())
        {
            let reason = Reason::Shares(contest);
            self.reasons.entry(id).or_insert(reason);
        }
        if was_exported == exported {
            return;
        }
        let itself = self.rewritten.get(&id).copied();
        let cause = itself
            .or(contest)
            .or_else(|| self.resurfaced.get(&id).copied());
        let cause = cause.expect("nobody's place is in doubt without a change");
        self.retract(id, cause);
        self.vault.files.get_mut(id).exported = exported;
        self.resurfaced.insert(id, cause);
        if !exported {
            self.delta.withdrawn.push(id);
        }
    }

    /// Whatever would be a file where notes came to need a folder, or no longer do.
    fn contest_files(&mut self) {
        for (folder, cause) in std::mem::take(&mut self.refolded) {
            let outputs: BTreeSet<String> = self.vault.rules.folder_outputs(&folder).collect();
            for output in outputs {
                for stem in self.vault.rules.stems_at(&output) {
                    let contested = self.contested.entry(stem.to_owned());
                    contested.or_insert(cause);
                }
                self.contest_attachment(&output, cause);
                self.contest_pages(&output);
            }
        }
    }

    /// Stems that share an output with one whose claimants changed.
    fn contest_sharing(&mut self) {
        if !self.vault.rules.shares_outputs() {
            return;
        }
        for (stem, cause) in self.contested.clone() {
            for other in self.vault.rules.sharing(&stem) {
                let contested = self.contested.entry(other);
                contested.or_insert(cause);
            }
        }
    }

    /// Attachments and pages that lie where a note's output goes or went, and attachments below.
    fn contest_place(&mut self, stem: &str, cause: Cause) {
        for format in 0..self.vault.rules.formats() {
            let output = self.vault.rules.output(stem, format);
            self.contest_pages(output.as_str());
            self.contest_attachment(output.as_str(), cause);
            for &id in self.vault.claims.attachments_below(output.as_str()) {
                self.copies.insert(id);
                self.resurfaced.insert(id, cause);
            }
        }
    }

    /// An attachment that lies at a path of the export.
    fn contest_attachment(&mut self, path: &str, cause: Cause) {
        if let Some(id) = self.vault.files.find(path)
            && !self.vault.files.get(id).is_note()
        {
            self.copies.insert(id);
            self.resurfaced.insert(id, cause);
        }
    }

    /// Pages that lie at a path of the export.
    fn contest_pages(&mut self, path: &str) {
        if self.vault.rules.has_pages() {
            let stems = self.vault.rules.stems_at(path);
            self.contested_pages.extend(stems.filter_map(Page::at));
        }
    }

    /// Pages that lie where an attachment goes or went, above it or below.
    pub(super) fn contest_pages_around(&mut self, path: &str) {
        self.contest_pages(path);
        for folder in above(path) {
            self.contest_pages(folder);
        }
        let rules = &self.vault.rules;
        let folders = rules.folders_at(path);
        for folder in folders.filter(|folder| Page::may_lie_below(folder)) {
            let lies_below = |page: &Page| {
                let stem = page.stem();
                stem.strip_prefix(folder)
                    .is_some_and(|rest| rest.starts_with('/'))
            };
            let below = self.vault.pages.iter().filter(lies_below);
            self.contested_pages.extend(below);
        }
    }

    fn is_exported(&self, id: FileId) -> bool {
        let file = self.vault.files.get(id);
        file.head().is_some_and(|facts| {
            let rules = &self.vault.rules;
            rules.lets_out(facts.privacy, &facts.tags)
                && self.vault.owner_of(&rules.stem(&file.path, &facts.title)) == Some(id)
        })
    }
}
