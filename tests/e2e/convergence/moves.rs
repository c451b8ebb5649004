//! Files and folders that change their names: what is heard of them may still go by the old one.

use std::fs;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::support::Vault;

/// A vault with notes in two nested folders that link to each other.
fn nested() -> Vault {
    let vault = Vault::new();
    vault.write("index.md", "[[deep]] and ![[shallow]]");
    vault.write("a/shallow.md", "shallow, see [[deep]]");
    vault.write("a/b/deep.md", "deep, see ![[shallow]]");
    vault
}

fn exchange(a: &Path, b: &Path) {
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).unwrap();
}

#[test]
fn a_folder_renamed_within_the_notes() {
    let vault = nested();
    let _daemon = vault.daemon();
    vault.rename("a", "z");
    fs::write(vault.note("z/b/deep.md"), "changed under the new name").unwrap();
    vault.assert_converged();
    // What comes later is heard under the new name, and the old name can be given anew.
    fs::write(vault.note("z/b/deep.md"), "changed again").unwrap();
    vault.write("a/b/deep.md", "another one");
    vault.assert_converged();
    fs::write(vault.note("a/b/deep.md"), "changed, too").unwrap();
    fs::write(vault.note("z/shallow.md"), "shallow no more").unwrap();
    vault.assert_converged();
    assert!(!vault.tree().files().is_empty());
}

#[test]
fn a_folder_renamed_again_and_again_while_it_is_written_to() {
    let vault = nested();
    let _daemon = vault.daemon();
    let mut name = "a".to_owned();
    for round in 0..60 {
        let next = format!("a{}", round % 7);
        vault.rename(&name, &next);
        fs::write(vault.note(&format!("{next}/b/deep.md")), round.to_string()).unwrap();
        name = next;
    }
    vault.assert_converged();
    assert_eq!(vault.output(&format!("{name}/b/deep.md")), "59");
}

#[test]
fn a_folder_moved_into_the_notes() {
    let vault = nested();
    let _daemon = vault.daemon();
    let outside = vault.path("outside");
    fs::create_dir_all(outside.join("b")).unwrap();
    fs::write(outside.join("b/new.md"), "new, see [[deep]]").unwrap();
    fs::rename(&outside, vault.note("in")).unwrap();
    vault.assert_converged();
    fs::write(vault.note("in/b/new.md"), "heard of").unwrap();
    vault.assert_converged();
    assert_eq!(vault.output("in/b/new.md"), "heard of");
}

#[test]
fn a_folder_moved_out_of_the_notes() {
    let vault = nested();
    let _daemon = vault.daemon();
    let outside = vault.path("outside");
    fs::rename(vault.note("a"), &outside).unwrap();
    vault.assert_converged();
    assert_eq!(vault.tree().files(), ["index.md"]);
    // Its old watch still sees it: none of the notes is meant.
    fs::write(outside.join("b/deep.md"), "outside").unwrap();
    fs::write(outside.join("more.md"), "outside").unwrap();
    vault.write("b.md", "inside");
    vault.assert_converged();
    assert_eq!(vault.tree().files(), ["b.md", "index.md"]);
    fs::rename(&outside, vault.note("a")).unwrap();
    vault.assert_converged();
    assert_eq!(vault.output("a/more.md"), "outside");
}

#[test]
fn a_folder_replaced_by_a_file_and_back() {
    let vault = Vault::new();
    vault.write("index.md", "![[x]]");
    vault.write("x.md/y.md", "in a folder that is called as a note");
    let _daemon = vault.daemon();
    for round in 0..10 {
        fs::remove_dir_all(vault.note("x.md")).unwrap();
        fs::write(vault.note("x.md"), format!("a file, round {round}")).unwrap();
        if round % 3 == 0 {
            vault.assert_converged();
        }
        fs::remove_file(vault.note("x.md")).unwrap();
        fs::create_dir(vault.note("x.md")).unwrap();
        fs::write(vault.note("x.md/y.md"), format!("a folder, round {round}")).unwrap();
        if round % 3 == 1 {
            vault.assert_converged();
        }
    }
    vault.assert_converged();
    fs::write(vault.note("x.md/y.md"), "still watched").unwrap();
    vault.assert_converged();
    assert_eq!(vault.output("x.md/y.md"), "still watched");
}

#[test]
fn two_notes_or_folders_that_swap_their_names() {
    let vault = Vault::new();
    vault.write("index.md", "![[a]] ![[b]] ![[one/n]] ![[two/n]]");
    for (note, text) in [
        ("a.md", "A"),
        ("b.md", "B"),
        ("one/n.md", "1"),
        ("two/n.md", "2"),
    ] {
        vault.write(note, text);
    }
    let _daemon = vault.daemon();
    vault.rename("a.md", "t");
    vault.rename("b.md", "a.md");
    vault.rename("t", "b.md");
    vault.rename("one", "t");
    vault.rename("two", "one");
    vault.rename("t", "two");
    vault.assert_converged();
    assert_eq!(vault.output("a.md") + &vault.output("one/n.md"), "B2");
    exchange(&vault.note("a.md"), &vault.note("b.md"));
    exchange(&vault.note("one"), &vault.note("two"));
    vault.assert_converged();
    assert_eq!(vault.output("a.md") + &vault.output("one/n.md"), "A1");
    // A note and a folder.
    exchange(&vault.note("a.md"), &vault.note("one"));
    vault.assert_converged();
    // Each is watched under the name that it has now.
    fs::write(vault.note("a.md/n.md"), "one").unwrap();
    fs::write(vault.note("two/n.md"), "two").unwrap();
    vault.assert_converged();
    assert_eq!(
        vault.output("a.md/n.md") + &vault.output("two/n.md"),
        "onetwo"
    );
}

#[test]
fn names_that_change_only_their_case() {
    let vault = Vault::new();
    vault.write("index.md", "[[note]] [[folder/inner]]");
    vault.write("note.md", "note");
    vault.write("folder/inner.md", "inner");
    let _daemon = vault.daemon();
    vault.rename("note.md", "Note.md");
    vault.rename("folder", "Folder");
    vault.assert_converged();
    assert!(vault.has_output("Note.md") && vault.has_output("Folder/inner.md"));
    assert!(!vault.has_output("note.md") && !vault.has_output("folder"));
    // Both at once.
    vault.write("note.md", "the small one");
    vault.assert_converged();
    vault.remove("Note.md");
    vault.rename("note.md", "NOTE.md");
    fs::write(vault.note("Folder/inner.md"), "heard of").unwrap();
    vault.assert_converged();
}

#[test]
fn hard_links_change_under_every_name() {
    let vault = Vault::new();
    vault.write("index.md", "![[one]] ![[d/two]]");
    vault.write("one.md", "first");
    vault.write("d/x.md", "x");
    fs::hard_link(vault.note("one.md"), vault.note("d/two.md")).unwrap();
    // This one the watch sees nothing of.
    fs::hard_link(vault.note("one.md"), vault.path("outside.md")).unwrap();
    let _daemon = vault.daemon();
    fs::write(vault.note("d/two.md"), "second").unwrap();
    vault.assert_converged();
    assert_eq!(vault.output("one.md"), "second");
    fs::remove_file(vault.note("one.md")).unwrap();
    fs::write(vault.note("d/two.md"), "third").unwrap();
    vault.assert_converged();
    fs::hard_link(vault.note("d/two.md"), vault.note("three.md")).unwrap();
    fs::write(vault.note("three.md"), "fourth").unwrap();
    vault.assert_converged();
    assert_eq!(vault.output("d/two.md"), "fourth");
}
