//! Folders that are made and filled before anybody can watch them.

use std::fs;

use crate::support::Vault;

#[test]
fn an_archive_of_2000_notes_in_200_nested_folders() {
    let vault = Vault::new();
    vault.write("index.md", "[[note 7]] of [[19-9/note 9]]");
    let _daemon = vault.daemon();
    // Ten folders deep, twenty times: as an archive comes, each folder just before its files.
    for tree in 0..20 {
        let mut folder = vault.notes();
        for depth in 0..10 {
            folder = folder.join(format!("{tree}-{depth}"));
            fs::create_dir(&folder).unwrap();
            for note in 0..10 {
                let text = format!("# {tree}\n\n[[{tree}-0/note {note}]] [[note {depth}]]\n");
                fs::write(folder.join(format!("note {note}.md")), text).unwrap();
            }
        }
    }
    vault.assert_converged();
    assert_eq!(vault.tree().files().len(), 2001);
}

#[test]
fn folders_made_and_written_to_at_once() {
    let vault = Vault::new();
    let _daemon = vault.daemon();
    for round in 0..40 {
        fs::create_dir_all(vault.note(&format!("{round}/b/c"))).unwrap();
        fs::write(vault.note(&format!("{round}/b/c/note.md")), "at once").unwrap();
        fs::write(vault.note(&format!("{round}/b/note.md")), "at once").unwrap();
    }
    vault.assert_converged();
    // And they are watched by now.
    for round in 0..40 {
        fs::write(vault.note(&format!("{round}/b/c/note.md")), "later").unwrap();
        fs::write(vault.note(&format!("{round}/b/c/second.md")), "later").unwrap();
    }
    vault.assert_converged();
    assert_eq!(vault.tree().files().len(), 120);
}

#[test]
fn a_folder_made_removed_and_made_again_in_no_time() {
    let vault = Vault::new();
    let _daemon = vault.daemon();
    for round in 0..100 {
        let folder = vault.note("d/e");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{round}.md")), "round").unwrap();
        if round < 99 {
            fs::remove_dir_all(vault.note("d")).unwrap();
        }
    }
    vault.assert_converged();
    fs::write(vault.note("d/e/99.md"), "after it").unwrap();
    vault.assert_converged();
    assert_eq!(vault.output("d/e/99.md"), "after it");
}
