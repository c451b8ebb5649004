//! One batch as a picture: a lane for each concurrent slot, a bar for each job. A single SVG with no script, in the
//! colours of Okabe and Ito, which differ for every eye; what failed is hatched too. Light and dark by the viewer's wish.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::BatchRow;
use super::safe::safe;
use super::words::{counted, milliseconds};

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its file was written.
    Exported,
    /// Its file was already right.
    Unchanged,
    /// It failed.
    Failed,
    /// It was not run to its end.
    Cancelled,
}

/// A job of the batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobBar {
    /// The note.
    pub note: String,
    /// The format's name.
    pub format: String,
    /// When it began to run, ms since the batch started.
    pub start_ms: f64,
    /// How long it ran.
    pub elapsed_ms: f64,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was run.
    pub because: String,
}

impl JobBar {
    fn end_ms(&self) -> f64 {
        self.start_ms + self.elapsed_ms
    }
}

const MARGIN: f64 = 16.0;
const TOP: f64 = 76.0;
const BOTTOM: f64 = 40.0;
const LANE_LABEL: f64 = 32.0;
const MIN_WIDTH: f64 = 1200.0;
const MAX_WIDTH: f64 = 20_000.0;
/// What a bar has on average where there are many; the picture grows to the right instead of squeezing them.
const BAR_WIDTH: f64 = 6.0;
/// About what a character of a bar's label takes.
const CHARACTER: f64 = 6.2;
const COLOURS: [&str; 6] = [
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#8c6d31",
];
/// Those that need a black label.
const LIGHT_COLOURS: [&str; 4] = ["#e69f00", "#009e73", "#cc79a7", "#56b4e9"];
/// What failed is striped in these two, which leave a black label readable.
const FAILED: &str = "#d55e00";
const STRIPES: &str = "#f0924a";

const STYLE: &str = "\
svg{background:#fff;color:#1a1a1a;font:12px system-ui,sans-serif}\
text{fill:currentColor}.head{font-size:16px;font-weight:600}.soft{opacity:.7}\
.grid{stroke:currentColor;opacity:.15}.lane{fill:currentColor;opacity:.05}\
.job text{fill:#fff;font-size:11px;pointer-events:none}.job.dark text{fill:#000}\
.job.unchanged text,.job.cancelled text{fill:currentColor}\
.unchanged>rect{opacity:.45}.cancelled>rect{opacity:.3;stroke:currentColor;stroke-dasharray:3 2}\
.job:hover>rect{stroke:currentColor;stroke-width:1.5}\
@media(prefers-color-scheme:dark){svg{background:#16181c;color:#e8e8e8}}";

/// The picture of a batch. `jobs` in any order.
pub fn timeline_svg(batch: &BatchRow, jobs: &[JobBar]) -> String {
    let lanes = Lanes::of(jobs);
    let picture = Picture::of(batch, jobs, &lanes);
    let mut out = picture.head(batch, jobs);
    picture.axis(&mut out);
    for lane in 0..lanes.count {
        picture.lane(&mut out, lane);
    }
    for (job, lane) in jobs.iter().zip(&lanes.of_job) {
        picture.job(&mut out, job, *lane);
    }
    out.push_str("</svg>\n");
    out
}

/// Which lane each job is drawn in: the first that is free when it starts.
struct Lanes {
    of_job: Vec<usize>,
    count: usize,
    longest: usize,
}

