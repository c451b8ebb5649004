//! What a batch keeps of the notes that it reads: whole notes while there is room, and of all others what was found in
//! their text, so that a job that reads the file again (from the system's cache) need not parse it again.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::path::NotePath;
use crate::sync::lock;
use crate::vault::syntax::PackedSyntax;
use crate::vault::{FileId, Files, Note};

/// How many bytes of text are kept at most; a whole note takes about three times its text. Enough for a hub and all that
/// embed it. More would save a third of what a job costs, and take the memory of a large export.
const MOST_TEXT: usize = 4 << 20;
/// How many bytes of syntax are kept at most: that of some hundred thousand notes.
const MOST_SYNTAX: usize = 16 << 20;

/// What is kept of a note that was read to be looked at.
pub(super) enum Kept {
    Whole(Note),
    Syntax(PackedSyntax),
}

/// How much has been kept.
#[derive(Default)]
pub(super) struct Room {
    text: AtomicUsize,
    syntax: AtomicUsize,
}

impl Room {
    /// What to keep of a note that was read from `bytes`, if anything.
    pub(super) fn keep(&self, note: Note, bytes: &[u8]) -> Option<Kept> {
        if takes(&self.text, note.text.len(), MOST_TEXT) {
            return Some(Kept::Whole(note));
        }
        let syntax = note.packed_syntax(bytes)?;
        takes(&self.syntax, syntax.size(), MOST_SYNTAX).then_some(Kept::Syntax(syntax))
    }
}

/// Takes `size` bytes of a room of `most`, if so many are left.
fn takes(taken: &AtomicUsize, size: usize, most: usize) -> bool {
    let fits = |taken: usize| taken.checked_add(size).filter(|&taken| taken <= most);
    let update = taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
    update.is_ok()
}

/// What is kept, by note.
#[derive(Default)]
pub(super) struct Texts {
    notes: Mutex<Notes>,
    syntaxes: HashMap<FileId, PackedSyntax>,
}

#[derive(Default)]
struct Notes {
    by_id: HashMap<FileId, Arc<Note>>,
    bytes: usize,
}

impl Texts {
    /// What a look kept.
    pub(super) fn new(looked: BTreeMap<NotePath, Kept>, files: &Files) -> Self {
        let mut texts = Self::default();
        for (path, kept) in looked {
            match (files.find(path.as_str()), kept) {
                (None, _) => {}
                (Some(id), Kept::Whole(note)) => texts.keep(id, Arc::new(note)),
                (Some(id), Kept::Syntax(syntax)) => {
                    texts.syntaxes.insert(id, syntax);
                }
            }
        }
        texts
    }

    /// The note, if it is kept.
    pub(super) fn get(&self, id: FileId) -> Option<Arc<Note>> {
        lock(&self.notes).by_id.get(&id).cloned()
    }

    /// What was found in the note's text, if that is kept.
    pub(super) fn syntax(&self, id: FileId) -> Option<&PackedSyntax> {
        self.syntaxes.get(&id)
    }

    /// Keeps a note, if there is room.
    pub(super) fn keep(&self, id: FileId, note: Arc<Note>) {
        let mut notes = lock(&self.notes);
        let bytes = notes.bytes + note.text.len();
        if bytes <= MOST_TEXT && notes.by_id.insert(id, note).is_none() {
            notes.bytes = bytes;
        }
    }

    /// Makes room.
    pub(super) fn forget(&self, id: FileId) {
        let mut notes = lock(&self.notes);
        if let Some(note) = notes.by_id.remove(&id) {
            notes.bytes -= note.text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::note;

    fn note_of(bytes: &[u8]) -> Note {
        note::parse(&NotePath::new("a.md").unwrap(), bytes)
    }

    #[test]
    fn keeps_what_fits_and_makes_room() {
        let large = Arc::new(note_of(&vec![b'x'; MOST_TEXT / 2 + 1]));
        let texts = Texts::default();
        texts.keep(FileId(0), large.clone());
        texts.keep(FileId(1), large.clone());
        assert!(texts.get(FileId(0)).is_some() && texts.get(FileId(1)).is_none());
        texts.forget(FileId(0));
        texts.keep(FileId(1), large);
        assert!(texts.get(FileId(0)).is_none() && texts.get(FileId(1)).is_some());
    }

    #[test]
    fn past_the_room_for_texts_only_syntax_is_kept() {
        let room = Room::default();
        let whole = vec![b'x'; MOST_TEXT];
        assert!(matches!(
            room.keep(note_of(&whole), &whole),
            Some(Kept::Whole(_))
        ));
        let small = b"[[b]] %%c%%";
        let Some(Kept::Syntax(syntax)) = room.keep(note_of(small), small) else {
            panic!("there is room for a syntax");
        };
        let note = note_of(small);
        let recalled = Note::recall(small.to_vec(), note.facts.clone(), &syntax);
        assert_eq!(recalled, Some(note));
        // A text that is not the file's own must be parsed again.
        let broken = b"\xff";
        assert!(room.keep(note_of(broken), broken).is_none());
    }
}
