//! What a batch keeps of the notes that it reads: those that were used last whole, and of all others what was found in
//! their text, so that a job that reads the file again (from the system's cache) need not parse it again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::path::NotePath;
use crate::sync::lock;
use crate::vault::syntax::PackedSyntax;
use crate::vault::{FileId, Files, Note};

/// How many bytes of text are kept at most; a whole note takes about three times its text. Enough for a hub and all that
/// embed it. More would save reading from the cache what is in it anyway, and take the memory of a large export.
const MOST_TEXT: usize = 1 << 20;
/// What a note counts besides its text: what it says takes room too.
const BESIDES_TEXT: usize = 512;
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
    recent: Mutex<Recent>,
    /// By id, which takes half of a map's room: of a first export there is one for each note.
    syntaxes: Vec<(FileId, PackedSyntax)>,
}

/// The notes that were used last, in two generations: when the younger fills half of the room, the older is let go and the
/// younger takes its place. All jobs of a note come one after the other, so the formats share one reading; and what many
/// embed is used again before it is old.
#[derive(Default)]
struct Recent {
    young: Generation,
    old: Generation,
    /// What the young ones count.
    bytes: usize,
}

type Generation = HashMap<FileId, Entry>;

/// A place for a note.
struct Entry {
    slot: Arc<Slot>,
    /// What it counts.
    bytes: usize,
}

impl Entry {
    /// For a note that is to be read, or was.
    fn new(note: Option<Arc<Note>>) -> Self {
        Self {
            bytes: BESIDES_TEXT + note.as_ref().map_or(0, |note| note.text.len()),
            slot: Arc::new(Mutex::new(note)),
        }
    }
}

/// Locked while the note is read: whoever else wants it then waits for one reading. A slot is locked before the list of
/// them, never after.
type Slot = Mutex<Option<Arc<Note>>>;

impl Recent {
    /// The place of a note, which is young from now on. What is let go for it comes along, so that who holds the lock does
    /// not wait until it is freed.
    fn slot(&mut self, id: FileId) -> (Arc<Slot>, Generation) {
        if let Some(entry) = self.young.get(&id) {
            return (entry.slot.clone(), Generation::new());
        }
        let entry = self.old.remove(&id).unwrap_or_else(|| Entry::new(None));
        (entry.slot.clone(), self.put(id, entry))
    }

    /// Takes note of a text that was put into a place, if that is still one of ours. Returns what is let go.
    fn fill(&mut self, id: FileId, slot: &Arc<Slot>, text: usize) -> Generation {
        let is_ours = |entry: &&mut Entry| Arc::ptr_eq(&entry.slot, slot);
        if let Some(entry) = self.young.get_mut(&id).filter(is_ours) {
            entry.bytes += text;
            self.bytes += text;
        } else if let Some(entry) = self.old.get_mut(&id).filter(is_ours) {
            // It grew old while it was read: it counts when it is young again.
            entry.bytes += text;
        }
        self.age()
    }

    fn put(&mut self, id: FileId, entry: Entry) -> Generation {
        self.bytes += entry.bytes;
        self.young.insert(id, entry);
        self.age()
    }

    fn age(&mut self) -> Generation {
        if self.bytes <= MOST_TEXT / 2 {
            return Generation::new();
        }
        self.bytes = 0;
        let young = std::mem::take(&mut self.young);
        std::mem::replace(&mut self.old, young)
    }
}

impl Texts {
    /// What a look kept.
    pub(super) fn new(looked: Vec<(NotePath, Kept)>, files: &Files) -> Self {
        let mut recent = Recent::default();
        // Grown by doubling it would take half as much again, when an export takes most.
        let mut syntaxes = Vec::with_capacity(looked.len());
        for (path, kept) in looked {
            match (files.find(path.as_str()), kept) {
                (None, _) => {}
                (Some(id), Kept::Whole(note)) => {
                    recent.put(id, Entry::new(Some(note)));
                }
                (Some(id), Kept::Syntax(syntax)) => syntaxes.push((id, syntax)),
            }
        }
        syntaxes.sort_unstable_by_key(|(id, _)| *id);
        Self {
            recent: Mutex::new(recent),
            syntaxes,
        }
    }

