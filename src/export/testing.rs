//! A small vault in memory for the tests of the formats: names resolve exactly, the first in path order wins.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Listed, Page, Source, SourceError};
use crate::path::{NotePath, OutputPath};
use crate::vault::fragments::Fragments;
use crate::vault::{FileId, Note, NoteFacts, Nowhere, Privacy, Ref, RefKind, Target, note};

/// A vault of a few files, all given at once.
pub(crate) struct FakeVault {
    files: Vec<(NotePath, Option<Arc<Note>>)>,
    /// Extensions of the formats, by index.
    extensions: Vec<&'static str>,
}

impl FakeVault {
    /// Notes (`.md`, `.json`, `.txt`) and attachments (anything else) with their text; formats are `md` and `html`.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let mut sorted: Vec<_> = files
            .iter()
            .map(|(path, text)| (NotePath::new(path).unwrap(), *text))
            .collect();
        sorted.sort();
        let read = |(path, text): (NotePath, &str)| {
            let is_note = matches!(path.extension(), "md" | "json" | "txt");
            let note = is_note.then(|| Arc::new(note::parse(&path, text.as_bytes())));
            (path, note)
        };
        Self {
            files: sorted.into_iter().map(read).collect(),
            extensions: vec!["md", "html"],
        }
    }

    /// The same vault with other formats: their extensions.
    pub(crate) fn with_formats(self, extensions: &[&'static str]) -> Self {
        Self {
            extensions: extensions.to_vec(),
            ..self
        }
    }

    /// The id of the file at `path`.
    pub(crate) fn id(&self, path: &str) -> FileId {
        let index = self
            .files
            .iter()
            .position(|(known, _)| known.as_str() == path)
            .expect("a file of the test");
        FileId(u32::try_from(index).unwrap())
    }

    fn find(&self, from: FileId, reference: &Ref) -> Option<usize> {
        if reference.target.is_empty() {
            return Some(from.0 as usize);
        }
        let fits =
            |path: &NotePath, name: &str| path.as_str() == name || path.without_extension() == name;
        if matches!(reference.kind, RefKind::Link | RefKind::Image) {
            let at = |target: &str| {
                let joined = NotePath::join(self.path(from).folder(), target).ok()?;
                let mut files = self.files.iter();
                files.position(|(path, _)| fits(path, joined.as_str()))
            };
            let before_query = || reference.without_query().and_then(at);
            return at(&reference.target).or_else(before_query);
        }
        let suffix = format!("/{}", reference.target);
        self.files.iter().position(|(path, _)| {
            fits(path, &reference.target)
                || path.as_str().ends_with(&suffix)
                || path.without_extension().ends_with(&suffix)
        })
    }
}

impl Source for FakeVault {
    fn target(&self, from: FileId, reference: &Ref) -> Target {
        let Some(index) = self.find(from, reference) else {
            return Target::Nowhere(Nowhere::Unresolved);
        };
        let id = FileId(u32::try_from(index).unwrap());
        match &self.files[index].1 {
            None => Target::File(id),
            Some(note) if note.facts.privacy == Privacy::Public => Target::Note(
                id,
                Fragments::new(note.facts.clone().into()).place(reference),
            ),
            Some(_) => Target::Nowhere(Nowhere::Hidden),
        }
    }

    fn note(&self, id: FileId) -> Result<Arc<Note>, SourceError> {
        let (path, note) = &self.files[id.0 as usize];
        note.clone()
            .ok_or_else(|| SourceError::Superseded(path.clone()))
    }

    fn facts(&self, id: FileId) -> Option<Arc<NoteFacts>> {
        let note = self.files[id.0 as usize].1.as_ref()?;
        Some(note.facts.clone().into())
    }

    fn path(&self, id: FileId) -> &NotePath {
        &self.files[id.0 as usize].0
    }

    fn output(&self, id: FileId, format: usize) -> OutputPath {
        let (path, note) = &self.files[id.0 as usize];
        let path = match note {
            Some(_) => format!("{}.{}", path.without_extension(), self.extensions[format]),
            None => path.to_string(),
        };
        OutputPath::new(&path).unwrap()
    }

    fn backlinks(&self, id: FileId) -> Vec<FileId> {
        let links = |from: &FileId| -> bool {
            let Some(note) = &self.files[from.0 as usize].1 else {
                return false;
            };
            note.facts.privacy == Privacy::Public
                && note
                    .facts
                    .refs
                    .iter()
                    .any(|r| matches!(self.target(*from, r), Target::Note(to, _) if to == id))
        };
        let all: BTreeSet<FileId> = (0..self.files.len())
            .map(|index| FileId(u32::try_from(index).unwrap()))
            .collect();
        all.into_iter()
            .filter(|from| *from != id && links(from))
            .collect()
    }

    fn title(&self, id: FileId) -> String {
        self.files[id.0 as usize]
            .1
            .as_ref()
            .map_or_else(String::new, |note| note.facts.title.to_string())
    }

    fn listed(&self, page: &Page) -> Vec<Listed> {
        let notes = self
            .files
            .iter()
            .enumerate()
            .filter_map(|(index, (path, note))| {
                let facts = &note.as_ref()?.facts;
                let listed = facts.privacy == Privacy::Public && page.lists(&facts.tags);
                let id = FileId(u32::try_from(index).unwrap());
                listed.then(|| Listed {
                    id,
                    path: path.clone(),
                    title: facts.title.to_string(),
                    tags: facts.tags.clone(),
                })
            });
        notes.collect()
    }
}
