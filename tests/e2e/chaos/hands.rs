//! What hands do to a folder of notes. Few names, so that things meet; what can't be done is let be.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::support::Dice;

/// The last ones are called like what notes are exported to, in one config or another.
const FOLDERS: [&str; 14] = [
    "",
    "",
    "a",
    "a/b",
    "a/b/c",
    "d",
    "d/e",
    "x.md",
    "Übung",
    "four.md",
    "data/one.json",
    "site/one.html",
    "site/tags",
    "one-two.csv",
];
const NAMES: [&str; 9] = [
    "one.md",
    "two.md",
    "ONE.md",
    "three.md",
    "index.md",
    "x.md",
    "four.markdown",
    "pic.png",
    "data.pdf",
];

/// The hands in one folder.
#[derive(Debug)]
pub struct Hands {
    notes: PathBuf,
    /// A folder beside the notes, on the same file system.
    outside: PathBuf,
    count: usize,
}

impl Hands {
    pub fn new(notes: PathBuf, outside: PathBuf) -> Self {
        Self {
            notes,
            outside,
            count: 0,
        }
    }

    /// Does one thing; says what and how it went.
    pub fn act(&mut self, dice: &mut Dice) -> String {
        self.count += 1;
        let (said, done) = match dice.below(26) {
            0..=5 => self.save(dice),
            6..=8 => self.write_in_place(dice),
            9 => self.append(dice),
            10 | 11 => self.rename_file(dice),
            12 => self.rename_folder(dice),
            13 => self.exchange(dice),
            14 => self.delete(dice),
            15 => self.delete_folder(dice),
            16 => self.hard_link(dice),
            17 | 18 => self.symlink(dice),
            19 => self.permit(dice),
            20 => self.touch(dice),
            21 => self.move_out_or_in(dice),
            22 => self.rules(dice),
            23 => self.privacy(dice),
            24 => self.unpack(dice),
            _ => self.rewrite_with_its_time(dice),
        };
        match done {
            Ok(()) => said,
            Err(error) => format!("{said}: {error}"),
        }
    }

    fn folder(&self, dice: &mut Dice) -> PathBuf {
        self.notes.join(dice.pick(&FOLDERS))
    }

    fn file(&self, dice: &mut Dice) -> PathBuf {
        let folder = self.folder(dice);
        folder.join(dice.pick(&NAMES))
    }

    fn text(&self, dice: &mut Dice) -> String {
        let matter = [
            "title: One Two",
            "tags: [work, x/y]",
            "aliases: [three, other]",
            "draft: true",
            "a: [b",
        ];
        let mut parts = Vec::new();
        if dice.once_in(3) {
            parts.push(format!("---\n{}\n---\n", dice.pick(&matter)));
        }
        parts.push(format!("# Text {}\n\n", self.count));
        for _ in 0..dice.below(5) {
            parts.push(self.line(dice));
        }
        parts.concat()
    }

    fn line(&self, dice: &mut Dice) -> String {
        let name = dice.pick(&NAMES).trim_end_matches(".md");
        match dice.below(7) {
            6 => format!("<p>\n<a href=\"{name}.md\">there</a>\n</p>\n"),
            0 => format!("[[{name}]]\n"),
            1 => format!("![[{name}]]\n"),
            2 => format!("[[a/{name}|seen]] #tag{}\n", dice.below(3)),
            3 => format!("[there](../{name}.md)\n"),
            4 => format!("![[{name}#Text {}]]\n", self.count),
            _ => "%% a comment %% and text ^block\n".to_owned(),
        }
    }

    fn save(&self, dice: &mut Dice) -> (String, io::Result<()>) {
        let (path, text) = (self.file(dice), self.text(dice));
        let draft = path.with_file_name(".draft");
        let done = make_folder(&path)
            .and_then(|()| fs::write(&draft, text))
            .and_then(|()| fs::rename(&draft, &path));
        (format!("save {}", self.name(&path)), done)
    }

    fn write_in_place(&self, dice: &mut Dice) -> (String, io::Result<()>) {
        let (path, text) = (self.file(dice), self.text(dice));
        let done = make_folder(&path).and_then(|()| {
            let (first, rest) = text.split_at(text.len() / 2);
            let first = if text.is_char_boundary(text.len() / 2) {
                first
            } else {
                ""
            };
            let mut file = File::create(&path)?;
            file.write_all(first.as_bytes())?;
            file.write_all(rest.as_bytes())
        });
        (format!("write {}", self.name(&path)), done)
    }

    fn append(&self, dice: &mut Dice) -> (String, io::Result<()>) {
        let path = self.file(dice);
        let done = File::options()
            .append(true)
            .open(&path)
            .and_then(|mut file| writeln!(file, "appended {} [[one]]", self.count));
        (format!("append to {}", self.name(&path)), done)
    }

    fn rename_file(&self, dice: &mut Dice) -> (String, io::Result<()>) {
        self.rename(&self.file(dice), &self.file(dice))
    }

    fn rename_folder(&self, dice: &mut Dice) -> (String, io::Result<()>) {
        self.rename(&self.folder(dice), &self.folder(dice))
    }

    fn rename(&self, from: &Path, to: &Path) -> (String, io::Result<()>) {
        let said = format!("rename {} to {}", self.name(from), self.name(to));
        let done = if from == self.notes || to == self.notes {
            Err(io::ErrorKind::InvalidInput.into())
        } else {
            make_folder(to).and_then(|()| fs::rename(from, to))
        };
        (said, done)
    }

