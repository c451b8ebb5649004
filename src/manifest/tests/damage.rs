//! Files that are not as we left them.

use std::io::{Seek as _, SeekFrom, Write as _};

use super::*;

/// A folder with a manifest of many pages that was closed well.
fn filled() -> Folder {
    let folder = Folder::new();
    let mut manifest = folder.open();
    manifest.commit(&some_changes()).unwrap();
    manifest.commit(&many(0..2000)).unwrap();
    drop(manifest);
    folder
}

fn many(numbers: std::ops::Range<u32>) -> Changes {
    let path = |n: u32| format!("d{}/{n}.md", n % 7);
    Changes {
        files: numbers.clone().map(|n| file(n + 1, &path(n))).collect(),
        outputs: numbers
            .map(|n| output(&path(n), note(n + 1), n.into()))
            .collect(),
        ..Changes::default()
    }
}

/// Asserts that opening begins afresh, keeps the damaged file and says so.
fn assert_begun_afresh(folder: &Folder, aside: &str) {
    let damaged = fs::read(folder.path()).unwrap();
    let Opened {
        manifest,
        recovered,
    } = Manifest::open(&folder.path()).unwrap();
    let line = recovered.unwrap_or_else(|| panic!("{} bytes were taken for whole", damaged.len()));
    assert!(
        line.contains("manifest.db: the manifest was damaged ("),
        "{line}"
    );
    assert!(line.contains(aside), "{line}");
    assert_eq!(files(&manifest), []);
    assert_eq!(outputs(&manifest), []);
    drop(manifest);
    assert_eq!(
        fs::read(folder.temporary.path().join(aside)).unwrap(),
        damaged
    );
    // And that was all.
    assert_eq!(files(&folder.open()), []);
}

#[test]
fn garbage_is_moved_aside() {
    let folder = Folder::new();
    for n in 1..=2 {
        fs::write(folder.path(), vec![0xa5; 10_000 * n]).unwrap();
        assert_begun_afresh(&folder, &format!("manifest.db.corrupt-{n}"));
    }
}

#[test]
fn damaged_files_do_not_pile_up() {
    let folder = Folder::new();
    for _ in 0..12 {
        fs::write(folder.path(), "garbage".repeat(1000)).unwrap();
        assert!(Manifest::open(&folder.path()).unwrap().recovered.is_some());
    }
    let names = fs::read_dir(folder.temporary.path())
        .unwrap()
        .map(|e| e.unwrap().file_name());
    let kept = names
        .filter(|name| name.to_str().unwrap().contains("corrupt-"))
        .count();
    assert_eq!(kept, 9);
}

#[test]
fn a_truncated_file_is_moved_aside() {
    for keep in [100, 4096, 50_000] {
        let folder = filled();
        let file = fs::OpenOptions::new()
            .write(true)
            .open(folder.path())
            .unwrap();
        assert!(file.metadata().unwrap().len() > keep);
        file.set_len(keep).unwrap();
        assert_begun_afresh(&folder, "manifest.db.corrupt-1");
    }
}

#[test]
fn a_file_with_nothing_in_it_is_a_manifest_not_yet_begun() {
    for nothing in ["", "\n"] {
        let folder = Folder::new();
        fs::write(folder.path(), nothing).unwrap();
        let mut manifest = folder.open();
        manifest.commit(&some_changes()).unwrap();
        drop(manifest);
        assert_some_changes(&folder.open());
    }
}

/// Overwrites a third of the file, from the middle on.
fn spoil_the_middle(path: &Path) {
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    file.seek(SeekFrom::Start(length / 2)).unwrap();
    file.write_all(&vec![0xa5; usize::try_from(length / 3).unwrap()])
        .unwrap();
}

/// Loads everything, as a start does.
fn load(manifest: &Manifest) -> Result<(), ManifestError> {
    manifest.load_files(|_| {})?;
    manifest.load_outputs(|_| {})
}

#[test]
fn garbage_in_the_middle_is_found_at_once_after_an_unclean_end() {
    let folder = filled();
    let mut manifest = folder.open();
    manifest.commit(&many(5000..5001)).unwrap();
    let killed = folder.killed();
    spoil_the_middle(&killed.path());
    let Opened {
        manifest,
        recovered,
    } = Manifest::open(&killed.path()).unwrap();
    assert!(recovered.is_some());
    assert_eq!(files(&manifest), []);
    drop(manifest);
    // Its log went with it.
    assert!(!killed.temporary.path().join("manifest.db-wal").exists());
}

