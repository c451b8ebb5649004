//! The second step of a change: who has which place of the export now, and whom that concerns. The rule itself is in
//! `places`; here is only what has to be asked again when claims come and go.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cause, Update};
use crate::vault::places::above;
use crate::vault::{Because, FileId, NoteFacts, Page};

impl Update<'_> {
    /// Moves a note's claim on an output from the old facts to the new ones.
    pub(super) fn claim(&mut self, id: FileId, old: Option<&NoteFacts>, new: Option<&NoteFacts>) {
        let path = self.vault.files.get(id).path.clone();
        let rules = &self.vault.rules;
        let stem = |facts: Option<&NoteFacts>| {
            let facts = facts.filter(|facts| rules.lets_out(facts.privacy, &facts.tags))?;
            Some(rules.stem(&path, &facts.title)).filter(|stem| rules.fits(stem))
        };
        let (before, after) = (stem(old), stem(new));
        if before == after {
            return;
        }
        let claims = &mut self.vault.claims;
        let mut folders = Vec::new();
        if let Some(stem) = before {
            folders.extend(claims.remove(rules, &stem, id));
            self.contested.insert(stem, path.clone());
        }
        if let Some(stem) = after {
            folders.extend(claims.add(rules, &stem, id));
            self.contested.insert(stem, path.clone());
        }
        let folders = folders.into_iter();
        self.refolded
            .extend(folders.map(|folder| (folder, path.clone())));
        if new.is_some() {
            self.resurfaced.insert(id, path);
        }
    }

    /// Decides anew who is exported, among the changed notes and those who share an output with one.
    pub(super) fn settle(&mut self) {
        self.contest_files();
        self.contest_sharing();
        let contested = std::mem::take(&mut self.contested);
        let mut doubtful: BTreeMap<FileId, Option<Cause>> = BTreeMap::new();
        for (stem, cause) in &contested {
            for &id in self.vault.claims.of(stem) {
                doubtful.insert(id, Some(cause.clone()));
            }
            self.contest_place(stem, cause);
        }
        for &id in self.reasons.keys().chain(self.resurfaced.keys()) {
            doubtful.entry(id).or_insert(None);
        }
        for (id, cause) in doubtful {
            (self.beat)();
            self.settle_one(id, cause);
        }
    }

    fn settle_one(&mut self, id: FileId, contest: Option<Cause>) {
        let exported = self.is_exported(id);
        let file = self.vault.files.get(id);
        let cause = match &contest {
            // It changed itself.
            _ if self.reasons.contains_key(&id) => file.path.clone(),
            Some(cause) => cause.clone(),
            None => file.path.clone(),
        };
        if let Some(contest) = contest
            && (file.exported || exported || self.vault.blocked(id, 0).is_some())
        {
            self.reasons.entry(id).or_insert(Because::Shares(contest));
        }
        if self.vault.files.get(id).exported == exported {
            return;
        }
        self.retract(id, &cause);
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
                    contested.or_insert_with(|| cause.clone());
                }
                self.contest_attachment(&output, &cause);
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
                contested.or_insert_with(|| cause.clone());
            }
        }
    }

    /// Attachments and pages that lie where a note's output goes or went, and attachments below.
    fn contest_place(&mut self, stem: &str, cause: &Cause) {
        for format in 0..self.vault.rules.formats() {
            let output = self.vault.rules.output(stem, format);
            self.contest_pages(output.as_str());
            self.contest_attachment(output.as_str(), cause);
            for &id in self.vault.claims.attachments_below(output.as_str()) {
                self.copies.insert(id);
                self.resurfaced.insert(id, cause.clone());
            }
        }
    }

    /// An attachment that lies at a path of the export.
    fn contest_attachment(&mut self, path: &str, cause: &Cause) {
        if let Some(id) = self.vault.files.find(path)
            && !self.vault.files.get(id).is_note()
        {
            self.copies.insert(id);
            self.resurfaced.insert(id, cause.clone());
        }
    }

    /// Pages that lie at a path of the export.
    fn contest_pages(&mut self, path: &str) {
        self.contested_pages
            .extend(self.vault.rules.stems_at(path).filter_map(Page::at));
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
