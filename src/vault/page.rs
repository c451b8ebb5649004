//! Pages that no single note stands behind: the index and one page a tag. Pure.
//!
//! A page's key is a sum over the notes that it lists, so that a note that comes, goes or changes costs the same
//! whatever the page's length. It differs a little too often: a note counts with its whole path, by which the list is
//! ordered, and with its own spelling of a tag, though a page shows the first one only.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use smallvec::SmallVec;

use super::FileId;
use super::names::fold;
use crate::hash::{Key, KeyHasher};
use crate::path::NotePath;

/// A page.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Page {
    /// All notes by folder.
    Index,
    /// The notes with a tag or one below it; folded.
    Tag(Box<str>),
}

/// How many levels of a tag have a page. Each page tells of the levels around it, and a tag of thousands would cost their
/// square; nobody nests tags so deep.
const MOST_LEVELS: usize = 32;

/// The first `count` levels of a tag, which are all if it has fewer.
pub(crate) fn levels(tag: &str, count: usize) -> &str {
    let end = tag.match_indices('/').nth(count.saturating_sub(1));
    end.map_or(tag, |(slash, _)| &tag[..slash])
}

/// Whether tags of so many levels have a page.
pub(crate) fn has_page(count: usize) -> bool {
    count <= MOST_LEVELS
}

impl Page {
    /// The page of a tag, however its letters are written; of one with too many levels, the page of the lowest that has one.
    pub fn tag(tag: &str) -> Self {
        Self::Tag(fold(levels(tag, MOST_LEVELS)).into())
    }

    /// Every page that lists a note with these tags: the index, each tag's page, and those of the tags above it.
    /// In page order; none comes twice.
    pub fn listing(tags: &[Box<str>]) -> BTreeSet<Self> {
        let tags = spellings(tags).into_iter();
        let tags = tags.map(|(tag, _)| Self::Tag(tag.into()));
        std::iter::once(Self::Index).chain(tags).collect()
    }

    /// Whether it lists a note with these tags.
    pub fn lists(&self, tags: &[Box<str>]) -> bool {
        match self {
            Self::Index => true,
            Self::Tag(wanted) => tags.iter().any(|tag| {
                fold(tag)
                    .strip_prefix(&**wanted)
                    .is_some_and(|below| below.is_empty() || below.starts_with('/'))
            }),
        }
    }
}

/// A tag, folded, and how it is written.
pub(crate) type Spelling<'a> = (Cow<'a, str>, &'a str);

/// The tags that have a page and list a note with these, in the order of the folded ones, each as it is first written.
pub(crate) fn spellings(tags: &[Box<str>]) -> SmallVec<[Spelling<'_>; 4]> {
    let mut spellings = SmallVec::<[Spelling<'_>; 4]>::new();
    for tag in tags {
        let tag = levels(tag, MOST_LEVELS);
        let above = tag.match_indices('/').map(|(slash, _)| &tag[..slash]);
        let written = above.chain([tag]).filter(|tag| !tag.is_empty());
        spellings.extend(written.map(|written| (fold(written), written)));
    }
    // Stable: the first one stays before its repeats.
    spellings.sort_by(|a, b| a.0.cmp(&b.0));
    spellings.dedup_by(|repeat, first| repeat.0 == first.0);
    spellings
}

/// The key of what every page shows of a note that is exported.
pub(super) fn shown(path: &NotePath, title: &str, stem: &str) -> Key {
    KeyHasher::new()
        .text(path.as_str())
        .text(title)
        .text(stem)
        .finish()
}

/// Which notes each page lists.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    index: Key,
    tags: BTreeMap<Box<str>, Listed>,
}

#[derive(Clone, Debug, Default)]
struct Listed {
    key: Key,
    /// In order. A note that comes or goes moves those after it, which costs 10 µs in a page of 100,000; a set takes three
    /// times the memory.
    ids: Vec<FileId>,
}

impl Pages {
    /// A note that is exported, with the key of what every page shows of it.
    pub(crate) fn add(&mut self, id: FileId, tags: &[Box<str>], shown: Key) {
        let spellings = spellings(tags);
        self.index = plus(self.index, on_index(shown, &spellings));
        for (tag, _) in &spellings {
            let listed = match self.tags.get_mut(&**tag) {
                Some(listed) => listed,
                None => self.tags.entry((&**tag).into()).or_default(),
            };
            listed.key = plus(listed.key, on_page(shown, tag, &spellings));
            // A load comes in the order of ids.
            if listed.ids.last().is_none_or(|last| *last < id) {
                listed.ids.push(id);
            } else if let Err(at) = listed.ids.binary_search(&id) {
                listed.ids.insert(at, id);
            }
        }
    }

