//! What a look makes of a notes folder that changes under it.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::Mutex;

use tempfile::TempDir;

use super::*;
use crate::config::{ConfigSource, load};
use crate::disk::Visitor;
use crate::disk::notes::NotesFolder;
use crate::disk::output::ExportTree;
use crate::disk::select::Select;
use crate::engine::{Parts, Request};
use crate::export::Formats;
use crate::log::events::Trigger;
use crate::manifest::Manifest;
use crate::sync::lock;

/// A question of a look to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Look,
    List,
    TurnedLinks,
}

/// What happens just before a question is answered; an error is the answer.
type Meanwhile = Box<dyn FnOnce() -> io::Result<()> + Send>;

/// The real notes folder, in which things happen while it is looked at.
struct Restless {
    folder: Arc<NotesFolder>,
    script: Mutex<VecDeque<(Call, Meanwhile)>>,
}

impl Restless {
    fn meet(&self, call: Call) -> io::Result<()> {
        let next = {
            let mut script = lock(&self.script);
            script.pop_front_if(|(awaited, _)| *awaited == call)
        };
        next.map_or(Ok(()), |(_, act)| act())
    }
}

impl NotesDisk for Restless {
    fn list(&self, folder: &str, visitor: &dyn Visitor) -> io::Result<Listing> {
        self.meet(Call::List)?;
        self.folder.list(folder, visitor)
    }

    fn look(&self, path: &NotePath) -> io::Result<Looked> {
        self.meet(Call::Look)?;
        self.folder.look(path)
    }

    fn read(&self, path: &NotePath) -> io::Result<(Vec<u8>, Stamp)> {
        self.folder.read(path)
    }

    fn turned_links(&self) -> Vec<NotePath> {
        self.meet(Call::TurnedLinks).unwrap();
        self.folder.turned_links()
    }

    fn is_there(&self) -> bool {
        self.folder.is_there()
    }

    /// Late enough for every stamp to be trusted.
    fn now(&self) -> i64 {
        i64::MAX
    }
}

struct World {
    dir: TempDir,
    disk: Arc<Restless>,
    engine: Engine,
}

impl World {
    /// With a note in the folder `d`, which the engine knows.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("notes/d")).unwrap();
        fs::write(at("notes/d/x.md"), "text").unwrap();
        let text = format!("state_dir: {}\n", at("state").display());
        fs::write(at("config.yaml"), text).unwrap();
        let mut source = ConfigSource {
            file: Some(at("config.yaml")),
            ..ConfigSource::default()
        };
        source.overrides.notes = Some(at("notes"));
        source.overrides.export = Some(at("export"));
        let config = load(&source).unwrap().config;
        let select = Select::new(&config.include, &config.exclude).unwrap();
        let folder = Arc::new(NotesFolder::open(&at("notes"), select).unwrap());
        let disk = Arc::new(Restless {
            folder: Arc::clone(&folder),
            script: Mutex::default(),
        });
        let parts = Parts {
            formats: Arc::new(Formats::new(&config).unwrap()),
            config: Arc::new(config),
            notes: Arc::clone(&disk) as Arc<dyn NotesDisk>,
            outputs: Arc::new(ExportTree::open(&at("export"), folder).unwrap()),
            manifest: Manifest::in_memory().unwrap(),
            shelf: None,
            device: 0,
            flush_covers_manifest: false,
        };
        let (engine, _) = Engine::open(parts, Instant::now()).unwrap();
        let mut world = Self { dir, disk, engine };
        world.look_at_everything();
        world
    }

    /// Something that happens just before the next question of this kind.
    fn before(&self, call: Call, act: impl FnOnce() -> io::Result<()> + Send + 'static) {
        lock(&self.disk.script).push_back((call, Box::new(act)));
    }

    /// Renames something in the notes folder, or out of it, just before the next question of this kind.
    fn rename_before(&self, call: Call, from: &str, to: &str) {
        let (from, to) = (self.at(from), self.at(to));
        self.before(call, || fs::rename(from, to));
    }

    fn at(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join("notes").join(name)
    }

    fn take_in(&mut self, dirty: &Dirty) {
        let request = Request {
            trigger: Trigger::Watch,
            dirty,
            full: false,
            audit: false,
            always: false,
            // What could not be read is due.
            now: Instant::now() + std::time::Duration::from_hours(1),
        };
        self.engine.prepare(&request, &Unwatched).unwrap();
        assert!(
            lock(&self.disk.script).is_empty(),
            "a question was not asked"
        );
    }

    fn look_at_everything(&mut self) {
        self.take_in(&Dirty {
            everything: true,
            ..Dirty::default()
        });
    }

    fn look_at(&mut self, paths: &[&str]) {
        let paths = paths.iter().map(|path| NotePath::new(path).unwrap());
        self.take_in(&Dirty {
            paths: paths.collect(),
            ..Dirty::default()
        });
    }

    fn stamp(&self, path: &str) -> Stamp {
        let files = self.engine.vault().files();
        files.get(files.find(path).unwrap()).stamp
    }

    fn known(&self) -> Vec<&str> {
        let files = self.engine.vault().files().iter();
        let mut known: Vec<&str> = files.map(|(_, file)| file.path.as_str()).collect();
        known.sort_unstable();
        known
    }
}

