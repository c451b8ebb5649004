//! Pages that no single note stands behind: the index and one page a tag. Pure.
//!
//! A page's key is a sum over the notes that it lists, so that a note that comes, goes or changes costs the same
//! whatever the page's length.

use std::collections::{BTreeMap, BTreeSet};

use super::FileId;
use super::names::fold;
use crate::hash::Key;

/// A page.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Page {
    /// All notes by folder.
    Index,
    /// The notes with a tag or one below it; folded.
    Tag(Box<str>),
}

impl Page {
    /// The page of a tag, however its letters are written.
    pub fn tag(tag: &str) -> Self {
        Self::Tag(fold(tag).into())
    }

    /// Every page that lists a note with these tags: the index, each tag's page, and those of the tags above it.
    /// In page order; none comes twice.
    pub fn listing(tags: &[Box<str>]) -> BTreeSet<Self> {
        let mut pages = BTreeSet::from([Self::Index]);
        for tag in tags {
            let tag = fold(tag);
            let parents = tag.match_indices('/').map(|(slash, _)| &tag[..slash]);
            pages.extend(
                parents
                    .chain([&*tag])
                    .filter(|tag| !tag.is_empty())
                    .map(|tag| Self::Tag(tag.into())),
            );
        }
        pages
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

/// Which notes each page lists.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    index: Key,
    tags: BTreeMap<Box<str>, Listed>,
}

#[derive(Clone, Debug, Default)]
struct Listed {
    key: Key,
    ids: BTreeSet<FileId>,
}

impl Pages {
    /// A note that is exported, with the key of what pages show of it.
    pub(super) fn add(&mut self, id: FileId, tags: &[Box<str>], shown: Key) {
        for page in Page::listing(tags) {
            match page {
                Page::Index => self.index = plus(self.index, shown),
                Page::Tag(tag) => {
                    let listed = self.tags.entry(tag).or_default();
                    listed.ids.insert(id);
                    listed.key = plus(listed.key, shown);
                }
            }
        }
    }

    /// Takes back what [`Self::add`] with the same values did.
    pub(super) fn remove(&mut self, id: FileId, tags: &[Box<str>], shown: Key) {
        for page in Page::listing(tags) {
            match page {
                Page::Index => self.index = minus(self.index, shown),
                Page::Tag(tag) => {
                    if let Some(listed) = self.tags.get_mut(&tag) {
                        listed.ids.remove(&id);
                        listed.key = minus(listed.key, shown);
                        if listed.ids.is_empty() {
                            self.tags.remove(&tag);
                        }
                    }
                }
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

    /// The page that [`Self::name`] gave this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.strip_prefix("tag:") {
            Some(tag) => Some(Self::Tag(tag.into())),
            None => (name == "index").then_some(Self::Index),
        }
    }
}
