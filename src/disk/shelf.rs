//! A file without a name that takes what would fill memory: the kernel keeps as much of it at hand as there is room for.
//!
//! It is only ever added to, and gone with the process. Nothing in it is needed after a crash.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::sync::lock;
use crate::vault::facts::{Place, Shelf};

/// So much is gathered before it is written: one call for some hundred notes.
const PORTION: usize = 256 * 1024;

/// A shelf in a folder.
#[derive(Debug)]
pub struct FileShelf {
    folder: PathBuf,
    file: File,
    tail: Mutex<Tail>,
}

/// The end of the file.
#[derive(Debug, Default)]
struct Tail {
    /// How much of it is written.
    written: u64,
    /// What comes after that.
    bytes: Vec<u8>,
    /// It can't be written (any more): what came so far stays, and nothing more is taken.
    closed: bool,
}

impl FileShelf {
    /// An empty one.
    ///
    /// # Errors
    /// When no file can be made there.
    pub fn new_in(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            file: tempfile::tempfile_in(folder)?,
            tail: Mutex::default(),
        })
    }
}

impl Tail {
    fn write(&mut self, file: &File) {
        match file.write_all_at(&self.bytes, self.written) {
            Ok(()) => {
                self.written += self.bytes.len() as u64;
                self.bytes.clear();
            }
            Err(error) => {
                tracing::debug!("facts stay in memory: {error}");
                self.closed = true;
            }
        }
    }
}

impl Shelf for FileShelf {
    fn put(&self, bytes: &[u8]) -> Option<Place> {
        let mut tail = lock(&self.tail);
        if tail.bytes.len() + bytes.len() > PORTION && !tail.closed {
            tail.write(&self.file);
        }
        if tail.closed {
            return None;
        }
        let place = Place::new(tail.written + tail.bytes.len() as u64, bytes.len())?;
        tail.bytes.extend_from_slice(bytes);
        Some(place)
    }

    /// # Panics
    /// When what was written can't be read. Like memory that fails, that ends the process; the next one begins anew.
    fn get(&self, place: Place) -> Vec<u8> {
        let (begin, len) = (place.begin(), place.len());
        {
            let tail = lock(&self.tail);
            if begin >= tail.written {
                let begin = usize::try_from(begin - tail.written)
                    .expect("what is not written is in memory");
                return tail.bytes[begin..begin + len].to_vec();
            }
        }
        let mut bytes = vec![0; len];
        if let Err(error) = self.file.read_exact_at(&mut bytes, begin) {
            panic!(
                "{}: what was put aside there can't be read: {error}",
                self.folder.display()
            );
        }
        bytes
    }

    fn size(&self) -> u64 {
        let tail = lock(&self.tail);
        tail.written + tail.bytes.len() as u64
    }

    fn empty(&self) -> Option<Arc<dyn Shelf>> {
        let empty = Self::new_in(&self.folder).ok()?;
        Some(Arc::new(empty))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_there_can_be_had_again() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = FileShelf::new_in(folder.path()).unwrap();
        let things: Vec<Vec<u8>> = (0..2000_usize)
            .map(|n| vec![n.to_le_bytes()[0]; n])
            .collect();
        let places: Vec<Place> = things
            .iter()
            .map(|thing| shelf.put(thing).unwrap())
            .collect();
        for (thing, place) in things.iter().zip(places) {
            assert_eq!(shelf.get(place), *thing);
        }
        assert_eq!(shelf.size(), (0..2000).sum::<u64>());
        assert_eq!(shelf.empty().unwrap().size(), 0);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn when_nothing_can_be_written_what_came_before_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        let shelf = FileShelf {
            folder: folder.path().to_owned(),
            file: File::open(&path).unwrap(),
            tail: Mutex::default(),
        };
        let place = shelf.put(b"first").unwrap();
        assert!(shelf.put(&vec![0; PORTION]).is_none());
        assert!(shelf.put(b"small").is_none());
        assert_eq!(shelf.get(place), b"first");
    }
}
