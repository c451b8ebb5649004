//! What an announcement leaves behind, and when it is on the disk.

use super::*;

#[test]
fn an_announcement_is_known_after_a_crash_before_the_commit() {
    let folder = Folder::new();
    let mut manifest = folder.open();
    manifest
        .announce(1, &[announcement("new.md", note(4))])
        .unwrap();
    let found = folder
        .killed()
        .open()
        .output_at(&output_path("new.md"))
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.state, found.owner, found.replacing),
        (None, note(4), false)
    );
}

#[test]
fn an_announcement_leaves_what_is_known_and_marks_it() {
    let mut manifest = Manifest::in_memory().unwrap();
    let known = output("a.md", note(0), 1);
    let changes = Changes {
        outputs: vec![known.clone()],
        ..Changes::default()
    };
    manifest.commit(&changes).unwrap();
    manifest
        .announce(
            1,
            &[announcement("a.md", note(9)), announcement("b.md", note(9))],
        )
        .unwrap();
    manifest
        .announce(1, &[announcement("b.md", note(8))])
        .unwrap();
    let [a, b] = outputs(&manifest).try_into().unwrap();
    assert_eq!(
        a,
        StoredOutput {
            replacing: true,
            ..known
        }
    );
    assert_eq!((b.state, b.owner, b.replacing), (None, note(9), false));
    // The batch ends: the mark goes.
    manifest.commit(&changes).unwrap();
    assert!(!outputs(&manifest)[0].replacing);
}

#[test]
fn an_announcement_that_writes_nothing_still_makes_its_rows_durable() {
    let flushes = |manifest: &Manifest| manifest.meta("synced").unwrap();
    let mut manifest = Manifest::in_memory().unwrap();
    let commit = |manifest: &mut Manifest, path: &str| {
        // The mark is set already, so that announcing it writes nothing.
        let output = StoredOutput {
            replacing: true,
            ..output(path, note(0), 1)
        };
        manifest
            .commit(&Changes {
                outputs: vec![output],
                ..Changes::default()
            })
            .unwrap();
    };
    // Its row was announced, so it is on the disk.
    manifest
        .announce(1, &[announcement("a.md", note(0))])
        .unwrap();
    commit(&mut manifest, "a.md");
    manifest
        .announce(1, &[announcement("a.md", note(0))])
        .unwrap();
    assert_eq!(flushes(&manifest), None);
    // Adopted without an announcement: its row may be in the system's memory alone.
    commit(&mut manifest, "b.md");
    manifest.announce(1, &[]).unwrap();
    assert_eq!(flushes(&manifest), None);
    manifest
        .announce(1, &[announcement("b.md", note(0))])
        .unwrap();
    assert_eq!(flushes(&manifest).as_deref(), Some("1"));
    manifest
        .announce(1, &[announcement("b.md", note(0))])
        .unwrap();
    assert_eq!(flushes(&manifest).as_deref(), Some("1"));
}

#[test]
fn the_transaction_of_an_announcement_alone_is_fully_synchronous() {
    let folder = Folder::new();
    let mut manifest = folder.open();
    let level = |connection: &Connection| -> i64 {
        connection
            .query_row("PRAGMA synchronous", [], |row| row.get(0))
            .unwrap()
    };
    let connection = &mut manifest.connection;
    assert_eq!(level(connection), 1, "NORMAL");
    let within = write::fully_synchronous(connection, |transaction| Ok(level(transaction)));
    assert_eq!(within.unwrap(), 2, "FULL");
    let failed =
        write::fully_synchronous(connection, |_| Err::<(), _>(rusqlite::Error::InvalidQuery));
    failed.unwrap_err();
    assert_eq!(level(connection), 1, "NORMAL again, also after a failure");
    let mode: String = connection
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn rows_of_a_killed_process_are_flushed_before_they_are_relied_on() {
    let folder = Folder::new();
    let mut manifest = folder.open();
    manifest
        .announce(1, &[announcement("b.md", note(1))])
        .unwrap();
    let killed = folder.killed();
    let mut manifest = killed.open();
    assert!(manifest.undurable);
    // What it announces is there already, but for the batch's number: the flush of that takes all along.
    manifest
        .announce(2, &[announcement("b.md", note(1))])
        .unwrap();
    assert!(!manifest.undurable);
}

#[test]
fn the_number_of_an_announced_batch_is_known_after_a_crash_before_the_commit() {
    let folder = Folder::new();
    let last = || folder.killed().open().last_batch_number().unwrap();
    let mut manifest = folder.open();
    manifest.commit(&some_changes()).unwrap();
    assert_eq!(last(), 1, "committed, and never announced");
    let announced = [announcement("a.md", note(0))];
    manifest.announce(9, &announced).unwrap();
    assert_eq!(last(), 9);
    manifest.announce_before_flush(10, &announced).unwrap();
    assert_eq!(last(), 10);
    let batch = FinishedBatch {
        record: record(11),
        jobs: Vec::new(),
    };
    let committed = Changes {
        batch: Some(batch),
        ..Changes::default()
    };
    manifest.commit(&committed).unwrap();
    assert_eq!(last(), 11, "the larger of both");
}

#[test]
fn the_waves_of_a_batch_write_its_number_once() {
    let mut manifest = Manifest::in_memory().unwrap();
    let mut rows_written = |batch, path| {
        let before = manifest.connection.total_changes();
        let announced = [announcement(path, note(0))];
        manifest.announce(batch, &announced).unwrap();
        manifest.connection.total_changes() - before
    };
    assert_eq!(rows_written(1, "a.md"), 2);
    assert_eq!(rows_written(1, "b.md"), 1);
    assert_eq!(rows_written(2, "c.md"), 2);
}

#[test]
fn a_save_does_not_wait_until_the_log_is_shortened() {
    let folder = Folder::new();
    let mut manifest = folder.open();
    let size = |name: &str| {
        std::fs::metadata(folder.path().with_file_name(name))
            .unwrap()
            .len()
    };
    let database = size("manifest.db");
    // More pages than the log is to have.
    let pages = u64::from(schema::LOG_PAGES);
    let mut batch = 0;
    while size("manifest.db-wal") < (pages + 64) * 4096 {
        batch += 1;
        assert!(batch < 2 * pages, "the log does not grow any more");
        let announced = [announcement(&format!("{batch}.md"), note(4))];
        manifest.announce_before_flush(batch, &announced).unwrap();
    }
    assert_eq!(size("manifest.db"), database);
    manifest
        .commit(&Changes {
            outputs: vec![output("a.md", note(0), 1)],
            ..Changes::default()
        })
        .unwrap();
    assert!(size("manifest.db") > database);
    // Where there are many, the log would grow as large as the database.
    let before = size("manifest.db-wal");
    for round in 0..40 {
        let paths = (0..512).map(|path| format!("{round}/{path}.md"));
        let many: Vec<Announcement> = paths.map(|path| announcement(&path, note(4))).collect();
        manifest
            .announce_before_flush(batch + 1 + round, &many)
            .unwrap();
    }
    assert!(size("manifest.db-wal") <= before);
}
