//! The people who write notes, and those who meddle with the export tree.

use std::time::Duration;

use crate::notes::{Root, TICK};
use crate::world::World;

const NOTES: &[&str] = &["a", "b", "Core", "core", "d", "e f", "index", "g"];
// Some are called like what notes beside them are exported to.
const FOLDERS: &[&str] = &[
    "",
    "",
    "",
    "d1",
    "d1",
    "d1/d2",
    "d3",
    "a.html",
    "d1/b.json",
    "b.md",
    "tables",
];
const OTHERS: &[&str] = &[
    "img.png",
    "tables",
    "tables/d1",
    "links",
    "tags",
    "tags/work",
    "index.html/img.png",
    "data.bin",
    "a.json",
    "b.html",
    "index.html",
    "tags/work.html",
    ".exportignore",
];
const TITLES: &[&str] = &["Alpha", "Beta", "Core", "alpha"];
const TAGS: &[&str] = &["work", "work/secret", "home", "fail"];

/// Makes the first notes of an episode.
pub(crate) fn begin(world: &mut World) {
    for _ in 0..world.rng.below(12) {
        change_notes(world);
    }
}

fn any_path(world: &mut World) -> String {
    let folder = world.rng.pick(FOLDERS);
    let name = if world.rng.chance(70) {
        format!("{}.md", world.rng.pick(NOTES))
    } else {
        world.rng.pick(OTHERS).to_owned()
    };
    if folder.is_empty() {
        name
    } else {
        format!("{folder}/{name}")
    }
}

fn reference(world: &mut World) -> String {
    let name = world.rng.pick(NOTES);
    let target = match world.rng.below(6) {
        0 => format!("d1/{name}"),
        1 => format!("{name}.md"),
        2 => world.rng.pick(OTHERS).to_owned(),
        3 => world.rng.pick(&["Nick", "nick two"]).to_owned(),
        _ => name.to_owned(),
    };
    let fragment = world.rng.pick(&["", "", "", "#One", "#^b1", "#Two#Sub"]);
    match world.rng.below(6) {
        5 => format!(
            "<img src=\"{}{fragment}\" width=300>",
            target.replace(' ', "%20")
        ),
        0 | 1 => format!("![[{target}{fragment}]]"),
        2 => format!("[text]({}{fragment})", target.replace(' ', "%20")),
        3 => format!("![[{target}|label]]"),
        _ => format!("[[{target}{fragment}]]"),
    }
}

/// The text of a note. Its body holds a word that no other text has; the front matter may keep it private.
fn text(world: &mut World) -> String {
    let mut text = String::new();
    if world.rng.chance(60) {
        text += "---\n";
        if world.rng.chance(50) {
            text += &format!("title: {}\n", world.rng.pick(TITLES));
        }
        if world.rng.chance(40) {
            text += &format!("tags: [{}]\n", world.rng.pick(TAGS));
        }
        if world.rng.chance(25) {
            text += &format!(
                "aliases: [{}]\n",
                world.rng.pick(&["Nick", "nick two", "core"])
            );
        }
        if world.rng.chance(20) {
            text += world
                .rng
                .pick(&["private: true\n", "draft: true\n", "export: false\n"]);
        }
        if world.rng.chance(4) {
            text += "broken: [\n";
        }
        text += "---\n";
    }
    for heading in ["", "# One\n", "## Sub\n", "# Two\n", "## Sub\n"] {
        if world.rng.chance(50) {
            text += heading;
            text += &world.token();
            text += "\n\n";
            if world.rng.chance(50) {
                text += &reference(world);
                text += "\n\n";
            }
            if world.rng.chance(20) {
                text += &format!("para {} ^b1\n\n", world.token());
            }
        }
    }
    if world.rng.chance(20) {
        text += &format!("#{}\n", world.rng.pick(TAGS));
    }
    text
}

fn rules(world: &mut World) -> String {
    world
        .rng
        .pick(&["", "*.bin\n", "d2/\n", "a.md\n", "b.*\n!b.html\n", "*\n"])
        .to_owned()
}

