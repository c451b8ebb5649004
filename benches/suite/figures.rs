//! What was measured: samples, and rows of them beside floors and goals.

use std::time::Duration;

use serde_json::{Value, json};

/// Measurements of one thing, in the order in which they were made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(pub(crate) Vec<f64>);

impl Samples {
    pub(crate) fn one(value: f64) -> Self {
        Self(vec![value])
    }

    pub(crate) fn push(&mut self, seconds: Duration) {
        self.0.push(seconds.as_secs_f64());
    }

    /// The smallest value that `share` of all are at or below.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank lies between 0 and the count"
        )]
        let rank = (sorted.len() as f64 * share).ceil() as usize;
        sorted
            .get(rank.clamp(1, sorted.len().max(1)) - 1)
            .copied()
            .unwrap_or(f64::NAN)
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Each of these over the one of `others` that was measured in the same round: what the machine did meanwhile hits both.
    pub(crate) fn over(&self, others: &Self) -> Self {
        let ratios = self.0.iter().zip(&others.0);
        Self(ratios.map(|(own, other)| own / other).collect())
    }
}

/// What figures count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Bytes,
    PerSecond,
}

impl Unit {
    /// A figure as people read it.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Seconds if value >= 1.0 => format!("{value:.2} s"),
            Self::Seconds if value >= 1e-3 => format!("{:.1} ms", value * 1e3),
            Self::Seconds => format!("{:.0} µs", value * 1e6),
            Self::Bytes => format!("{:.1} MB", value / 1e6),
            Self::PerSecond => format!("{value:.2} /s"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Bytes => "bytes",
            Self::PerSecond => "per second",
        }
    }
}

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// It is there to compare with.
    None,
    /// At most so many times what stands beside it.
    Times(f64),
    /// At most this.
    AtMost(f64),
}

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) work: String,
    pub(crate) unit: Unit,
    pub(crate) ours: Samples,
    /// What it is compared with, and that one's figures.
    pub(crate) beside: Option<(&'static str, Samples)>,
    pub(crate) goal: Goal,
}

impl Row {
    /// The median of the rounds' ratios.
    pub(crate) fn ratio(&self) -> Option<f64> {
        let (_, beside) = self.beside.as_ref()?;
        Some(self.ours.over(beside).median())
    }

    /// Whether the goal is met; `None` where there is none.
    pub(crate) fn is_met(&self) -> Option<bool> {
        match self.goal {
            Goal::None => None,
            Goal::Times(most) => self.ratio().map(|ratio| ratio <= most),
            Goal::AtMost(most) => Some(self.ours.median() <= most),
        }
    }

    pub(crate) fn goal_text(&self) -> String {
        match self.goal {
            Goal::None => String::new(),
            Goal::Times(most) => format!("≤ {most} ×"),
            Goal::AtMost(most) => format!("≤ {}", self.unit.show(most)),
        }
    }

    fn to_json(&self) -> Value {
        let figures = |samples: &Samples| {
            json!({
                "median": samples.median(),
                "min": samples.quantile(0.0),
                "max": samples.quantile(1.0),
                "samples": samples.0,
            })
        };
        json!({
            "work": self.work,
            "unit": self.unit.name(),
            "smartnotesd": figures(&self.ours),
            "beside": self.beside.as_ref().map(|(name, samples)| json!({"name": name, "figures": figures(samples)})),
            "ratio": self.ratio(),
            "goal": self.goal_text(),
            "met": self.is_met(),
        })
    }
}

/// All rows; each is told as soon as it is known.
#[derive(Debug, Default)]
pub(crate) struct Table(pub(crate) Vec<Row>);

impl Table {
    pub(crate) fn add(&mut self, row: Row) {
        eprintln!("{}", line(&row));
        self.0.push(row);
    }

    /// As a table in Markdown, for the terminal and the README.
    pub(crate) fn to_markdown(&self) -> String {
        let mut text = String::from(
            "| work | smartnotesd (min … max) | beside it (min … max) | ratio | goal | |\n| --- | --- | --- | --- | --- | --- |\n",
        );
        for row in &self.0 {
            let beside = row.beside.as_ref().map_or_else(String::new, |(name, it)| {
                format!("{} {name}", spread(row.unit, it))
            });
            let ratio = row
                .ratio()
                .map_or_else(String::new, |r| format!("{r:.2} ×"));
            let cells = [
                row.work.clone(),
                spread(row.unit, &row.ours),
                beside,
                ratio,
                row.goal_text(),
                verdict(row).to_owned(),
            ];
            text.push_str("| ");
            text.push_str(&cells.join(" | "));
            text.push_str(" |\n");
        }
        text
    }

    pub(crate) fn to_json(&self) -> Value {
        self.0.iter().map(Row::to_json).collect()
    }
}

fn verdict(row: &Row) -> &'static str {
    match row.is_met() {
        None => "",
        Some(true) => "met",
        Some(false) => "missed",
    }
}

fn spread(unit: Unit, samples: &Samples) -> String {
    let median = unit.show(samples.median());
    if samples.0.len() == 1 {
        return median;
    }
    let (min, max) = (samples.quantile(0.0), samples.quantile(1.0));
    format!("{median} ({} … {})", unit.show(min), unit.show(max))
}

fn line(row: &Row) -> String {
    let ratio = row.ratio().map_or_else(String::new, |ratio| {
        let name = row.beside.as_ref().map_or("", |(name, _)| name);
        format!(", {ratio:.2} × {name}")
    });
    let goal = row.goal_text();
    let goal = if goal.is_empty() {
        goal
    } else {
        format!("  [{goal}: {}]", verdict(row))
    };
    format!(
        "  {}: {}{ratio}{goal}",
        row.work,
        spread(row.unit, &row.ours)
    )
}
