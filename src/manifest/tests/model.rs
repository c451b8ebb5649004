//! Any sequence of commits, announcements, closings and kills equals a model in memory.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// What the manifest should hold.
#[derive(Debug, Default)]
struct Model {
    files: BTreeMap<u32, StoredFile>,
    outputs: BTreeMap<OutputPath, StoredOutput>,
    failures: BTreeMap<(Owner, Box<str>), Failure>,
    folders: BTreeSet<OutputPath>,
}

impl Model {
    fn announce(&mut self, announced: &[Announcement]) {
        for Announcement {
            path,
            owner,
            format,
        } in announced
        {
            let known = self
                .outputs
                .entry(path.clone())
                .or_insert_with(|| StoredOutput {
                    path: path.clone(),
                    owner: owner.clone(),
                    format: format.clone(),
                    key: Key(0),
                    state: None,
                    replacing: false,
                });
            known.replacing |= known.state.is_some();
        }
    }

    fn commit(&mut self, changes: &Changes) {
        for id in &changes.files_removed {
            self.files.remove(&id.0);
            let is_file = |owner: &Owner| *owner == Owner::Note(*id) || *owner == Owner::Copy(*id);
            self.failures.retain(|(owner, _), _| !is_file(owner));
        }
        self.files
            .extend(changes.files.iter().map(|file| (file.id.0, file.clone())));
        self.outputs
            .retain(|path, _| !changes.outputs_removed.contains(path));
        let outputs = changes.outputs.iter();
        self.outputs
            .extend(outputs.map(|output| (output.path.clone(), output.clone())));
        self.folders
            .retain(|path| !changes.folders_removed.contains(path));
        self.folders.extend(changes.folders.iter().cloned());
        for key in &changes.failures_cleared {
            self.failures
                .remove(&(key.owner.clone(), key.format.clone()));
        }
        for failure in &changes.failures {
            self.failures.insert(
                (failure.owner.clone(), failure.format.clone()),
                failure.clone(),
            );
        }
    }

