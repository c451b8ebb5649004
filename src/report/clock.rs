//! Moments as people at this machine read them: in local time. Given to whoever shows a moment, so that tests can
//! give another.

use std::time::SystemTime;

use jiff::tz::TimeZone;

/// Shows a moment.
pub type Clock = fn(SystemTime) -> String;

/// `10:00:00`
pub fn time_of_day(time: SystemTime) -> String {
    show(time, "%H:%M:%S")
}

/// `2026-11-24 10:00:00`
pub fn date_and_time(time: SystemTime) -> String {
    show(time, "%Y-%m-%d %H:%M:%S")
}

fn show(time: SystemTime, format: &str) -> String {
    jiff::Timestamp::try_from(time).map_or_else(
        // Before the year -9999 or after 9999: only a broken clock says so.
        |_| "?".to_owned(),
        |time| {
            time.to_zoned_datetime(TimeZone::system())
                .strftime(format)
                .to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn local_moments() {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_514_400_123);
        let (time, date) = (time_of_day(moment), date_and_time(moment));
        assert!(time.len() == 8 && time.ends_with(":00"), "{time}");
        assert!(
            date.starts_with("2026-11-2") && date.ends_with(&time),
            "{date}"
        );
    }
}