impl Lanes {
    fn of(jobs: &[JobBar]) -> Self {
        let mut order: Vec<usize> = (0..jobs.len()).collect();
        let key = |at: &usize| (jobs[*at].start_ms, jobs[*at].end_ms());
        order.sort_by(|a, b| {
            key(a)
                .partial_cmp(&key(b))
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        let (mut of_job, mut free_from, mut sizes) = (vec![0; jobs.len()], Vec::new(), Vec::new());
        for at in order {
            // Times are rounded to a microsecond: a job that starts so much "before" its forerunner's end follows it.
            let free = free_from
                .iter()
                .position(|end: &f64| *end <= jobs[at].start_ms + 0.001);
            let lane = free.unwrap_or_else(|| {
                free_from.push(0.0);
                sizes.push(0);
                sizes.len() - 1
            });
            free_from[lane] = jobs[at].end_ms();
            sizes[lane] += 1;
            of_job[at] = lane;
        }
        Self {
            of_job,
            count: sizes.len(),
            longest: sizes.into_iter().max().unwrap_or(0),
        }
    }
}

/// The measures of a picture.
struct Picture<'a> {
    width: f64,
    height: f64,
    lane_height: f64,
    /// Pixels a millisecond.
    scale: f64,
    span_ms: f64,
    formats: Vec<&'a str>,
}

impl<'a> Picture<'a> {
    fn of(batch: &BatchRow, jobs: &'a [JobBar], lanes: &Lanes) -> Self {
        let span_ms = jobs
            .iter()
            .map(JobBar::end_ms)
            .fold(batch.elapsed_ms, f64::max)
            .max(0.001);
        let width = (lanes.longest as f64 * BAR_WIDTH).clamp(MIN_WIDTH, MAX_WIDTH);
        let lane_height = if lanes.count <= 32 {
            24.0
        } else {
            (768.0 / lanes.count as f64).max(6.0)
        };
        let mut formats: Vec<&str> = jobs.iter().map(|job| job.format.as_str()).collect();
        formats.sort_unstable();
        formats.dedup();
        Self {
            width: width + 2.0 * MARGIN + LANE_LABEL,
            height: TOP + lane_height * lanes.count.max(1) as f64 + BOTTOM,
            lane_height,
            scale: width / span_ms,
            span_ms,
            formats,
        }
    }

    fn x(&self, ms: f64) -> f64 {
        MARGIN + LANE_LABEL + ms * self.scale
    }

    fn y(&self, lane: usize) -> f64 {
        TOP + self.lane_height * lane as f64
    }

    fn colour(&self, format: &str) -> &'static str {
        let at = self
            .formats
            .iter()
            .position(|known| *known == format)
            .unwrap_or(0);
        COLOURS[at % COLOURS.len()]
    }

