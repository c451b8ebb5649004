//! The manifest lost, damaged or of a later time: what is exported stays, what is foreign survives, and all is right again.

use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::support::Vault;

fn vault() -> Vault {
    let vault = Vault::new();
    vault.write("index.md", "![[d/a]] ![[p.png]]");
    vault.write("p.png", "picture");
    for note in ["a", "b", "c"] {
        vault.write(&format!("d/{note}.md"), format!("{note}, see [[index]]"));
    }
    vault.daemon().stop();
    fs::write(vault.export_dir().join("mine.txt"), "mine").unwrap();
    fs::create_dir(vault.export_dir().join("my folder")).unwrap();
    vault
}

/// Where the manifest is: the one folder in the state folder is that of this export tree.
fn manifest(vault: &Vault) -> PathBuf {
    let mut folders = vec![vault.path("state")];
    while let Some(folder) = folders.pop() {
        let file = folder.join("manifest.db");
        if file.exists() {
            return file;
        }
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    panic!("there is no manifest");
}

/// The daemon starts, writes nothing that is right already, keeps what is foreign, and goes on.
fn assert_recovers(vault: &Vault, what: &str) {
    let before = vault.tree();
    let mut daemon = vault.start();
    let finished = daemon.wait_for("batch finished");
    assert_eq!(
        (finished.number("exported"), finished.number("failed")),
        (0, 0),
        "{what}: {finished}"
    );
    assert_eq!(vault.tree().differences(&before), "", "{what}");
    for note in ["a", "b", "c"] {
        vault.write(
            &format!("d/{note}.md"),
            format!("{note} after it was {what}"),
        );
        daemon.wait_for_export(&format!("d/{note}.md"));
    }
    vault.write("d/new.md", "new");
    daemon.wait_for_export("d/new.md");
    vault.remove("d/new.md");
    daemon.wait_until("a batch that removes", |record| {
        record.message() == "batch finished" && record.number("removed") == 1
    });
    let left = vault.tree().differences(&vault.fresh_tree());
    assert_eq!(left, "too many mine.txt\ntoo many my folder\n", "{what}");
    daemon.stop();
}

#[test]
fn deleted() {
    let vault = vault();
    fs::remove_dir_all(vault.path("state")).unwrap();
    assert_recovers(&vault, "deleted");
}

#[test]
fn damaged_in_every_part() {
    let vault = vault();
    let path = manifest(&vault);
    let size = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
    for at in (0..size).step_by(size / 5) {
        let mut bytes = fs::read(&path).unwrap();
        let end = bytes.len().min(at + 2000);
        bytes[at.min(end)..end].fill(0xa5);
        fs::write(&path, bytes).unwrap();
        assert_recovers(&vault, &format!("damaged at {at}"));
    }
}

#[test]
fn cut_short() {
    let vault = vault();
    let path = manifest(&vault);
    for length in [0, 10, 4096, 6000] {
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_len(length).unwrap();
        assert_recovers(&vault, &format!("cut to {length} bytes"));
    }
}

#[test]
fn no_database_at_all() {
    let vault = vault();
    fs::write(manifest(&vault), "this is a text\n".repeat(1000)).unwrap();
    assert_recovers(&vault, "replaced");
}

#[test]
fn deleted_and_a_note_changed_meanwhile_nothing_foreign_is_taken_for_ours() {
    let vault = vault();
    fs::remove_dir_all(vault.path("state")).unwrap();
    vault.write("d/a.md", "changed while nobody remembered");
    vault.remove("d/c.md");
    let mut daemon = vault.start();
    let failed = daemon.wait_for("note failed");
    assert!(failed.text("error").contains("did not write"), "{failed}");
    // Whose the old outputs are, nobody can know: they stay until their owner decides.
    assert_eq!(vault.output("d/c.md"), "c, see [index](../index.md)");
    assert_eq!(vault.output("d/a.md"), "a, see [index](../index.md)");
    fs::remove_file(vault.export_dir().join("d/a.md")).unwrap();
    daemon.wait_for_export("d/a.md");
    assert_eq!(vault.output("d/a.md"), "changed while nobody remembered");
}

#[test]
fn of_a_newer_version_nothing_is_touched() {
    let vault = vault();
    let path = manifest(&vault);
    // The version that the file format keeps for its users, at byte 60.
    let mut bytes = fs::read(&path).unwrap();
    bytes[60..64].copy_from_slice(&1_000_000_u32.to_be_bytes());
    fs::write(&path, &bytes).unwrap();
    let before = vault.tree();
    vault.write("d/a.md", "changed");
    for arguments in [&["run"][..], &["export"], &["export", "--full"]] {
        let ran = vault.run(arguments);
        assert!(ran.code.is_some_and(|code| code != 0), "{ran:?}");
        assert!(ran.stderr.contains("manifest.db"), "{}", ran.stderr);
    }
    assert_eq!(vault.tree().differences(&before), "");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

/// As a version left it that counted one link less: the count is the last but one of a record, before the hash.
#[test]
fn of_an_older_version_what_it_counted_otherwise_is_counted_anew() {
    let vault = Vault::new();
    vault.write("a.md", "text");
    vault.write("l.md", "![[a#Gone]] [[gone]]");
    vault.daemon().stop();
    let database = Connection::open(manifest(&vault)).unwrap();
    let record = "SELECT record FROM files WHERE path = 'l.md'";
    let mut record: Vec<u8> = database.query_row(record, [], |row| row.get(0)).unwrap();
    let end = record.len() - 8;
    assert_eq!(record[end - 2..end], [2, 0]);
    record[end - 2] = 1;
    let hash = xxh3_64_with_seed(&record[..end], 1).to_le_bytes();
    record[end..].copy_from_slice(&hash);
    let put = "UPDATE files SET record = ?1, trusted = 1 WHERE path = 'l.md'";
    database.execute(put, [record]).unwrap();
    let older = "UPDATE meta SET value = '1' WHERE name = 'reader'";
    assert_eq!(database.execute(older, []).unwrap(), 1);
    drop(database);
    for _ in 0..2 {
        let daemon = vault.daemon();
        assert_eq!(vault.status()["links"]["unresolved"], 2);
        daemon.stop();
    }
}
