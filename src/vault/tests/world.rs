//! A vault with the texts of its notes, so that what the keys say can be compared with what the formats write.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{
    Attachments, Config, Debounce, Format, FormatKind, Layout, Log, LogFormat, OnError, Watch,
    WatchMode,
};
use crate::disk::Stamp;
use crate::export::{Formats, Listed, Source, SourceError};
use crate::hash::ContentHash;
use crate::path::{NotePath, OutputPath};
use crate::vault::{
    Alone, Change, Delta, File, FileId, Note, NoteFacts, Page, Ref, Rules, Seen, SeenNote, Target,
    Targets, Vault, note,
};

/// The texts of all files, by path.
pub(super) type Tree = BTreeMap<String, String>;

/// All formats that read different parts of a note; HTML has a folder of its own.
pub(super) fn config() -> Config {
    let format = |name: &str, dir: &str, kind| Format {
        name: name.into(),
        dir: dir.into(),
        extension: if name == "markdown" {
            "md".into()
        } else {
            name.into()
        },
        kind,
    };
    Config {
        notes_dir: "/notes".into(),
        export_dir: "/export".into(),
        state_dir: "/state".into(),
        formats: vec![
            format("markdown", "", FormatKind::Markdown(None)),
            format("json", "", FormatKind::Json),
            format("html", "site", FormatKind::Html(None)),
            format("csv", "", FormatKind::Csv),
        ],
        max_concurrent: NonZeroUsize::MIN,
        debounce: Debounce {
            quiet: Duration::ZERO,
            max_wait: Duration::ZERO,
        },
        layout: Layout::Mirror,
        include: Vec::new(),
        exclude: Vec::new(),
        skip_tags: Vec::new(),
        only_tags: Vec::new(),
        attachments: Attachments::Referenced,
        on_error: OnError::Continue,
        watch: Watch {
            mode: WatchMode::Auto,
            poll_interval: Duration::ZERO,
            rescan: None,
        },
        log: Log {
            format: LogFormat::Plain,
            level: "info".into(),
        },
    }
}

/// The places of the formats of [`config`].
pub(super) const FORMATS: [usize; 4] = [0, 1, 2, 3];
/// The one of them that has pages and shows backlinks.
pub(super) const HTML: usize = 2;
/// Another one.
pub(super) const CSV: usize = 3;

/// A vault, its files, and the formats of its config.
pub(super) struct World {
    pub(super) config: Config,
    pub(super) formats: Formats,
    pub(super) vault: Vault,
    pub(super) tree: Tree,
}

/// The outputs of every exported note, by its path, in the order of the formats.
pub(super) type Outputs = BTreeMap<String, Vec<Vec<u8>>>;

impl World {
    /// No file yet.
    pub(super) fn new(config: Config) -> Self {
        let formats = Formats::new(&config).unwrap();
        let vault = Vault::new(Rules::new(&config));
        Self {
            config,
            formats,
            vault,
            tree: Tree::new(),
        }
    }

    /// A vault made from scratch with these files.
    pub(super) fn of(config: &Config, tree: &Tree) -> Self {
        let mut world = Self::new(config.clone());
        world.become_tree(tree.clone());
        world
    }

    /// A vault of a few files under the plain config.
    pub(super) fn with(files: &[(&str, &str)]) -> Self {
        let mut world = Self::new(config());
        world.write(files);
        world
    }

