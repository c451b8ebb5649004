//! What a link or an embed means. Pure.
//!
//! The rules are Obsidian's, made deterministic: names compare folded (case, NFC); a path matches by its last parts;
//! the file nearest to the linking note wins, in steps through the folders; a tie goes to the first in path order
//! and is noted; an alias counts only where no file name matches. A path with a folder in it that is exactly a
//! file's path from the root means that file: otherwise some files could not be named at all.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::FileId;
use super::facts::{Ref, RefKind, without_query};
use super::names::{NameIndex, NameKey, fold};
use super::table::Files;
use crate::path::{NotePath, last_part};

/// What a reference leads to, as far as the export is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// An exported note, and the place in it.
    Note(FileId, Place),
    /// Another file of the vault that is exported along.
    File(FileId),
    /// Nothing that the export may show: it stays plain text.
    Nowhere(Nowhere),
}

/// A place in a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The whole note: the reference has no fragment.
    Whole,
    /// A heading and what is below it: an index into the note's headings.
    Heading(usize),
    /// A block: an index into the note's blocks.
    Block(usize),
    /// An element of raw HTML that has an id: an index into the note's elements. Only Markdown links lead to such.
    Element(usize),
    /// The reference names a heading or block that the note doesn't have. A link goes to the note's top;
    /// an embed shows nothing and stays plain text.
    Missing,
}

/// Why a reference leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nowhere {
    /// No file has that name.
    Unresolved,
    /// The note is kept out of the export. The reader of the export must not learn that it exists.
    Hidden,
    /// The attachment is not copied along.
    NotCopied,
}

/// The files that a name may mean, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidates {
    /// No file.
    None,
    /// One file, or one that is nearer than all others.
    One(FileId),
    /// Several equally near files, in path order. The first is taken.
    Tie(Vec<FileId>),
}

impl Candidates {
    /// The file that is taken.
    pub fn first(&self) -> Option<FileId> {
        match self {
            Self::None => None,
            Self::One(id) => Some(*id),
            Self::Tie(ids) => ids.first().copied(),
        }
    }
}

/// Looks names up.
#[derive(Clone, Copy)]
pub struct Resolver<'a> {
    /// All files.
    pub files: &'a Files,
    /// File names and stems.
    pub names: &'a NameIndex,
    /// Aliases.
    pub aliases: &'a NameIndex,
}

impl Resolver<'_> {
    /// The file that a reference in `from` names. A Markdown link's query is none of the name, unless a file is called that.
    pub fn candidates(&self, from: FileId, reference: &Ref) -> Candidates {
        let kind = reference.kind;
        match self.named(from, kind, &reference.target) {
            Candidates::None => reference
                .without_query()
                .map_or(Candidates::None, |path| self.named(from, kind, path)),
            found => found,
        }
    }

    fn named(&self, from: FileId, kind: RefKind, target: &str) -> Candidates {
        if target.is_empty() {
            return Candidates::One(from);
        }
        let folder = self.files.get(from).path.folder();
        if names_a_folder(target) {
            return self.by_alias(target, folder);
        }
        if let Some(absolute) = target.strip_prefix('/') {
            return self.at_path("", absolute, folder);
        }
        if target.starts_with("./") || target.starts_with("../") {
            let found = self.at_path(folder, target, folder);
            if found != Candidates::None || !kind.is_markdown() {
                return found;
            }
        } else if kind.is_markdown() {
            let beside = self.at_path(folder, target, folder);
            if beside != Candidates::None {
                return beside;
            }
        }
        self.anywhere(target, folder)
    }

    /// The file that a name means, seen from the root.
    pub fn by_name(&self, name: &str) -> Candidates {
        self.anywhere(name, "")
    }

    fn anywhere(&self, target: &str, folder: &str) -> Candidates {
        let Ok(path) = NotePath::new(target.trim_start_matches("../")) else {
            return Candidates::None;
        };
        let folded = fold(path.as_str());
        match self.by_suffix(&folded, folder) {
            Candidates::None => self.by_alias(target, folder),
            found => found,
        }
    }

    /// The file whose path is exactly `text` seen from `base`; the extension of a note may be left out.
    fn at_path(&self, base: &str, text: &str, folder: &str) -> Candidates {
        let Ok(path) = NotePath::join(base, text) else {
            return Candidates::None;
        };
        let folded = fold(path.as_str());
        let name = last_part(&folded);
        let exact = self.names.get(NameKey::of_folded(name)).iter().copied();
        self.nearest(exact.filter(|&id| self.matches_whole(id, &folded)), folder)
    }

    fn by_suffix(&self, folded: &str, folder: &str) -> Candidates {
        let name = last_part(folded);
        let named = self.names.get(NameKey::of_folded(name));
        if folded.contains('/') {
            let exact = named
                .iter()
                .copied()
                .filter(|&id| self.matches_whole(id, folded));
            let exact = self.nearest(exact, folder);
            if exact != Candidates::None {
                return exact;
            }
        }
        self.nearest(
            named
                .iter()
                .copied()
                .filter(|&id| self.matches_suffix(id, folded)),
            folder,
        )
    }

    fn by_alias(&self, target: &str, folder: &str) -> Candidates {
        let folded = fold(target);
        let bearers = self
            .aliases
            .get(NameKey::of_folded(&folded))
            .iter()
            .copied();
        let bears = |id: &FileId| {
            self.files
                .get(*id)
                .head()
                .is_some_and(|facts| facts.aliases.iter().any(|alias| fold(alias) == folded))
        };
        self.nearest(bearers.filter(bears), folder)
    }

    fn matches_whole(&self, id: FileId, folded: &str) -> bool {
        self.forms_end_in(id, folded, str::is_empty)
    }

    fn matches_suffix(&self, id: FileId, folded: &str) -> bool {
        self.forms_end_in(id, folded, |before| {
            before.is_empty() || before.ends_with('/')
        })
    }

    /// Whether one of the file's paths (whole; for a note also without its extension), folded, ends in `folded`, and what
    /// stands before that passes the test.
    fn forms_end_in(&self, id: FileId, folded: &str, test: impl Fn(&str) -> bool) -> bool {
        let file = self.files.get(id);
        let whole = file.path.as_str();
        let ends = |form: &str| before_folded(form, folded).is_some_and(|before| test(&before));
        ends(whole) || (file.is_note() && ends(file.path.without_extension()))
    }

    fn nearest(&self, mut candidates: impl Iterator<Item = FileId>, folder: &str) -> Candidates {
        // Nearly always there is one, and then it needn't be measured.
        let Some(first) = candidates.next() else {
            return Candidates::None;
        };
        let Some(second) = candidates.next() else {
            return Candidates::One(first);
        };
        let mut best: Vec<FileId> = Vec::new();
        let mut best_steps = usize::MAX;
        for id in [first, second].into_iter().chain(candidates) {
            let steps = steps_between(folder, self.files.get(id).path.folder());
            match steps.cmp(&best_steps) {
                Ordering::Less => {
                    best_steps = steps;
                    best.clear();
                    best.push(id);
                }
                Ordering::Equal => best.push(id),
                Ordering::Greater => {}
            }
        }
        if let [only] = best[..] {
            return Candidates::One(only);
        }
        best.sort_by(|a, b| self.files.get(*a).path.cmp(&self.files.get(*b).path));
        Candidates::Tie(best)
    }
}

