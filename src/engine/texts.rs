//! What a batch keeps of the notes that it reads: whole notes while there is room, and of all others what was found in
//! their text, so that a job that reads the file again (from the system's cache) need not parse it again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::path::NotePath;
use crate::sync::lock;
use crate::vault::syntax::PackedSyntax;
use crate::vault::{FileId, Files, Note};

/// How many bytes of text are kept at most; a whole note takes about three times its text. Enough for a hub and all that
/// embed it. More would save reading from the cache what is in it anyway, and take the memory of a large export.
const MOST_TEXT: usize = 1 << 20;
/// How many bytes of syntax are kept at most: that of some hundred thousand notes.
const MOST_SYNTAX: usize = 16 << 20;

/// What is kept of a note that was read to be looked at.
pub(super) enum Kept {
    Whole(Arc<Note>),
    Syntax(PackedSyntax),
}

/// How much has been kept.
#[derive(Default)]
pub(super) struct Room {
    text: AtomicUsize,
    syntax: AtomicUsize,
}

impl Room {
    /// What to keep of a note, if anything.
    pub(super) fn keep(&self, note: Note) -> Option<Kept> {
        if takes(&self.text, note.text.len(), MOST_TEXT) {
            return Some(Kept::Whole(Arc::new(note)));
        }
        let syntax = note.packed_syntax()?;
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
    /// By id, which takes half of a map's room: of a first export there is one for each note.
    syntaxes: Vec<(FileId, PackedSyntax)>,
    /// How many jobs have yet to read a note for its own outputs, by id too.
    readers: Vec<(FileId, AtomicU32)>,
}

/// How often each is there.
fn count(ids: impl Iterator<Item = FileId>) -> Vec<(FileId, AtomicU32)> {
    let mut ids: Vec<FileId> = ids.collect();
    ids.sort_unstable();
    let counted = ids.chunk_by(|a, b| a == b);
    let mut counts = Vec::with_capacity(counted.clone().count());
    // A note has a job for each format, and nobody has so many of those.
    let number = |jobs: &[FileId]| u32::try_from(jobs.len()).unwrap_or(u32::MAX);
    counts.extend(counted.map(|jobs| (jobs[0], AtomicU32::new(number(jobs)))));
    counts
}

fn find<T>(by_id: &[(FileId, T)], id: FileId) -> Option<&T> {
    let at = by_id.binary_search_by_key(&id, |(id, _)| *id).ok()?;
    Some(&by_id[at].1)
}

#[derive(Default)]
struct Notes {
    slots: HashMap<FileId, Arc<Slot>>,
    bytes: usize,
}

/// Locked while the note is read: whoever else wants it then waits for one reading. A slot is locked before the list of
/// them, never after.
type Slot = Mutex<Option<Arc<Note>>>;

impl Texts {
    /// What a look kept.
    pub(super) fn new(looked: Vec<(NotePath, Kept)>, files: &Files) -> Self {
        let mut texts = Self {
            // Grown by doubling it would take half as much again, when an export takes most.
            syntaxes: Vec::with_capacity(looked.len()),
            ..Self::default()
        };
        for (path, kept) in looked {
            match (files.find(path.as_str()), kept) {
                (None, _) => {}
                (Some(id), Kept::Whole(note)) => {
                    let notes = &mut lock(&texts.notes);
                    notes.bytes += note.text.len();
                    let slot = Mutex::new(Some(note));
                    notes.slots.insert(id, Arc::new(slot));
                }
                (Some(id), Kept::Syntax(syntax)) => {
                    texts.syntaxes.push((id, syntax));
                }
            }
        }
        texts.syntaxes.sort_unstable_by_key(|(id, _)| *id);
        texts
    }

    /// For jobs that each read one of `readers`.
    pub(super) fn for_jobs(mut self, readers: impl Iterator<Item = FileId>) -> Self {
        self.readers = count(readers);
        self
    }

    /// What was found in the note's text, if that is kept.
    pub(super) fn syntax(&self, id: FileId) -> Option<&PackedSyntax> {
        find(&self.syntaxes, id)
    }

    /// The note; where it is not kept, what `read` gives, which is kept while there is room.
    pub(super) fn get_or_read<E>(
        &self,
        id: FileId,
        read: impl FnOnce() -> Result<Arc<Note>, E>,
    ) -> Result<Arc<Note>, E> {
        let slot = lock(&self.notes).slots.entry(id).or_default().clone();
        let mut kept = lock(&slot);
        if let Some(note) = &*kept {
            return Ok(note.clone());
        }
        let note = read()?;
        let mut notes = lock(&self.notes);
        let bytes = notes.bytes + note.text.len();
        let is_listed = notes
            .slots
            .get(&id)
            .is_some_and(|listed| Arc::ptr_eq(listed, &slot));
        if bytes <= MOST_TEXT && is_listed {
            notes.bytes = bytes;
            *kept = Some(note.clone());
        }
        Ok(note)
    }

    /// One of a note's own jobs has read it. True when no other is left.
    pub(super) fn was_read(&self, id: FileId) -> bool {
        let readers = find(&self.readers, id);
        readers.is_none_or(|readers| readers.fetch_sub(1, Ordering::Relaxed) <= 1)
    }

    /// Makes room.
    pub(super) fn forget(&self, id: FileId) {
        let slot = lock(&self.notes).slots.remove(&id);
        let note = slot.and_then(|slot| lock(&slot).take());
        if let Some(note) = note {
            lock(&self.notes).bytes -= note.text.len();
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
        let read = |id| texts.get_or_read(FileId(id), || Ok::<_, ()>(large.clone()));
        assert!(read(0).is_ok() && read(1).is_ok());
        let keeps = |id| {
            let missed = texts.get_or_read(FileId(id), || Err(()));
            missed.is_ok()
        };
        assert!(keeps(0) && !keeps(1));
        texts.forget(FileId(0));
        assert!(read(1).is_ok());
        assert!(keeps(1) && !keeps(0));
        assert_eq!(lock(&texts.notes).bytes, large.text.len());
    }

    #[test]
    fn all_jobs_of_a_note_share_one_reading() {
        let readers = [FileId(0); 8].into_iter();
        let texts = Texts::default().for_jobs(readers);
        let readings = AtomicUsize::new(0);
        let lasts = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let read = || {
                        readings.fetch_add(1, Ordering::Relaxed);
                        Ok::<_, ()>(Arc::new(note_of(b"x")))
                    };
                    assert!(texts.get_or_read(FileId(0), read).is_ok());
                    if texts.was_read(FileId(0)) {
                        lasts.fetch_add(1, Ordering::Relaxed);
                        texts.forget(FileId(0));
                    }
                });
            }
        });
        assert_eq!((readings.into_inner(), lasts.into_inner()), (1, 1));
        assert_eq!(lock(&texts.notes).bytes, 0);
    }

    #[test]
    fn past_the_room_for_texts_only_syntax_is_kept() {
        let room = Room::default();
        let whole = vec![b'x'; MOST_TEXT];
        assert!(matches!(room.keep(note_of(&whole)), Some(Kept::Whole(_))));
        let small = b"[[b]] %%c%%";
        let Some(Kept::Syntax(syntax)) = room.keep(note_of(small)) else {
            panic!("there is room for a syntax");
        };
        let note = note_of(small);
        let recalled = Note::recall(small.to_vec(), note.facts.clone(), &syntax);
        assert_eq!(recalled, Some(note));
        // A text that is not the file's own must be parsed again.
        let broken = b"\xff";
        assert!(room.keep(note_of(broken)).is_none());
    }
}
