//! A file that is deleted or moved away while it is open.

use super::*;

/// A manifest that holds some changes in its database and some in its log.
fn filled(folder: &Folder) -> Manifest {
    let mut manifest = folder.open();
    manifest.commit(&some_changes()).unwrap();
    assert!(manifest.is_in_place());
    manifest
}

/// All that was known is at the path again, and what comes later goes there too.
fn assert_puts_back(folder: &Folder, mut manifest: Manifest) {
    assert!(!manifest.is_in_place());
    manifest.put_back().unwrap();
    assert!(manifest.is_in_place());
    assert_some_changes(&folder.killed().open());
    let more = Changes {
        files: vec![file(99, "later.md")],
        ..Changes::default()
    };
    manifest.commit(&more).unwrap();
    let known = files(&folder.killed().open());
    assert!(known.iter().any(|file| file.path.as_str() == "later.md"));
    drop(manifest);
    folder.open();
}

#[test]
fn deleted_it_is_written_again() {
    let folder = Folder::new();
    let manifest = filled(&folder);
    fs::remove_file(folder.path()).unwrap();
    assert_puts_back(&folder, manifest);
}

#[test]
fn deleted_with_its_folder_it_is_written_again() {
    let folder = Folder::new();
    let manifest = filled(&folder);
    fs::remove_dir_all(folder.temporary.path()).unwrap();
    fs::create_dir(folder.temporary.path()).unwrap();
    assert_puts_back(&folder, manifest);
}

#[test]
fn another_in_its_place_is_kept_aside() {
    let (folder, other) = (Folder::new(), Folder::new());
    other.open();
    let manifest = filled(&folder);
    fs::rename(other.path(), folder.path()).unwrap();
    assert_puts_back(&folder, manifest);
    let aside = folder.temporary.path().join("manifest.db.corrupt-1");
    assert!(aside.exists());
}

#[test]
fn where_nothing_can_be_written_it_goes_on_as_it_was() {
    let folder = Folder::new();
    let mut manifest = filled(&folder);
    fs::remove_dir_all(folder.temporary.path()).unwrap();
    manifest.put_back().unwrap_err();
    assert_some_changes(&manifest);
    fs::create_dir(folder.temporary.path()).unwrap();
    assert_puts_back(&folder, manifest);
}

fn log(folder: &Folder) -> PathBuf {
    folder.temporary.path().join("manifest.db-wal")
}

#[test]
fn where_its_log_is_deleted_all_is_written_again() {
    let folder = Folder::new();
    let manifest = filled(&folder);
    fs::remove_file(log(&folder)).unwrap();
    assert_puts_back(&folder, manifest);
    let aside = folder.temporary.path().join("manifest.db.corrupt-1");
    assert!(!aside.exists(), "what lay there was no other database");
}

#[test]
fn another_log_in_the_place_of_its_own_is_not_taken_for_it() {
    let (folder, other) = (Folder::new(), Folder::new());
    let _other = filled(&other);
    let manifest = filled(&folder);
    fs::rename(log(&other), log(&folder)).unwrap();
    assert_puts_back(&folder, manifest);
}

#[test]
fn neither_a_reader_nor_a_checkpoint_nor_a_new_start_is_taken_for_a_loss() {
    let folder = Folder::new();
    let manifest = filled(&folder);
    let read = |manifest: &Manifest| {
        let reader = Manifest::open_read_only(&folder.path()).unwrap();
        assert_some_changes(&reader);
        drop(reader);
        assert!(manifest.is_in_place());
    };
    read(&manifest);
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    manifest.connection.execute_batch(checkpoint).unwrap();
    read(&manifest);
    drop(manifest);
    // The last one to close it deletes the log.
    assert!(!log(&folder).exists());
    read(&folder.open());
    read(&folder.killed().open());
}
