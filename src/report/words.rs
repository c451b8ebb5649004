//! Numbers in words that people read: `1,204`, `41 ms`, `3.2 s`, `2 h 5 min`.

/// A count with thousands parted by commas.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 note`, `2 notes`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A span of time, as exact as a glance needs it.
pub fn milliseconds(ms: f64) -> String {
    // Rounded first, so that 59.96 s is a minute and not "60.0 s".
    if ms < 0.005 {
        "0 ms".to_owned()
    } else if ms < 0.995 {
        format!("{ms:.2} ms")
    } else if ms < 9.95 {
        format!("{ms:.1} ms")
    } else if ms < 999.5 {
        format!("{ms:.0} ms")
    } else if ms < 59_950.0 {
        format!("{:.1} s", ms / 1000.0)
    } else {
        long(ms / 1000.0)
    }
}

fn long(seconds: f64) -> String {
    let seconds = seconds.round();
    let (minutes, hours, days) = (
        (seconds / 60.0).floor(),
        (seconds / 3600.0).floor(),
        (seconds / 86_400.0).floor(),
    );
    if hours < 1.0 {
        format!("{minutes} min {} s", seconds % 60.0)
    } else if days < 1.0 {
        format!("{hours} h {} min", minutes % 60.0)
    } else {
        format!("{days} d {} h", hours % 24.0)
    }
}

/// How many times faster than one job after the other; nothing where that says nothing: a batch of little work takes as
/// long as the disk needs to flush.
pub fn speedup(times: f64) -> Option<String> {
    (times >= 1.05).then(|| format!("{}×", (times * 100.0).round() / 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        let spans = [
            0.0,
            0.4,
            1.26,
            41.2,
            999.4,
            999.6,
            59_949.0,
            59_960.0,
            3_599_400.0,
            7_500_000.0,
            90_000_000.0,
        ];
        let words = spans.map(milliseconds);
        assert_eq!(
            words,
            [
                "0 ms",
                "0.40 ms",
                "1.3 ms",
                "41 ms",
                "999 ms",
                "1.0 s",
                "59.9 s",
                "1 min 0 s",
                "59 min 59 s",
                "2 h 5 min",
                "1 d 1 h"
            ]
        );
    }

    #[test]
    fn counts() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(counted(1, "note", "notes"), "1 note");
    }
}
