//! Work that two threads share: one makes things, and they are used up beside it.

use std::sync::mpsc::{self, TrySendError};

use crate::sync::joined;

/// So many are handed over at once.
const PORTION: usize = 256;

/// Things on their way.
enum Portion<T, P> {
    Made(Vec<T>),
    Prepared(Vec<P>),
}

/// Runs `make` on this thread, which hands over one thing after the other, and `use_up` beside it on another, in the same
/// order. In between each is prepared: by the other thread or, when that falls behind, by this one.
///
/// # Errors
/// That of `make`; then what came of the other thread is worth nothing.
pub(super) fn relay<T: Send, P: Send, R: Send, E>(
    make: impl FnOnce(&mut dyn FnMut(T)) -> Result<(), E>,
    prepare: impl Fn(T) -> P + Sync,
    use_up: impl FnOnce(&mut dyn Iterator<Item = P>) -> R + Send,
) -> Result<R, E> {
    let (sender, portions) = mpsc::sync_channel(2);
    let prepared = |portion| match portion {
        Portion::Made(things) => things.into_iter().map(&prepare).collect(),
        Portion::Prepared(things) => things,
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| use_up(&mut portions.into_iter().flat_map(&prepared)));
        // A portion that nobody takes any more was not wanted, or there was a panic, which is passed on below.
        let send = |things| {
            if let Err(TrySendError::Full(portion)) = sender.try_send(Portion::Made(things)) {
                drop(sender.send(Portion::Prepared(prepared(portion))));
            }
        };
        let mut things = Vec::with_capacity(PORTION);
        let made = make(&mut |thing| {
            things.push(thing);
            if things.len() == PORTION {
                send(std::mem::replace(&mut things, Vec::with_capacity(PORTION)));
            }
        });
        send(things);
        drop(sender);
        let used = joined(other.join());
        made.map(|()| used)
    })
}

/// As [`relay`], where the things are used up portion by portion in any order: by this thread too, when the other
/// falls behind.
///
/// # Errors
/// That of `make`.
pub(super) fn share<T: Send, R: Send, E>(
    make: impl FnOnce(&mut dyn FnMut(T)) -> Result<(), E>,
    use_up: impl Fn(Vec<T>) -> R + Sync,
) -> Result<Vec<R>, E> {
    let (sender, portions) = mpsc::sync_channel::<Vec<T>>(2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| portions.into_iter().map(&use_up).collect::<Vec<R>>());
        let mut used = Vec::new();
        let mut portion = Vec::with_capacity(PORTION);
        let made = make(&mut |item| {
            portion.push(item);
            if portion.len() == PORTION {
                let full = std::mem::replace(&mut portion, Vec::with_capacity(PORTION));
                // Disconnected only after a panic, which is passed on below.
                if let Err(TrySendError::Full(full)) = sender.try_send(full) {
                    used.push(use_up(full));
                }
            }
        });
        drop(sender);
        used.push(use_up(portion));
        used.append(&mut joined(other.join()));
        made.map(|()| used)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn all_come_in_order() {
        for count in [0, 1, PORTION, 10 * PORTION + 3] {
            let make = |hand_over: &mut dyn FnMut(usize)| {
                (0..count).for_each(hand_over);
                Ok::<(), ()>(())
            };
            let used = relay(make, |n| n + 1, |all| all.collect::<Vec<usize>>());
            assert_eq!(used, Ok((1..=count).collect()));
        }
    }

    #[test]
    fn who_falls_behind_is_helped_and_the_order_stays() {
        const ALL: usize = 10 * PORTION;
        let makers = std::thread::current().id();
        let helped = AtomicUsize::new(0);
        let prepare = |n| {
            let here = std::thread::current().id() == makers;
            helped.fetch_add(usize::from(here), Ordering::Relaxed);
            n
        };
        let make = |hand_over: &mut dyn FnMut(usize)| {
            (0..ALL).for_each(hand_over);
            Ok::<(), ()>(())
        };
        let used = relay(make, prepare, |all| {
            while helped.load(Ordering::Relaxed) == 0 {
                std::thread::yield_now();
            }
            all.collect::<Vec<usize>>()
        });
        assert_eq!(used, Ok((0..ALL).collect()));
    }

    #[test]
    fn who_has_seen_enough_ends_it() {
        let make = |hand_over: &mut dyn FnMut(usize)| {
            (0..10 * PORTION).for_each(hand_over);
            Ok::<(), ()>(())
        };
        assert_eq!(relay(make, |n| n, |all| all.take(1).count()), Ok(1));
    }

    #[test]
    fn all_are_shared_out_and_none_twice() {
        for count in [0, 1, PORTION, 10 * PORTION + 3] {
            let make = |hand_over: &mut dyn FnMut(usize)| {
                (0..count).for_each(hand_over);
                Ok::<(), ()>(())
            };
            let mut used = share(make, |portion| portion).unwrap().concat();
            used.sort_unstable();
            assert_eq!(used, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_the_maker_fails_with_is_what_comes_of_it() {
        let make = |hand_over: &mut dyn FnMut(usize)| {
            hand_over(1);
            Err("no more")
        };
        assert_eq!(relay(make, |n| n, |all| all.count()), Err("no more"));
    }
}