#[test]
fn garbage_in_the_middle_is_found_by_loading_after_a_clean_end() {
    let folder = filled();
    spoil_the_middle(&folder.path());
    let mut manifest = folder.open();
    let error = load(&manifest).unwrap_err();
    assert!(error.is_corruption(), "{error}");
    let line = manifest.start_over(&error.to_string()).unwrap();
    assert!(line.contains("manifest.db.corrupt-1"), "{line}");
    load(&manifest).unwrap();
    assert_eq!(files(&manifest), []);
    manifest.commit(&some_changes()).unwrap();
    drop(manifest);
    assert_some_changes(&folder.open());
    assert!(
        folder
            .temporary
            .path()
            .join("manifest.db.corrupt-1")
            .exists()
    );
}

#[test]
fn malformed_rows_are_damage() {
    for spoil in [
        "UPDATE files SET path = '../escapes.md'",
        "UPDATE files SET id = 4294967296 WHERE id = 0",
        "UPDATE outputs SET path = '/etc/passwd' WHERE path = 'a.md'",
        "UPDATE outputs SET owner_kind = 7",
        "UPDATE outputs SET owner = 'text' WHERE owner_kind = 0",
        "UPDATE outputs SET hash = x'00' WHERE path = 'a.md'",
        "UPDATE outputs SET birth = NULL WHERE path = 'a.md'",
        "DROP TABLE outputs",
        "ALTER TABLE files RENAME COLUMN view TO sight",
    ] {
        let mut manifest = Manifest::in_memory().unwrap();
        manifest.commit(&some_changes()).unwrap();
        manifest.connection.execute_batch(spoil).unwrap();
        let error = load(&manifest).unwrap_err();
        assert!(error.is_corruption(), "{spoil}: {error}");
        manifest.start_over(&error.to_string()).unwrap();
        load(&manifest).unwrap();
    }
}

#[test]
fn a_batch_that_no_trigger_began_is_damage() {
    let mut manifest = Manifest::in_memory().unwrap();
    manifest.commit(&some_changes()).unwrap();
    let spoil = "UPDATE batches SET cause = 'boredom'";
    manifest.connection.execute_batch(spoil).unwrap();
    let error = manifest.batches(1).unwrap_err();
    assert!(error.is_corruption(), "{error}");
    assert!(error.to_string().contains("boredom"), "{error}");
}

#[test]
fn a_lost_log_loses_the_last_commits_alone() {
    let folder = Folder::new();
    let mut manifest = folder.open();
    manifest.commit(&some_changes()).unwrap();
    drop(manifest);
    let mut manifest = folder.open();
    manifest.commit(&many(0..10)).unwrap();
    let killed = folder.killed();
    fs::remove_file(killed.temporary.path().join("manifest.db-wal")).unwrap();
    assert_some_changes(&killed.open());
}

#[test]
fn a_log_cut_off_anywhere_ends_with_a_whole_commit() {
    let folder = filled();
    let mut manifest = folder.open();
    for n in 0..5 {
        manifest
            .commit(&many(3000 + n * 10..3010 + n * 10))
            .unwrap();
    }
    let length = fs::metadata(folder.temporary.path().join("manifest.db-wal"))
        .unwrap()
        .len();
    for cut in (0..=length).step_by(usize::try_from(length / 40).unwrap()) {
        let killed = folder.killed();
        let log = killed.temporary.path().join("manifest.db-wal");
        fs::OpenOptions::new()
            .write(true)
            .open(log)
            .unwrap()
            .set_len(cut)
            .unwrap();
        let manifest = killed.open();
        let (files, outputs) = (files(&manifest).len(), outputs(&manifest).len());
        assert!(files >= 2002 && (files - 2002) % 10 == 0, "{cut}: {files}");
        assert_eq!(files + 1, outputs, "{cut}");
    }
}

#[test]
fn a_newer_version_is_refused_and_left_alone() {
    let folder = filled();
    let connection = Connection::open(folder.path()).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let before = fs::read(folder.path()).unwrap();
    for open in [
        |path: &Path| Manifest::open(path).map(|_| ()),
        |path: &Path| Manifest::open_read_only(path).map(|_| ()),
    ] {
        let error = open(&folder.path()).unwrap_err();
        assert!(
            matches!(
                error,
                ManifestError::Newer {
                    found: 99,
                    known: 3,
                    ..
                }
            ),
            "{error}"
        );
        assert!(error.to_string().contains("run that version"), "{error}");
    }
    assert_eq!(fs::read(folder.path()).unwrap(), before);
}

#[test]
fn another_programs_database_is_moved_aside_whole() {
    let folder = Folder::new();
    let connection = Connection::open(folder.path()).unwrap();
    connection
        .execute_batch("CREATE TABLE files (id INTEGER PRIMARY KEY)")
        .unwrap();
    drop(connection);
    assert_begun_afresh(&folder, "manifest.db.corrupt-1");
}
