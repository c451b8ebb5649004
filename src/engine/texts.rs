//! The notes' texts that a batch keeps in memory: those that were just read to be looked at, and those that more than one
//! job reads. Bounded: past the bound a job reads the file again, which the system keeps in its cache anyway.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::sync::lock;
use crate::vault::{FileId, Note};

/// How many bytes of text are kept at most. What is known of a note besides comes to about as much again.
pub(super) const MOST_BYTES: usize = 16 << 20;

/// Texts by note.
#[derive(Default)]
pub(super) struct Texts(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    notes: HashMap<FileId, Arc<Note>>,
    bytes: usize,
}

impl Texts {
    /// The note, if it is kept.
    pub(super) fn get(&self, id: FileId) -> Option<Arc<Note>> {
        lock(&self.0).notes.get(&id).cloned()
    }

    /// Keeps a note, if there is room.
    pub(super) fn keep(&self, id: FileId, note: Arc<Note>) {
        let mut kept = lock(&self.0);
        let bytes = kept.bytes + note.text.len();
        if bytes <= MOST_BYTES && kept.notes.insert(id, note).is_none() {
            kept.bytes = bytes;
        }
    }

    /// Makes room.
    pub(super) fn forget(&self, id: FileId) {
        let mut kept = lock(&self.0);
        if let Some(note) = kept.notes.remove(&id) {
            kept.bytes -= note.text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::NotePath;
    use crate::vault::note;

    #[test]
    fn keeps_what_fits_and_makes_room() {
        let path = NotePath::new("a.md").unwrap();
        let large = Arc::new(note::parse(&path, &vec![b'x'; MOST_BYTES / 2 + 1]));
        let texts = Texts::default();
        texts.keep(FileId(0), large.clone());
        texts.keep(FileId(1), large.clone());
        assert!(texts.get(FileId(0)).is_some() && texts.get(FileId(1)).is_none());
        texts.forget(FileId(0));
        texts.keep(FileId(1), large);
        assert!(texts.get(FileId(0)).is_none() && texts.get(FileId(1)).is_some());
    }
}
