//! The facts of a note: all that another note, the planner or an index page needs to know of it,
//! without its text. They are kept in memory for every note and in the manifest, so they are small.

use serde::{Deserialize, Serialize};

use crate::hash::ContentHash;

/// A file of the vault (a note or an attachment): an index into dense tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId(pub u32);

/// How a note file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoteKind {
    /// Markdown with optional YAML front matter.
    Markdown,
    /// One object `{"title", "body", "tags"}`.
    Json,
    /// The body alone.
    Text,
}

impl NoteKind {
    /// The kind that an extension stands for; whatever is neither JSON nor plain text is Markdown.
    pub fn of_extension(extension: &str) -> Self {
        match extension {
            e if e.eq_ignore_ascii_case("json") => Self::Json,
            e if e.eq_ignore_ascii_case("txt") => Self::Text,
            _ => Self::Markdown,
        }
    }
}

/// Whether a note's own words let it out of the vault (tag filters come on top of this).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Privacy {
    /// Nothing keeps it in.
    Public,
    /// `export: false`, `publish: false`, `draft: true` or `private: true`.
    Private,
    /// The front matter can't be read and holds one of the words that keep a note private.
    Withheld,
    /// The front matter can't be read: withheld while tag filters are set, otherwise exported.
    Unreadable,
}

/// Something in a note that its writer should know of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Line in the file, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong, in one line.
    pub message: Box<str>,
}

/// The form of a link or embed in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RefKind {
    /// `[[target|label]]`
    WikiLink,
    /// `![[target|label]]`
    WikiEmbed,
    /// `[label](target)` or a reference link, where the target is a local path; `<a href="target">` and its like.
    Link,
    /// `![label](target)`, where the target is a local path; `<img src="target">` and its like.
    Image,
}

impl RefKind {
    /// Whether the target's content is shown in place (if it is a note, it is inlined).
    pub fn is_embed(self) -> bool {
        matches!(self, Self::WikiEmbed)
    }

    /// Whether an attachment is shown in place, as far as it can be.
    pub fn is_shown(self) -> bool {
        matches!(self, Self::WikiEmbed | Self::Image)
    }

    /// Whether it is written as Markdown writes links: its target is then a path first, and a name only after that.
    pub fn is_markdown(self) -> bool {
        matches!(self, Self::Link | Self::Image)
    }
}

/// A link or an embed, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ref {
    /// Its form.
    pub kind: RefKind,
    /// Byte offset of its first byte in the note's text.
    pub start: u32,
    /// Byte offset after its last byte.
    pub end: u32,
    /// The path part, decoded (no `%20`, no `\|`), trimmed; "" for a link within the same note.
    pub target: Box<str>,
    /// What follows the first `#`, without it: `Heading`, `Heading#Sub`, `^block` or "".
    pub fragment: Box<str>,
}

/// A heading of the note itself (never of what it embeds), in text order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// 1 to 6.
    pub level: u8,
    /// Byte offset of the heading's first byte.
    pub start: u32,
    /// Byte offset after what an embed of it shows: its section, within the quote or list that it is in.
    pub end: u32,
    /// Its text without markup.
    pub text: Box<str>,
    /// GitHub's anchor for it, unique in the note (`-1` for a repeat).
    pub anchor: Box<str>,
    /// Hash of all that an embed of it shows.
    pub hash: u64,
}

/// A block with an id (`^id`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The id without `^`.
    pub id: Box<str>,
    /// Byte offset of the block's first byte.
    pub start: u32,
    /// Byte offset after its last byte (the id included).
    pub end: u32,
    /// Hash of all that an embed of it shows.
    pub hash: u64,
}

/// All that is known of a note besides its text. It begins as [`Head`] does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteFacts {
    /// How the file was read.
    pub kind: NoteKind,
    /// Hash of the file's bytes.
    pub content: ContentHash,
    /// Front matter `title`, else the first level-1 heading, else the file's stem.
    pub title: Box<str>,
    /// Every tag once, without `#`, in the order and spelling of its first use.
    pub tags: Vec<Box<str>>,
    /// Front matter `aliases` / `alias`.
    pub aliases: Vec<Box<str>>,
    /// Whether its own words keep it in.
    pub privacy: Privacy,
    /// What is wrong with its front matter, if anything.
    pub problem: Option<Problem>,
    /// Byte offset in the text where the body starts (after the front matter's closing line).
    pub body_start: u32,
    /// Hash of all that an embed of the whole note shows.
    pub body_hash: u64,
    /// Links and embeds in text order.
    pub refs: Vec<Ref>,
    /// Headings in text order.
    pub headings: Vec<Heading>,
    /// Blocks with an id, in text order; the first wins where an id repeats.
    pub blocks: Vec<Block>,
}

/// The first of a note's facts: what decides whether it is exported, where, and on which pages it is listed. Reading
/// them alone takes a tenth of the time.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Head<'a> {
    _kind: NoteKind,
    _content: ContentHash,
    /// See [`NoteFacts::title`].
    pub title: &'a str,
    /// See [`NoteFacts::tags`].
    pub tags: Vec<Box<str>>,
    #[serde(borrow)]
    _aliases: Vec<&'a str>,
    /// See [`NoteFacts::privacy`].
    pub privacy: Privacy,
}

/// Facts as bytes: what is kept of a note at rest, in memory and in the manifest. A tenth of a decoded note's size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedFacts(Box<[u8]>);

impl PackedFacts {
    /// Packs facts.
    pub fn pack(facts: &NoteFacts) -> Self {
        let bytes = postcard::to_allocvec(facts);
        Self(
            bytes
                .expect("facts are plain data and memory is their only limit")
                .into(),
        )
    }

    /// Takes packed facts from outside, and gives them unpacked too.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn check(bytes: &[u8]) -> Result<(Self, NoteFacts), postcard::Error> {
        let facts = postcard::from_bytes(bytes)?;
        Ok((Self(bytes.into()), facts))
    }

    /// The facts.
    pub fn unpack(&self) -> NoteFacts {
        postcard::from_bytes(&self.0).expect("the bytes came from pack or passed check")
    }

    /// The first of the facts.
    pub fn head(&self) -> Head<'_> {
        let head = postcard::take_from_bytes(&self.0);
        head.expect("the bytes came from pack or passed check").0
    }

    /// As bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::NotePath;
    use crate::vault::note;

    #[test]
    fn facts_begin_with_their_head() {
        let text =
            "---\ntitle: T\ntags: [a, b/c]\naliases: [x, y]\ndraft: true\n---\n# H\n\n[[b]] ^id\n";
        let facts = note::parse(&NotePath::new("n.md").unwrap(), text.as_bytes()).facts;
        let packed = PackedFacts::pack(&facts);
        let head = packed.head();
        assert_eq!(
            (head.title, &head.tags, head.privacy),
            (&*facts.title, &facts.tags, Privacy::Private)
        );
        assert_eq!(packed.unpack(), facts);
    }
}
