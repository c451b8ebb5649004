//! The manifest's file through kills and power losses.
//!
//! The database is a real one on a file system in memory. Its log only grows within an episode, so what it was after an
//! earlier transaction is had by cutting the log there: a kill copies all of it, a power loss cuts the copy anywhere
//! behind what was flushed.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use smartnotesd::manifest::Manifest;

use crate::rng::Rng;

/// Where the manifest lies.
pub(crate) struct State {
    folder: tempfile::TempDir,
    generation: u32,
    /// How much of the log a power loss can't take.
    durable: u64,
    /// Held while transactions are refused.
    refusing: Option<Connection>,
    has_refused: bool,
}

impl State {
    pub(crate) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        let folder = folder.expect("a temporary folder can be made");
        Self {
            folder,
            generation: 0,
            durable: 0,
            refusing: None,
            has_refused: false,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder
            .path()
            .join(format!("manifest-{}.db", self.generation))
    }

    fn log(&self) -> PathBuf {
        self.folder
            .path()
            .join(format!("manifest-{}.db-wal", self.generation))
    }

    pub(crate) fn log_length(&self) -> u64 {
        fs::metadata(self.log()).map_or(0, |log| log.len())
    }

    pub(crate) fn open(&mut self) -> Manifest {
        if self.log_length() == 0 {
            self.durable = 0;
        }
        let opened = Manifest::open(&self.path()).expect("the manifest opens after every end");
        assert_eq!(opened.recovered, None, "a manifest was taken for damaged");
        if self.has_refused {
            // A power loss may have brought back what refuses.
            let connection =
                Connection::open(self.path()).expect("the manifest has room for a second writer");
            drop_triggers(&connection).expect("a trigger can be removed");
        }
        opened.manifest
    }

    /// All that was committed so far is on the disk.
    pub(crate) fn mark_durable(&mut self) {
        self.durable = self.log_length();
    }

    /// The process is gone without having closed the manifest. To be called while it is still open.
    pub(crate) fn crash(&mut self) {
        self.move_on(u64::MAX);
    }

    /// The machine stops; tells how much of the log is left, and whether that took something.
    pub(crate) fn lose_power(&mut self, rng: &mut Rng) -> (u64, bool) {
        let length = self.log_length();
        let cut = self.durable.min(length) + rng.below(length.saturating_sub(self.durable) + 1);
        let kept = self.end_of_transaction(cut);
        self.move_on(kept);
        (kept, kept < length)
    }

    /// Where the last transaction that is whole in the first `length` bytes of the log ends: all that a database that is
    /// opened after the end makes of them.
    fn end_of_transaction(&self, length: u64) -> u64 {
        const HEADER: usize = 32;
        const FRAME_HEADER: usize = 24;
        let log = fs::read(self.log()).unwrap_or_default();
        let log = &log[..log.len().min(usize::try_from(length).unwrap_or(usize::MAX))];
        let word = |at: usize| {
            log.get(at..at + 4)
                .map(|word| [word[0], word[1], word[2], word[3]])
        };
        let page = word(8).map_or(0, u32::from_be_bytes) as usize;
        let frames = log.len().saturating_sub(HEADER) / (FRAME_HEADER + page);
        let end = |frame: usize| HEADER + (frame + 1) * (FRAME_HEADER + page);
        // The last frame of a transaction says how large the database is after it.
        let is_last = |frame: &usize| word(end(*frame) - page - FRAME_HEADER + 4) != Some([0; 4]);
        (0..frames)
            .rev()
            .find(is_last)
            .map_or(0, |frame| end(frame) as u64)
    }

    fn move_on(&mut self, kept: u64) {
        self.accept();
        let database = fs::read(self.path()).expect("the manifest can be copied");
        let mut log = fs::read(self.log()).unwrap_or_default();
        log.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        self.generation += 1;
        fs::write(self.path(), database).expect("the manifest can be copied");
        if !log.is_empty() {
            fs::write(self.log(), log).expect("the manifest can be copied");
        }
    }

    /// From now on transactions of this kind are refused.
    pub(crate) fn refuse(&mut self, announcements: bool) {
        if self.refusing.is_some() {
            return;
        }
        let connection =
            Connection::open(self.path()).expect("the manifest has room for a second reader");
        let sql = if announcements {
            "CREATE TRIGGER refuse_add BEFORE INSERT ON outputs WHEN NEW.hash IS NULL \
             BEGIN SELECT RAISE(ABORT, 'refused'); END; \
             CREATE TRIGGER refuse_mark BEFORE UPDATE OF replacing ON outputs WHEN NEW.replacing = 1 \
             BEGIN SELECT RAISE(ABORT, 'refused'); END"
        } else {
            "CREATE TRIGGER refuse_batch BEFORE INSERT ON batches BEGIN SELECT RAISE(ABORT, 'refused'); END"
        };
        connection
            .execute_batch(sql)
            .expect("a trigger can be made");
        self.refusing = Some(connection);
        self.has_refused = true;
    }

    /// From now on they are not.
    pub(crate) fn accept(&mut self) {
        if let Some(connection) = self.refusing.take() {
            drop_triggers(&connection).expect("a trigger can be removed");
        }
    }
}

fn drop_triggers(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "DROP TRIGGER IF EXISTS refuse_add; DROP TRIGGER IF EXISTS refuse_mark; DROP TRIGGER IF EXISTS refuse_batch",
    )
}
