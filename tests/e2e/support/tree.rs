//! An export tree as a value, and how two of them differ.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// All that lies in a folder, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<String, Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    File(Vec<u8>),
    Folder,
    /// Nothing that an export has.
    Other,
}

impl Tree {
    /// Reads a folder; one that is not there is empty. What goes away meanwhile is left out.
    pub fn read(root: &Path) -> Self {
        let mut tree = Self::default();
        tree.read_folder(root, "");
        tree
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) {
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        for entry in entries.map_while(Result::ok) {
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            let entry = if kind.is_dir() {
                self.read_folder(&entry.path(), &format!("{path}/"));
                Entry::Folder
            } else if kind.is_file() {
                let Ok(bytes) = fs::read(entry.path()) else {
                    continue;
                };
                Entry::File(bytes)
            } else {
                Entry::Other
            };
            self.0.insert(path, entry);
        }
    }

    /// The paths of all files.
    pub fn files(&self) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(_, entry)| matches!(entry, Entry::File(_)))
            .map(|(path, _)| path.as_str())
            .collect()
    }

    /// The paths of all files with this extension.
    pub fn files_with<'a>(&'a self, extension: &'a str) -> impl Iterator<Item = &'a str> {
        self.files().into_iter().filter(move |path| {
            path.rsplit_once('.')
                .is_some_and(|(_, end)| end == extension)
        })
    }

    /// Whether there is a file or folder.
    pub fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Whether any file holds this text.
    pub fn mentions(&self, text: &str) -> bool {
        self.0.values().any(|entry| match entry {
            Entry::File(bytes) => bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes()),
            Entry::Folder | Entry::Other => false,
        })
    }

    /// How this tree differs from the one that it should be, a line each; empty when they are equal.
    pub fn differences(&self, wanted: &Self) -> String {
        let mut out = String::new();
        for (path, entry) in &wanted.0 {
            match self.0.get(path) {
                None => writeln!(out, "missing  {path}"),
                Some(there) if there == entry => Ok(()),
                Some(there) => writeln!(out, "differs  {path}{}", first_difference(there, entry)),
            }
            .expect("a String takes all");
        }
        for path in self.0.keys().filter(|path| !wanted.0.contains_key(*path)) {
            writeln!(out, "too many {path}").expect("a String takes all");
        }
        out
    }
}

fn first_difference(there: &Entry, wanted: &Entry) -> String {
    let (Entry::File(there), Entry::File(wanted)) = (there, wanted) else {
        return ": another kind".to_owned();
    };
    let (there, wanted) = (
        String::from_utf8_lossy(there),
        String::from_utf8_lossy(wanted),
    );
    let (mut left, mut right) = (there.lines(), wanted.lines());
    for line in 1.. {
        match (left.next(), right.next()) {
            (None, None) => break,
            (there, wanted) if there == wanted => {}
            (there, wanted) => return format!(":{line}: {there:?} should be {wanted:?}"),
        }
    }
    ": in its line ends".to_owned()
}
