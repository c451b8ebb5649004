//! A vault in memory, as the formats see it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use smartnotesd::config::{self, Config, Document, Environment, Overrides, RealFiles};
use smartnotesd::disk::Stamp;
use smartnotesd::export::{Formats, Listed, Source, SourceError};
use smartnotesd::path::{NotePath, OutputPath};
use smartnotesd::vault::{
    Alone, Change, FileId, Note, NoteFacts, Page, Ref, Rules, Seen, SeenNote, Target, Targets,
    Vault, note,
};

const CONFIG_TEXT: &str = "notes_dir: /notes\nexport_dir: /export\nstate_dir: /state\nformats: {markdown: , html: , json: }\n";

// Once for all inputs: to compile the templates takes longer than all else.
static CONFIG: LazyLock<Config> = LazyLock::new(config);
static COMPILED: LazyLock<Formats> =
    LazyLock::new(|| Formats::new(&CONFIG).expect("the built-in templates compile"));

/// The config's formats, in its order.
pub const FORMATS: [usize; 3] = [0, 1, 2];
/// The one that is a page.
pub const HTML: usize = 1;
/// The one that is an object.
pub const JSON: usize = 2;

/// A few files, read and planned.
pub struct World {
    /// What the config makes of a note.
    pub formats: &'static Formats,
    /// How they hang together.
    pub vault: Vault,
    notes: BTreeMap<FileId, Arc<Note>>,
}

impl World {
    /// Notes by their path, and paths of attachments.
    pub fn new(notes: &[(&str, &[u8])], attachments: &[&str]) -> Self {
        let rules = Rules::new(&CONFIG);
        let mut vault = Vault::new(rules.clone());
        let read: Vec<_> = notes
            .iter()
            .map(|(path, bytes)| {
                (
                    note_path(path),
                    Arc::new(note::parse(&note_path(path), bytes)),
                )
            })
            .collect();
        let notes_seen = read.iter().map(|(path, note)| {
            let note = SeenNote::new(&rules, path, &note.facts);
            seen(path.clone(), Some(note))
        });
        let others_seen = attachments.iter().map(|path| seen(note_path(path), None));
        vault.apply(notes_seen.chain(others_seen).collect(), &Alone);
        let id = |path: &NotePath| {
            vault
                .files()
                .find(path.as_str())
                .expect("it was just taken in")
        };
        Self {
            formats: &COMPILED,
            notes: read
                .into_iter()
                .map(|(path, note)| (id(&path), note))
                .collect(),
            vault,
        }
    }
}

fn config() -> Config {
    let document = Document {
        name: Some("config.yaml"),
        text: CONFIG_TEXT,
        folder: Path::new("/"),
    };
    let environment = Environment {
        current_folder: "/".into(),
        ..Environment::default()
    };
    config::parse(&document, &Overrides::default(), &environment, &RealFiles)
        .expect("a valid config")
}

fn note_path(path: &str) -> NotePath {
    NotePath::new(path).expect("a path")
}

fn seen(path: NotePath, note: Option<SeenNote>) -> Change {
    let stamp = Stamp {
        mtime: 0,
        ctime: 0,
        size: 0,
        inode: 0,
    };
    Change {
        path,
        now: Some(Seen {
            stamp,
            trusted: true,
            note: note.map(Box::new),
        }),
    }
}

impl Source for World {
    fn target(&self, from: FileId, reference: &Ref) -> Target {
        Targets::new(&self.vault).target(from, reference)
    }

    fn note(&self, id: FileId) -> Result<Arc<Note>, SourceError> {
        Ok(Arc::clone(&self.notes[&id]))
    }

    fn facts(&self, id: FileId) -> Option<Arc<NoteFacts>> {
        Some(Arc::new(self.notes.get(&id)?.facts.clone()))
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
        let exported = self.vault.exported().into_iter();
        let listed = exported.filter_map(|id| {
            let facts = &self.notes[&id].facts;
            page.lists(&facts.tags).then(|| Listed {
                id,
                path: self.path(id).clone(),
                title: facts.title.to_string(),
                tags: facts.tags.clone(),
            })
        });
        listed.collect()
    }
}
