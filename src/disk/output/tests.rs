//! The rules of the export tree, on the real kernel.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::temporary::COPIED_AT_ONCE;
use super::*;
use crate::disk::select::Select;

/// Two folders and what opens them.
struct World {
    dir: TempDir,
    tree: ExportTree,
}

fn path(text: &str) -> OutputPath {
    OutputPath::new(text).unwrap()
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("notes")).unwrap();
        let select = Select::new(&["*.md".to_owned()], &[]).unwrap();
        let notes = NotesFolder::open(&dir.path().join("notes"), select).unwrap();
        let tree = ExportTree::open(&dir.path().join("deep/export"), Arc::new(notes)).unwrap();
        Self { dir, tree }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join("deep/export").join(name)
    }

    fn note(&self, name: &str) -> PathBuf {
        self.dir.path().join("notes").join(name)
    }

    fn stage(&self, name: &str, text: &str, owned: Owned<'_>) -> Result<Staged, OutputError> {
        self.tree
            .stage(&path(name), Content::Bytes(text.as_bytes()), owned, &|| ())
    }

    fn ready(&self, name: &str, text: &str, owned: Owned<'_>) -> StagedFile {
        ready(self.stage(name, text, owned).unwrap())
    }

    fn copy(&self, name: &str, note: &str, owned: Owned<'_>) -> Result<Staged, OutputError> {
        let note = NotePath::new(note).unwrap();
        self.tree
            .stage(&path(name), Content::Copy(&note), owned, &|| ())
    }

    fn delete(&self, name: &str, owned: Owned<'_>) -> Result<bool, OutputError> {
        self.tree.delete(&path(name), owned, &|| ())
    }

    fn write(&self, name: &str, text: &str, owned: Owned<'_>) -> OutputState {
        self.tree
            .publish(self.ready(name, text, owned), &mut |_| {})
            .unwrap()
    }

    /// The names in a folder of the tree, the temporary one included.
    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.at(folder)).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn temporaries(&self) -> usize {
        self.names(TEMPORARY_FOLDER).len()
    }
}

fn ready(staged: Staged) -> StagedFile {
    match staged {
        Staged::Ready(file) => file,
        Staged::Unchanged(state) => panic!("nothing to write: {state:?}"),
    }
}

fn unchanged(staged: Result<Staged, OutputError>) -> OutputState {
    match staged.unwrap() {
        Staged::Unchanged(state) => state,
        Staged::Ready(file) => panic!("written again: {file:?}"),
    }
}

fn is_foreign<T: std::fmt::Debug>(result: &Result<T, OutputError>) -> bool {
    matches!(result, Err(OutputError::Foreign(_)))
}

fn is_blocked<T: std::fmt::Debug>(result: &Result<T, OutputError>) -> bool {
    matches!(result, Err(OutputError::Blocked(_)))
}

/// A later mtime, whatever the clock's grain is.
fn touch(file: &Path) {
    let later = SystemTime::now() + Duration::from_secs(10);
    File::options()
        .write(true)
        .open(file)
        .unwrap()
        .set_modified(later)
        .unwrap();
}

#[test]
fn a_new_file_appears_whole_with_its_folders_and_leaves_no_trace() {
    let world = World::new();
    let staged = world.ready("a/b/c.md", "text", Owned::No);
    assert!(
        !world.at("a").exists(),
        "nothing but the temporary file before it is published"
    );
    world.tree.flush().unwrap();
    let mut made = Vec::new();
    let state = world
        .tree
        .publish(staged, &mut |folder| made.push(folder.to_string()))
        .unwrap();
    assert_eq!(made, ["a", "a/b"]);
    assert_eq!(fs::read_to_string(world.at("a/b/c.md")).unwrap(), "text");
    assert!(world.tree.is_intact(&path("a/b/c.md"), &state));
    world.tree.sweep().unwrap();
    assert_eq!(world.names(""), ["a"]);
    // The folder comes back when it is needed again.
    world.write("d.md", "more", Owned::No);
    assert_eq!(world.names(""), [TEMPORARY_FOLDER, "a", "d.md"]);
}

