//! What could not be read when it was looked at, and when to look again: no event tells that a disk works again. Pure.

use std::collections::BTreeMap;
use std::time::Instant;

use super::failures::wait_after;
use crate::disk::Hindrance;
use crate::path::{NotePath, is_below};

/// Files and folders of the notes of which nothing new is known.
#[derive(Clone, Debug, Default)]
pub struct Unreadable(BTreeMap<String, Entry>);

#[derive(Clone, Debug)]
struct Entry {
    error: String,
    attempt: u32,
    /// `None` for what no later look can make any better.
    due: Option<Instant>,
}

impl Unreadable {
    /// What is due to be looked at again.
    pub(super) fn due(&self, now: Instant) -> impl Iterator<Item = NotePath> {
        self.0
            .iter()
            .filter(move |(_, entry)| entry.due.is_some_and(|due| due <= now))
            .filter_map(|(path, _)| NotePath::new(path).ok())
    }

    /// When the next is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.0.values().filter_map(|entry| entry.due).min()
    }

    /// Each path with its error.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, entry)| (&**path, &*entry.error))
    }

    /// Those that the system refused. The others are what they are, and any export leaves them out.
    pub fn refused(&self) -> impl Iterator<Item = (&str, &str)> {
        let refused = self.0.iter().filter(|(_, entry)| entry.due.is_some());
        refused.map(|(path, entry)| (&**path, &*entry.error))
    }

    /// What keeps `path` from being read, and why: itself, or a folder above it.
    pub fn hindrance(&self, path: &str) -> Option<(&str, &str)> {
        self.iter().find(|(top, _)| is_below(path, top))
    }

    /// After a look that `covered` some paths and could not read those in `found`. Returns what was not known before.
    pub(super) fn looked(
        &mut self,
        covered: impl Fn(&str) -> bool,
        found: Vec<(String, Hindrance)>,
        now: Instant,
    ) -> Vec<(String, String)> {
        let mut before = std::mem::take(&mut self.0);
        let mut fresh = Vec::new();
        for (path, hindrance) in found {
            let known = before.remove(&path);
            let attempt = known
                .as_ref()
                .map_or(1, |known| known.attempt.saturating_add(1));
            let due = match hindrance {
                Hindrance::System(_) => Some(now + wait_after(attempt)),
                Hindrance::Itself(_) => None,
            };
            let error = hindrance.to_string();
            if known.is_none_or(|known| known.error != error) {
                fresh.push((path.clone(), error.clone()));
            }
            self.0.insert(
                path,
                Entry {
                    error,
                    attempt,
                    due,
                },
            );
        }
        before.retain(|path, _| !covered(path));
        self.0.append(&mut before);
        fresh
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use super::*;

    fn denied(path: &str) -> Vec<(String, Hindrance)> {
        let error = io::Error::from(io::ErrorKind::PermissionDenied);
        vec![(path.to_owned(), error.into())]
    }

    #[test]
    fn what_is_unreadable_is_told_once_and_tried_less_and_less_often() {
        let (mut unreadable, now) = (Unreadable::default(), Instant::now());
        assert_eq!(unreadable.looked(|_| true, denied("a.md"), now).len(), 1);
        assert_eq!(unreadable.next_due(), Some(now + Duration::from_secs(1)));
        assert_eq!(unreadable.due(now).count(), 0);
        assert!(unreadable.looked(|_| true, denied("a.md"), now).is_empty());
        assert_eq!(unreadable.next_due(), Some(now + Duration::from_secs(2)));
        let later = now + Duration::from_secs(2);
        assert_eq!(unreadable.due(later).next(), NotePath::new("a.md").ok());
    }

    #[test]
    fn what_was_not_looked_at_stays() {
        let (mut unreadable, now) = (Unreadable::default(), Instant::now());
        unreadable.looked(|_| true, denied("a.md"), now);
        unreadable.looked(|path| path == "b.md", Vec::new(), now);
        assert_eq!(unreadable.iter().count(), 1);
        unreadable.looked(|path| path == "a.md", Vec::new(), now);
        assert_eq!(unreadable.iter().count(), 0);
    }

    #[test]
    fn a_name_that_is_no_text_is_not_tried_again() {
        let (mut unreadable, now) = (Unreadable::default(), Instant::now());
        let hindrance = Hindrance::Itself("not UTF-8".to_owned());
        let found = vec![("a\u{fffd}".to_owned(), hindrance)];
        unreadable.looked(|_| true, found, now);
        assert_eq!(unreadable.next_due(), None);
    }
}
