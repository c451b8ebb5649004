//! What goes into [`Vault::apply`](super::Vault::apply) and what comes out: changes of files, and what they mean for the export.

use std::collections::BTreeSet;
use std::fmt;

use super::page::Page;
use super::{FileId, Problem, SeenNote};
use crate::disk::Stamp;
use crate::path::NotePath;

/// A file that was looked at.
#[derive(Clone, Debug)]
pub struct Change {
    /// Where.
    pub path: NotePath,
    /// What is there now; `None` when nothing is.
    pub now: Option<Seen>,
}

/// What was seen of a file.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its version.
    pub stamp: Stamp,
    /// Whether an equal stamp later means an equal content.
    pub trusted: bool,
    /// What it says; `None` for an attachment.
    pub note: Option<Box<SeenNote>>,
}

/// Why a note is exported again. Its text is the log's `because`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    /// It was not exported before.
    New,
    /// Its own text changed.
    Changed,
    /// It embeds what changed, perhaps through other notes.
    Embeds(NotePath),
    /// A link of it leads elsewhere now.
    LinksTo(NotePath),
    /// Another note's reference to it came, went or looks different.
    LinkedFrom(NotePath),
    /// A note that wants the same output came, went or changed.
    Shares(NotePath),
    /// The config changed.
    Config,
    /// Its output is missing or was changed by someone.
    Output,
    /// It failed before.
    Retry,
    /// All is exported again, as asked for.
    Full,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("new"),
            Self::Changed => f.write_str("changed"),
            Self::Embeds(path) => write!(f, "embeds {path}"),
            Self::LinksTo(path) => write!(f, "links to {path}"),
            Self::LinkedFrom(path) => write!(f, "linked from {path}"),
            Self::Shares(path) => write!(f, "shares an output with {path}"),
            Self::Config => f.write_str("config"),
            Self::Output => f.write_str("output missing or changed"),
            Self::Retry => f.write_str("retry"),
            Self::Full => f.write_str("full"),
        }
    }
}

/// A note to export again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    /// The note. It is exported, or blocked ([`Vault::blocked`](super::Vault::blocked)): then its jobs fail.
    pub id: FileId,
    /// Why.
    pub because: Because,
}

/// What some changes mean.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Files that are new or whose content changed, in path order.
    pub changed: Vec<FileId>,
    /// What is wrong with the front matter of those among them.
    pub problems: Vec<(FileId, Problem)>,
    /// Files that are gone.
    pub removed: Vec<(FileId, NotePath)>,
    /// Notes to export again, in path order.
    pub affected: Vec<Affected>,
    /// Notes that are still there and no longer exported.
    pub withdrawn: Vec<FileId>,
    /// Attachments to copy again or to withdraw ([`Vault::is_copied`](super::Vault::is_copied) tells which), in path order.
    pub copies: Vec<FileId>,
    /// Pages that list something else now, and those at whose place another file of the export came or went.
    pub pages: BTreeSet<Page>,
    /// Files of which something is known that was not known before, for the manifest.
    pub touched: Vec<FileId>,
}

impl Delta {
    /// Whether nothing follows for the export.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty()
            && self.removed.is_empty()
            && self.affected.is_empty()
            && self.withdrawn.is_empty()
            && self.copies.is_empty()
            && self.pages.is_empty()
    }
}
