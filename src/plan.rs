//! What to do so that the export tree is again what the vault says: the jobs, and the outputs that go. Pure.
//!
//! An output is up to date when the manifest knows it with the path and the key that it should have. The planner
//! compares the two for every note it is given and asks for what differs, no more and no less.

use std::collections::BTreeSet;

use crate::hash::{Key, KeyHasher};
use crate::manifest::{Owner, StoredOutput};
use crate::path::OutputPath;
use crate::vault::{Because, Blocked, FileId, Page, Vault};

/// One output to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What it shows.
    pub work: Work,
    /// Where it goes.
    pub output: OutputPath,
    /// All that it is made from.
    pub key: Key,
    /// Why.
    pub because: Because,
}

/// What a job makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// A note in a format (an index into the config's formats).
    Note(FileId, usize),
    /// A copy of an attachment.
    Copy(FileId),
    /// A page in a format.
    Page(Page, usize),
}

impl Work {
    /// Whose output it is, as the manifest names it.
    pub fn owner(&self) -> Owner {
        match self {
            Self::Note(id, _) => Owner::Note(*id),
            Self::Copy(id) => Owner::Copy(*id),
            Self::Page(page, _) => Owner::Page(page.name()),
        }
    }

    /// The format, for notes and pages.
    pub fn format(&self) -> Option<usize> {
        match self {
            Self::Note(_, format) | Self::Page(_, format) => Some(*format),
            Self::Copy(_) => None,
        }
    }
}

/// A job that can't be done, whatever the disk says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedJob {
    /// The note.
    pub id: FileId,
    /// The format.
    pub format: usize,
    /// Why it can't.
    pub blocked: Blocked,
    /// Why it was tried.
    pub because: Because,
}

/// What a batch does.
#[derive(Debug, Default)]
pub struct Plan {
    /// Jobs in the path order of their notes; formats in the order of the config; then copies, then pages.
    pub jobs: Vec<Job>,
    /// Jobs that fail without being run.
    pub blocked: Vec<BlockedJob>,
    /// Outputs to withdraw. One that a job writes anew goes only if that job fails.
    pub withdraw: BTreeSet<OutputPath>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.blocked.is_empty() && self.withdraw.is_empty()
    }

    /// How many notes have a job, done or blocked.
    pub fn notes(&self) -> usize {
        let done = self.jobs.iter().filter_map(|job| match job.work {
            Work::Note(id, _) => Some(id),
            Work::Copy(_) | Work::Page(..) => None,
        });
        done.chain(self.blocked.iter().map(|job| job.id))
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// How many jobs are one note in one format.
    pub fn note_jobs(&self) -> usize {
        self.jobs
            .iter()
            .filter(|job| matches!(job.work, Work::Note(..)))
            .count()
            + self.blocked.len()
    }
}

/// What the planner must know of a format.
#[derive(Clone, Debug)]
pub struct FormatPlan {
    /// Its name.
    pub name: Box<str>,
    /// All of the config that its outputs depend on.
    pub fingerprint: Key,
    /// Whether its outputs show who links to the note.
    pub reads_backlinks: bool,
    /// Whether its outputs are made from the content of the pictures that the note shows.
    pub reads_pictures: bool,
    /// Whether it has index and tag pages.
    pub has_pages: bool,
}

/// Plans against one state of the vault.
pub struct Planner<'a> {
    /// The vault as it should be exported.
    pub vault: &'a Vault,
    /// The config's formats.
    pub formats: &'a [FormatPlan],
    /// Do everything again, whatever the manifest knows.
    pub full: bool,
}

