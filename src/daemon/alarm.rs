//! When the loop wakes by itself.
//!
//! Owns one timer of the kernel's. tokio's own rounds each moment up to the millisecond after the next, which was more
//! than all the rest of the way from the end of a quiet window to the output.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// Tells when a moment is there, to some ten microseconds.
pub(super) struct Alarm {
    timer: AsyncFd<OwnedFd>,
    /// What the timer is set to.
    set: Option<Instant>,
}

impl Alarm {
    /// Within a tokio runtime.
    ///
    /// # Errors
    /// When the system has no descriptor to give.
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(
            deprecated,
            reason = "its replacement is unsafe, for descriptors that could change; an OwnedFd can't"
        )]
        let timer = AsyncFd::new(timer)?;
        Ok(Self { timer, set: None })
    }

    /// Waits until `moment`. Dropped before that it has taken nothing with it.
    ///
    /// # Errors
    /// What the system says to a timer; none is known to be possible.
    pub(super) async fn at(&mut self, moment: Instant) -> io::Result<()> {
        loop {
            let left = moment.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            if self.set != Some(moment) {
                self.set(left)?;
                self.set = Some(moment);
            }
            let mut ready = self.timer.readable().await?;
            // An expiry of what it was set to before may have been seen already: then there is nothing to read.
            if let Ok(read) = ready.try_io(|timer| Ok(rustix::io::read(timer, &mut [0; 8])?)) {
                read?;
                self.set = None;
            }
        }
    }

    fn set(&self, left: Duration) -> io::Result<()> {
        let never = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let once = Itimerspec {
            it_interval: never,
            it_value: Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?,
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use rustix::time::timerfd_gettime;

    use super::*;

    /// Far more than any wait here takes on a busy machine.
    const NEVER: Duration = Duration::from_secs(60);

    fn run<F: Future>(future: F) -> F::Output {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder
            .enable_io()
            .enable_time()
            .build()
            .unwrap()
            .block_on(future)
    }

    /// Waits for the alarm, and says when it woke. It must wake at all.
    async fn woken(alarm: &mut Alarm, moment: Instant) -> Instant {
        let woke = tokio::time::timeout(NEVER, alarm.at(moment)).await;
        woke.expect("it wakes").unwrap();
        Instant::now()
    }

    /// How long the kernel's timer still waits; nothing when it is not set, or went off.
    fn left_in_kernel(alarm: &Alarm) -> Duration {
        let left = timerfd_gettime(&alarm.timer).unwrap().it_value;
        left.try_into().unwrap()
    }

    #[test]
    fn it_wakes_at_the_moment_and_not_before() {
        run(async {
            let mut alarm = Alarm::new().unwrap();
            for wait in [0, 1, 700, 12_345] {
                let moment = Instant::now() + Duration::from_micros(wait);
                assert!(woken(&mut alarm, moment).await >= moment);
            }
        });
    }

    #[test]
    fn the_kernel_is_told_the_moment_itself() {
        run(async {
            let mut alarm = Alarm::new().unwrap();
            let moment = Instant::now() + NEVER;
            assert!(alarm.at(moment).now_or_never().is_none());
            let left = left_in_kernel(&alarm);
            assert!(left <= NEVER, "{left:?}: later than the moment");
            let due = Instant::now() + left;
            assert!(due >= moment, "{:?} early", moment - due);
            assert_eq!(alarm.set, Some(moment));
        });
    }

    #[test]
    fn a_moment_that_was_given_up_does_not_wake_for_the_next() {
        run(async {
            let mut alarm = Alarm::new().unwrap();
            let first = Instant::now() + Duration::from_millis(5);
            let _given_up = alarm.at(first).now_or_never();
            // By now it has gone off without anybody who waited.
            while !left_in_kernel(&alarm).is_zero() {
                tokio::task::yield_now().await;
            }
            let second = Instant::now() + Duration::from_millis(20);
            assert!(woken(&mut alarm, second).await >= second);
        });
    }

    #[test]
    fn the_same_moment_can_be_waited_for_in_parts() {
        run(async {
            let mut alarm = Alarm::new().unwrap();
            let moment = Instant::now() + Duration::from_millis(20);
            let _part = alarm.at(moment).now_or_never();
            assert!(woken(&mut alarm, moment).await >= moment);
            // Set anew to a moment that was waited for already: that waits for nothing.
            let again = alarm.at(moment).now_or_never();
            assert!(again.is_some_and(|woke| woke.is_ok()));
        });
    }
}
