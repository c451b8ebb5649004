//! The manifest as a whole: what survives what.

mod announce;
mod damage;
mod history;
mod lost;
mod model;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::disk::{OutputState, Stamp};
use crate::hash::Key;
use crate::log::events::Trigger;
use crate::path::{NotePath, OutputPath};
use crate::vault::FileId;

/// A folder with a manifest in it, or soon to be.
struct Folder {
    temporary: TempDir,
}

impl Folder {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        Self { temporary }
    }

    fn path(&self) -> PathBuf {
        self.temporary.path().join("manifest.db")
    }

    /// Opens it, where nothing should have to be recovered.
    fn open(&self) -> Manifest {
        let opened = Manifest::open(&self.path()).unwrap();
        assert_eq!(opened.recovered, None);
        opened.manifest
    }

    /// What would be found if the process were killed now, while the manifest is open.
    fn killed(&self) -> Self {
        let copy = Self::new();
        for entry in fs::read_dir(self.temporary.path()).unwrap() {
            let entry = entry.unwrap();
            // A new process makes its own index of the log.
            if !entry.file_name().to_str().unwrap().ends_with("-shm") {
                fs::copy(entry.path(), copy.temporary.path().join(entry.file_name())).unwrap();
            }
        }
        copy
    }
}

fn output_path(text: &str) -> OutputPath {
    OutputPath::new(text).unwrap()
}

fn file(id: u32, path: &str) -> StoredFile {
    StoredFile {
        id: FileId(id),
        path: NotePath::new(path).unwrap(),
        stamp: Stamp {
            mtime: -1,
            ctime: i64::MAX,
            size: 7,
            inode: u64::MAX,
        },
        trusted: id.is_multiple_of(2),
        record: vec![0, 1, 0xff],
        view: Key(u64::MAX),
    }
}

fn state(number: u64) -> OutputState {
    OutputState {
        hash: (u128::MAX - u128::from(number)).into(),
        size: number,
        mtime: -5,
        inode: u64::MAX - number,
        birth: 9,
    }
}

fn output(path: &str, owner: Owner, number: u64) -> StoredOutput {
    StoredOutput {
        path: output_path(path),
        owner,
        format: "markdown".into(),
        key: Key(u64::MAX - number),
        state: Some(state(number)),
        replacing: false,
    }
}

fn announcement(path: &str, owner: Owner) -> Announcement {
    Announcement {
        path: output_path(path),
        owner,
        format: "markdown".into(),
    }
}

fn failure(owner: Owner) -> Failure {
    Failure {
        owner,
        format: "html".into(),
        error: "a.md: no".into(),
        attempt: 3,
        failed_at: 1_000,
        retry_at: 2_000,
    }
}

fn note(id: u32) -> Owner {
    Owner::Note(FileId(id))
}

fn files(manifest: &Manifest) -> Vec<StoredFile> {
    let mut files = Vec::new();
    let owned = |file: StoredFile<&[u8]>| StoredFile {
        id: file.id,
        path: file.path,
        stamp: file.stamp,
        trusted: file.trusted,
        record: file.record.to_vec(),
        view: file.view,
    };
    let load = manifest.load_files(|file| files.push(owned(file)));
    load.unwrap();
    files
}

fn outputs(manifest: &Manifest) -> Vec<StoredOutput> {
    let mut outputs = Vec::new();
    manifest
        .load_outputs(|output| outputs.push(output))
        .unwrap();
    outputs
}

/// A bit of everything.
fn some_changes() -> Changes {
    let attachment = StoredFile {
        record: Vec::new(),
        ..file(u32::MAX, "d/x.png")
    };
    Changes {
        files: vec![file(0, "a.md"), attachment],
        outputs: vec![
            output("a.md", note(0), 1),
            output("d/x.png", Owner::Copy(FileId(u32::MAX)), 2),
            output("index.html", Owner::Page("0".into()), 3),
        ],
        folders: vec![output_path("d")],
        failures: vec![failure(note(0)), failure(Owner::Page("tags".into()))],
        formats: Some(vec![FormatKey {
            name: "markdown".into(),
            key: Key(u64::MAX),
        }]),
        meta: vec![("root".into(), "8:1".into())],
        batch: Some(FinishedBatch {
            record: record(1),
            jobs: vec![job(0, 10)],
        }),
        ..Changes::default()
    }
}