    /// Writes some files and takes the change in.
    pub(super) fn write(&mut self, files: &[(&str, &str)]) -> Delta {
        let mut tree = self.tree.clone();
        tree.extend(
            files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), (*text).to_owned())),
        );
        self.become_tree(tree)
    }

    /// Deletes some files and takes the change in.
    pub(super) fn delete(&mut self, paths: &[&str]) -> Delta {
        let mut tree = self.tree.clone();
        tree.retain(|path, _| !paths.contains(&path.as_str()));
        self.become_tree(tree)
    }

    /// Takes in all that differs between the files as they were and `tree`.
    pub(super) fn become_tree(&mut self, tree: Tree) -> Delta {
        let changes = changes(self.vault.rules(), &self.tree, &tree);
        self.tree = tree;
        self.vault.apply(changes, &Alone)
    }

    pub(super) fn id(&self, path: &str) -> FileId {
        self.vault
            .files()
            .find(path)
            .unwrap_or_else(|| panic!("{path} is no file of the test"))
    }

    pub(super) fn file(&self, path: &str) -> &File {
        self.vault.files().get(self.id(path))
    }

    pub(super) fn path_of(&self, id: FileId) -> String {
        self.vault.files().get(id).path.to_string()
    }

    /// The paths of the notes that a change affects.
    pub(super) fn affected(&self, delta: &Delta) -> BTreeMap<String, String> {
        delta
            .affected
            .iter()
            .map(|a| (self.path_of(a.id), a.because.to_string()))
            .collect()
    }

    pub(super) fn reader(&self) -> Reader<'_> {
        let notes = self
            .vault
            .files()
            .iter()
            .filter(|(_, file)| file.is_note())
            .map(|(id, file)| {
                (
                    id,
                    Arc::new(note::parse(
                        &file.path,
                        self.tree[file.path.as_str()].as_bytes(),
                    )),
                )
            });
        Reader {
            vault: &self.vault,
            notes: notes.collect(),
        }
    }

    /// Every output of every exported note.
    pub(super) fn render(&self) -> Outputs {
        let reader = self.reader();
        let outputs = self.vault.exported().into_iter().map(|id| {
            let of = |format| self.formats.render(format, &reader, id).unwrap();
            (self.path_of(id), FORMATS.into_iter().map(of).collect())
        });
        outputs.collect()
    }

    /// Every page that has its place.
    pub(super) fn render_pages(&self) -> BTreeMap<Page, Vec<u8>> {
        let reader = self.reader();
        let has_place = |page: &Page| {
            !self
                .vault
                .is_taken(self.formats.page_path(HTML, page).as_str())
        };
        let pages = self.vault.pages().iter().filter(has_place).map(|page| {
            let bytes = self.formats.render_page(HTML, &reader, &page).unwrap();
            (page, bytes)
        });
        pages.collect()
    }
}

/// What leads from one tree to another.
fn changes(rules: &Rules, before: &Tree, after: &Tree) -> Vec<Change> {
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    paths
        .into_iter()
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| {
            let note_path = NotePath::new(path).unwrap();
            Change {
                now: after.get(path).map(|text| seen(rules, &note_path, text)),
                path: note_path,
            }
        })
        .collect()
}

/// What a look at a file finds. Its stamp follows from its text, so that it is the same in every vault.
pub(super) fn seen(rules: &Rules, path: &NotePath, text: &str) -> Seen {
    let hash = ContentHash::of(text.as_bytes()).to_le_bytes();
    let mtime = i64::from_le_bytes(hash[..8].try_into().unwrap());
    let stamp = Stamp {
        mtime,
        ctime: 0,
        size: text.len() as u64,
        inode: 1,
    };
    let facts = is_note(path).then(|| note::parse(path, text.as_bytes()).facts);
    Seen {
        stamp,
        trusted: true,
        note: facts.map(|facts| Box::new(SeenNote::new(rules, path, &facts))),
    }
}

pub(super) fn is_note(path: &NotePath) -> bool {
    matches!(path.extension(), "md" | "markdown" | "txt" | "json")
}

/// The vault as the formats see it.
pub(super) struct Reader<'a> {
    vault: &'a Vault,
    notes: BTreeMap<FileId, Arc<Note>>,
}

impl Source for Reader<'_> {
    fn target(&self, from: FileId, reference: &Ref) -> Target {
        Targets::new(self.vault).target(from, reference)
    }

    fn note(&self, id: FileId) -> Result<Arc<Note>, SourceError> {
        Ok(self.notes[&id].clone())
    }

    fn facts(&self, id: FileId) -> Option<Arc<NoteFacts>> {
        self.vault.files().get(id).facts().map(Arc::new)
    }

    fn path(&self, id: FileId) -> &NotePath {
        &self.vault.files().get(id).path
    }

    fn output(&self, id: FileId, format: usize) -> OutputPath {
        self.vault.output(id, format)
    }

    fn backlinks(&self, id: FileId) -> Vec<FileId> {
        self.vault.backlinks(id)
    }

    fn title(&self, id: FileId) -> String {
        self.notes[&id].facts.title.to_string()
    }

    fn listed(&self, page: &Page) -> Vec<Listed> {
        let listed = self.vault.exported().into_iter().filter_map(|id| {
            let facts = &self.notes[&id].facts;
            let path = self.path(id).clone();
            let listed = Listed {
                id,
                path,
                title: facts.title.to_string(),
                tags: facts.tags.clone(),
            };
            page.lists(&facts.tags).then_some(listed)
        });
        listed.collect()
    }
}