/// What stands before `folded` at the end of a path, once that is folded too.
fn before_folded<'a>(path: &'a str, folded: &str) -> Option<Cow<'a, str>> {
    if path.is_ascii() {
        // Nearly all are, and this is asked for each link of each note.
        let at = path.len().checked_sub(folded.len())?;
        let end = path.get(at..)?;
        return end
            .eq_ignore_ascii_case(folded)
            .then(|| Cow::Borrowed(&path[..at]));
    }
    let whole = fold(path);
    let before = whole.strip_suffix(folded)?;
    Some(Cow::Owned(before.to_owned()))
}

/// How many steps up and down lead from one folder to another.
fn steps_between(from: &str, to: &str) -> usize {
    let count = |folder: &str| folder.split('/').filter(|part| !part.is_empty()).count();
    let common = from
        .split('/')
        .zip(to.split('/'))
        .take_while(|(a, b)| a == b && !a.is_empty())
        .count();
    count(from) + count(to) - 2 * common
}

/// Whether a target ends in a way in which no file's path does. What it would come to depends on the folder it is
/// seen from, and no name in it could tell when to look again.
fn names_a_folder(target: &str) -> bool {
    matches!(last_part(target), "" | "." | "..")
}

/// The keys of the names under which a reference may find a file: when such a name comes or goes, it must be resolved anew.
pub fn mentioned(reference: &Ref) -> impl Iterator<Item = NameKey> {
    mentioned_by(reference.kind, &reference.target)
}

/// The same of the target of a reference of some kind.
pub(super) fn mentioned_by(kind: RefKind, target: &str) -> impl Iterator<Item = NameKey> {
    let without_query = without_query(kind, target).into_iter();
    keys_of(target).chain(without_query.flat_map(keys_of))
}

fn keys_of(target: &str) -> impl Iterator<Item = NameKey> + use<> {
    let name = last_part(target);
    let by_name = (!target.is_empty()).then(|| NameKey::of(name));
    let by_alias = target.contains('/').then(|| NameKey::of(target));
    by_name.into_iter().chain(by_alias)
}

/// The keys under which a file can be found by name.
pub fn names_of(path: &NotePath, is_note: bool) -> impl Iterator<Item = NameKey> {
    let whole = NameKey::of(path.name());
    let stem = (is_note && !path.extension().is_empty()).then(|| NameKey::of(path.stem()));
    std::iter::once(whole).chain(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_go_up_and_down() {
        assert_eq!(steps_between("", ""), 0);
        assert_eq!(steps_between("a/b", "a"), 1);
        assert_eq!(steps_between("a/b", "a/c"), 2);
        assert_eq!(steps_between("", "x/y"), 2);
        assert_eq!(steps_between("ab", "a"), 2);
    }
}
