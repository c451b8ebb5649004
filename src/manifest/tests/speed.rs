//! The figures that the design rests on: `cargo test --release manifest::tests::speed -- --ignored --nocapture`.

use std::time::Instant;

use super::*;

fn timed<T>(what: &str, work: impl FnOnce() -> Result<T, ManifestError>) -> T {
    let begin = Instant::now();
    let result = work().unwrap();
    println!("{what}: {:.2} ms", begin.elapsed().as_secs_f64() * 1e3);
    result
}

fn notes(numbers: std::ops::Range<u32>) -> (Vec<Announcement>, Changes) {
    let path = |n: u32| format!("folder {}/some note of the vault {n}.md", n / 100);
    let files = numbers.clone().map(|n| StoredFile {
        record: vec![7; 500],
        ..file(n, &path(n))
    });
    let announced = numbers.clone().map(|n| announcement(&path(n), note(n)));
    let outputs = numbers.map(|n| output(&path(n), note(n), n.into()));
    let changes = Changes {
        files: files.collect(),
        outputs: outputs.collect(),
        ..Changes::default()
    };
    (announced.collect(), changes)
}

#[test]
#[ignore = "prints figures, asserts nothing"]
fn figures() {
    let folder = Folder::new();
    let mut manifest = timed("begin", || Ok(folder.open()));
    for part in 0..10 {
        let (announced, changes) = notes(part * 10_000..(part + 1) * 10_000);
        timed("announce 10,000 new", || manifest.announce(&announced));
        timed("commit 10,000 files and outputs", || {
            manifest.commit(&changes)
        });
    }
    for n in 0..5 {
        let (announced, changes) = notes(n..n + 1);
        timed("announce 1 known", || manifest.announce(&announced));
        timed("commit 1", || manifest.commit(&changes));
        timed("sync", || manifest.sync());
    }
    timed("close", || manifest.close());
    println!(
        "size: {} KB",
        fs::metadata(folder.path()).unwrap().len() / 1024
    );
    let manifest = timed("open", || Ok(folder.open()));
    timed("load 100,000 files", || manifest.load_files(|_| {}));
    timed("load 100,000 outputs", || manifest.load_outputs(|_| {}));
    timed("1,000 lookups by path", || {
        for n in 0..1000 {
            let path = format!("folder {n}/some note of the vault {}.md", n * 100);
            assert!(manifest.output_at(&output_path(&path)).unwrap().is_some());
        }
        Ok(())
    });
    timed("1,000 lookups by owner", || {
        for n in 0..1000 {
            assert_eq!(manifest.outputs_of(&note(n * 97)).unwrap().len(), 1);
        }
        Ok(())
    });
    timed("quick_check", || {
        open::quick_check(&manifest, &folder.path())
    });
}
