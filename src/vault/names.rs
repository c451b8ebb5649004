//! Names as links use them: folded for comparison, and the index from a folded name to the files that bear it.
//!
//! Pure. The index holds 64-bit hashes of folded names; whoever looks one up compares the names themselves.

use std::borrow::Cow;

use hashbrown::HashTable;
use smallvec::SmallVec;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use xxhash_rust::xxh3::xxh3_64;

use super::FileId;

/// A name for comparison: lower case, composed (NFC), so that `Café` typed on any system is one name. What stands
/// around a name changes nothing, so that a part of a path folds as it does in the path: a `Σ` is always `σ`.
pub fn fold(name: &str) -> Cow<'_, str> {
    if name.is_ascii() {
        return if name.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        };
    }
    let lower: String = name
        .chars()
        .flat_map(char::to_lowercase)
        .map(|c| if c == 'ς' { 'σ' } else { c })
        .collect();
    if is_nfc_quick(lower.chars()) == IsNormalized::Yes {
        Cow::Owned(lower)
    } else {
        Cow::Owned(lower.nfc().collect())
    }
}

/// The hash of a folded name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey(u64);

impl NameKey {
    /// The key of a name as written.
    pub fn of(name: &str) -> Self {
        Self::of_folded(&fold(name))
    }

    /// The key of a name that is folded already.
    pub fn of_folded(name: &str) -> Self {
        Self(xxh3_64(name.as_bytes()))
    }
}

/// A set of files; nearly always one or two.
pub type Ids = SmallVec<[FileId; 2]>;

/// Many-to-many between names and files.
#[derive(Clone, Debug, Default)]
pub struct NameIndex(HashTable<(NameKey, Ids)>);

impl NameIndex {
    /// Adds a pair; adding it again changes nothing.
    pub fn add(&mut self, key: NameKey, id: FileId) {
        let mut entry = self
            .0
            .entry(key.0, |(other, _)| *other == key, |(other, _)| other.0)
            .or_insert_with(|| (key, Ids::new()));
        let ids = &mut entry.get_mut().1;
        if let Err(at) = ids.binary_search(&id) {
            ids.insert(at, id);
        }
    }

    /// Takes a pair away.
    pub fn remove(&mut self, key: NameKey, id: FileId) {
        if let Ok(mut entry) = self.0.find_entry(key.0, |(other, _)| *other == key) {
            let ids = &mut entry.get_mut().1;
            if let Ok(at) = ids.binary_search(&id) {
                ids.remove(at);
            }
            if ids.is_empty() {
                entry.remove();
            }
        }
    }

    /// All names and their files, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (NameKey, &[FileId])> {
        self.0.iter().map(|(key, ids)| (*key, &**ids))
    }

    /// The files that a name belongs to, in id order.
    pub fn get(&self, key: NameKey) -> &[FileId] {
        self.0
            .find(key.0, |(other, _)| *other == key)
            .map_or(&[], |(_, ids)| ids)
    }
}

/// A heading for comparison with the fragment of a link: letters and digits in lower case, all else a gap.
/// Obsidian leaves `#`, `|`, `^`, `:` and brackets out of the fragments that it writes, so they can't count.
pub fn fold_heading(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut gap = false;
    for c in fold(text).chars() {
        if c.is_alphanumeric() {
            if gap && !folded.is_empty() {
                folded.push(' ');
            }
            gap = false;
            folded.push(c);
        } else {
            gap = true;
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_ignores_case_and_composition() {
        assert_eq!(fold("Cafe\u{301}"), fold("CAFÉ"));
        assert_eq!(fold("Plain Name"), "plain name");
        assert_eq!(fold("ΟΔΟΣ"), fold("οδος"));
        assert!(fold("ΟΔΟΣ.md").starts_with(&*fold("ΟΔΟΣ")));
        assert!(matches!(fold("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn headings_compare_by_their_words() {
        assert_eq!(fold_heading("What: is  `this`?"), "what is this");
        assert_eq!(fold_heading("  "), "");
    }

    #[test]
    fn index_keeps_pairs_once() {
        let mut index = NameIndex::default();
        let key = NameKey::of("A");
        index.add(key, FileId(2));
        index.add(key, FileId(1));
        index.add(key, FileId(2));
        assert_eq!(index.get(NameKey::of("a")), [FileId(1), FileId(2)]);
        index.remove(key, FileId(1));
        index.remove(key, FileId(2));
        assert!(index.get(key).is_empty());
    }
}
