//! A reader of the export tree that never stops, and what it must never see: a file that is not one whole version.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

/// A note's text that says in each of its lines which version it is, so that a mixture or a part is known as such.
pub fn version(number: usize) -> String {
    let lines = 20 + number * 37 % 400;
    let line = format!("version {number}\n");
    format!(
        "version {number} of {lines} lines\n{}end of {line}",
        line.repeat(lines)
    )
}

/// Whether a text is one whole version.
fn is_whole(text: &str) -> bool {
    let number = text
        .strip_prefix("version ")
        .and_then(|rest| rest.split(' ').next())
        .and_then(|number| number.parse().ok());
    number.is_some_and(|number| text == version(number))
}

/// Reads all files of a tree again and again.
pub struct Reader {
    ends: Arc<AtomicBool>,
    files: Arc<AtomicUsize>,
    thread: Option<JoinHandle<Vec<String>>>,
}

impl Reader {
    /// Begins to read.
    pub fn of(folder: PathBuf) -> Self {
        let ends = Arc::<AtomicBool>::default();
        let files = Arc::<AtomicUsize>::default();
        let (end, count) = (ends.clone(), files.clone());
        let thread = thread::spawn(move || {
            let mut torn = Vec::new();
            while !end.load(Ordering::Relaxed) && torn.is_empty() {
                read(&folder, &count, &mut torn);
                thread::yield_now();
            }
            torn
        });
        Self {
            ends,
            files,
            thread: Some(thread),
        }
    }

    /// Ends it; it must have read files, and all of them whole.
    #[track_caller]
    pub fn assert_all_whole(mut self) {
        self.ends.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it is ended once");
        let torn = thread.join().expect("reading doesn't panic");
        assert!(torn.is_empty(), "not whole: {torn:?}");
        assert!(self.files.load(Ordering::Relaxed) > 0, "it read nothing");
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

/// Reads what lies in a folder. What is hidden has no final name yet, and what goes away meanwhile was whole.
fn read(folder: &Path, count: &AtomicUsize, torn: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.map_while(Result::ok) {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if path.is_dir() {
            read(&path, count, torn);
        } else if let Ok(text) = fs::read_to_string(&path) {
            count.fetch_add(1, Ordering::Relaxed);
            if !is_whole(&text) {
                torn.push(format!(
                    "{}: {:.60}… ({} bytes)",
                    path.display(),
                    text,
                    text.len()
                ));
            }
        }
    }
}