#[test]
fn a_symlink_that_turns_away_after_its_folder_was_listed_takes_its_files_along() {
    let mut world = World::new();
    let link = world.at("l");
    symlink("d", &link).unwrap();
    world.look_at_everything();
    assert_eq!(world.known(), ["d/x.md", "l/x.md"]);
    world.before(Call::TurnedLinks, move || {
        fs::remove_file(&link)?;
        symlink("/nowhere", &link)
    });
    world.look_at_everything();
    world.look_at(&["l"]);
    assert_eq!(world.known(), ["d/x.md"]);
}

#[test]
fn a_folder_that_goes_after_a_file_in_it_was_found_takes_it_along() {
    let mut world = World::new();
    fs::rename(world.at("d"), world.at("../aside")).unwrap();
    // Nothing is at `d`; when `d/x.md` is looked at, all of it is back.
    world.before(Call::Look, || Ok(()));
    world.rename_before(Call::Look, "../aside", "d");
    world.rename_before(Call::List, "d", "../aside");
    world.look_at(&["d", "d/x.md"]);
    world.look_at(&["d"]);
    assert!(world.known().is_empty());
}

#[test]
fn a_folder_of_which_only_a_file_was_looked_at_takes_it_along_when_it_goes() {
    let mut world = World::new();
    fs::create_dir_all(world.at("e/f")).unwrap();
    fs::write(world.at("e/f/y.md"), "text").unwrap();
    world.look_at(&["e/f/y.md"]);
    assert_eq!(world.known(), ["d/x.md", "e/f/y.md"]);
    fs::remove_dir_all(world.at("e")).unwrap();
    world.look_at(&["e"]);
    assert_eq!(world.known(), ["d/x.md"]);
}

#[test]
fn a_folder_that_could_not_be_looked_at_before_it_went_takes_its_files_along() {
    let mut world = World::new();
    world.before(Call::Look, || Err(io::ErrorKind::PermissionDenied.into()));
    world.rename_before(Call::List, "d", "../aside");
    world.take_in(&Dirty {
        paths: [NotePath::new("d").unwrap()].into(),
        folders: ["".into()].into(),
        ..Dirty::default()
    });
    world.look_at(&["d"]);
    assert!(world.known().is_empty());
}

#[test]
fn a_name_of_a_file_that_was_found_unchanged_is_looked_at_again_when_another_name_shows_a_change() {
    let mut world = World::new();
    fs::create_dir(world.at("e")).unwrap();
    fs::hard_link(world.at("d/x.md"), world.at("e/y.md")).unwrap();
    world.look_at_everything();
    let written = world.at("e/y.md");
    world.before(Call::List, || Ok(()));
    world.before(Call::List, move || fs::write(written, "another text"));
    world.take_in(&Dirty {
        folders: ["d".into(), "e".into()].into(),
        ..Dirty::default()
    });
    world.look_at(&["e/y.md"]);
    assert_eq!(world.stamp("e/y.md").size, 12);
    assert_eq!(world.stamp("d/x.md"), world.stamp("e/y.md"));
}

#[test]
fn a_link_whose_target_goes_after_it_was_found_goes_along() {
    let mut world = World::new();
    // Nothing tells of what is hidden.
    fs::create_dir(world.at(".hidden")).unwrap();
    fs::write(world.at(".hidden/y.md"), "text").unwrap();
    std::os::unix::fs::symlink(".hidden/y.md", world.at("l.md")).unwrap();
    world.look_at_everything();
    assert_eq!(world.known(), ["d/x.md", "l.md"]);
    let target = world.at(".hidden/y.md");
    world.before(Call::TurnedLinks, move || fs::remove_file(target));
    world.look_at_everything();
    assert_eq!(world.known(), ["d/x.md"]);
}
