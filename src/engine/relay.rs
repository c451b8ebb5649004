//! Work that two threads share: one makes things, the other uses them up.

use std::iter::Flatten;
use std::sync::mpsc::{self, IntoIter};

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
        let used = match other.join() {
            Ok(used) => used,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        made.map(|()| used)
    })
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
    fn what_the_maker_fails_with_is_what_comes_of_it() {
        let make = |hand_over: &mut dyn FnMut(usize)| {
            hand_over(1);
            Err("no more")
        };
        assert_eq!(relay(make, Iterator::count), Err("no more"));
    }
}
