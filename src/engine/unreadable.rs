//! What in the notes folder can't be looked at, why, and when to try again. Pure.
//!
//! The kernel tells when a permission is given, but not when the process may open files again or a disk has recovered.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};
use std::time::Instant;

use super::failures::wait_after;
use crate::path::NotePath;
use crate::watch::Dirty;

/// What can't be looked at: what is known of it stays.
#[derive(Debug, Default)]
pub(super) struct Unreadable {
    reasons: BTreeMap<String, Reason>,
    attempt: u32,
    due: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq)]
struct Reason {
    error: String,
    /// Whether it can pass without anything being changed in the notes folder.
    can_pass: bool,
}

impl Unreadable {
    /// A look has ended: `looked_at` is where, `found` what it could not read. Returns those of them that are new.
    pub(super) fn settle(
        &mut self,
        looked_at: &Dirty,
        found: Vec<(String, Error)>,
        now: Instant,
    ) -> Vec<(String, String)> {
        let mut before = std::mem::take(&mut self.reasons);
        let mut fresh = Vec::new();
        for (path, error) in found {
            let reason = Reason {
                // A name or a rule that makes no sense is made right by changing it.
                can_pass: error.kind() != ErrorKind::InvalidData,
                error: error.to_string(),
            };
            if before.remove(&path).as_ref() != Some(&reason) {
                fresh.push((path.clone(), reason.error.clone()));
            }
            self.reasons.insert(path, reason);
        }
        let is_looked_at = |path: &String| {
            looked_at.everything || looked_at.paths.iter().any(|other| other.as_str() == path)
        };
        before.retain(|path, _| !is_looked_at(path));
        self.reasons.extend(before);
        self.plan_next(now);
        fresh
    }

    fn plan_next(&mut self, now: Instant) {
        if !self.reasons.values().any(|reason| reason.can_pass) {
            self.attempt = 0;
            self.due = None;
        } else if self.due.is_none() {
            self.attempt = self.attempt.saturating_add(1);
            self.due = Some(now + wait_after(self.attempt));
        }
    }

    /// When to look again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Adds to `dirty` what is to be looked at again by now.
    pub(super) fn add_due(&mut self, now: Instant, dirty: &mut Dirty) {
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        self.due = None;
        if dirty.everything {
            return;
        }
        let passing = self.reasons.iter().filter(|(_, reason)| reason.can_pass);
        dirty
            .paths
            .extend(passing.filter_map(|(path, _)| NotePath::new(path).ok()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn refused(path: &str, kind: ErrorKind) -> (String, Error) {
        (path.to_owned(), kind.into())
    }

    fn paths(paths: &[&str]) -> Dirty {
        Dirty {
            paths: paths
                .iter()
                .map(|path| NotePath::new(path).unwrap())
                .collect(),
            ..Dirty::default()
        }
    }

    #[test]
    fn what_may_pass_is_looked_at_less_and_less_often_until_it_can_be_read() {
        let mut unreadable = Unreadable::default();
        let now = Instant::now();
        let found = || {
            vec![
                refused("a.md", ErrorKind::Other),
                refused("b\u{fffd}.md", ErrorKind::InvalidData),
            ]
        };
        assert_eq!(unreadable.settle(&Dirty::default(), found(), now).len(), 2);
        let mut dirty = Dirty::default();
        unreadable.add_due(now, &mut dirty);
        assert!(dirty.is_empty());
        assert_eq!(unreadable.due(), Some(now + SECOND));
        let later = now + SECOND;
        unreadable.add_due(later, &mut dirty);
        assert_eq!(dirty, paths(&["a.md"]));
        // Said once.
        let again = vec![refused("a.md", ErrorKind::Other)];
        assert!(unreadable.settle(&dirty, again, later).is_empty());
        assert_eq!(unreadable.due(), Some(later + 2 * SECOND));
        // A look elsewhere changes nothing.
        unreadable.settle(&paths(&["c.md"]), Vec::new(), later);
        assert_eq!(unreadable.due(), Some(later + 2 * SECOND));
        unreadable.settle(&paths(&["a.md"]), Vec::new(), later);
        assert_eq!((unreadable.due(), unreadable.attempt), (None, 0));
    }

    #[test]
    fn another_reason_is_told() {
        let mut unreadable = Unreadable::default();
        let now = Instant::now();
        for kind in [ErrorKind::PermissionDenied, ErrorKind::Other] {
            let found = vec![refused("a.md", kind)];
            assert_eq!(unreadable.settle(&paths(&["a.md"]), found, now).len(), 1);
        }
    }
}
