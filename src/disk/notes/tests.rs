//! The notes folder on the real kernel.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use proptest::prelude::*;
use rustix::fs::{CWD, Mode};
use tempfile::TempDir;

use super::*;
use crate::disk::Hindrance;
use crate::path::child;

struct World {
    dir: TempDir,
    notes: NotesFolder,
}

fn select() -> Select {
    Select::new(&["*.md".to_owned()], &["attic".to_owned()]).unwrap()
}

fn path(text: &str) -> NotePath {
    NotePath::new(text).unwrap()
}

/// Does this in each folder that is entered.
struct Entering<F>(F);

impl<F: Fn(&str) + Sync> Visitor for Entering<F> {
    fn enter(&self, folders: &[&str]) {
        for folder in folders {
            (self.0)(folder);
        }
    }
}

const NO_WATCH: Entering<fn(&str)> = Entering(|_| {});

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("notes")).unwrap();
        let notes = NotesFolder::open(&dir.path().join("notes"), select()).unwrap();
        Self { dir, notes }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join("notes").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.at(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn list(&self, folder: &str) -> Listing {
        self.notes.list(folder, &NO_WATCH).unwrap()
    }

    fn listed(&self, folder: &str) -> Vec<String> {
        let mut paths: Vec<String> = self
            .list(folder)
            .files
            .into_iter()
            .map(|file| file.path.into())
            .collect();
        paths.sort();
        paths
    }

    fn is_file(&self, name: &str) -> bool {
        matches!(self.notes.look(&path(name)).unwrap(), Looked::File(_))
    }

    fn is_folder(&self, name: &str) -> bool {
        matches!(self.notes.look(&path(name)).unwrap(), Looked::Folder)
    }

    fn is_nothing(&self, name: &str) -> bool {
        matches!(self.notes.look(&path(name)).unwrap(), Looked::Nothing)
    }
}

#[test]
fn lists_what_counts_and_enters_each_folder_first() {
    let world = World::new();
    for name in [
        "a.md",
        "d/b.md",
        "d/pic.png",
        "d/e/c.md",
        ".git/x.md",
        "attic/y.md",
        "d/.hidden.md",
        "d/a.md~",
    ] {
        world.write(name, "text");
    }
    fs::create_dir(world.at("empty")).unwrap();
    let entered = Mutex::new(Vec::new());
    let listing = world
        .notes
        .list(
            "",
            &Entering(|folder: &str| lock(&entered).push(folder.to_owned())),
        )
        .unwrap();
    let mut folders: Vec<_> = listing.folders.iter().map(ToString::to_string).collect();
    folders.sort();
    assert_eq!(folders, ["", "d", "d/e", "empty"]);
    let mut entered = entered.into_inner().unwrap();
    entered.sort();
    assert_eq!(entered, folders);
    let mut files: Vec<_> = listing
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.is_note))
        .collect();
    files.sort_unstable();
    assert_eq!(
        files,
        [
            ("a.md", true),
            ("d/b.md", true),
            ("d/e/c.md", true),
            ("d/pic.png", false)
        ]
    );
    assert!(listing.unreadable.is_empty());
    assert_eq!(world.listed("d/e"), ["d/e/c.md"]);
    assert_eq!(world.listed("attic"), [""; 0]);
    assert_eq!(world.listed(".git"), [""; 0]);
    assert_eq!(world.listed("nowhere"), [""; 0]);
}

