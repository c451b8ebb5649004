//! `verify`: compares the export tree with what a fresh full export would write, and writes nothing into it.
//!
//! It runs that full export, with all its jobs and limits, over a door to the export tree that compares instead of
//! writing and over a manifest in memory.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde::Serialize;

use super::interrupt::Interrupt;
use super::{CommandError, Outcome, fresh, manifest_of, print, print_json, runtime};
use crate::batch::{self, Progress, Ran, Run};
use crate::config::{Attachments, Config, Format, Loaded, OnError};
use crate::disk::notes::NotesFolder;
use crate::disk::{
    Beat, Content, NotesDisk as _, OutputDisk, OutputError, OutputState, Owned, Staged, StagedFile,
};
use crate::engine::{Engine, notes_device};
use crate::export::command;
use crate::manifest::{Manifest, ManifestError, Owner, StoredOutput};
use crate::path::{OutputPath, is_below, prefixes};
use crate::report::job_name;
use crate::report::safe::safe;
use crate::report::words::{count, counted};
use crate::session::open_notes;
use crate::sync::lock;
use crate::vault::FileId;

/// How an output differs from what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Difference {
    /// It is not there.
    Missing,
    /// Its bytes are others.
    Differs,
    /// It should not be there.
    Stale,
    /// It, or what it is a copy of, can't be read.
    Unreadable,
}

impl Difference {
    fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Differs => "differs",
            Self::Stale => "stale",
            Self::Unreadable => "unread",
        }
    }
}

/// What `verify` found.
#[derive(Debug, Serialize)]
struct Report {
    /// Whether the trees are equal, and all was read that it takes to know.
    equal: bool,
    /// How many outputs a fresh full export would write.
    outputs: usize,
    differences: Vec<Entry>,
    /// Jobs that fail: a fresh full export would not write their outputs either.
    failed: Vec<FailedEntry>,
    /// What in the notes folder can't be read: what a fresh full export would make of it is unknown.
    unreadable: Vec<UnreadableEntry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    path: String,
    difference: Difference,
}

#[derive(Debug, Serialize)]
struct FailedEntry {
    note: String,
    format: String,
    error: String,
}

#[derive(Debug, Serialize)]
struct UnreadableEntry {
    path: String,
    error: String,
}

pub(super) fn verify(loaded: &Loaded, json: bool) -> Result<Outcome, CommandError> {
    let report = compare(loaded)?;
    if json {
        print_json(&report)?;
    } else {
        print(&text(&report))?;
    }
    Ok(if report.equal {
        Outcome::Done
    } else {
        Outcome::Failed
    })
}

fn text(report: &Report) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for entry in &report.differences {
        let path = safe(&entry.path);
        let _ = writeln!(text, "{:8} {path}", entry.difference.word());
    }
    for failed in &report.failed {
        let job = job_name(&failed.note, &failed.format);
        let _ = writeln!(text, "{:8} {job}: {}", "fails", safe(&failed.error));
    }
    for unreadable in &report.unreadable {
        let (path, error) = (safe(&unreadable.path), safe(&unreadable.error));
        let _ = writeln!(text, "{:8} {path}: {error}", "unread");
    }
    text + &summary(report) + "\n"
}

/// The last line. What should not be there is none of the outputs, and counted apart.
fn summary(report: &Report) -> String {
    let outputs = counted(report.outputs as u64, "output", "outputs");
    let are = if report.outputs == 1 { "is" } else { "are" };
    let right = format!("{outputs} {are} what a fresh full export would write");
    let is_stale = |entry: &&Entry| entry.difference == Difference::Stale;
    let stale = report.differences.iter().filter(is_stale).count();
    let differ = report.differences.len() - stale;
    let compared = match differ {
        0 if report.equal => return format!("equal: {right}"),
        0 if stale == 0 => return format!("{right}; what can't be read is not compared"),
        0 => right,
        1 => format!("1 of {outputs} differs"),
        _ => format!("{} of {outputs} differ", count(differ as u64)),
    };
    match stale {
        0 => compared,
        _ => format!(
            "{compared}; {} should not be there",
            counted(stale as u64, "file", "files")
        ),
    }
}