impl Planner<'_> {
    /// Plans a note that may be affected; `known` are the outputs that the manifest knows of it.
    pub fn note(&self, plan: &mut Plan, id: FileId, because: &Because, known: &[StoredOutput]) {
        let mut kept = BTreeSet::new();
        for (format, settings) in self.formats.iter().enumerate() {
            if let Some((output, key)) = self.wanted_note(id, format) {
                kept.insert(output.clone());
                if self.full || !is_current(known, &settings.name, &output, key) {
                    plan.jobs.push(Job {
                        work: Work::Note(id, format),
                        output,
                        key,
                        because: because.clone(),
                    });
                }
            } else if let Some(blocked) = self
                .vault
                .files()
                .try_get(id)
                .and_then(|_| self.vault.blocked(id, format))
            {
                plan.blocked.push(BlockedJob {
                    id,
                    format,
                    blocked,
                    because: because.clone(),
                });
            }
        }
        withdraw_others(plan, known, &kept);
    }

    /// Plans an attachment; `known` is what the manifest knows of its copy.
    pub fn copy(&self, plan: &mut Plan, id: FileId, because: &Because, known: &[StoredOutput]) {
        let mut kept = BTreeSet::new();
        if let Some((output, key)) = self.wanted_copy(id) {
            kept.insert(output.clone());
            // While its stamp can't tell one content from the next, only comparing does.
            let doubtful = !self.vault.files().get(id).trusted;
            if self.full || doubtful || !is_current(known, "", &output, key) {
                plan.jobs.push(Job {
                    work: Work::Copy(id),
                    output,
                    key,
                    because: because.clone(),
                });
            }
        }
        withdraw_others(plan, known, &kept);
    }

    /// Plans a page in all formats; `place` tells where it goes in one, `known` is what the manifest knows of it.
    pub fn page(
        &self,
        plan: &mut Plan,
        page: &Page,
        place: impl Fn(usize) -> OutputPath,
        known: &[StoredOutput],
    ) {
        let mut kept = BTreeSet::new();
        for (format, settings) in self.formats.iter().enumerate() {
            let Some((output, key)) = self.wanted_page(page, format, &place) else {
                continue;
            };
            kept.insert(output.clone());
            if self.full || !is_current(known, &settings.name, &output, key) {
                plan.jobs.push(Job {
                    work: Work::Page(page.clone(), format),
                    output,
                    key,
                    because: Because::Changed,
                });
            }
        }
        withdraw_others(plan, known, &kept);
    }

    /// Whether an output that the manifest knows is the one that should be there.
    pub fn is_wanted(
        &self,
        known: &StoredOutput,
        page_output: impl Fn(&Page, usize) -> OutputPath,
    ) -> bool {
        let format = || {
            self.formats
                .iter()
                .position(|format| format.name == known.format)
        };
        let wanted = match &known.owner {
            Owner::Note(id) => format().and_then(|format| self.wanted_note(*id, format)),
            Owner::Copy(id) => self.wanted_copy(*id),
            Owner::Page(name) => Page::from_name(name)
                .zip(format())
                .and_then(|(page, format)| {
                    self.wanted_page(&page, format, |format| page_output(&page, format))
                }),
        };
        let has = |(output, key): (OutputPath, Key)| known.path == output && known.key == key;
        wanted.is_some_and(has)
    }

    /// The output that a note should have in a format, if any.
    fn wanted_note(&self, id: FileId, format: usize) -> Option<(OutputPath, Key)> {
        let file = self.vault.files().try_get(id)?;
        file.exported.then(|| {
            let output = self.vault.output(id, format);
            let key = self.note_key(id, &self.formats[format], &output);
            (output, key)
        })
    }

    /// The copy that an attachment should have, if any.
    fn wanted_copy(&self, id: FileId) -> Option<(OutputPath, Key)> {
        self.vault.files().try_get(id)?;
        let is_copied = self.vault.is_copied(id);
        is_copied.then(|| (self.vault.output(id, 0), self.copy_key(id)))
    }

    /// The output that a page should have in a format, if any; `place` tells where it goes in one.
    fn wanted_page(
        &self,
        page: &Page,
        format: usize,
        place: impl Fn(usize) -> OutputPath,
    ) -> Option<(OutputPath, Key)> {
        let settings = &self.formats[format];
        let listing = self
            .vault
            .pages()
            .key(page)
            .filter(|_| settings.has_pages)?;
        let output = place(format);
        // A file of that name has the place; what leads to the page then leads to the file.
        let is_free = !self.vault.is_taken(output.as_str());
        is_free.then(|| {
            let key = page_key(settings, listing, &output);
            (output, key)
        })
    }

    fn note_key(&self, id: FileId, format: &FormatPlan, output: &OutputPath) -> Key {
        let seen = self.vault.key(id, format.reads_backlinks);
        let mut key = KeyHasher::new();
        key.key(format.fingerprint).key(seen).text(output.as_str());
        if format.reads_pictures {
            for picture in self.vault.pictures(id) {
                key.key(self.copy_key(picture));
            }
        }
        key.finish()
    }

    fn copy_key(&self, id: FileId) -> Key {
        let file = self.vault.files().get(id);
        let stamp = file.stamp;
        KeyHasher::new()
            .number(stamp.size)
            .number(stamp.mtime.cast_unsigned())
            .number(stamp.ctime.cast_unsigned())
            .number(stamp.inode)
            // A copy made from a stamp that tells nothing is compared once more when the stamp does.
            .number(u64::from(file.trusted))
            .finish()
    }
}