    /// Takes back what [`Self::add`] with the same values did.
    pub(super) fn remove(&mut self, id: FileId, tags: &[Box<str>], shown: Key) {
        let spellings = spellings(tags);
        self.index = minus(self.index, on_index(shown, &spellings));
        for (tag, _) in &spellings {
            let Some(listed) = self.tags.get_mut(&**tag) else {
                continue;
            };
            if let Ok(at) = listed.ids.binary_search(&id) {
                listed.ids.remove(at);
            }
            listed.key = minus(listed.key, on_page(shown, tag, &spellings));
            if listed.ids.is_empty() {
                self.tags.remove(&**tag);
            }
        }
    }

    /// The key of all that a page shows; `None` when there is no such page.
    pub fn key(&self, page: &Page) -> Option<Key> {
        match page {
            Page::Index => Some(self.index),
            Page::Tag(tag) => self.tags.get(tag).map(|listed| listed.key),
        }
    }

    /// The notes of a tag page, in id order.
    pub fn tagged(&self, tag: &str) -> impl Iterator<Item = FileId> {
        self.tags
            .get(tag)
            .into_iter()
            .flat_map(|listed| listed.ids.iter().copied())
    }

    /// All pages.
    pub fn iter(&self) -> impl Iterator<Item = Page> {
        std::iter::once(Page::Index).chain(self.tags.keys().cloned().map(Page::Tag))
    }
}

/// What the index shows of a note: all its tags besides.
fn on_index(shown: Key, spellings: &[Spelling<'_>]) -> Key {
    let mut key = KeyHasher::new();
    key.key(shown);
    for (_, written) in spellings {
        key.text(written);
    }
    key.finish()
}

/// What a tag's page shows of a note: how it writes the tag and those right below it.
fn on_page(shown: Key, tag: &str, spellings: &[Spelling<'_>]) -> Key {
    let mut key = KeyHasher::new();
    key.key(shown);
    let at = spellings.partition_point(|(other, _)| &**other < tag);
    for (_, written) in spellings[at..].iter().take(1) {
        key.text(written);
    }
    let begin = format!("{tag}/");
    let below = spellings.partition_point(|(other, _)| **other < *begin);
    let below = spellings[below..]
        .iter()
        .map_while(|(other, written)| Some((other.strip_prefix(&*begin)?, written)));
    for (_, written) in below.filter(|(rest, _)| !rest.contains('/')) {
        key.text(written);
    }
    key.finish()
}

/// Sums of keys: order doesn't count, and each part can be taken out again.
pub(super) fn plus(a: Key, b: Key) -> Key {
    Key(a.0.wrapping_add(b.0))
}

/// See [`plus`].
pub(super) fn minus(a: Key, b: Key) -> Key {
    Key(a.0.wrapping_sub(b.0))
}

impl Page {
    /// Its name in the manifest and the log.
    pub fn name(&self) -> Box<str> {
        match self {
            Self::Index => "index".into(),
            Self::Tag(tag) => format!("tag:{tag}").into(),
        }
    }

    /// Whether pages may lie below this folder of a format's own.
    pub(super) fn may_lie_below(folder: &str) -> bool {
        folder == "tags" || folder.starts_with("tags/")
    }

    /// The page whose outputs have this stem (see `Page::stem`). One whose name was cut is not found again: nobody gives
    /// a file such a name.
    pub(super) fn at(stem: &str) -> Option<Self> {
        let Some(tag) = stem.strip_prefix("tags/") else {
            return (stem == Self::Index.stem()).then_some(Self::Index);
        };
        let bytes = tag.split('/').map(|part| {
            if part == "~" {
                Some(Vec::new())
            } else {
                unescape(part)
            }
        });
        let bytes = bytes.collect::<Option<Vec<_>>>()?.join(&b'/');
        let page = Self::Tag(String::from_utf8(bytes).ok()?.into());
        (page.stem() == stem).then_some(page)
    }

    /// The page that [`Self::name`] gave this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.strip_prefix("tag:") {
            Some(tag) => Some(Self::Tag(tag.into())),
            None => (name == "index").then_some(Self::Index),
        }
    }
}

/// Takes back the `~` and two digits that stand for a byte in the file name of a page.
fn unescape(part: &str) -> Option<Vec<u8>> {
    let mut pieces = part.split('~');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(piece.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_by_their_stem() {
        for page in [
            Page::Index,
            Page::tag("work"),
            Page::tag("a/b.c d/\u{e9}"),
            Page::tag("a//b"),
            Page::tag("~"),
        ] {
            assert_eq!(Page::at(&page.stem()), Some(page));
        }
        for stem in [
            "work",
            "tags",
            "tags/A b",
            "tags/~2",
            "tags/~zz",
            "x/tags/work",
            "tags/~61",
        ] {
            assert_eq!(Page::at(stem), None, "{stem}");
        }
    }
}
