//! What a change came from, in a form that costs nothing to pass on.

use crate::path::NotePath;
use crate::vault::table::Files;
use crate::vault::{Because, FileId};

/// The change that something came from: its place among the changes, which are in path order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cause(u32);

/// Why a note is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    New,
    Changed,
    Embeds(Cause),
    LinksTo(Cause),
    LinkedFrom(Cause),
    Shares(Cause),
}

/// The files that changed.
#[derive(Debug, Default)]
pub(super) struct Causes(Vec<Changed>);

#[derive(Debug)]
enum Changed {
    There(FileId),
    Gone(NotePath),
}

impl Causes {
    /// A file that is new or changed.
    pub(super) fn add(&mut self, id: FileId) -> Cause {
        self.push(Changed::There(id))
    }

    /// A file that is gone.
    pub(super) fn add_gone(&mut self, path: NotePath) -> Cause {
        self.push(Changed::Gone(path))
    }

    fn push(&mut self, changed: Changed) -> Cause {
        self.0.push(changed);
        let count = u32::try_from(self.0.len());
        Cause(count.expect("a vault has fewer than 2^31 files") - 1)
    }

    fn path<'a>(&'a self, files: &'a Files, cause: Cause) -> &'a NotePath {
        match &self.0[cause.0 as usize] {
            Changed::There(id) => &files.get(*id).path,
            Changed::Gone(path) => path,
        }
    }

    /// The reason in the log's words.
    pub(super) fn because(&self, files: &Files, reason: Reason) -> Because {
        let path = |cause| self.path(files, cause).clone();
        match reason {
            Reason::New => Because::New,
            Reason::Changed => Because::Changed,
            Reason::Embeds(cause) => Because::Embeds(path(cause)),
            Reason::LinksTo(cause) => Because::LinksTo(path(cause)),
            Reason::LinkedFrom(cause) => Because::LinkedFrom(path(cause)),
            Reason::Shares(cause) => Because::Shares(path(cause)),
        }
    }
}
