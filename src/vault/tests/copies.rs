//! When a copy is compared with its attachment, and whom a picture counts for that has other content now.

use super::converge::format_plans;
use super::world::{CSV, World};
use crate::disk::{OutputState, Stamp};
use crate::manifest::StoredOutput;
use crate::path::NotePath;
use crate::plan::{Job, Plan, Planner, Work};
use crate::vault::{Alone, Because, Change, Seen};

const PICTURE: &str = "p.png";

/// A note that shows a picture.
fn world() -> World {
    World::with(&[("n.md", "![[p.png]]"), (PICTURE, "x")])
}

/// A look finds the picture with this time. Says whether its copy is to be planned.
fn look(world: &mut World, mtime: i64, trusted: bool) -> bool {
    let stamp = Stamp {
        mtime,
        ctime: 0,
        size: 1,
        inode: 1,
    };
    let seen = Seen {
        stamp,
        trusted,
        note: None,
    };
    let change = Change {
        path: NotePath::new(PICTURE).unwrap(),
        now: Some(seen),
    };
    let delta = world.vault.apply(vec![change], &Alone);
    delta.copies.contains(&world.id(PICTURE))
}

/// The jobs of the copy, and of the note where a format reads pictures, as the manifest knows what they made last.
fn plan(
    world: &World,
    format_reads_pictures: bool,
    known: &[StoredOutput],
) -> (Vec<Job>, Vec<Job>) {
    let mut formats = format_plans(world);
    formats[CSV].reads_pictures = format_reads_pictures;
    let planner = Planner {
        vault: &world.vault,
        formats: &formats,
        full: false,
    };
    let (mut copies, mut notes) = (Plan::default(), Plan::default());
    planner.copy(&mut copies, world.id(PICTURE), &Because::Changed, known);
    planner.note(&mut notes, world.id("n.md"), &Because::Changed, known);
    (copies.jobs, notes.jobs)
}

/// What the manifest knows once these jobs are done.
fn done(world: &World, jobs: &[Job]) -> Vec<StoredOutput> {
    let done = jobs.iter().map(|job| StoredOutput {
        path: job.output.clone(),
        owner: job.work.owner(),
        format: job
            .work
            .format()
            .map_or("".into(), |format| world.formats.get(format).name.clone()),
        key: job.key,
        state: Some(OutputState {
            hash: 0.into(),
            size: 0,
            mtime: 0,
            inode: 0,
            birth: 0,
        }),
        replacing: false,
    });
    done.collect()
}

#[test]
fn a_copy_is_compared_until_its_stamp_tells_one_content_from_the_next_and_then_once_more() {
    let mut world = world();
    let mut copy = |trusted: bool, known: &[StoredOutput]| {
        let is_told = look(&mut world, 1, trusted);
        let (jobs, _) = plan(&world, false, known);
        let known = done(&world, &jobs);
        (is_told, known)
    };
    let (_, doubtful) = copy(false, &[]);
    let (is_told, again) = copy(false, &doubtful);
    assert!(is_told, "it may have other content under the same stamp");
    assert_eq!(again, doubtful);
    let (is_told, certain) = copy(true, &doubtful);
    assert!(is_told);
    assert_eq!(certain.len(), 1, "it may have changed since it was copied");
    assert_eq!(copy(true, &certain), (false, Vec::new()));
}

#[test]
fn another_picture_is_another_note_for_the_formats_that_read_it_and_for_no_other() {
    let mut world = world();
    look(&mut world, 1, true);
    let (_, jobs) = plan(&world, true, &[]);
    let known = done(&world, &jobs);
    assert_eq!(plan(&world, true, &known).1, []);
    look(&mut world, 2, true);
    let (_, jobs) = plan(&world, true, &known);
    let works: Vec<&Work> = jobs.iter().map(|job| &job.work).collect();
    assert_eq!(works, [&Work::Note(world.id("n.md"), CSV)]);
}