    /// What was found in the note's text, if that is kept.
    pub(super) fn syntax(&self, id: FileId) -> Option<&PackedSyntax> {
        let at = self
            .syntaxes
            .binary_search_by_key(&id, |(id, _)| *id)
            .ok()?;
        Some(&self.syntaxes[at].1)
    }

    /// The note; where it is not kept, what `read` gives, which is kept for a while.
    pub(super) fn get_or_read<E>(
        &self,
        id: FileId,
        read: impl FnOnce() -> Result<Arc<Note>, E>,
    ) -> Result<Arc<Note>, E> {
        let (slot, _let_go) = lock(&self.recent).slot(id);
        let mut kept = lock(&slot);
        if let Some(note) = &*kept {
            return Ok(note.clone());
        }
        let note = read()?;
        let text = note.text.len();
        if text <= MOST_TEXT {
            *kept = Some(note.clone());
            drop(kept);
            let _let_go = lock(&self.recent).fill(id, &slot, text);
        }
        Ok(note)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::vault::note;

    fn note_of(bytes: &[u8]) -> Note {
        note::parse(&NotePath::new("a.md").unwrap(), bytes)
    }

    /// How often `texts` reads when notes of these sizes are wanted one after the other, each known by its number.
    fn readings(wanted: &[(u32, usize)]) -> usize {
        let texts = Texts::default();
        let readings = Cell::new(0);
        for &(id, size) in wanted {
            let read = || {
                readings.set(readings.get() + 1);
                Ok::<_, ()>(Arc::new(note_of(&vec![b'x'; size])))
            };
            assert!(texts.get_or_read(FileId(id), read).is_ok());
            let recent = lock(&texts.recent);
            let all = recent.young.values().chain(recent.old.values());
            let bytes: usize = all.map(|entry| entry.bytes).sum();
            assert!(bytes <= MOST_TEXT + BESIDES_TEXT + size, "{bytes}");
        }
        readings.get()
    }

    #[test]
    fn what_is_used_again_and_again_is_kept_and_all_else_let_go() {
        const SIZE: usize = MOST_TEXT / 16;
        // One that all embed, and a hundred that do, each wanted by four formats.
        let wanted: Vec<(u32, usize)> = (1..=100)
            .flat_map(|id| [[(id, SIZE), (0, SIZE)]; 4].concat())
            .collect();
        assert_eq!(readings(&wanted), 101);
        // The first of them has gone, what all embed has not.
        let again = [wanted, vec![(1, SIZE), (0, SIZE)]].concat();
        assert_eq!(readings(&again), 102);
    }

    #[test]
    fn what_fills_the_room_alone_is_kept_and_what_does_not_fit_is_not() {
        assert_eq!(readings(&[(0, MOST_TEXT); 8]), 1);
        assert_eq!(readings(&[(0, MOST_TEXT + 1); 8]), 8);
        let half = MOST_TEXT / 2 - BESIDES_TEXT;
        let beside = [[(0, half), (1, half)]; 4].concat();
        assert_eq!(readings(&beside), 2);
    }

    #[test]
    fn what_grew_old_while_it_was_read_counts_as_any_other() {
        let mut recent = Recent::default();
        let (slot, _) = recent.slot(FileId(0));
        recent.put(
            FileId(1),
            Entry::new(Some(Arc::new(note_of(&vec![b'x'; MOST_TEXT])))),
        );
        assert!(recent.young.is_empty());
        recent.fill(FileId(0), &slot, MOST_TEXT);
        assert_eq!(recent.old[&FileId(0)].bytes, BESIDES_TEXT + MOST_TEXT);
        // Of another reading nothing is known.
        recent.fill(FileId(0), &Arc::default(), MOST_TEXT);
        assert_eq!(recent.old[&FileId(0)].bytes, BESIDES_TEXT + MOST_TEXT);
    }

    #[test]
    fn all_jobs_of_a_note_share_one_reading() {
        let texts = Texts::default();
        let readings = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let read = || {
                        readings.fetch_add(1, Ordering::Relaxed);
                        Ok::<_, ()>(Arc::new(note_of(b"x")))
                    };
                    assert!(texts.get_or_read(FileId(0), read).is_ok());
                });
            }
        });
        assert_eq!(readings.into_inner(), 1);
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
