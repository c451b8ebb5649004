//! The facts of a note: all that another note, the planner or an index page needs to know of it,
//! without its text. They are kept in memory for every note and in the manifest, so they are small.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::footnotes::Footnotes;
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

impl Ref {
    /// The target without what follows its first `?`, where that may be a query: in a Markdown link, unless a file is
    /// called that.
    pub fn without_query(&self) -> Option<&str> {
        without_query(self.kind, &self.target)
    }
}

/// See [`Ref::without_query`].
pub(super) fn without_query(kind: RefKind, target: &str) -> Option<&str> {
    let (path, _) = target.split_once('?').filter(|_| kind.is_markdown())?;
    (!path.is_empty()).then_some(path)
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

impl Heading {
    /// Whether it lies in a footnote that nothing mentions.
    pub fn is_hidden(&self, footnotes: &Footnotes) -> bool {
        footnotes.hide(&(self.start..self.start))
    }
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

impl Block {
    /// Whether it lies in a footnote that nothing mentions.
    pub fn is_hidden(&self, footnotes: &Footnotes) -> bool {
        footnotes.hide(&(self.start..self.end))
    }
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
    /// Its footnotes: an embed of a part shows those that it mentions.
    pub footnotes: Footnotes,
    /// The ids of elements of raw HTML, and the names of its anchors, in text order. What is in a footnote that nothing
    /// mentions is on no page, and is left out.
    pub elements: Vec<Box<str>>,
}

/// Where packed facts lie outside of memory. What was put there stays as it is for as long as the shelf lives.
pub trait Shelf: fmt::Debug + Send + Sync {
    /// Puts bytes there; `None` when they can't be, and stay in memory.
    fn put(&self, bytes: &[u8]) -> Option<Place>;

    /// What was put there.
    fn get(&self, place: Place) -> Vec<u8>;

    /// How many bytes lie there, those that nobody wants any more among them.
    fn size(&self) -> u64;

    /// Another shelf of this kind with nothing on it, if one can be had.
    fn empty(&self) -> Option<Arc<dyn Shelf>>;
}

/// A place on a shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u64);

impl Place {
    const LEN_BITS: u32 = 24;

    /// The place of so many bytes; `None` when they are too many to be named.
    pub fn new(begin: u64, len: usize) -> Option<Self> {
        let len = u64::try_from(len)
            .ok()
            .filter(|len| len >> Self::LEN_BITS == 0)?;
        let fits = begin >> (64 - Self::LEN_BITS) == 0;
        fits.then_some(Self(begin << Self::LEN_BITS | len))
    }

    /// The first byte.
    pub fn begin(self) -> u64 {
        self.0 >> Self::LEN_BITS
    }

    /// How many bytes.
    #[expect(clippy::len_without_is_empty, reason = "it is a number of bytes")]
    pub fn len(self) -> usize {
        usize::try_from(self.0 & ((1 << Self::LEN_BITS) - 1)).expect("24 bits fit")
    }
}

/// Facts as bytes: what is kept of a note at rest and in the manifest. A tenth of a decoded note's size, and still more
/// than all else that is known of it, so that they lie on a shelf where there is one.
#[derive(Clone, Debug)]
pub struct PackedFacts(Kept);

#[derive(Clone, Debug)]
enum Kept {
    Here(Box<[u8]>),
    There(Arc<dyn Shelf>, Place),
}

impl PackedFacts {
    /// Packs facts.
    pub fn pack(facts: &NoteFacts) -> Self {
        let bytes = postcard::to_allocvec(facts);
        let bytes = bytes.expect("facts are plain data and memory is their only limit");
        Self(Kept::Here(bytes.into()))
    }

    /// Takes what [`Self::pack`] gave back from where it was kept whole, and gives what a load needs of it.
    ///
    /// # Errors
    /// When the bytes are none.
    pub(super) fn restore<'a>(
        bytes: &'a [u8],
        shelf: Option<&Arc<dyn Shelf>>,
    ) -> Result<(Self, Words<'a>), postcard::Error> {
        let (words, _) = postcard::take_from_bytes(bytes)?;
        let there = shelf.and_then(|shelf| Self::on(shelf, bytes));
        Ok((
            there.unwrap_or_else(|| Self(Kept::Here(bytes.into()))),
            words,
        ))
    }

    fn on(shelf: &Arc<dyn Shelf>, bytes: &[u8]) -> Option<Self> {
        let place = shelf.put(bytes)?;
        Some(Self(Kept::There(shelf.clone(), place)))
    }

    /// Puts them on a shelf, wherever they are.
    pub fn shelve(&mut self, shelf: &Arc<dyn Shelf>) {
        if let Some(there) = Self::on(shelf, &self.bytes()) {
            *self = there;
        }
    }

    /// The facts.
    pub fn unpack(&self) -> NoteFacts {
        postcard::from_bytes(&self.bytes()).expect("the bytes came from pack")
    }

    /// The first of the facts.
    pub fn head(&self) -> Head {
        let bytes = self.bytes();
        let head = postcard::take_from_bytes(&bytes);
        head.expect("the bytes came from pack").0
    }

    /// How many bytes they are.
    pub fn size(&self) -> usize {
        match &self.0 {
            Kept::Here(bytes) => bytes.len(),
            Kept::There(_, place) => place.len(),
        }
    }

    /// As bytes.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match &self.0 {
            Kept::Here(bytes) => (&**bytes).into(),
            Kept::There(shelf, place) => shelf.get(*place).into(),
        }
    }
}

