//! What references mean for the export, asked for of many references in a row. Pure.
//!
//! A reference with a fragment needs the facts of the note that it leads to, and so does an embed; they are packed at
//! rest. Here those of the notes that were asked about last stay unpacked, a bounded number of bytes of them.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use super::fragments::Fragments;
use super::{Candidates, FileId, NoteFacts, Nowhere, Place, Ref, Target, Vault};
use crate::sync::lock;

/// At most so many bytes of packed facts stay unpacked, or those of one note; that makes ten to twenty times as many.
pub(super) const MOST_BYTES: usize = 64 << 10;

/// A vault that does not change for as long as this asks it, and what was unpacked of it.
pub struct Targets<V> {
    vault: V,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    notes: HashMap<FileId, Arc<Fragments>>,
    bytes: usize,
}

impl<V: Deref<Target = Vault>> Targets<V> {
    /// Knows nothing yet.
    pub fn new(vault: V) -> Self {
        Self {
            vault,
            known: Mutex::default(),
        }
    }

    /// The vault that is asked.
    pub fn vault(&self) -> &V {
        &self.vault
    }

    /// What a reference in `from` means for the export.
    pub fn target(&self, from: FileId, reference: &Ref) -> Target {
        self.target_among(&self.vault.candidates(from, reference), reference)
    }

    /// The same, where the files that it may mean are known.
    pub(super) fn target_among(&self, candidates: &Candidates, reference: &Ref) -> Target {
        match candidates.first() {
            None => Target::Nowhere(Nowhere::Unresolved),
            Some(id) => self.target_at(id, reference),
        }
    }

    fn target_at(&self, id: FileId, reference: &Ref) -> Target {
        let file = self.vault.files.get(id);
        if !file.is_note() {
            return if self.vault.is_copied(id) {
                Target::File(id)
            } else {
                Target::Nowhere(Nowhere::NotCopied)
            };
        }
        if !file.exported {
            return Target::Nowhere(Nowhere::Hidden);
        }
        let place = match &*reference.fragment {
            "" => Place::Whole,
            _ => self
                .fragments(id)
                .map_or(Place::Missing, |fragments| fragments.place(reference)),
        };
        Target::Note(id, place)
    }

    /// What a note says; `None` of an attachment.
    pub fn facts(&self, id: FileId) -> Option<Arc<NoteFacts>> {
        Some(self.fragments(id)?.facts().clone())
    }

    fn fragments(&self, id: FileId) -> Option<Arc<Fragments>> {
        if let Some(known) = lock(&self.known).notes.get(&id) {
            return Some(known.clone());
        }
        let packed = self.vault.files.get(id).packed_facts()?;
        let (facts, bytes) = (packed.unpack(), packed.size());
        let fragments = Arc::new(Fragments::new(Arc::new(facts)));
        let mut known = lock(&self.known);
        if known.bytes + bytes > MOST_BYTES {
            *known = Known::default();
        }
        if known.notes.insert(id, fragments.clone()).is_none() {
            known.bytes += bytes;
        }
        Some(fragments)
    }

    /// How many bytes of packed facts stay unpacked.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        let known = lock(&self.known);
        let size = |id: &FileId| {
            self.vault
                .files
                .get(*id)
                .packed_facts()
                .map_or(0, super::PackedFacts::size)
        };
        assert_eq!(known.bytes, known.notes.keys().map(size).sum::<usize>());
        known.bytes
    }
}
