//! Names as links use them: folded for comparison, and the index from a folded name to the files that bear it.
//!
//! Pure. The index holds 64-bit hashes of folded names; whoever looks one up compares the names themselves.

use std::borrow::Cow;

use hashbrown::{HashTable, hash_table};
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
        // Nearly all names: ten a note at a start, which are not worth an allocation each.
        let mut short = [0; 64];
        if let Some(folded) = short.get_mut(..name.len())
            && name.is_ascii()
        {
            folded.copy_from_slice(name.as_bytes());
            folded.make_ascii_lowercase();
            return Self(xxh3_64(folded));
        }
        Self::of_folded(&fold(name))
    }

    /// The key of a name that is folded already.
    pub fn of_folded(name: &str) -> Self {
        Self(xxh3_64(name.as_bytes()))
    }
}

/// Many-to-many between names and files.
///
/// There are several names a file, and nearly each of them belongs to one file alone: such a pair takes 12 bytes in the
/// table. Only the files of a name that has several are a list of their own.
#[derive(Clone, Debug, Default)]
pub struct NameIndex {
    table: HashTable<Entry>,
    lists: Vec<Vec<FileId>>,
    /// Lists that belong to no name.
    free: Vec<usize>,
}

/// A name and its file, or the place of the list of its files.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// In halves, so that it needs no alignment.
    key: [u32; 2],
    /// Ids are below 2^31: with the highest bit it is the place of a list.
    bearer: FileId,
}

const IS_LIST: u32 = 1 << 31;

impl Entry {
    fn new(key: NameKey, bearer: FileId) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        let key = [key.0 as u32, (key.0 >> 32) as u32];
        Self { key, bearer }
    }

    fn key(&self) -> NameKey {
        NameKey(u64::from(self.key[1]) << 32 | u64::from(self.key[0]))
    }

    /// The place of the list, if it has one.
    fn list(&self) -> Option<usize> {
        (self.bearer.0 & IS_LIST != 0).then_some((self.bearer.0 & !IS_LIST) as usize)
    }

    fn files<'a>(&'a self, lists: &'a [Vec<FileId>]) -> &'a [FileId] {
        match self.list() {
            Some(list) => &lists[list],
            None => std::slice::from_ref(&self.bearer),
        }
    }
}

impl NameIndex {
    /// Makes room for so many more names.
    pub fn reserve(&mut self, names: usize) {
        self.table.reserve(names, |entry| entry.key().0);
    }

    /// Adds a pair; adding it again changes nothing.
    pub fn add(&mut self, key: NameKey, id: FileId) {
        let is_it = |entry: &Entry| entry.key() == key;
        let mut entry = match self.table.entry(key.0, is_it, |entry| entry.key().0) {
            hash_table::Entry::Occupied(entry) => entry,
            hash_table::Entry::Vacant(vacant) => {
                vacant.insert(Entry::new(key, id));
                return;
            }
        };
        let entry = entry.get_mut();
        let Some(list) = entry.list() else {
            let other = entry.bearer;
            if other != id {
                let place = self.free.pop().unwrap_or_else(|| {
                    self.lists.push(Vec::new());
                    self.lists.len() - 1
                });
                self.lists[place] = vec![other.min(id), other.max(id)];
                let place = u32::try_from(place).expect("there are fewer lists than files");
                entry.bearer = FileId(place | IS_LIST);
            }
            return;
        };
        let list = &mut self.lists[list];
        // A load comes in the order of ids.
        if list.last().is_none_or(|last| *last < id) {
            list.push(id);
        } else if let Err(at) = list.binary_search(&id) {
            list.insert(at, id);
        }
    }

    /// Takes a pair away.
    pub fn remove(&mut self, key: NameKey, id: FileId) {
        let Ok(mut found) = self.table.find_entry(key.0, |entry| entry.key() == key) else {
            return;
        };
        let entry = found.get_mut();
        let Some(place) = entry.list() else {
            if entry.bearer == id {
                found.remove();
            }
            return;
        };
        let list = &mut self.lists[place];
        if let Ok(at) = list.binary_search(&id) {
            list.remove(at);
        }
        if let [last] = **list {
            entry.bearer = last;
            *list = Vec::new();
            self.free.push(place);
        }
    }

    /// All names and their files, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (NameKey, &[FileId])> {
        let entries = self.table.iter();
        entries.map(|entry| (entry.key(), entry.files(&self.lists)))
    }

    /// The files that a name belongs to, in id order.
    pub fn get(&self, key: NameKey) -> &[FileId] {
        self.table
            .find(key.0, |entry| entry.key() == key)
            .map_or(&[], |entry| entry.files(&self.lists))
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
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::collection::vec;
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn a_key_is_that_of_the_folded_name(
            name in prop_oneof!["[ -~]{0,80}", "\\PC{0,80}"],
        ) {
            prop_assert_eq!(NameKey::of(&name), NameKey::of_folded(&fold(&name)));
        }

        #[test]
        fn an_index_is_a_map_of_sets(
            steps in vec((any::<bool>(), 0u64..8, 0u32..6), 0..80),
        ) {
            let mut index = NameIndex::default();
            let mut model: BTreeMap<NameKey, BTreeSet<FileId>> = BTreeMap::new();
            for (add, key, id) in steps {
                let (key, id) = (NameKey(key << 30), FileId(id));
                if add {
                    index.add(key, id);
                    model.entry(key).or_default().insert(id);
                } else {
                    index.remove(key, id);
                    model.entry(key).or_default().remove(&id);
                }
            }
            model.retain(|_, ids| !ids.is_empty());
            let found: BTreeMap<NameKey, BTreeSet<FileId>> = index
                .iter()
                .map(|(key, ids)| (key, ids.iter().copied().collect()))
                .collect();
            for (key, ids) in &model {
                prop_assert!(index.get(*key).is_sorted());
                prop_assert_eq!(index.get(*key).len(), ids.len());
            }
            prop_assert_eq!(found, model);
        }
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
        index.remove(key, FileId(1));
        assert_eq!(index.get(key), [FileId(2)]);
        index.remove(key, FileId(2));
        assert!(index.get(key).is_empty());
    }
}