#[test]
fn what_is_already_right_is_not_written_again() {
    let world = World::new();
    let state = world.write("a.md", "text", Owned::No);
    assert_eq!(
        unchanged(world.stage("a.md", "text", Owned::Yes(&state))),
        state
    );
    // Touched by somebody: still right, known by its new stamp.
    touch(&world.at("a.md"));
    let touched = unchanged(world.stage("a.md", "text", Owned::Yes(&state)));
    assert_eq!((touched.inode, touched.hash), (state.inode, state.hash));
    assert_ne!(touched.mtime, state.mtime);
    assert!(!world.tree.is_intact(&path("a.md"), &state));
    assert!(world.tree.is_intact(&path("a.md"), &touched));
}

#[test]
fn our_file_is_replaced_even_when_it_was_edited_in_place() {
    let world = World::new();
    let first = world.write("a.md", "one", Owned::No);
    let second = world.write("a.md", "two", Owned::Yes(&first));
    fs::write(world.at("a.md"), "edited").unwrap();
    assert!(!world.tree.is_intact(&path("a.md"), &second));
    world.write("a.md", "two", Owned::Yes(&second));
    assert_eq!(fs::read_to_string(world.at("a.md")).unwrap(), "two");
}

#[test]
fn a_same_size_edit_with_the_old_content_wanted_is_undone() {
    let world = World::new();
    let state = world.write("a.md", "one", Owned::No);
    fs::write(world.at("a.md"), "ONE").unwrap();
    touch(&world.at("a.md"));
    world.write("a.md", "one", Owned::Yes(&state));
    assert_eq!(fs::read_to_string(world.at("a.md")).unwrap(), "one");
}

#[test]
fn a_file_restored_from_a_backup_is_ours() {
    let world = World::new();
    let state = world.write("a.md", "text", Owned::No);
    fs::copy(world.at("a.md"), world.at("copy")).unwrap();
    fs::rename(world.at("copy"), world.at("a.md")).unwrap();
    let adopted = unchanged(world.stage("a.md", "text", Owned::Yes(&state)));
    assert_ne!(adopted.inode, state.inode);
    world.write("a.md", "new", Owned::Yes(&state));
    assert_eq!(fs::read_to_string(world.at("a.md")).unwrap(), "new");
}