fn compare(loaded: &Loaded) -> Result<Report, CommandError> {
    let notes = Arc::new(open_notes(loaded)?);
    let comparing = Arc::new(Comparing {
        root: loaded.config.export_dir.clone(),
        notes: notes.clone(),
        seen: Mutex::default(),
    });
    let ran = run_full_export(loaded, notes.clone(), comparing.clone())?;
    let mut differences = std::mem::take(&mut *lock(&comparing.seen));
    let outputs = differences.len();
    let stale = match manifest_of(loaded)? {
        Some(manifest) => {
            confirm_notes(&manifest, &notes, &ran.engine)?;
            let kept = kept(&manifest, &ran.engine)?;
            stale(loaded, &manifest, &differences, &kept)?
        }
        None => BTreeSet::new(),
    };
    differences.extend(
        stale
            .into_iter()
            .map(|path| (path, Some(Difference::Stale))),
    );
    let differences: Vec<Entry> = differences
        .into_iter()
        .filter_map(|(path, difference)| {
            Some(Entry {
                path: path.to_string(),
                difference: difference?,
            })
        })
        .collect();
    let failed = ran.finished.failed.into_iter();
    let failed: Vec<FailedEntry> = failed
        .map(|job| FailedEntry {
            note: job.note,
            format: job.format.into(),
            error: job.error,
        })
        .collect();
    let unreadable = ran.engine.unreadable().refused();
    let unreadable: Vec<UnreadableEntry> = unreadable
        .map(|(path, error)| UnreadableEntry {
            path: path.to_owned(),
            error: error.to_owned(),
        })
        .collect();
    Ok(Report {
        equal: differences.is_empty() && unreadable.is_empty(),
        outputs,
        differences,
        failed,
        unreadable,
    })
}

/// Runs a full export through `outputs`.
fn run_full_export(
    loaded: &Loaded,
    notes: Arc<NotesFolder>,
    outputs: Arc<Comparing>,
) -> Result<Ran, CommandError> {
    let began = Instant::now();
    let (engine, batch) = fresh::full_export(loaded, notes, outputs, began)?;
    let runtime = runtime()?;
    runtime.spawn_blocking(command::sweep);
    let limit = loaded.config.max_concurrent.get();
    let (ran, interrupt) = runtime.block_on(async {
        let interrupt = Interrupt::listen()?;
        let run = Run {
            limit,
            on_error: OnError::Continue,
            began,
            tell_exported: false,
            halt: interrupt.halt.clone(),
            progress: Arc::<Progress>::default(),
        };
        let ran = batch::run(engine, batch, run).await;
        Ok::<_, CommandError>((ran, interrupt))
    })?;
    drop(runtime);
    // What it would say of the trees is not true of all of them.
    interrupt.end_if_heard()?;
    Ok(ran)
}

/// An empty folder on another file system than the notes lay on is a mount point that waits for its mount, as it is to an
/// export.
fn confirm_notes(
    manifest: &Manifest,
    notes: &NotesFolder,
    found: &Engine,
) -> Result<(), CommandError> {
    let is_empty = found.vault().files().iter().next().is_none();
    if is_empty && notes_device(manifest)?.is_some_and(|known| known != notes.device()) {
        return Err(found.notes_gone().into());
    }
    Ok(())
}

/// The files that were exported once and can't be read now: what was made of them is kept until they can.
fn kept(manifest: &Manifest, found: &Engine) -> Result<HashSet<FileId>, ManifestError> {
    let refused = found.unreadable().refused();
    let refused: HashSet<&str> = refused.map(|(path, _)| path).collect();
    let mut kept = HashSet::new();
    if refused.is_empty() {
        return Ok(kept);
    }
    manifest.load_files(|file| {
        if prefixes(file.path.as_str()).any(|path| refused.contains(path)) {
            kept.insert(file.id);
        }
    })?;
    Ok(kept)
}

/// Whether an output is one of these files', at a place where this config has it.
fn is_kept(config: &Config, row: &StoredOutput, kept: &HashSet<FileId>) -> bool {
    let lies_as_in = |format: &Format| {
        let path = row.path.as_str();
        let stem = path.strip_suffix(&*format.extension);
        is_below(path, &format.dir) && stem.is_some_and(|stem| stem.ends_with('.'))
    };
    match &row.owner {
        Owner::Note(id) => {
            let mut formats = config.formats.iter();
            let format = formats.find(|format| format.name == row.format);
            kept.contains(id) && format.is_some_and(lies_as_in)
        }
        Owner::Copy(id) => kept.contains(id) && config.attachments != Attachments::None,
        Owner::Page(_) => false,
    }
}

/// Files in the export tree that the manifest knows as ours and that a fresh export would not write, but for what it can't
/// know of.
fn stale(
    loaded: &Loaded,
    manifest: &Manifest,
    wanted: &BTreeMap<OutputPath, Option<Difference>>,
    kept: &HashSet<FileId>,
) -> Result<BTreeSet<OutputPath>, CommandError> {
    let config = &loaded.config;
    let mut stale = BTreeSet::new();
    manifest.load_outputs(|row| {
        let is_there = || {
            let path = config.export_dir.join(row.path.as_path());
            path.symlink_metadata().is_ok()
        };
        if !wanted.contains_key(&row.path) && !is_kept(config, &row, kept) && is_there() {
            stale.insert(row.path);
        }
    })?;
    Ok(stale)
}

