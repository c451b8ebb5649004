//! What the pure parts cost: reading a note, taking in changes, resolving, planning, rendering. `cargo bench --bench core`.

#[expect(dead_code, reason = "the suite uses the rest of it")]
#[path = "suite/vault.rs"]
mod vault;

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use smartnotesd::config::{Config, Document, Environment, Overrides, RealFiles, parse};
use smartnotesd::disk::Stamp;
use smartnotesd::export::{Formats, Listed, Source, SourceError};
use smartnotesd::path::{NotePath, OutputPath};
use smartnotesd::plan::{FormatPlan, Plan, Planner};
use smartnotesd::vault::{
    Alone, Because, Change, FileId, Note, NoteFacts, Page, Ref, Rules, Seen, SeenNote, Target,
    Targets, Vault, note,
};
use vault::Recipe;

const NOTES: usize = 10_000;
/// Few enough to be rendered in one go, many enough to be of all kinds.
const RENDERED: usize = 500;
const FORMATS: [&str; 4] = ["markdown", "html", "json", "csv"];

/// A vault in memory.
struct Bench {
    config: Config,
    /// Parsed notes; a note's place is its id in the vault.
    notes: Vec<(NotePath, Arc<Note>)>,
    vault: Vault,
}

impl Bench {
    fn new() -> Self {
        let recipe = Recipe {
            seed: 1,
            notes: NOTES,
            note_bytes: 4_000,
        };
        let config = config();
        let read = |(path, text): (String, String)| {
            let path = NotePath::new(&path).expect("the recipe makes valid paths");
            let note = Arc::new(note::parse(&path, text.as_bytes()));
            (path, note)
        };
        let numbered = (0..NOTES).map(|note| (Recipe::path(note), recipe.text(note)));
        let hub = (Recipe::hub_path().to_owned(), recipe.hub_text());
        let mut notes: Vec<_> = numbered.chain([hub]).map(read).collect();
        let mut vault = Vault::new(Rules::new(&config));
        vault.apply(changes(vault.rules(), &notes), &Alone);
        notes.sort_by_key(|(path, _)| vault.files().find(path.as_str()));
        Self {
            config,
            notes,
            vault,
        }
    }

    fn edit(&self, version: u64) -> Change {
        let (path, old) = &self.notes[self.lone().0 as usize];
        let text = format!("{}\n\nEdit number {version}.\n", old.text.trim_end());
        let note = note::parse(path, text.as_bytes());
        change(self.vault.rules(), path, &note, version)
    }

    /// A note that no other shows.
    fn lone(&self) -> FileId {
        let files = self.vault.files();
        let lone = files
            .iter()
            .find(|(_, file)| file.exported && file.incoming.is_empty() && file.edges.len() > 3);
        lone.expect("a large vault has such a note").0
    }

    fn formats(&self) -> (Formats, Vec<FormatPlan>) {
        let formats = Formats::new(&self.config).expect("built-in formats compile");
        let plans = (0..formats.len())
            .map(|format| FormatPlan {
                name: formats.get(format).name.clone(),
                fingerprint: formats.fingerprint(format),
                reads_backlinks: formats.reads_backlinks(format),
                reads_pictures: false,
                has_pages: formats.pages(format),
            })
            .collect();
        (formats, plans)
    }
}

fn config() -> Config {
    let text = format!(
        "notes_dir: /notes\nexport_dir: /export\nstate_dir: /state\nformats: {{{}}}\n",
        FORMATS.map(|format| format!("{format}: ")).join(", ")
    );
    let document = Document {
        name: None,
        text: &text,
        folder: Path::new("/"),
    };
    let environment = Environment::of_process().expect("benches run in a folder");
    parse(&document, &Overrides::default(), &environment, &RealFiles)
        .unwrap_or_else(|errors| panic!("{errors}"))
}

fn changes(rules: &Rules, notes: &[(NotePath, Arc<Note>)]) -> Vec<Change> {
    let changes = notes.iter();
    let changes = changes.map(|(path, note)| change(rules, path, note, 0));
    changes.collect()
}