impl PartialEq for PackedFacts {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for PackedFacts {}

/// The first of a note's facts: what decides whether it is exported, where, under which names, and on which pages it is
/// listed. Reading
/// them alone takes a tenth of the time.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Head {
    _kind: NoteKind,
    _content: ContentHash,
    /// See [`NoteFacts::title`].
    pub title: String,
    /// See [`NoteFacts::tags`].
    pub tags: Vec<Box<str>>,
    /// See [`NoteFacts::aliases`].
    pub aliases: Vec<Box<str>>,
    /// See [`NoteFacts::privacy`].
    pub privacy: Privacy,
}

/// What a load needs of packed facts, mostly borrowed: more of the first fields of [`NoteFacts`]. To decode all facts of
/// all notes was half of a start.
#[derive(Debug, Deserialize)]
pub(super) struct Words<'a> {
    _kind: NoteKind,
    _content: ContentHash,
    /// See [`NoteFacts::title`].
    pub(super) title: &'a str,
    /// See [`NoteFacts::tags`].
    #[serde(borrow)]
    pub(super) tags: Vec<&'a str>,
    /// See [`NoteFacts::aliases`].
    #[serde(borrow)]
    pub(super) aliases: Vec<&'a str>,
    /// See [`NoteFacts::privacy`].
    pub(super) privacy: Privacy,
    /// See [`NoteFacts::problem`].
    pub(super) problem: Option<Problem>,
    _body_start: u32,
    _body_hash: u64,
    /// See [`NoteFacts::refs`].
    #[serde(borrow)]
    pub(super) refs: Vec<RefHead<'a>>,
}

impl<'a> Words<'a> {
    /// Those of decoded facts.
    pub(super) fn of(facts: &'a NoteFacts) -> Self {
        Self {
            _kind: facts.kind,
            _content: facts.content,
            title: &facts.title,
            tags: facts.tags.iter().map(|tag| &**tag).collect(),
            aliases: facts.aliases.iter().map(|alias| &**alias).collect(),
            privacy: facts.privacy,
            problem: facts.problem.clone(),
            _body_start: facts.body_start,
            _body_hash: facts.body_hash,
            refs: facts.refs.iter().map(RefHead::of).collect(),
        }
    }
}

impl<'a> RefHead<'a> {
    fn of(reference: &'a Ref) -> Self {
        Self {
            kind: reference.kind,
            _start: reference.start,
            _end: reference.end,
            target: &reference.target,
            _fragment: &reference.fragment,
        }
    }
}

/// A [`Ref`], borrowed.
#[derive(Debug, Deserialize)]
pub(super) struct RefHead<'a> {
    pub(super) kind: RefKind,
    _start: u32,
    _end: u32,
    /// See [`Ref::target`].
    pub(super) target: &'a str,
    _fragment: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::NotePath;
    use crate::vault::note;

    fn texts(texts: &[Box<str>]) -> Vec<&str> {
        texts.iter().map(|text| &**text).collect()
    }

    #[test]
    fn a_load_reads_the_words_of_the_facts() {
        let text = "---\ntitle: A [b\ntags: [x/y, Z]\naliases: [Other, ü]\n---\n[[one#a|b]] ![[two]]\n\n# H\n\nx ^id\n";
        for text in [text.replace(" [b", ""), text.to_owned(), String::new()] {
            let facts = note::parse(&NotePath::new("n.md").unwrap(), text.as_bytes()).facts;
            let packed = PackedFacts::pack(&facts);
            let bytes = packed.bytes();
            let (again, words) = PackedFacts::restore(&bytes, None).unwrap();
            assert_eq!(again.unpack(), facts);
            assert_eq!(words.title, &*facts.title);
            assert_eq!(words.tags, texts(&facts.tags));
            assert_eq!(words.aliases, texts(&facts.aliases));
            assert_eq!(words.privacy, facts.privacy);
            let targets: Vec<&str> = facts.refs.iter().map(|r| &*r.target).collect();
            assert!(words.refs.iter().map(|r| r.target).eq(targets));
        }
    }

    #[test]
    fn facts_begin_with_their_head() {
        let text =
            "---\ntitle: T\ntags: [a, b/c]\naliases: [x, y]\ndraft: true\n---\n# H\n\n[[b]] ^id\n";
        let facts = note::parse(&NotePath::new("n.md").unwrap(), text.as_bytes()).facts;
        let packed = PackedFacts::pack(&facts);
        let head = packed.head();
        assert_eq!(
            (&*head.title, &head.tags, head.privacy),
            (&*facts.title, &facts.tags, Privacy::Private)
        );
        assert_eq!(packed.unpack(), facts);
    }
}
