//! What the manifest costs, in a vault of 100,000 notes. `cargo bench --bench manifest`.

use std::hint::black_box;
use std::ops::Range;
use std::path::PathBuf;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use smartnotesd::disk::{OutputState, Stamp};
use smartnotesd::hash::Key;
use smartnotesd::manifest::{Announcement, Changes, Manifest, Owner, StoredFile, StoredOutput};
use smartnotesd::path::{NotePath, OutputPath};
use smartnotesd::vault::FileId;
use tempfile::TempDir;

const NOTES: u32 = 100_000;
const PORTION: u32 = 10_000;
/// Of what is known of a note, in the mean.
const RECORD_BYTES: usize = 500;

/// A manifest in a folder of its own.
struct Bench {
    folder: TempDir,
    manifest: Manifest,
    /// The last batch that was written.
    batch: u64,
}

impl Bench {
    fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let manifest = open(&file_in(&folder));
        Self {
            folder,
            manifest,
            batch: 0,
        }
    }

    fn full() -> Self {
        let mut bench = Self::empty();
        for from in (0..NOTES).step_by(PORTION as usize) {
            let notes = from..from + PORTION;
            bench.write(&(announcements(notes.clone()), changes(notes)));
        }
        bench
    }

    fn write(&mut self, (announcements, changes): &(Vec<Announcement>, Changes)) {
        self.batch += 1;
        let announced = self.manifest.announce(self.batch, announcements);
        announced.expect("the manifest can be written");
        let committed = self.manifest.commit(changes);
        committed.expect("the manifest can be written");
    }
}

fn file_in(folder: &TempDir) -> PathBuf {
    folder.path().join("manifest.db")
}

fn open(file: &std::path::Path) -> Manifest {
    let opened = Manifest::open(file).expect("the manifest can be opened");
    opened.manifest
}

fn path(note: u32) -> String {
    format!("folder {}/some note of the vault {note}.md", note / 100)
}

fn output_path(note: u32) -> OutputPath {
    OutputPath::new(&path(note)).expect("the path is valid")
}

fn announcements(notes: Range<u32>) -> Vec<Announcement> {
    let announcement = |note| Announcement {
        path: output_path(note),
        owner: Owner::Note(FileId(note)),
        format: "markdown".into(),
    };
    notes.map(announcement).collect()
}

fn changes(notes: Range<u32>) -> Changes {
    let file = |note| StoredFile {
        id: FileId(note),
        path: NotePath::new(&path(note)).expect("the path is valid"),
        stamp: Stamp {
            mtime: 1,
            ctime: 1,
            size: 4_000,
            inode: note.into(),
        },
        trusted: true,
        record: vec![7; RECORD_BYTES],
        view: Key(note.into()),
    };
    let output = |note| StoredOutput {
        path: output_path(note),
        owner: Owner::Note(FileId(note)),
        format: "markdown".into(),
        key: Key(note.into()),
        state: Some(OutputState {
            hash: u128::from(note).into(),
            size: 4_000,
            mtime: 1,
            inode: note.into(),
            birth: 1,
        }),
        replacing: false,
    };
    Changes {
        files: notes.clone().map(file).collect(),
        outputs: notes.map(output).collect(),
        ..Changes::default()
    }
}

fn writing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("manifest, written");
    group.sample_size(10);
    group.bench_function("10,000 new notes, announced and committed", |bencher| {
        let batch = (announcements(0..PORTION), changes(0..PORTION));
        let write = |mut bench: Bench| {
            bench.write(&batch);
            bench
        };
        bencher.iter_batched(Bench::empty, write, BatchSize::PerIteration);
    });
    group.bench_function("one note of 100,000, announced and committed", |bencher| {
        let mut bench = Bench::full();
        let mut note = 0;
        let next = || {
            note = (note + 7919) % NOTES;
            (announcements(note..note + 1), changes(note..note + 1))
        };
        bencher.iter_batched(next, |batch| bench.write(&batch), BatchSize::SmallInput);
    });
    group.finish();
}

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("manifest of 100,000 notes, read");
    group.sample_size(10);
    let Bench {
        folder, manifest, ..
    } = Bench::full();
    drop(manifest);
    let file = file_in(&folder);
    group.bench_function("open", |bencher| bencher.iter(|| open(&file)));
    let manifest = open(&file);
    group.bench_function("all files", |bencher| {
        bencher.iter(|| manifest.load_files(|file| drop(black_box(file))));
    });
    group.bench_function("all outputs", |bencher| {
        bencher.iter(|| manifest.load_outputs(|output| drop(black_box(output))));
    });
    group.bench_function("1,000 outputs by path", |bencher| {
        bencher.iter(|| {
            for note in (0..NOTES).step_by(100) {
                let found = manifest.output_at(&output_path(note));
                assert!(found.is_ok_and(|found| found.is_some()), "{note} is known");
            }
        });
    });
    group.bench_function("1,000 notes' outputs", |bencher| {
        bencher.iter(|| {
            for note in (0..NOTES).step_by(100) {
                let found = manifest.outputs_of(&Owner::Note(FileId(note)));
                assert!(found.is_ok_and(|found| found.len() == 1), "{note} has one");
            }
        });
    });
    group.finish();
}

criterion_group!(manifest, writing, reading);
criterion_main!(manifest);
