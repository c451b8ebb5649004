//! What the notes say and how they hang together. Pure: nothing in here opens a file.
//!
//! `note` reads one note's bytes into [`facts::NoteFacts`]; `syntax` finds the spans that are
//! note-specific; `resolve` finds what a link means; `graph` keeps who depends on whom.

pub mod anchor;
mod comments;
pub mod facts;
mod frontmatter;
pub mod note;
mod outline;
pub mod resolve;
mod scan;
pub mod syntax;
mod tags;
mod wikilinks;

pub use facts::{Block, FileId, Heading, NoteFacts, NoteKind, Privacy, Problem, Ref, RefKind};
pub use note::Note;
pub use resolve::{Nowhere, Place, Target};