/// Figures that all differ.
fn record(batch: u64) -> BatchRecord {
    BatchRecord {
        batch,
        trigger: Trigger::Startup,
        started_at: 1_795_514_400_123,
        changed: 3,
        removed: 4,
        affected: 5,
        jobs: 6,
        limit: 7,
        exported: 8,
        unchanged: 9,
        deleted: 10,
        failed: 11,
        cancelled: 12,
        peak: 13,
        attachments: 14,
        pages: 15,
        elapsed_us: 16,
        sequential_us: 17,
        slowest: Some("a.md".into()),
        slowest_us: 18,
    }
}

fn job(number: u32, end_us: u64) -> JobRecord {
    JobRecord {
        note: format!("{number}.md").into(),
        format: "markdown".into(),
        slot: number % 8,
        start_us: 0,
        end_us,
        outcome: JobOutcome::Exported,
        because: "embeds b.md".into(),
    }
}

/// Asserts that all of [`some_changes`] is there.
fn assert_some_changes(manifest: &Manifest) {
    let wanted = some_changes();
    assert_eq!(files(manifest), wanted.files);
    assert_eq!(outputs(manifest), wanted.outputs);
    assert_eq!(manifest.folders().unwrap(), wanted.folders);
    let mut failures = manifest.failures().unwrap();
    failures.sort_by(|a, b| a.owner.cmp(&b.owner));
    assert_eq!(failures, wanted.failures);
    assert_eq!(manifest.formats().unwrap(), wanted.formats.unwrap());
    assert_eq!(manifest.meta("root").unwrap().as_deref(), Some("8:1"));
    let batch = wanted.batch.unwrap();
    assert_eq!(manifest.batches(10).unwrap(), [batch.record]);
    assert_eq!(manifest.batch_jobs(1).unwrap(), batch.jobs);
}

#[test]
fn everything_comes_back_after_a_clean_end() {
    let folder = Folder::new();
    let mut manifest = folder.open();
    manifest.commit(&some_changes()).unwrap();
    assert_some_changes(&manifest);
    drop(manifest);
    assert!(!folder.temporary.path().join("manifest.db-wal").exists());
    assert_some_changes(&folder.open());
}

#[test]
fn everything_comes_back_after_a_kill() {
    let folder = Folder::new();
    let mut manifest = folder.open();
    manifest.commit(&some_changes()).unwrap();
    assert_some_changes(&folder.killed().open());
}

#[test]
fn lookups_find_by_path_and_by_owner() {
    let mut manifest = Manifest::in_memory().unwrap();
    manifest.commit(&some_changes()).unwrap();
    let [first, copy, page] = some_changes().outputs.try_into().unwrap();
    assert_eq!(
        manifest.output_at(&first.path).unwrap().as_ref(),
        Some(&first)
    );
    assert_eq!(manifest.output_at(&output_path("b.md")).unwrap(), None);
    assert_eq!(manifest.outputs_of(&note(0)).unwrap(), [first]);
    assert_eq!(
        manifest.outputs_of(&Owner::Copy(FileId(u32::MAX))).unwrap(),
        [copy]
    );
    // The page's name "0" is no file's id.
    assert_eq!(
        manifest.outputs_of(&Owner::Page("0".into())).unwrap(),
        [page]
    );
    assert_eq!(manifest.outputs_of(&Owner::Copy(FileId(0))).unwrap(), []);
}

#[test]
fn both_lookups_use_an_index() {
    let manifest = Manifest::in_memory().unwrap();
    for condition in ["path = 'a'", "owner_kind = 0 AND owner = 5"] {
        let plan: String = manifest
            .connection
            .query_row(
                &format!("EXPLAIN QUERY PLAN SELECT * FROM outputs WHERE {condition}"),
                [],
                |row| row.get(3),
            )
            .unwrap();
        assert!(plan.starts_with("SEARCH"), "{plan}");
    }
}

#[test]
fn an_id_and_a_path_that_a_batch_frees_can_be_taken_in_it() {
    let mut manifest = Manifest::in_memory().unwrap();
    manifest.commit(&some_changes()).unwrap();
    let changes = Changes {
        files_removed: vec![FileId(0)],
        files: vec![file(0, "b.md")],
        outputs_removed: vec![output_path("a.md")],
        outputs: vec![output("a.md", note(5), 6)],
        folders_removed: vec![output_path("d")],
        folders: vec![output_path("d")],
        ..Changes::default()
    };
    manifest.commit(&changes).unwrap();
    assert_eq!(files(&manifest)[0], file(0, "b.md"));
    assert_eq!(outputs(&manifest)[0], output("a.md", note(5), 6));
    assert_eq!(manifest.folders().unwrap(), [output_path("d")]);
    // The note's failure went with it, the page's stayed.
    assert_eq!(
        manifest.failures().unwrap(),
        [failure(Owner::Page("tags".into()))]
    );
}