#[test]
fn what_the_visitor_knows_is_not_listed() {
    struct Knows(&'static str);
    impl Visitor for Knows {
        fn enter(&self, _: &[&str]) {}
        fn knows(&self, path: &str, is_note: bool, stamp: &Stamp) -> bool {
            path == self.0 && is_note && stamp.size == 4
        }
    }
    let world = World::new();
    world.write("d/a.md", "text");
    world.write("d/b.md", "text");
    for (known, listed) in [
        ("d/a.md", vec!["d/b.md"]),
        ("a.md", vec!["d/a.md", "d/b.md"]),
    ] {
        let listing = world.notes.list("", &Knows(known)).unwrap();
        let mut paths: Vec<&str> = listing.files.iter().map(|f| f.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, listed);
    }
}

#[test]
fn a_file_that_comes_while_a_folder_is_entered_is_listed() {
    let world = World::new();
    fs::create_dir(world.at("d")).unwrap();
    let listing = world
        .notes
        .list(
            "",
            &Entering(|folder: &str| {
                world.write(&child(folder, "late.md"), "text");
            }),
        )
        .unwrap();
    assert_eq!(listing.files.len(), 2);
}

#[test]
fn reads_a_file_with_its_stamp() {
    let world = World::new();
    let text = "text ".repeat(50_000);
    world.write("d/a.md", &text);
    let (bytes, stamp) = world.notes.read(&path("d/a.md")).unwrap();
    assert_eq!(bytes, text.as_bytes());
    let Looked::File(found) = world.notes.look(&path("d/a.md")).unwrap() else {
        panic!("no file");
    };
    assert_eq!(found.stamp, stamp);
    assert_eq!(stamp.size, text.len() as u64);
    world.write("empty.md", "");
    assert_eq!(world.notes.read(&path("empty.md")).unwrap().0, b"");
    assert_eq!(
        world.notes.read(&path("nowhere.md")).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
}

#[test]
fn rules_files_hold_for_list_and_look_and_can_change() {
    let world = World::new();
    for name in [
        "a.md",
        "secret.md",
        "d/secret.md",
        "d/own.md",
        "d/fine.md",
        "out/x.md",
        "d/out/y.md",
    ] {
        world.write(name, "text");
    }
    world.write(RULES_FILE, "secret.md\n/out/\n");
    world.write("d/.exportignore", "own.md\n!secret.md\n");
    let expected = ["a.md", "d/fine.md", "d/out/y.md", "d/secret.md"];
    // Before anything was listed, and after.
    assert!(
        world.is_nothing("d/own.md")
            && world.is_file("d/secret.md")
            && world.is_nothing("out/x.md")
    );
    assert_eq!(world.listed(""), expected);
    assert!(
        world.is_nothing("d/own.md")
            && world.is_file("d/secret.md")
            && world.is_nothing("out/x.md")
    );
    assert_eq!(world.listed("d"), expected[1..]);
    // Changed, made and removed: a look at the rules file is the cue.
    world.write("d/.exportignore", "fine.md\n");
    fs::remove_file(world.at(RULES_FILE)).unwrap();
    for rules in ["d/.exportignore", RULES_FILE] {
        assert!(matches!(
            world.notes.look(&path(rules)).unwrap(),
            Looked::Rules
        ));
    }
    assert!(
        world.is_file("d/own.md") && world.is_file("secret.md") && world.is_nothing("d/fine.md")
    );
    assert!(
        world.is_nothing("attic/.exportignore"),
        "rules of what is left out are none"
    );
}

#[test]
fn a_folder_in_place_of_another_has_its_own_rules() {
    let world = World::new();
    world.write("d/.exportignore", "a.md\n");
    world.write("d/a.md", "text");
    world.write("new/a.md", "text");
    assert!(world.listed("").contains(&"new/a.md".to_owned()));
    fs::rename(world.at("d"), world.at("old")).unwrap();
    fs::rename(world.at("new"), world.at("d")).unwrap();
    assert!(world.is_folder("d"));
    assert!(world.is_file("d/a.md"));
}

#[test]
fn a_bad_line_in_a_rules_file_is_reported() {
    let world = World::new();
    world.write("d/.exportignore", "{a,b\nx.md\n");
    world.write("d/x.md", "text");
    let listing = world.list("");
    assert!(listing.files.is_empty());
    assert_eq!(listing.unreadable.len(), 1);
    let (name, hindrance) = &listing.unreadable[0];
    assert_eq!(name, "d/.exportignore");
    assert!(matches!(hindrance, Hindrance::Itself(_)));
}

#[test]
fn symlinks_are_followed_only_inside() {
    let world = World::new();
    let outside = world.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("x.md"), "mine").unwrap();
    world.write("real/a.md", "text");
    symlink("real/a.md", world.at("relative.md")).unwrap();
    symlink(world.at("real/a.md"), world.at("absolute.md")).unwrap();
    symlink("real", world.at("folder")).unwrap();
    symlink(world.at("real"), world.at("far")).unwrap();
    symlink("../outside/x.md", world.at("out.md")).unwrap();
    symlink(outside.join("x.md"), world.at("out2.md")).unwrap();
    symlink(&outside, world.at("outer")).unwrap();
    symlink("/proc/self/root", world.at("magic")).unwrap();
    symlink("nowhere", world.at("dangling.md")).unwrap();
    symlink("self.md", world.at("self.md")).unwrap();
    let inside = [
        "absolute.md",
        "far/a.md",
        "folder/a.md",
        "real/a.md",
        "relative.md",
    ];
    assert_eq!(world.listed(""), inside);
    for name in inside {
        assert!(world.is_file(name), "{name}");
        assert_eq!(world.notes.read(&path(name)).unwrap().0, b"text", "{name}");
    }
    assert!(world.is_folder("folder") && world.is_folder("far"));
    assert_eq!(world.listed("far"), ["far/a.md"]);
    for name in [
        "out.md",
        "out2.md",
        "outer",
        "outer/x.md",
        "dangling.md",
        "self.md",
        "magic",
    ] {
        assert!(world.is_nothing(name), "{name}");
        assert!(world.notes.read(&path(name)).is_err(), "{name}");
    }
    assert!(world.list("").unreadable.is_empty());
}

#[test]
fn symlinks_that_go_round_end() {
    let world = World::new();
    world.write("d/e/a.md", "text");
    symlink("..", world.at("d/up")).unwrap();
    symlink(".", world.at("here")).unwrap();
    symlink(world.at("d"), world.at("d/e/back")).unwrap();
    symlink("d", world.at("twin")).unwrap();
    assert_eq!(world.listed(""), ["d/e/a.md", "twin/e/a.md"]);
    for name in [
        "d/up",
        "here",
        "d/e/back",
        "d/up/d/e/a.md",
        "here/d/e/a.md",
        "d/e/back/e/a.md",
    ] {
        assert!(world.is_nothing(name), "{name}");
    }
    assert!(world.is_file("twin/e/a.md"));
    assert_eq!(world.listed("here"), [""; 0]);
    assert_eq!(world.listed("twin/e"), ["twin/e/a.md"]);
}

#[test]
fn what_is_no_regular_file_is_never_opened() {
    let world = World::new();
    rustix::fs::mknodat(CWD, world.at("fifo.md"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    rustix::fs::mknodat(CWD, world.at(RULES_FILE), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let _socket = UnixListener::bind(world.at("socket.md")).unwrap();
    symlink("fifo.md", world.at("link.md")).unwrap();
    symlink("/dev/null", world.at("null.md")).unwrap();
    assert_eq!(world.listed(""), [""; 0]);
    for name in ["fifo.md", "socket.md", "link.md", "null.md"] {
        assert!(world.is_nothing(name), "{name}");
        assert!(world.notes.read(&path(name)).is_err(), "{name}");
    }
}

#[test]
fn names_that_are_not_utf8_are_reported() {
    let world = World::new();
    fs::write(
        world.at("").join(std::ffi::OsStr::from_bytes(b"a\xff.md")),
        "text",
    )
    .unwrap();
    let listing = world.list("");
    assert!(listing.files.is_empty());
    let (name, error) = &listing.unreadable[0];
    assert_eq!(
        (name.as_str(), error.to_string().as_str()),
        ("a\u{fffd}.md", "the file name is not UTF-8; rename it")
    );
    assert!(matches!(error, Hindrance::Itself(_)), "no later look helps");
}

#[test]
fn a_lost_root_is_an_error_and_never_an_empty_folder() {
    let world = World::new();
    world.write("a.md", "text");
    assert_eq!(world.notes.root_state().unwrap(), FolderState::Same);
    fs::remove_dir_all(world.at("")).unwrap();
    assert_eq!(world.notes.root_state().unwrap(), FolderState::Gone);
    assert!(world.notes.list("", &NO_WATCH).is_err());
    assert!(world.notes.look(&path("a.md")).is_err());
    world.notes.rest();
    assert!(world.notes.look(&path("a.md")).is_err());
    // Another folder is taken for it only when asked to.
    world.write("b.md", "text");
    assert_eq!(world.notes.root_state().unwrap(), FolderState::Replaced);
    assert!(world.notes.list("", &NO_WATCH).is_err());
    world.notes.reopen().unwrap();
    assert_eq!(world.listed(""), ["b.md"]);
}

#[test]
fn an_empty_folder_on_another_file_system_is_a_mount_that_went() {
    let mounted = tempfile::tempdir_in("/dev/shm").unwrap();
    let world = World::new();
    let here = world.dir.path().join("here");
    symlink(mounted.path(), &here).unwrap();
    let notes = NotesFolder::open(&here, select()).unwrap();
    fs::remove_file(&here).unwrap();
    symlink(world.at(""), &here).unwrap();
    assert_eq!(notes.root_state().unwrap(), FolderState::EmptyMountPoint);
    assert!(notes.list("", &NO_WATCH).is_err());
    world.write("a.md", "text");
    assert_eq!(notes.root_state().unwrap(), FolderState::Replaced);
}

#[test]
fn a_root_at_rest_is_taken_up_again() {
    let world = World::new();
    world.write("a.md", "text");
    assert!(world.is_file("a.md"));
    world.notes.rest();
    assert!(lock(&world.notes.root).open.is_none());
    assert!(world.is_file("a.md"));
    assert_eq!(world.listed(""), ["a.md"]);
}

#[test]
fn other_rules_can_be_taken() {
    let world = World::new();
    world.write("a.txt", "text");
    assert!(!world.list("").files[0].is_note);
    world
        .notes
        .select_by(Select::new(&["*.txt".to_owned()], &[]).unwrap());
    assert!(world.list("").files[0].is_note);
}

#[test]
fn a_large_flat_folder_is_listed_once_and_whole() {
    let world = World::new();
    for number in 0..(3 * 256 + 7) {
        world.write(&format!("{number}.md"), "text");
    }
    let listed = world.listed("");
    assert_eq!(listed.len(), 3 * 256 + 7);
    assert!(listed.windows(2).all(|pair| pair[0] < pair[1]));
}

/// What the property test makes trees of.
#[derive(Clone, Debug)]
enum Entry {
    File(String),
    Rules(String, String),
    Link(String, String),
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "a.md", "b.md", ".h", "attic", "x.tmp"])
        .prop_map(str::to_owned)
}

fn some_path() -> impl Strategy<Value = String> {
    prop::collection::vec(name(), 1..4).prop_map(|names| names.join("/"))
}

fn entry() -> impl Strategy<Value = Entry> {
    let folder = prop_oneof![Just(String::new()), some_path()];
    let line = prop::sample::select(vec![
        "a", "/a", "a/", "!a", "*.md", "!b.md", "a/b", "b/**", "!a.md",
    ]);
    let text = prop::collection::vec(line, 1..3).prop_map(|lines| lines.join("\n"));
    let target = prop_oneof![
        some_path(),
        Just("..".to_owned()),
        Just(".".to_owned()),
        Just("../a".to_owned())
    ];
    prop_oneof![
        4 => some_path().prop_map(Entry::File),
        1 => (folder, text).prop_map(|(folder, text)| Entry::Rules(folder, text)),
        1 => (some_path(), target).prop_map(|(link, target)| Entry::Link(link, target)),
    ]
}

impl World {
    /// Makes an entry, or nothing where another one is in its way.
    fn make(&self, entry: &Entry) {
        let in_folder = |path: &Path| fs::create_dir_all(path.parent().unwrap());
        let _ = match entry {
            Entry::File(name) => {
                let file = self.at(name);
                in_folder(&file).and_then(|()| fs::write(file, "text"))
            }
            Entry::Rules(folder, text) => {
                let file = self.at(folder).join(RULES_FILE);
                in_folder(&file).and_then(|()| fs::write(file, text))
            }
            Entry::Link(link, target) => {
                let link = self.at(link);
                in_folder(&link).and_then(|()| symlink(target, link))
            }
        };
    }

    /// Every path by which something can be reached, through symlinks too, as deep as given.
    fn all_paths(&self, folder: &str, depth: usize, paths: &mut Vec<String>) {
        let Ok(entries) = fs::read_dir(self.at(folder)) else {
            return;
        };
        for entry in entries {
            let path = child(folder, entry.unwrap().file_name().to_str().unwrap());
            if depth > 0 {
                self.all_paths(&path, depth - 1, paths);
            }
            paths.push(path);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// `look` at any path, with and without cached rules, says what `list` says of it.
    #[test]
    fn look_and_list_agree(entries in prop::collection::vec(entry(), 1..14)) {
        let world = World::new();
        for entry in &entries {
            world.make(entry);
        }
        let mut paths = Vec::new();
        world.all_paths("", 4, &mut paths);
        paths.retain(|name| path(name).name() != RULES_FILE);
        let looked = |world: &World| -> Vec<(String, bool, bool)> {
            let mut seen: Vec<_> = paths
                .iter()
                .map(|name| (name.clone(), world.is_file(name), world.is_folder(name)))
                .filter(|(_, is_file, is_folder)| *is_file || *is_folder)
                .collect();
            seen.sort();
            seen
        };
        let before = looked(&world);
        let listing = world.list("");
        let depth = |path: &str| path.matches('/').count();
        let files = listing.files.iter().map(|file| (file.path.to_string(), true, false));
        let folders = listing.folders.iter().filter(|path| !path.is_empty()).map(|path| (path.to_string(), false, true));
        let mut listed: Vec<_> = files.chain(folders).filter(|(path, ..)| depth(path) <= 4).collect();
        listed.sort();
        prop_assert_eq!(&before, &listed);
        prop_assert_eq!(&looked(&world), &listed);
        // And a part of the tree alone says the same.
        for folder in &listing.folders {
            let mut part = world.listed(folder);
            part.retain(|path| depth(path) <= 4);
            let below: Vec<_> = listed
                .iter()
                .filter(|(path, is_file, _)| *is_file && (folder.is_empty() || path.starts_with(&format!("{folder}/"))))
                .map(|(path, ..)| path.clone())
                .collect();
            prop_assert_eq!(part, below);
        }
    }
}