    fn exchange(&self, dice: &mut Dice) -> (String, io::Result<()>) {
        let (a, b) = if dice.once_in(2) {
            (self.file(dice), self.file(dice))
        } else {
            (self.folder(dice), self.folder(dice))
        };
        let said = format!("exchange {} and {}", self.name(&a), self.name(&b));
        let done = renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE);
        (said, done.map_err(Into::into))
    }

    fn delete(&self, dice: &mut Dice) -> (String, io::Result<()>) {
        let path = self.file(dice);
        (
            format!("delete {}", self.name(&path)),
            fs::remove_file(&path),
        )
    }

    fn delete_folder(&self, dice: &mut Dice) -> (String, io::Result<()>) {
        let path = self.folder(dice);
        if path == self.notes {
            return self.delete(dice);
        }
        (format!("delete all of {}", self.name(&path)), remove(&path))
    }

    fn hard_link(&self, dice: &mut Dice) -> (String, io::Result<()>) {
        let (from, to) = (self.file(dice), self.file(dice));
        let said = format!("link {} as {}", self.name(&from), self.name(&to));
        (
            said,
            make_folder(&to).and_then(|()| fs::hard_link(&from, &to)),
        )
    }

    fn symlink(&self, dice: &mut Dice) -> (String, io::Result<()>) {
        let (path, end) = if dice.once_in(2) {
            (self.file(dice), self.file(dice))
        } else {
            (
                self.notes.join(dice.pick(&["l", "a/l", "d"])),
                self.folder(dice),
            )
        };
        let end = match dice.below(5) {
            0 => end,
            1 => self.outside.join("secret.md"),
            2 => PathBuf::from("one.md"),
            _ => PathBuf::from(dice.pick(&["../d", "b", "a", "l", "../one.md"])),
        };
        let said = format!("symlink {} to {}", self.name(&path), end.display());
        let _ = fs::remove_file(&path);
        (said, make_folder(&path).and_then(|()| symlink(&end, &path)))
    }

    fn permit(&self, dice: &mut Dice) -> (String, io::Result<()>) {
        let path = self.file(dice);
        let mode = *dice.pick(&[0o600, 0o644, 0o755]);
        let said = format!("chmod {mode:o} {}", self.name(&path));
        (
            said,
            fs::set_permissions(&path, Permissions::from_mode(mode)),
        )
    }

    fn touch(&self, dice: &mut Dice) -> (String, io::Result<()>) {
        let path = self.file(dice);
        let time = SystemTime::UNIX_EPOCH
            + Duration::from_secs(*dice.pick(&[0, 1_700_000_000, 9_000_000_000]));
        let done = File::options()
            .append(true)
            .open(&path)
            .and_then(|file| file.set_modified(time));
        (format!("touch {}", self.name(&path)), done)
    }

    /// Other bytes of the same number, and the time that it had.
    fn rewrite_with_its_time(&self, dice: &mut Dice) -> (String, io::Result<()>) {
        let path = self.file(dice);
        let digit = b'0' + u8::try_from(dice.below(10)).expect("a digit");
        let rewrite = || {
            let mut bytes = fs::read(&path)?;
            let time = fs::metadata(&path)?.modified()?;
            for byte in bytes.iter_mut().filter(|byte| byte.is_ascii_digit()) {
                *byte = digit;
            }
            fs::write(&path, bytes)?;
            File::options().append(true).open(&path)?.set_modified(time)
        };
        (
            format!("rewrite {} with {}", self.name(&path), char::from(digit)),
            rewrite(),
        )
    }

    fn move_out_or_in(&self, dice: &mut Dice) -> (String, io::Result<()>) {
        let inside = self.folder(dice);
        let outside = self.outside.join("aside");
        if outside.exists() {
            return self.rename(&outside, &inside);
        }
        self.rename(&inside, &outside)
    }

    fn rules(&self, dice: &mut Dice) -> (String, io::Result<()>) {
        let path = self.folder(dice).join(".exportignore");
        if dice.once_in(3) {
            return (
                format!("delete {}", self.name(&path)),
                fs::remove_file(&path),
            );
        }
        let text = dice.pick(&[
            "one.md\n",
            "b/\n",
            "*.png\n!pic.png\n",
            "/a\n",
            "**/e/**\n",
            "#\n",
        ]);
        let done = fs::write(&path, text);
        (format!("write {text:?} to {}", self.name(&path)), done)
    }

    fn privacy(&self, dice: &mut Dice) -> (String, io::Result<()>) {
        let path = self.file(dice);
        let matter = dice.pick(&[
            "private: true",
            "publish: false",
            "export: true",
            "draft: false",
        ]);
        let done = make_folder(&path).and_then(|()| {
            fs::write(
                &path,
                format!("---\n{matter}\n---\nprivacy {} ![[two]]\n", self.count),
            )
        });
        (format!("write {matter} to {}", self.name(&path)), done)
    }

    /// Many files in new folders at once.
    fn unpack(&self, dice: &mut Dice) -> (String, io::Result<()>) {
        let folder = self.folder(dice).join(format!("new{}", dice.below(3)));
        let unpack = || {
            for inner in ["p", "p/q", "r"] {
                let inner = folder.join(inner);
                fs::create_dir_all(&inner)?;
                for note in NAMES.iter().take(4) {
                    fs::write(inner.join(note), self.text(&mut dice.clone()))?;
                }
            }
            Ok(())
        };
        (format!("unpack into {}", self.name(&folder)), unpack())
    }

    fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.notes)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn remove(path: &Path) -> io::Result<()> {
    if path.symlink_metadata()?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}