#[test]
fn failures_are_replaced_and_cleared_one_by_one() {
    let mut manifest = Manifest::in_memory().unwrap();
    let again = Failure {
        attempt: 4,
        ..failure(note(0))
    };
    let other = Failure {
        format: "json".into(),
        ..failure(note(0))
    };
    for failures in [vec![failure(note(0)), other.clone()], vec![again.clone()]] {
        manifest
            .commit(&Changes {
                failures,
                ..Changes::default()
            })
            .unwrap();
    }
    assert_eq!(manifest.failures().unwrap(), [again, other.clone()]);
    let failures_cleared = vec![FailureKey {
        owner: note(0),
        format: "html".into(),
    }];
    manifest
        .commit(&Changes {
            failures_cleared,
            ..Changes::default()
        })
        .unwrap();
    assert_eq!(manifest.failures().unwrap(), [other]);
}

#[test]
fn formats_are_replaced_as_a_whole() {
    let mut manifest = Manifest::in_memory().unwrap();
    manifest.commit(&some_changes()).unwrap();
    let html = FormatKey {
        name: "html".into(),
        key: Key(1),
    };
    let changes = Changes {
        formats: Some(vec![html.clone()]),
        ..Changes::default()
    };
    manifest.commit(&changes).unwrap();
    assert_eq!(manifest.formats().unwrap(), [html]);
}

#[test]
fn a_reader_sees_commits_beside_the_writer_and_writes_nothing() {
    let folder = Folder::new();
    let error = Manifest::open_read_only(&folder.path()).unwrap_err();
    assert!(matches!(error, ManifestError::Missing { .. }), "{error}");
    assert!(!folder.path().exists());
    let mut manifest = folder.open();
    let mut reader = Manifest::open_read_only(&folder.path()).unwrap();
    assert_eq!(files(&reader), []);
    manifest.commit(&some_changes()).unwrap();
    assert_some_changes(&reader);
    let error = reader.commit(&some_changes()).unwrap_err();
    assert!(matches!(error, ManifestError::Database { .. }), "{error}");
}

#[test]
fn a_reader_reads_what_a_killed_process_left() {
    let folder = Folder::new();
    let mut manifest = folder.open();
    manifest.commit(&some_changes()).unwrap();
    let killed = folder.killed();
    assert_some_changes(&Manifest::open_read_only(&killed.path()).unwrap());
    assert_some_changes(&killed.open());
}

#[test]
fn a_folder_that_is_not_there_is_an_error_that_says_what_to_do() {
    let error = Manifest::open(Path::new("/nowhere/at/all/manifest.db")).unwrap_err();
    assert!(matches!(error, ManifestError::Database { .. }), "{error}");
    let message = error.to_string();
    assert!(
        message.starts_with("/nowhere/at/all/manifest.db: "),
        "{message}"
    );
    assert!(message.contains("set state_dir"), "{message}");
}

#[test]
fn a_migration_leads_from_any_version_to_the_latest() {
    let steps = [
        "CREATE TABLE a (x); INSERT INTO a VALUES (1)",
        "ALTER TABLE a ADD COLUMN y",
    ];
    for begin in 0..=steps.len() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection, &steps[..begin], 0).unwrap();
        let (version, from) = schema::version(&connection, &steps).unwrap();
        assert_eq!(from, begin);
        assert_eq!(version == schema::Version::Current, begin == steps.len());
        schema::migrate(&mut connection, &steps, from).unwrap();
        assert_eq!(
            schema::version(&connection, &steps).unwrap(),
            (schema::Version::Current, 2)
        );
        let values: i64 = connection
            .query_row("SELECT count(y) + count(x) FROM a", [], |r| r.get(0))
            .unwrap();
        assert_eq!(values, 1);
    }
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let mut connection = Connection::open_in_memory().unwrap();
    schema::migrate(
        &mut connection,
        &["CREATE TABLE a (x)", "CREATE TABLE a (x)"],
        0,
    )
    .unwrap_err();
    let (version, from) = schema::version(&connection, &["CREATE TABLE a (x)"]).unwrap();
    assert_eq!((version, from), (schema::Version::Older, 0));
}