    fn head(&self, batch: &BatchRow, jobs: &[JobBar]) -> String {
        let (width, height) = (self.width, self.height);
        let summary = format!(
            "batch {} · {} · {} in {} · {:.1}× · peak {} of {}",
            batch.batch,
            batch.trigger,
            counted(jobs.len() as u64, "job", "jobs"),
            milliseconds(batch.elapsed_ms),
            batch.speedup,
            batch.peak,
            batch.limit
        );
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n\
             <title>{summary}</title>\n<style>{STYLE}</style>\n\
             <defs><pattern id=\"failed\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
             <rect width=\"6\" height=\"6\" fill=\"{FAILED}\"/><path d=\"M0 0V6\" stroke=\"{STRIPES}\" stroke-width=\"3\"/></pattern></defs>\n\
             <text class=\"head\" x=\"{MARGIN}\" y=\"26\">{summary}</text>\n"
        );
        self.legend(&mut out, jobs);
        out
    }

    fn legend(&self, out: &mut String, jobs: &[JobBar]) {
        let mut entries: Vec<(&str, &str, &str)> = self
            .formats
            .iter()
            .map(|format| (*format, self.colour(format), "exported"))
            .collect();
        for (outcome, name, fill) in [
            (Outcome::Unchanged, "unchanged", "currentColor"),
            (Outcome::Failed, "failed", "url(#failed)"),
            (Outcome::Cancelled, "cancelled", "currentColor"),
        ] {
            if jobs.iter().any(|job| job.outcome == outcome) {
                entries.push((name, fill, name));
            }
        }
        let mut x = MARGIN;
        for (name, fill, class) in entries {
            let _infallible = writeln!(
                out,
                "<g class=\"{class}\"><rect x=\"{x:.0}\" y=\"38\" width=\"12\" height=\"12\" rx=\"2\" fill=\"{fill}\"/><text x=\"{:.0}\" y=\"48\">{}</text></g>",
                x + 17.0,
                xml(name)
            );
            x += 40.0 + 7.0 * name.chars().count() as f64;
        }
    }

    fn axis(&self, out: &mut String) {
        let step = nice_step(self.span_ms / (self.width / 110.0));
        let bottom = self.height - BOTTOM + 4.0;
        let mut tick = 0.0;
        // Counted rather than added up, so that no error adds up either.
        for at in 1.. {
            let x = self.x(tick);
            let _infallible = writeln!(
                out,
                "<path class=\"grid\" d=\"M{x:.1} {:.0}V{bottom:.1}\"/><text class=\"soft\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                TOP - 4.0,
                bottom + 16.0,
                tick_label(tick, step)
            );
            tick = f64::from(at) * step;
            if tick > self.span_ms {
                break;
            }
        }
    }

    fn lane(&self, out: &mut String, lane: usize) {
        let (x, y) = (self.x(0.0), self.y(lane));
        let _infallible = writeln!(
            out,
            "<rect class=\"lane\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            y + 1.0,
            self.span_ms * self.scale,
            self.lane_height - 2.0
        );
        if self.lane_height >= 14.0 {
            let _infallible = writeln!(
                out,
                "<text class=\"soft\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                x - 8.0,
                y + self.lane_height / 2.0 + 4.0,
                lane + 1
            );
        }
    }

    fn job(&self, out: &mut String, job: &JobBar, lane: usize) {
        let (x, y) = (self.x(job.start_ms), self.y(lane));
        // Half a pixel between neighbours, but never nothing to see.
        let width = (job.elapsed_ms * self.scale - 0.5).max(0.75);
        let (class, fill) = match job.outcome {
            Outcome::Exported => ("exported", self.colour(&job.format)),
            Outcome::Unchanged => ("unchanged", self.colour(&job.format)),
            Outcome::Failed => ("failed", "url(#failed)"),
            Outcome::Cancelled => ("cancelled", self.colour(&job.format)),
        };
        let dark = if job.outcome == Outcome::Failed || LIGHT_COLOURS.contains(&fill) {
            " dark"
        } else {
            ""
        };
        let _infallible = write!(
            out,
            "<g class=\"job {class}{dark}\"><title>{}</title><rect x=\"{x:.2}\" y=\"{:.1}\" width=\"{width:.2}\" height=\"{:.1}\" rx=\"{}\" fill=\"{fill}\"/>",
            xml(&tooltip(job)),
            y + 2.0,
            self.lane_height - 4.0,
            if width > 6.0 { 2 } else { 0 }
        );
        if let Some(label) = self.label(job, width) {
            let _infallible = write!(
                out,
                "<text x=\"{:.2}\" y=\"{:.1}\">{}</text>",
                x + 5.0,
                y + self.lane_height / 2.0 + 4.0,
                xml(&label)
            );
        }
        out.push_str("</g>\n");
    }

    /// The note's name, or its end where it is too long, or nothing where there is no room.
    fn label(&self, job: &JobBar, width: f64) -> Option<String> {
        if self.lane_height < 14.0 {
            return None;
        }
        let room = (1..=job.note.chars().count())
            .take_while(|count| *count as f64 * CHARACTER + 10.0 <= width)
            .count();
        let length = job.note.chars().count();
        match room {
            _ if room == length => Some(safe(&job.note)),
            0..4 => None,
            room => Some(format!(
                "…{}",
                safe(&job.note.chars().skip(length - room + 1).collect::<String>())
            )),
        }
    }
}

fn tooltip(job: &JobBar) -> String {
    let outcome = match job.outcome {
        Outcome::Exported => "",
        Outcome::Unchanged => "unchanged, ",
        Outcome::Failed => "failed, ",
        Outcome::Cancelled => "cancelled, ",
    };
    format!(
        "{} → {} ({outcome}{})\n{} after the start, {}",
        safe(&job.note),
        safe(&job.format),
        safe(&job.because),
        milliseconds(job.start_ms),
        milliseconds(job.elapsed_ms)
    )
}

/// The next of 1, 2, 5, 10, … that is no smaller.
fn nice_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= least * 0.999)
        .unwrap_or(10.0 * power)
}

/// A tick's time in the unit of its axis.
fn tick_label(ms: f64, step: f64) -> String {
    let (value, unit, step) = if step >= 500.0 {
        (ms / 1000.0, "s", step / 1000.0)
    } else {
        (ms, "ms", step)
    };
    let places = if step >= 1.0 {
        0
    } else if step >= 0.1 {
        1
    } else {
        3
    };
    format!("{value:.places$} {unit}")
}

/// Text for XML, which has no room for two of Unicode's characters at all.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
