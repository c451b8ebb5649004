//! The kernel's side of the watch, and the adversary between it and the daemon: which hints a change gives, and in
//! which order, how often and how late they come. It may drop hints, but then says so, as an overflowing queue does.

use std::collections::BTreeMap;

use smartnotesd::path::NotePath;
use smartnotesd::watch::Inbox;

use crate::notes::{Touched, parent};
use crate::rng::Rng;

/// What waits to be delivered.
#[derive(Clone, Debug)]
enum Event {
    /// Look at this path.
    Hint(String),
    /// The folder watched under this path moved or went: nothing at or below it is watched any more.
    Forget(String),
    /// Events were lost.
    Overflow,
}

/// What was done to events, for the report.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EventCounts {
    pub(crate) delivered: u64,
    pub(crate) reordered: u64,
    pub(crate) duplicated: u64,
    pub(crate) dropped: u64,
    pub(crate) overflows: u64,
}

/// Watches and the queue of events.
#[derive(Debug, Default)]
pub(crate) struct Kernel {
    /// From a folder's inode to the path under which it is watched, which may be out of date.
    watches: BTreeMap<u64, String>,
    queue: Vec<Event>,
    pub(crate) counts: EventCounts,
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

fn is_at_or_below(path: &str, top: &str) -> bool {
    top.is_empty()
        || path
            .strip_prefix(top)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Kernel {
    /// A change of the tree. `inode_of` tells the inode of the folder that an entry lies in.
    pub(crate) fn changed(&mut self, touched: &[Touched], inode_of: impl Fn(&str) -> Option<u64>) {
        for touched in touched {
            match touched {
                Touched::Entry(path) => {
                    let watched = inode_of(parent(path)).and_then(|inode| self.watches.get(&inode));
                    if let Some(folder) = watched {
                        let name = path.rsplit('/').next().unwrap_or(path);
                        self.queue.push(Event::Hint(join(folder, name)));
                    }
                }
                Touched::Moved(_, inode) => {
                    if let Some(watched) = self.watches.get(inode) {
                        self.queue.push(Event::Forget(watched.clone()));
                    }
                }
            }
        }
    }

    /// A folder is about to be listed.
    pub(crate) fn watch(&mut self, folder: &str, inode: u64) {
        self.watches.insert(inode, folder.to_owned());
    }

    /// After a listing of `top`: what it did not find is watched no longer, and is looked at again.
    pub(crate) fn retain(&mut self, top: &str, listed: &[&str], inbox: &Inbox) {
        let gone: Vec<(u64, String)> = self
            .watches
            .iter()
            .filter(|(_, path)| {
                is_at_or_below(path, top) && !listed.iter().any(|listed| **listed == ***path)
            })
            .map(|(inode, path)| (*inode, path.clone()))
            .collect();
        for (inode, path) in gone {
            self.watches.remove(&inode);
            mark(inbox, &path);
        }
    }

    /// The daemon begins anew to watch: no event of before matters any more.
    pub(crate) fn forget_all(&mut self) {
        self.watches.clear();
        self.queue.clear();
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.queue.is_empty()
    }

    /// Delivers some events, as the adversary likes; `all` leaves none.
    pub(crate) fn deliver(&mut self, rng: &mut Rng, inbox: &Inbox, all: bool) {
        if self.queue.is_empty() {
            return;
        }
        if rng.chance(6) {
            let kept = rng.index(self.queue.len());
            let lost = self.queue.split_off(kept);
            self.counts.dropped += lost.len() as u64;
            self.counts.overflows += 1;
            // A watch that is gone stays gone, whoever hears of it.
            self.queue.extend(
                lost.into_iter()
                    .filter(|event| matches!(event, Event::Forget(_))),
            );
            self.queue.push(Event::Overflow);
        }
        if rng.chance(30) {
            self.counts.reordered += self.queue.len() as u64;
            rng.shuffle(&mut self.queue);
        }
        let count = if all {
            self.queue.len()
        } else {
            rng.index(self.queue.len() + 1)
        };
        let events: Vec<Event> = self.queue.drain(..count).collect();
        for event in events {
            if rng.chance(10) {
                self.counts.duplicated += 1;
                self.queue.push(event.clone());
            }
            self.counts.delivered += 1;
            self.hear(&event, inbox);
        }
    }

    fn hear(&mut self, event: &Event, inbox: &Inbox) {
        match event {
            Event::Hint(path) => mark(inbox, path),
            Event::Forget(folder) => {
                self.watches.retain(|_, path| !is_at_or_below(path, folder));
                mark(inbox, folder);
            }
            Event::Overflow => inbox.mark_all(),
        }
    }
}

fn mark(inbox: &Inbox, path: &str) {
    match NotePath::new(path) {
        Ok(path) => inbox.mark(path),
        Err(_) => inbox.mark_all(),
    }
}