/// A door to the export tree that compares instead of writing.
struct Comparing {
    root: PathBuf,
    notes: Arc<NotesFolder>,
    /// Every output that was compared, and how it differs.
    seen: Mutex<BTreeMap<OutputPath, Option<Difference>>>,
}

impl Comparing {
    fn open(&self, path: &OutputPath) -> io::Result<Option<File>> {
        // What lies behind a symlink is none of the export.
        let leads_away = |folder: &str| self.root.join(folder).is_symlink();
        if prefixes(path.folder()).any(leads_away) {
            return Ok(None);
        }
        let full = self.root.join(path.as_path());
        match full.symlink_metadata() {
            Ok(metadata) if metadata.is_file() => File::open(full).map(Some),
            Ok(_) => Ok(None),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn difference(
        &self,
        path: &OutputPath,
        content: Content<'_>,
    ) -> io::Result<Option<Difference>> {
        let Some(there) = self.open(path)? else {
            return Ok(Some(Difference::Missing));
        };
        let equal = match content {
            Content::Bytes(bytes) => is_equal(there, bytes)?,
            Content::Copy(source) => is_equal(there, self.notes.open_file(source)?.0)?,
        };
        Ok((!equal).then_some(Difference::Differs))
    }
}

fn is_equal(a: impl Read, b: impl Read) -> io::Result<bool> {
    let (mut a, mut b) = (io::BufReader::new(a), io::BufReader::new(b));
    loop {
        use io::BufRead as _;
        let (left, right) = (a.fill_buf()?, b.fill_buf()?);
        let length = left.len().min(right.len());
        if length == 0 {
            return Ok(left.is_empty() && right.is_empty());
        }
        if left[..length] != right[..length] {
            return Ok(false);
        }
        a.consume(length);
        b.consume(length);
    }
}

impl OutputDisk for Comparing {
    fn stage(
        &self,
        path: &OutputPath,
        content: Content<'_>,
        _: Owned<'_>,
        _: Beat<'_>,
    ) -> Result<Staged, OutputError> {
        let compared = self.difference(path, content);
        let difference = match &compared {
            Ok(difference) => *difference,
            Err(_) => Some(Difference::Unreadable),
        };
        lock(&self.seen).insert(path.clone(), difference);
        compared.map_err(|error| OutputError::Io {
            path: path.to_string(),
            error,
        })?;
        // To the engine all is as it should be: there is nothing to publish.
        let state = OutputState {
            hash: 0.into(),
            size: 0,
            mtime: self.notes.now(),
            inode: 0,
            birth: 0,
        };
        Ok(Staged::Unchanged(state))
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    fn publish(
        &self,
        staged: StagedFile,
        _: &mut dyn FnMut(OutputPath),
    ) -> Result<OutputState, OutputError> {
        Ok(staged.state)
    }

    fn delete(&self, _: &OutputPath, _: Owned<'_>, _: Beat<'_>) -> Result<bool, OutputError> {
        Ok(false)
    }

    fn remove_folder(&self, _: &OutputPath) -> io::Result<bool> {
        Ok(false)
    }

    fn is_intact(&self, _: &OutputPath, _: &OutputState) -> bool {
        true
    }

    fn sweep(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_should_not_be_there_is_counted_apart() {
        let said = |outputs: usize, differ: usize, stale: usize| {
            let differences = [(Difference::Differs, differ), (Difference::Stale, stale)];
            let entries = differences.into_iter().flat_map(|(difference, number)| {
                std::iter::repeat_with(move || Entry {
                    path: "a.md".to_owned(),
                    difference,
                })
                .take(number)
            });
            let differences: Vec<Entry> = entries.collect();
            summary(&Report {
                equal: differences.is_empty(),
                outputs,
                differences,
                failed: Vec::new(),
                unreadable: Vec::new(),
            })
        };
        let right = "outputs are what a fresh full export would write";
        assert_eq!(said(4, 0, 0), format!("equal: 4 {right}"));
        assert_eq!(
            said(4, 0, 1),
            format!("4 {right}; 1 file should not be there")
        );
        assert_eq!(
            said(12_345, 0, 0),
            format!("equal: 12,345 {right}"),
            "as all counts that people read"
        );
        assert_eq!(said(4, 1, 0), "1 of 4 outputs differs");
        assert_eq!(said(1, 1, 0), "1 of 1 output differs");
        assert_eq!(
            said(4, 4, 10),
            "4 of 4 outputs differ; 10 files should not be there"
        );
    }
}
