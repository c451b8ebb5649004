//! Work that a vault can share out: the vault says what there is to do, its caller who does it. So the vault itself knows
//! nothing of threads, and its tests need only one.

use std::iter::Flatten;
use std::sync::OnceLock;
use std::vec::IntoIter;

/// How many things one helper takes at a time.
const PORTION: usize = 64;

/// Who helps.
pub trait Helpers: Sync {
    /// Shows that the work goes on: called now and then where it takes its time.
    fn beat(&self);

    /// Calls `work` once with each number below `count`, in any order, perhaps on several threads.
    fn share_out(&self, count: usize, work: &(dyn Fn(usize) + Sync));
}

/// Nobody helps.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl Helpers for Alone {
    fn beat(&self) {}

    fn share_out(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        (0..count).for_each(work);
    }
}

/// What comes of each thing, in their order. All is done when this returns; what the iterator has gone past is let go.
pub(crate) fn map<T: Sync, R: Send + Sync>(
    helpers: &dyn Helpers,
    things: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Flatten<IntoIter<Vec<R>>> {
    let portions: Vec<&[T]> = things.chunks(PORTION).collect();
    let done: Vec<OnceLock<Vec<R>>> = portions.iter().map(|_| OnceLock::new()).collect();
    helpers.share_out(portions.len(), &|at| {
        let beat_and_work = |thing| {
            helpers.beat();
            work(thing)
        };
        done[at].get_or_init(|| portions[at].iter().map(beat_and_work).collect());
    });
    let done = done.into_iter().map(OnceLock::into_inner);
    let done = done.map(|portion| portion.expect("each portion was done"));
    done.collect::<Vec<_>>().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does the last thing first.
    struct Backwards;

    impl Helpers for Backwards {
        fn beat(&self) {}

        fn share_out(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
            (0..count).rev().for_each(work);
        }
    }

    #[test]
    fn whoever_does_it_in_whatever_order_what_comes_of_it_is_in_order() {
        for count in [0, 1, PORTION, 3 * PORTION + 1] {
            let things: Vec<usize> = (0..count).collect();
            let doubled: Vec<usize> = map(&Backwards, &things, |thing| 2 * thing).collect();
            assert_eq!(
                doubled,
                (0..count).map(|thing| 2 * thing).collect::<Vec<_>>()
            );
        }
    }
}