fn content(world: &mut World, path: &str) -> Vec<u8> {
    if path.ends_with(".md") {
        text(world).into_bytes()
    } else if path.ends_with(".exportignore") {
        rules(world).into_bytes()
    } else {
        world.token().into_bytes()
    }
}

/// Changes letters of a file, but not its size: within one tick no stamp tells.
fn same_size(world: &mut World, path: &str) -> Vec<u8> {
    let old = String::from_utf8_lossy(world.notes.bytes(path).unwrap_or_default()).into_owned();
    match old.find("tok") {
        Some(at) if old.len() >= at + 9 => {
            let token = world.token();
            format!("{}{}{}", &old[..at], token, &old[at + token.len()..]).into_bytes()
        }
        _ => old.into_bytes(),
    }
}

/// Somebody changes the notes in one of the many ways.
pub(crate) fn change_notes(world: &mut World) {
    world.counts.changes += 1;
    if world.rng.chance(30) {
        let pause = Duration::from_nanos(world.rng.below(8 * TICK.unsigned_abs()));
        world.pass(pause);
    }
    let files = world.notes.files();
    let folders = world.notes.folders();
    let any = any_path(world);
    let file = world.rng.choose(&files).unwrap_or_else(|| any.clone());
    let folder = world
        .rng
        .choose(&folders)
        .unwrap_or_else(|| "d1".to_owned());
    let clock = world.clock;
    let inodes: Vec<(String, u64)> = inodes(world);
    let touched = match world.rng.below(25) {
        0..=5 => {
            let bytes = content(world, &any);
            world.note(format!("write {any} {:?}", String::from_utf8_lossy(&bytes)));
            world.notes.write(&any, &bytes, clock)
        }
        6..=8 => {
            let bytes = content(world, &file);
            let before = world.notes.bytes(&file).map(<[u8]>::to_vec);
            world.undo = before.map(|before| (file.clone(), before));
            world.note(format!(
                "write {file} {:?}",
                String::from_utf8_lossy(&bytes)
            ));
            world.notes.write(&file, &bytes, clock)
        }
        9 | 10 => {
            let bytes = same_size(world, &file);
            world.note(format!("write as long {file}"));
            world.notes.write(&file, &bytes, clock)
        }
        11 => {
            // An editor's way: a new file takes the place of the old one.
            let bytes = content(world, &file);
            world.note(format!(
                "save by rename {file} {:?}",
                String::from_utf8_lossy(&bytes)
            ));
            let mut touched = world.notes.write(".tmp-save", &bytes, clock);
            touched.extend(world.notes.rename(".tmp-save", &file, clock));
            touched
        }
        12 | 13 => {
            world.note(format!("remove {file}"));
            world.notes.remove(&file)
        }
        14 | 15 => {
            world.note(format!("rename {file} to {any}"));
            world.notes.rename(&file, &any, clock)
        }
        16 => {
            let to = world.rng.pick(&[
                "d1",
                "d3",
                "d4",
                "d3/d2",
                "d1/d2",
                ".hidden",
                "tags",
                "a.html",
                "a.md",
                "index.html",
                "tags/work.html",
            ]);
            world.note(format!("rename folder {folder} to {to}"));
            world.notes.rename(&folder, to, clock)
        }
        17 => {
            world.note(format!("remove folder {folder}"));
            world.notes.remove(&folder)
        }
        18 => {
            world.note(format!("file becomes a folder {file}"));
            let mut touched = world.notes.remove(&file);
            touched.extend(world.notes.make_folder(&file));
            let inner = format!("{file}/a.md");
            let bytes = content(world, &inner);
            touched.extend(world.notes.write(&inner, &bytes, clock));
            touched
        }
        19 => {
            let closed = world.notes.closed();
            match world.rng.choose(&closed) {
                Some(path) => {
                    world.note(format!("open to all {path}"));
                    world.notes.set_readable(&path, true, clock)
                }
                None => {
                    let path = if world.rng.chance(50) { &file } else { &folder };
                    world.note(format!("close to us {path}"));
                    world.notes.set_readable(path, false, clock)
                }
            }
        }
        20..=22 => match world.undo.take() {
            Some((path, bytes)) => {
                world.note(format!("take back the change of {path}"));
                world.notes.write(&path, &bytes, clock)
            }
            None => Vec::new(),
        },
        23 => {
            world.note(format!("link {file} as {any}"));
            world.notes.link(&file, &any, clock)
        }
        _ => {
            let other = world.rng.choose(&files).unwrap_or_else(|| any.clone());
            world.note(format!("swap {file} and {other}"));
            world.notes.swap(&file, &other, clock)
        }
    };
    tell(world, &touched, &inodes);
    if world.notes.has_unseen_alias(&world.select) {
        world.rescan_needed = true;
    }
}