fn page_key(format: &FormatPlan, listing: Key, output: &OutputPath) -> Key {
    KeyHasher::new()
        .key(format.fingerprint)
        .key(listing)
        .text(output.as_str())
        .finish()
}

fn is_current(known: &[StoredOutput], format: &str, path: &OutputPath, key: Key) -> bool {
    known.iter().any(|output| {
        output.path == *path
            && *output.format == *format
            && output.key == key
            && output.state.is_some()
            && !output.replacing
    })
}

fn withdraw_others(plan: &mut Plan, known: &[StoredOutput], kept: &BTreeSet<OutputPath>) {
    plan.withdraw.extend(
        known
            .iter()
            .filter(|output| !kept.contains(&output.path))
            .map(|output| output.path.clone()),
    );
}

/// How what a job makes is named in the log: the note's or attachment's path, or the page's name.
pub fn name_of(vault: &Vault, work: &Work) -> String {
    owner_name(vault, &work.owner())
}

/// How an output's owner is named in the log; "" when it is gone.
pub fn owner_name(vault: &Vault, owner: &Owner) -> String {
    match owner {
        Owner::Note(id) | Owner::Copy(id) => {
            let file = vault.files().try_get(*id);
            file.map(|file| file.path.to_string()).unwrap_or_default()
        }
        Owner::Page(name) => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::OutputState;

    #[test]
    fn an_output_is_current_that_is_known_whole_and_as_it_should_be() {
        let path = |path| OutputPath::new(path).unwrap();
        let known = StoredOutput {
            path: path("a.md"),
            owner: Owner::Note(FileId(1)),
            format: "markdown".into(),
            key: Key(1),
            state: Some(OutputState {
                hash: 0.into(),
                size: 0,
                mtime: 0,
                inode: 0,
                birth: 0,
            }),
            replacing: false,
        };
        let is_current =
            |known: StoredOutput| is_current(&[known], "markdown", &path("a.md"), Key(1));
        assert!(is_current(known.clone()));
        let moved = path("b.md");
        let others = [
            StoredOutput {
                path: moved,
                ..known.clone()
            },
            StoredOutput {
                format: "html".into(),
                ..known.clone()
            },
            StoredOutput {
                key: Key(2),
                ..known.clone()
            },
            // Announced, or being replaced: a batch did not come to its end.
            StoredOutput {
                state: None,
                ..known.clone()
            },
            StoredOutput {
                replacing: true,
                ..known
            },
        ];
        for other in others {
            assert!(!is_current(other.clone()), "{other:?}");
        }
    }
}
