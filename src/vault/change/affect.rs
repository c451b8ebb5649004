//! The last step of a change: who can see it, whose key differs, and what of that the export must be told.

use std::collections::BTreeSet;

use hashbrown::{HashMap, HashSet};

use super::cause::{Cause, Reason};
use super::{SHARE, Update, in_order};
use crate::vault::delta::{Affected, Delta};
use crate::vault::helpers;
use crate::vault::view::View;
use crate::vault::{Because, FileId, Targets};

impl Update<'_> {
    pub(super) fn affect(mut self) -> Delta {
        self.assert_all();
        self.follow_surfaces();
        self.follow_embeds();
        let mut affected = self.review_all();
        for (id, (before, cause)) in std::mem::take(&mut self.backlinks_before) {
            let file = self.vault.files.try_get(id);
            if file.is_some_and(|file| file.exported && file.backlinks != before) {
                affected.entry(id).or_insert(Reason::LinkedFrom(cause));
            }
        }
        if self.vault.rules.reads_pictures() {
            self.follow_pictures(&mut affected);
        }
        self.finish(affected)
    }

    /// Those who show, through any number of embeds, an attachment with other content.
    fn follow_pictures(&self, affected: &mut HashMap<FileId, Reason>) {
        for (picture, cause) in in_order(self.redrawn.clone()) {
            let mut seen = BTreeSet::from([picture]);
            let mut queue = vec![picture];
            while let Some(id) = queue.pop() {
                let incoming = self.vault.files.get(id).incoming.iter();
                for edge in incoming.filter(|edge| id == picture || edge.is_embed()) {
                    if seen.insert(edge.id()) {
                        queue.push(edge.id());
                    }
                }
                let shows = || self.vault.pictures(id).contains(&picture);
                if self.vault.files.get(id).exported && shows() {
                    affected.entry(id).or_insert(Reason::Embeds(cause));
                }
            }
        }
    }

    /// Those who link to or embed a note that looks different to them now.
    fn follow_surfaces(&mut self) {
        for (id, cause) in in_order(std::mem::take(&mut self.resurfaced)) {
            let Some(file) = self.vault.files.try_get(id) else {
                continue;
            };
            // An embed says more than a link beside it.
            for edge in file.incoming.iter().filter(|edge| edge.is_embed()) {
                let reason = Reason::Embeds(cause);
                self.reasons.entry(edge.id()).or_insert(reason);
            }
            for edge in file.incoming.iter().filter(|edge| !edge.is_embed()) {
                let reason = Reason::LinksTo(cause);
                self.reasons.entry(edge.id()).or_insert(reason);
            }
        }
    }

    /// Those who embed, through any number of steps, a note whose text or references changed.
    fn follow_embeds(&mut self) {
        let mut queue: Vec<(FileId, Cause)> = in_order(self.reasons.clone())
            .into_iter()
            .map(|(id, reason)| (id, self.cause_of(id, reason)))
            .collect();
        let mut seen: HashSet<FileId> = queue.iter().map(|(id, _)| *id).collect();
        while let Some((id, cause)) = queue.pop() {
            let incoming = self.vault.files.get(id).incoming.iter();
            for edge in incoming.filter(|edge| edge.is_embed()) {
                if seen.insert(edge.id()) {
                    let reason = Reason::Embeds(cause);
                    self.reasons.entry(edge.id()).or_insert(reason);
                    queue.push((edge.id(), cause));
                }
            }
        }
    }

    /// The change that a note is to be looked at for.
    fn cause_of(&self, id: FileId, reason: Reason) -> Cause {
        match reason {
            Reason::New | Reason::Changed => self.rewritten[&id],
            Reason::Embeds(cause)
            | Reason::LinksTo(cause)
            | Reason::LinkedFrom(cause)
            | Reason::Shares(cause) => cause,
        }
    }

    /// Makes anew the views of all who are to be looked at; those whose view differs are affected.
    fn review_all(&mut self) -> HashMap<FileId, Reason> {
        let mut affected = HashMap::new();
        let reasons = in_order(std::mem::take(&mut self.reasons));
        for share in reasons.chunks(SHARE) {
            let vault = &*self.vault;
            let targets = Targets::new(vault);
            let views = helpers::map(self.helpers, share, |&(id, _)| {
                let facts = vault.files.get(id).facts()?;
                Some(targets.view_of(id, &facts))
            });
            for (&(id, reason), view) in share.iter().zip(views) {
                self.helpers.beat();
                let differs = view.is_some_and(|view| self.review(id, &view));
                let file = self.vault.files.get(id);
                // A note that can't be exported fails again when that may read differently.
                let fails = || {
                    matches!(reason, Reason::New | Reason::Changed | Reason::Shares(_))
                        && self.vault.blocked(id, 0).is_some()
                };
                if (file.exported && differs) || (!file.exported && fails()) {
                    affected.insert(id, reason);
                }
            }
        }
        affected
    }

    /// Takes a note's view over; true when its key differs.
    fn review(&mut self, id: FileId, view: &View) -> bool {
        let file = self.vault.files.get_mut(id);
        let differs = file.view != view.key;
        if view.differs_from(file) {
            self.touched.insert(id);
        }
        view.put_into(file);
        differs
    }

    fn finish(mut self, affected: HashMap<FileId, Reason>) -> Delta {
        for id in self.copies.iter().copied().collect::<Vec<_>>() {
            if let Some(path) = self.vault.files.try_get(id).map(|file| file.path.clone()) {
                self.contest_pages_around(path.as_str());
            }
        }
        let files = &self.vault.files;
        let pages = &self.vault.pages;
        let by_path = |a: &FileId, b: &FileId| files.get(*a).path.cmp(&files.get(*b).path);
        let because = |reason: Reason| -> Because { self.causes.because(files, reason) };
        let mut delta = self.delta;
        let affected = affected.into_iter().map(|(id, reason)| Affected {
            id,
            because: because(reason),
        });
        delta.affected = affected.collect();
        delta
            .affected
            .sort_unstable_by(|a, b| by_path(&a.id, &b.id));
        let copies = self.copies.into_iter();
        delta.copies = copies.filter(|id| files.try_get(*id).is_some()).collect();
        delta.copies.sort_unstable_by(by_path);
        let before = self.pages_before.into_iter();
        delta.pages = before
            .filter(|(page, before)| pages.key(page) != *before)
            .map(|(page, _)| page)
            .chain(self.contested_pages)
            .collect();
        delta.touched = self.touched.into_iter().collect();
        delta.touched.sort_unstable();
        delta
    }
}