#[test]
fn a_foreign_file_survives() {
    let world = World::new();
    fs::write(world.at("a.md"), "mine").unwrap();
    assert!(is_foreign(&world.stage("a.md", "text", Owned::No)));
    assert!(
        is_foreign(&world.stage("a.md", "size", Owned::No)),
        "the same size, other content"
    );
    // One that took the place of ours.
    let state = world.write("b.md", "text", Owned::No);
    fs::write(world.at("new"), "mine").unwrap();
    fs::rename(world.at("new"), world.at("b.md")).unwrap();
    assert!(is_foreign(&world.stage("b.md", "text", Owned::Yes(&state))));
    assert!(is_foreign(&world.stage(
        "b.md",
        "other",
        Owned::Yes(&state)
    )));
    assert!(!world.delete("b.md", Owned::Yes(&state)).unwrap());
    assert!(!world.delete("a.md", Owned::No).unwrap());
    assert_eq!(fs::read_to_string(world.at("a.md")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(world.at("b.md")).unwrap(), "mine");
}

#[test]
fn a_foreign_file_with_exactly_our_content_is_adopted_and_keeps_its_mtime() {
    let world = World::new();
    fs::write(world.at("a.md"), "text").unwrap();
    let before = fs::metadata(world.at("a.md")).unwrap();
    let state = unchanged(world.stage("a.md", "text", Owned::No));
    assert_eq!(state.inode, before.ino());
    assert_eq!(
        fs::metadata(world.at("a.md")).unwrap().modified().unwrap(),
        before.modified().unwrap()
    );
}

#[test]
fn a_foreign_file_that_comes_while_ours_is_staged_survives() {
    let world = World::new();
    let state = world.write("old.md", "one", Owned::No);
    let replacing = world.ready("old.md", "two", Owned::Yes(&state));
    let new = world.ready("new.md", "text", Owned::No);
    for name in ["new.md", "old.md"] {
        fs::write(world.at("mine"), "mine").unwrap();
        fs::rename(world.at("mine"), world.at(name)).unwrap();
    }
    assert!(is_foreign(&world.tree.publish(replacing, &mut |_| {})));
    assert!(is_foreign(&world.tree.publish(new, &mut |_| {})));
    assert_eq!(fs::read_to_string(world.at("old.md")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(world.at("new.md")).unwrap(), "mine");
    assert_eq!(world.temporaries(), 0);
}

#[test]
fn files_published_together_fail_each_for_itself() {
    let world = World::new();
    let names = ["d/a.md", "d/b.md", "e/f/c.md", "d/c.md", "top.md"];
    let staged = names.map(|name| world.ready(name, name, Owned::No));
    fs::create_dir(world.at("d")).unwrap();
    fs::write(world.at("d/b.md"), "mine").unwrap();
    let mut made = Vec::new();
    let published = world
        .tree
        .publish_all(staged.into(), &mut |folder| made.push(folder.to_string()));
    assert_eq!(made, ["e", "e/f"]);
    for (name, published) in names.iter().zip(&published) {
        let text = fs::read_to_string(world.at(name)).unwrap();
        if *name == "d/b.md" {
            assert!(is_foreign(published));
            assert_eq!(text, "mine");
        } else {
            let inode = fs::metadata(world.at(name)).unwrap().ino();
            assert_eq!(published.as_ref().unwrap().inode, inode);
            assert_eq!(text, *name);
        }
    }
    assert_eq!((published.len(), world.temporaries()), (names.len(), 0));
}

#[test]
fn a_folder_that_goes_between_two_files_is_made_again() {
    let world = World::new();
    let [first, second] = ["d/a.md", "d/b.md"].map(|name| world.ready(name, name, Owned::No));
    let (mut near, mut made) = (None, Vec::new());
    for file in [first, second] {
        let publish = world.tree.publish_near(&file, &mut near, &mut |folder| {
            made.push(folder.to_string());
        });
        publish.unwrap();
        if made.len() == 1 {
            fs::remove_dir_all(world.at("d")).unwrap();
        }
    }
    assert_eq!(
        (made, world.names("d")),
        (vec!["d".into(); 2], vec!["b.md".into()])
    );
}

#[test]
fn our_file_that_goes_while_its_successor_is_staged_is_no_hindrance() {
    let world = World::new();
    let state = world.write("a.md", "one", Owned::No);
    let staged = world.ready("a.md", "two", Owned::Yes(&state));
    fs::remove_file(world.at("a.md")).unwrap();
    world.tree.publish(staged, &mut |_| {}).unwrap();
    assert_eq!(fs::read_to_string(world.at("a.md")).unwrap(), "two");
}

#[test]
fn what_was_announced_is_ours_whatever_it_holds() {
    let world = World::new();
    fs::write(world.at("a.md"), "half").unwrap();
    world.write("a.md", "text", Owned::Announced);
    assert_eq!(fs::read_to_string(world.at("a.md")).unwrap(), "text");
    unchanged(world.stage("a.md", "text", Owned::Announced));
    assert!(world.delete("a.md", Owned::Announced).unwrap());
    fs::create_dir(world.at("a.md")).unwrap();
    assert!(is_foreign(&world.stage("a.md", "text", Owned::Announced)));
    assert!(!world.delete("a.md", Owned::Announced).unwrap());
}

#[test]
fn nothing_is_written_through_a_symlink() {
    let world = World::new();
    let outside = world.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("a.md"), "mine").unwrap();
    // The file itself.
    symlink(outside.join("a.md"), world.at("a.md")).unwrap();
    assert!(is_foreign(&world.stage("a.md", "text", Owned::No)));
    assert!(is_foreign(&world.stage("a.md", "text", Owned::Announced)));
    // A dangling one, which looks absent to a call that follows it.
    symlink(outside.join("nowhere"), world.at("b.md")).unwrap();
    assert!(is_foreign(&world.stage("b.md", "text", Owned::No)));
    // A folder on the way, before staging and in between, with a manifest that knows what was there.
    let state = world.write("d/a.md", "text", Owned::No);
    let staged = world.ready("d/a.md", "new", Owned::Yes(&state));
    let fresh = world.ready("d/fresh.md", "new", Owned::No);
    fs::rename(world.at("d"), outside.join("moved")).unwrap();
    symlink(outside.join("moved"), world.at("d")).unwrap();
    assert!(is_blocked(&world.tree.publish(staged, &mut |_| {})));
    assert!(is_blocked(&world.tree.publish(fresh, &mut |_| {})));
    assert!(is_blocked(&world.stage(
        "d/a.md",
        "new",
        Owned::Yes(&state)
    )));
    assert!(!world.delete("d/a.md", Owned::Yes(&state)).unwrap());
    assert!(
        world.tree.remove_folder(&path("d")).unwrap(),
        "our folder is gone"
    );
    assert_eq!(
        fs::read_to_string(outside.join("moved/a.md")).unwrap(),
        "text"
    );
    assert_eq!(fs::read_dir(outside.join("moved")).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(outside.join("a.md")).unwrap(), "mine");
    assert!(!outside.join("nowhere").exists());
}

#[test]
fn a_file_where_a_folder_should_be_blocks() {
    let world = World::new();
    fs::write(world.at("d"), "mine").unwrap();
    assert!(is_blocked(&world.stage("d/a.md", "text", Owned::No)));
    assert!(is_blocked(&world.stage("d/e/a.md", "text", Owned::No)));
    assert!(!world.delete("d/a.md", Owned::Announced).unwrap());
}

#[test]
fn deletes_our_file_and_our_empty_folders_only() {
    let world = World::new();
    let state = world.write("d/a.md", "text", Owned::No);
    assert!(!world.tree.remove_folder(&path("d")).unwrap(), "not empty");
    fs::write(world.at("d/a.md"), "edited in place").unwrap();
    assert!(world.delete("d/a.md", Owned::Yes(&state)).unwrap());
    assert!(!world.delete("d/a.md", Owned::Yes(&state)).unwrap());
    assert!(world.tree.remove_folder(&path("d")).unwrap());
    assert!(
        world.tree.remove_folder(&path("d")).unwrap(),
        "gone is gone"
    );
    assert!(!world.at("d").exists());
}

#[test]
fn copies_keep_their_mtime_and_are_known_by_content() {
    let world = World::new();
    let big: Vec<u8> = (0..600_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(world.note("pic.png"), &big).unwrap();
    touch(&world.note("pic.png"));
    let staged = ready(world.copy("img/pic.png", "pic.png", Owned::No).unwrap());
    let state = world.tree.publish(staged, &mut |_| {}).unwrap();
    assert_eq!(fs::read(world.at("img/pic.png")).unwrap(), big);
    assert_eq!(state.hash, ContentHash::of(&big));
    let modified = |file: PathBuf| fs::metadata(file).unwrap().modified().unwrap();
    assert_eq!(
        modified(world.at("img/pic.png")),
        modified(world.note("pic.png"))
    );
    assert_eq!(
        unchanged(world.copy("img/pic.png", "pic.png", Owned::Yes(&state))),
        state
    );
    unchanged(world.copy("img/pic.png", "pic.png", Owned::No));
    fs::write(world.note("pic.png"), "smaller").unwrap();
    assert!(is_foreign(&world.copy("img/pic.png", "pic.png", Owned::No)));
    ready(
        world
            .copy("img/pic.png", "pic.png", Owned::Yes(&state))
            .unwrap(),
    );
}

#[test]
fn a_source_that_went_is_superseded_and_leaves_no_temporary_file() {
    let world = World::new();
    world.ready("x.md", "so that the folder is there", Owned::No);
    let gone = world.copy("pic.png", "pic.png", Owned::No);
    assert!(matches!(gone, Err(OutputError::Superseded(_))));
    assert_eq!(world.temporaries(), 1);
}

#[test]
fn one_process_holds_the_tree_and_frees_it() {
    let world = World::new();
    let again = ExportTree::open(world.tree.path(), Arc::clone(&world.tree.notes));
    assert!(matches!(again, Err(OpenError::Held(_))));
    let World { dir, tree } = world;
    let (root, notes) = (tree.path().to_owned(), Arc::clone(&tree.notes));
    drop(tree);
    ExportTree::open(&root, notes).unwrap();
    drop(dir);
}

#[test]
fn sweeps_what_an_earlier_process_left_and_nothing_else() {
    let world = World::new();
    world.tree.sweep().unwrap();
    fs::create_dir(world.at(TEMPORARY_FOLDER)).unwrap();
    fs::write(world.at(TEMPORARY_FOLDER).join("sn-1-1"), "half").unwrap();
    fs::write(world.at(TEMPORARY_FOLDER).join("mine"), "mine").unwrap();
    world.tree.sweep().unwrap();
    fs::create_dir(world.at(TEMPORARY_FOLDER).join("sn-3")).unwrap();
    fs::write(world.at(TEMPORARY_FOLDER).join("sn-3/sn-1-2"), "half").unwrap();
    fs::create_dir(world.at(TEMPORARY_FOLDER).join("sn-4")).unwrap();
    fs::write(world.at(TEMPORARY_FOLDER).join("sn-4/mine"), "mine").unwrap();
    symlink(world.note(""), world.at(TEMPORARY_FOLDER).join("sn-5")).unwrap();
    fs::write(world.note("sn-1-3"), "a note").unwrap();
    world.tree.sweep().unwrap();
    assert_eq!(world.names(TEMPORARY_FOLDER), ["mine", "sn-4"]);
    assert!(world.at(TEMPORARY_FOLDER).join("sn-4/mine").exists());
    assert!(world.note("sn-1-3").exists());
    fs::remove_dir_all(world.at(TEMPORARY_FOLDER).join("sn-4")).unwrap();
    fs::remove_file(world.at(TEMPORARY_FOLDER).join("mine")).unwrap();
    world.tree.sweep().unwrap();
    assert_eq!(world.names(""), [""; 0]);
}

#[test]
fn a_temporary_folder_that_somebody_removed_or_swapped_is_handled() {
    let world = World::new();
    world.write("a.md", "text", Owned::No);
    fs::remove_dir(world.at(TEMPORARY_FOLDER)).unwrap();
    world.write("b.md", "text", Owned::No);
    world.tree.sweep().unwrap();
    symlink(world.note(""), world.at(TEMPORARY_FOLDER)).unwrap();
    assert!(matches!(
        world.stage("c.md", "text", Owned::No),
        Err(OutputError::Io { .. })
    ));
    assert_eq!(fs::read_dir(world.note("")).unwrap().count(), 0);
}

#[test]
fn many_files_are_staged_in_several_folders_and_few_in_one() {
    let world = World::new();
    let stage = |at: usize| world.ready(&format!("{at}.md"), "text", Owned::No);
    let mut staged: Vec<StagedFile> = (0..60).map(stage).collect();
    assert_eq!(world.names(TEMPORARY_FOLDER).len(), 60);
    staged.extend((60..200).map(stage));
    let inner = world.names(TEMPORARY_FOLDER);
    assert!(inner.contains(&"sn-1".to_owned()) && inner.len() < 200);
    for published in world.tree.publish_all(staged, &mut |_| ()) {
        published.unwrap();
    }
    assert_eq!(world.names("").len(), 201);
    // What is left over is swept, wherever it lies.
    let _left: Vec<StagedFile> = (200..300).map(stage).collect();
    world.tree.sweep().unwrap();
    assert!(!world.at(TEMPORARY_FOLDER).exists());
    assert_eq!(world.names("").len(), 200);
}

#[test]
fn many_threads_stage_and_publish_at_once() {
    let world = World::new();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let world = &world;
            scope.spawn(move || {
                for number in 0..50 {
                    world.write(
                        &format!("d{}/{thread}-{number}.md", number % 7),
                        "text",
                        Owned::No,
                    );
                }
            });
        }
    });
    let written: usize = (0..7)
        .map(|folder| world.names(&format!("d{folder}")).len())
        .sum();
    assert_eq!(written, 400);
    world.tree.sweep().unwrap();
    assert!(!world.at(TEMPORARY_FOLDER).exists());
}