fn change(rules: &Rules, path: &NotePath, note: &Note, version: u64) -> Change {
    Change {
        path: path.clone(),
        now: Some(Seen {
            stamp: Stamp {
                mtime: 1,
                ctime: 1,
                size: note.text.len() as u64 + version,
                inode: 1,
            },
            trusted: true,
            note: Some(Box::new(SeenNote::new(rules, path, &note.facts))),
        }),
    }
}

impl Source for Bench {
    fn target(&self, from: FileId, reference: &Ref) -> Target {
        Targets::new(&self.vault).target(from, reference)
    }

    fn note(&self, id: FileId) -> Result<Arc<Note>, SourceError> {
        Ok(self.notes[id.0 as usize].1.clone())
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
        let facts = self.vault.files().get(id).facts();
        facts.map(|facts| facts.title.into()).unwrap_or_default()
    }

    /// Pages are not rendered here.
    fn listed(&self, _: &Page) -> Vec<Listed> {
        Vec::new()
    }
}

fn reading(criterion: &mut Criterion) {
    let bench = Bench::new();
    let notes = &bench.notes[..RENDERED];
    let bytes = notes.iter().map(|(_, note)| note.text.len() as u64).sum();
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("500 notes", |bencher| {
        bencher.iter(|| {
            for (path, note) in notes {
                black_box(note::parse(path, note.text.as_bytes()));
            }
        });
    });
    group.finish();
}

fn applying(criterion: &mut Criterion) {
    let bench = Bench::new();
    let mut group = criterion.benchmark_group("apply");
    group.sample_size(20);
    group.bench_function("10,000 new notes", |bencher| {
        let empty = || {
            let vault = Vault::new(Rules::new(&bench.config));
            (vault, changes(bench.vault.rules(), &bench.notes))
        };
        let apply = |(mut vault, changes): (Vault, Vec<Change>)| {
            let delta = vault.apply(changes, &Alone);
            (vault, delta)
        };
        bencher.iter_batched(empty, apply, BatchSize::LargeInput);
    });
    group.bench_function("one edit in 10,000", |bencher| {
        let mut vault = bench.vault.clone();
        let mut version = 0;
        let edit = || {
            version += 1;
            vec![bench.edit(version)]
        };
        bencher.iter_batched(
            edit,
            |changes| vault.apply(changes, &Alone),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn resolving(criterion: &mut Criterion) {
    let bench = Bench::new();
    let refs: Vec<(FileId, &Ref)> = (0u32..)
        .zip(&bench.notes)
        .flat_map(|(id, (_, note))| note.facts.refs.iter().map(move |r| (FileId(id), r)))
        .take(1000)
        .collect();
    criterion.bench_function("resolve 1,000 references in 10,000 notes", |bencher| {
        bencher.iter(|| {
            let targets = Targets::new(&bench.vault);
            for (from, reference) in &refs {
                black_box(targets.target(*from, reference));
            }
        });
    });
}

fn planning(criterion: &mut Criterion) {
    let bench = Bench::new();
    let (_, plans) = bench.formats();
    let planner = Planner {
        vault: &bench.vault,
        formats: &plans,
        full: false,
    };
    criterion.bench_function("plan 10,000 new notes in four formats", |bencher| {
        bencher.iter(|| {
            let mut plan = Plan::default();
            for (id, _) in bench.vault.files().iter() {
                planner.note(&mut plan, id, &Because::New, &[]);
            }
            plan
        });
    });
}

fn rendering(criterion: &mut Criterion) {
    let bench = Bench::new();
    let (formats, _) = bench.formats();
    let exported: Vec<FileId> = bench.vault.exported().into_iter().take(RENDERED).collect();
    let text = |id: &FileId| bench.notes[id.0 as usize].1.text.len() as u64;
    let mut group = criterion.benchmark_group("render 500 notes");
    group.throughput(Throughput::Bytes(exported.iter().map(text).sum()));
    for (format, name) in FORMATS.iter().enumerate() {
        group.bench_function(*name, |bencher| {
            bencher.iter(|| {
                for &id in &exported {
                    let bytes = formats.render(format, &bench, id);
                    black_box(bytes.unwrap_or_else(|error| panic!("{error}")));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(core, reading, applying, resolving, planning, rendering);
criterion_main!(core);