    fn assert_equals(&self, manifest: &Manifest) {
        assert!(files(manifest).iter().eq(self.files.values()));
        assert!(outputs(manifest).iter().eq(self.outputs.values()));
        assert!(manifest.folders().unwrap().iter().eq(&self.folders));
        let failures = manifest.failures().unwrap().into_iter();
        let failures: BTreeMap<_, _> = failures
            .map(|failure| ((failure.owner.clone(), failure.format.clone()), failure))
            .collect();
        assert_eq!(failures, self.failures);
        let mut by_owner: BTreeMap<&Owner, Vec<StoredOutput>> = BTreeMap::new();
        for output in self.outputs.values() {
            by_owner
                .entry(&output.owner)
                .or_default()
                .push(output.clone());
        }
        for (owner, outputs) in by_owner {
            assert_eq!(manifest.outputs_of(owner).unwrap(), outputs);
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Announce(Vec<Announcement>),
    Commit(Box<Changes>),
    Close,
    Kill,
    StartOver,
}

fn any_path() -> impl Strategy<Value = OutputPath> {
    (0..4u8, 0..4u8).prop_map(|(folder, name)| output_path(&format!("d{folder}/é{name}.md")))
}

fn any_owner() -> impl Strategy<Value = Owner> {
    let id = (0..6u32).prop_map(FileId);
    prop_oneof![
        id.clone().prop_map(Owner::Note),
        id.prop_map(Owner::Copy),
        (0..3u8).prop_map(|n| Owner::Page(n.to_string().into())),
    ]
}

fn any_format() -> impl Strategy<Value = Box<str>> {
    prop_oneof![Just("html".into()), Just("".into())]
}

fn any_stamp() -> impl Strategy<Value = Stamp> {
    any::<(i64, i64, u64, u64)>().prop_map(|(mtime, ctime, size, inode)| Stamp {
        mtime,
        ctime,
        size,
        inode,
    })
}

fn any_file() -> impl Strategy<Value = StoredFile> {
    let record = vec(any::<u8>(), 0..40);
    let view = any::<u64>();
    (
        0..6u32,
        any_path(),
        any::<bool>(),
        any_stamp(),
        record,
        view,
    )
        .prop_map(|(id, path, flag, stamp, record, view)| StoredFile {
            id: FileId(id),
            path: NotePath::new(path.as_str()).unwrap(),
            stamp,
            trusted: flag,
            record,
            view: Key(view),
        })
}

fn any_state() -> impl Strategy<Value = OutputState> {
    any::<(u128, u64, i64, u64, i64)>().prop_map(|(hash, size, mtime, inode, birth)| OutputState {
        hash: hash.into(),
        size,
        mtime,
        inode,
        birth,
    })
}

fn any_output() -> impl Strategy<Value = StoredOutput> {
    let state = proptest::option::of(any_state());
    (
        any_path(),
        any_owner(),
        any_format(),
        any::<u64>(),
        state,
        any::<bool>(),
    )
        .prop_map(
            |(path, owner, format, key, state, replacing)| StoredOutput {
                path,
                owner,
                format,
                key: Key(key),
                state,
                replacing,
            },
        )
}

fn any_failure() -> impl Strategy<Value = Failure> {
    (any_owner(), any_format(), any::<u32>(), any::<i64>()).prop_map(
        |(owner, format, attempt, time)| Failure {
            owner,
            format,
            error: format!("no {time}"),
            attempt,
            failed_at: time,
            retry_at: -time.saturating_add(1),
        },
    )
}

fn any_changes() -> impl Strategy<Value = Changes> {
    let files = (vec(0..6u32, 0..2), vec(any_file(), 0..4));
    let outputs = (vec(any_path(), 0..2), vec(any_output(), 0..4));
    let folders = (vec(any_path(), 0..2), vec(any_path(), 0..2));
    let failures = (
        vec((any_owner(), any_format()), 0..2),
        vec(any_failure(), 0..2),
    );
    (files, outputs, folders, failures).prop_map(|(files, outputs, folders, failures)| Changes {
        files_removed: files.0.into_iter().map(FileId).collect(),
        files: files.1,
        outputs_removed: outputs.0,
        outputs: outputs.1,
        folders_removed: folders.0,
        folders: folders.1,
        failures_cleared: (failures.0.into_iter())
            .map(|(owner, format)| FailureKey { owner, format })
            .collect(),
        failures: failures.1,
        ..Changes::default()
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let announcement =
        (any_path(), any_owner(), any_format()).prop_map(|(path, owner, format)| Announcement {
            path,
            owner,
            format,
        });
    prop_oneof![
        8 => any_changes().prop_map(|changes| Step::Commit(Box::new(changes))),
        4 => vec(announcement, 0..4).prop_map(Step::Announce),
        1 => Just(Step::Close),
        2 => Just(Step::Kill),
        1 => Just(Step::StartOver),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_manifest_equals_the_model(steps in vec(any_step(), 1..20)) {
        let mut folder = Folder::new();
        let mut manifest = folder.open();
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Announce(announced) => {
                    manifest.announce(1, &announced).unwrap();
                    model.announce(&announced);
                }
                Step::Commit(changes) => {
                    manifest.commit(&changes).unwrap();
                    model.commit(&changes);
                }
                Step::Close => {
                    drop(manifest);
                    manifest = folder.open();
                }
                Step::Kill => {
                    let killed = folder.killed();
                    drop(manifest);
                    folder = killed;
                    manifest = folder.open();
                }
                Step::StartOver => {
                    manifest.start_over("by the test").unwrap();
                    model = Model::default();
                }
            }
            model.assert_equals(&manifest);
        }
        drop(manifest);
        model.assert_equals(&folder.open());
    }
}