#[test]
fn notices_that_the_tree_was_replaced() {
    let world = World::new();
    assert_eq!(world.tree.root_state().unwrap(), FolderState::Same);
    fs::remove_dir(world.at("")).unwrap();
    assert_eq!(world.tree.root_state().unwrap(), FolderState::Gone);
    assert!(matches!(
        world.stage("a.md", "text", Owned::No),
        Err(OutputError::Io { .. })
    ));
    fs::create_dir(world.at("")).unwrap();
    assert_eq!(world.tree.root_state().unwrap(), FolderState::Replaced);
}

#[test]
fn a_tree_that_went_with_the_folders_above_it_may_be_made_again() {
    let world = World::new();
    assert!(world.tree.may_be_made_again());
    fs::remove_dir_all(world.dir.path().join("deep")).unwrap();
    assert!(world.tree.may_be_made_again());
    // Something else lies in its place.
    fs::write(world.dir.path().join("deep"), "").unwrap();
    assert!(!world.tree.may_be_made_again());
    // It leads to another file system, as the folder above a mount that went lies on another.
    fs::remove_file(world.dir.path().join("deep")).unwrap();
    symlink("/proc", world.dir.path().join("deep")).unwrap();
    assert!(!world.tree.may_be_made_again());
}

#[test]
fn copying_and_comparing_a_large_file_tell_that_they_go_on() {
    let world = World::new();
    fs::write(world.note("pic.png"), vec![7; 3 * COPIED_AT_ONCE]).unwrap();
    let beats = AtomicU64::new(0);
    let beat = || {
        beats.fetch_add(1, Ordering::Relaxed);
    };
    let note = NotePath::new("pic.png").unwrap();
    let stage = || {
        world
            .tree
            .stage(&path("pic.png"), Content::Copy(&note), Owned::No, &beat)
    };
    let staged = ready(stage().unwrap());
    assert!(beats.swap(0, Ordering::Relaxed) >= 3);
    let state = world.tree.publish(staged, &mut |_| {}).unwrap();
    unchanged(stage());
    assert!(beats.swap(0, Ordering::Relaxed) >= 6, "both were read");
    // A backup brought it back: only its content says that it is ours.
    fs::copy(world.at("pic.png"), world.at("again")).unwrap();
    fs::rename(world.at("again"), world.at("pic.png")).unwrap();
    let deleted = world
        .tree
        .delete(&path("pic.png"), Owned::Yes(&state), &beat);
    assert!(deleted.unwrap());
    assert!(beats.load(Ordering::Relaxed) >= 3);
}

#[test]
fn errors_name_the_output_in_one_line() {
    let world = World::new();
    fs::write(world.at("a.md"), "mine").unwrap();
    let error = world.stage("a.md", "text!", Owned::No).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.md: a file or folder that smartnotesd did not write is in the way; move or delete it"
    );
}
