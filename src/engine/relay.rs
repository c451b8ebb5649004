//! Work that two threads share: one makes things, and they are used up beside it.

use std::iter::Flatten;
use std::sync::mpsc::{self, IntoIter, TrySendError};
use std::thread::ScopedJoinHandle;

/// So many are handed over at once.
const PORTION: usize = 256;

/// The things as they come.
pub(super) type Items<T> = Flatten<IntoIter<Vec<T>>>;

/// Runs `make` on this thread, which hands over one thing after the other, and `use_up` beside it on another.
///
/// # Errors
/// That of `make`; then what came of the other thread is worth nothing.
pub(super) fn relay<T: Send, R: Send, E>(
    make: impl FnOnce(&mut dyn FnMut(T)) -> Result<(), E>,
    use_up: impl FnOnce(Items<T>) -> R + Send,
) -> Result<R, E> {
    let (sender, portions) = mpsc::sync_channel::<Vec<T>>(2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| use_up(portions.into_iter().flatten()));
        let mut portion = Vec::with_capacity(PORTION);
        // Nobody takes a portion only after a panic, which is passed on below.
        let send = |portion| drop(sender.send(portion));
        let made = make(&mut |item| {
            portion.push(item);
            if portion.len() == PORTION {
                send(std::mem::replace(&mut portion, Vec::with_capacity(PORTION)));
            }
        });
        send(portion);
        drop(sender);
        let used = joined(other);
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
        used.append(&mut joined(other));
        made.map(|()| used)
    })
}

fn joined<R>(other: ScopedJoinHandle<'_, R>) -> R {
    match other.join() {
        Ok(used) => used,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_come_in_order() {
        for count in [0, 1, PORTION, 10 * PORTION + 3] {
            let make = |hand_over: &mut dyn FnMut(usize)| {
                (0..count).for_each(hand_over);
                Ok::<(), ()>(())
            };
            let used = relay(make, Iterator::collect::<Vec<usize>>);
            assert_eq!(used, Ok((0..count).collect()));
        }
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
        assert_eq!(relay(make, Iterator::count), Err("no more"));
    }
}