/// Folders by their inodes before a change: events of what is gone come from there.
fn inodes(world: &World) -> Vec<(String, u64)> {
    let folders = world.notes.folders().into_iter().chain([String::new()]);
    folders
        .filter_map(|path| Some((path.clone(), world.notes.folder(&path)?.inode)))
        .collect()
}

fn tell(world: &mut World, touched: &[crate::notes::Touched], before: &[(String, u64)]) {
    let now = |path: &str| world.notes.folder(path).map(|folder| folder.inode);
    let then = |path: &str| {
        before
            .iter()
            .find(|(known, _)| known == path)
            .map(|(_, inode)| *inode)
    };
    world
        .kernel
        .changed(touched, |folder| now(folder).or_else(|| then(folder)));
}

/// Makes everything readable again.
pub(crate) fn open_all(world: &mut World) {
    for path in world.notes.closed() {
        let clock = world.clock;
        let before = inodes(world);
        let touched = world.notes.set_readable(&path, true, clock);
        world.note(format!("open to all {path}"));
        tell(world, &touched, &before);
    }
}

/// Somebody does something in the export tree.
pub(crate) fn meddle(world: &mut World) {
    world.counts.meddling += 1;
    // Two changes of one output within one tick can't be told apart, by anyone.
    world.pass(Duration::from_millis(30));
    let clock = world.clock;
    let files: Vec<String> = world.export.files().keys().cloned().collect();
    let path = world.rng.choose(&files);
    world.rescan_needed = true;
    match (world.rng.below(6), path) {
        (0, Some(path)) => {
            world.note(format!("somebody edits the export {path}"));
            let bytes = world.token();
            world.export.edit(&path, bytes.as_bytes(), clock);
        }
        (1, Some(path)) => {
            world.note(format!("somebody deletes the export {path}"));
            world.export.take_away(&path);
        }
        (2, Some(path)) => {
            world.note(format!("somebody touches the export {path}"));
            world.export.touch(&path, clock);
        }
        (3, Some(path)) if world.export.is_open_to_all(&path) => {
            world.note(format!("somebody puts a file over the export {path}"));
            let bytes = world.token();
            world.export.drop_foreign(&path, bytes.as_bytes(), clock);
        }
        _ => {
            let extension = world.rng.pick(&["md", "html", "json", "csv", "txt"]);
            let folder = world.rng.pick(FOLDERS);
            let name = format!("{}.{extension}", world.rng.pick(NOTES));
            let path = if folder.is_empty() {
                name
            } else {
                format!("{folder}/{name}")
            };
            if world.export.is_open_to_all(&path) {
                world.note(format!("somebody puts a file into the export tree {path}"));
                let bytes = world.token();
                world.export.drop_foreign(&path, bytes.as_bytes(), clock);
            }
        }
    }
}

/// The notes folder goes in one of the ways.
pub(crate) fn lose_root(world: &mut World) {
    let ways = [Root::Deleted, Root::MovedAway, Root::Unmounted];
    world.notes.root = world.rng.choose(&ways).expect("there are three");
    world.counts.roots_lost += 1;
    let root = world.notes.root;
    world.note(format!("the notes folder is {root:?}"));
}

/// The words of a text that no other text had when it was written.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| word.starts_with("tok") && word.ends_with('x'))
}
