//! `pretty`: for a person at a terminal. The outcome of a batch is seen at a glance; what a glance does not need
//! follows dimmed. Nothing that another form says is left out, but for counts of nothing in a batch.

use tracing::Level;

use super::plain;
use super::record::{Record, Value};
use crate::report::clock::Clock;
use crate::report::paint::{Paint, Style};
use crate::report::safe::safe;
use crate::report::words;

/// How records are shown.
#[derive(Clone, Copy)]
pub(super) struct Pretty {
    /// With or without colours.
    pub(super) paint: Paint,
    /// The wall clock's words.
    pub(super) clock: Clock,
}

impl Pretty {
    /// The record's line, with its newline.
    pub(super) fn line(&self, record: &Record) -> String {
        let (glyph, style) = mark(record);
        let mut line = Line {
            paint: self.paint,
            out: String::new(),
            record,
            shown: Vec::new(),
        };
        line.styled(Style::Dim, &(self.clock)(record.time));
        line.out.push(' ');
        line.styled(style, glyph);
        line.out.push(' ');
        line.styled(
            if style == Style::Dim {
                Style::Dim
            } else {
                message_style(record.level)
            },
            &safe(&record.message),
        );
        match record.message.as_str() {
            "batch finished" => line.batch_finished(),
            "batch started" => line.batch_started(),
            "note failed" => line.note_failed(),
            "note exported" => line.note_exported(),
            _ => {}
        }
        line.rest();
        line.out.push('\n');
        line.out
    }
}

fn mark(record: &Record) -> (&'static str, Style) {
    let failed = matches!(record.get("failed"), Some(Value::Unsigned(failed)) if *failed > 0);
    match (record.message.as_str(), record.level) {
        ("batch finished", Level::INFO) if failed => ("✗", Style::Red),
        ("batch finished" | "ready", Level::INFO) => ("✓", Style::Green),
        ("batch started", Level::INFO) => ("▸", Style::Cyan),
        (_, Level::ERROR) => ("✗", Style::Red),
        (_, Level::WARN) => ("▲", Style::Yellow),
        (_, Level::INFO) => ("•", Style::Cyan),
        _ => ("·", Style::Dim),
    }
}

fn message_style(level: Level) -> Style {
    match level {
        Level::ERROR => Style::Red,
        Level::WARN => Style::Yellow,
        _ => Style::Bold,
    }
}

/// A line being written; remembers which fields it has already shown.
struct Line<'a> {
    paint: Paint,
    out: String,
    record: &'a Record,
    shown: Vec<&'static str>,
}

impl Line<'_> {
    fn styled(&mut self, style: Style, text: &str) {
        self.out.push_str(&self.paint.style(style, text));
    }

    fn plain(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn gap(&mut self) {
        self.plain("  ");
    }

    /// A field's value made safe to show. From here on it counts as shown.
    fn take(&mut self, name: &'static str) -> Option<String> {
        let value = self.record.get(name)?;
        self.shown.push(name);
        Some(safe(&value.to_string()))
    }

    fn number(&mut self, name: &'static str) -> Option<u64> {
        match self.record.get(name) {
            Some(Value::Unsigned(number)) => {
                self.shown.push(name);
                Some(*number)
            }
            _ => None,
        }
    }

    fn milliseconds(&mut self, name: &'static str) -> Option<String> {
        match self.record.get(name) {
            Some(Value::Float(ms)) => {
                self.shown.push(name);
                Some(crate::report::words::milliseconds(*ms))
            }
            _ => None,
        }
    }

    fn head(&mut self) {
        if let Some(batch) = self.take("batch") {
            self.gap();
            self.styled(Style::Bold, &format!("#{batch}"));
        }
        if let Some(trigger) = self.take("trigger") {
            self.out.push(' ');
            self.styled(Style::Dim, &trigger);
        }
    }

    /// `5 exported · 2 unchanged · 1 failed  in 41 ms  3.9× (peak 8 of 8)  slowest core.md 12 ms`
    fn batch_finished(&mut self) {
        self.head();
        self.gap();
        let mut parts = Vec::new();
        for (name, style) in [
            ("exported", Style::Green),
            ("unchanged", Style::Plain),
            ("deleted", Style::Yellow),
            ("failed", Style::Red),
            ("cancelled", Style::Yellow),
        ] {
            // That nothing was deleted or failed needs no words; what was exported is always said.
            if let Some(count) = self.number(name)
                && (count > 0 || name == "exported")
            {
                let style = if count > 0 { style } else { Style::Plain };
                parts.push(self.paint.style(style, &format!("{count} {name}")));
            }
        }
        self.plain(&parts.join(" · "));
        if let Some(elapsed) = self.milliseconds("elapsed_ms") {
            self.plain("  in ");
            self.styled(Style::Bold, &elapsed);
        }
        self.concurrency();
        // Nor do other counts of nothing need words.
        for name in ["removed", "attachments", "pages"] {
            if self.record.get(name) == Some(&Value::Unsigned(0)) {
                self.shown.push(name);
            }
        }
    }

    /// `3.9× (peak 8 of 8)  slowest core.md 12 ms`; nothing where there were no jobs.
    fn concurrency(&mut self) {
        let (speedup, peak, limit) = (
            self.take("speedup"),
            self.number("peak"),
            self.number("limit"),
        );
        let (slowest, slowest_ms) = (self.take("slowest"), self.milliseconds("slowest_ms"));
        if let (Some(speedup), Some(peak @ 1..), Some(limit)) = (speedup, peak, limit) {
            self.gap();
            if let Some(speedup) = speedup.parse().ok().and_then(words::speedup) {
                self.styled(Style::Cyan, &speedup);
                self.plain(" ");
            }
            self.plain(&format!("(peak {peak} of {limit})"));
        }
        if let (Some(slowest), Some(ms)) = (slowest, slowest_ms)
            && !slowest.is_empty()
        {
            self.plain(&format!("  slowest {slowest} {ms}"));
        }
    }

    /// `3 changed · 1 removed → 9 affected, 18 jobs`
    fn batch_started(&mut self) {
        self.head();
        let counts =
            ["changed", "removed", "affected", "jobs"].map(|name| self.number(name).unwrap_or(0));
        let [changed, removed, affected, jobs] = counts;
        let removed = if removed > 0 {
            format!(" · {removed} removed")
        } else {
            String::new()
        };
        self.plain(&format!(
            "  {changed} changed{removed} → {affected} affected, {jobs} jobs"
        ));
    }

    /// `core.md (html): the reason`
    fn note_failed(&mut self) {
        self.note();
        if let Some(error) = self.take("error") {
            self.plain(": ");
            self.plain(&error);
        }
        if let Some(Value::Unsigned(ms)) = self.record.get("retry_in_ms") {
            self.shown.push("retry_in_ms");
            let again = crate::report::words::milliseconds(*ms as f64);
            self.plain(&format!("  due again in {again}"));
        }
    }

    /// `core.md (html) → core.html  because embeds a.md`
    fn note_exported(&mut self) {
        self.note();
        if let Some(output) = self.take("output") {
            self.plain(&format!(" → {output}"));
        }
        if let Some(because) = self.take("because") {
            self.plain(&format!("  because {because}"));
        }
    }

    fn note(&mut self) {
        if let Some(note) = self.take("note") {
            self.gap();
            self.styled(Style::Bold, &note);
        }
        if let Some(format) = self.take("format") {
            self.plain(&format!(" ({format})"));
        }
    }

    /// What has not been shown yet, by name.
    fn rest(&mut self) {
        let mut rest = String::new();
        for (name, value) in &self.record.fields {
            if !self.shown.contains(&name.as_str()) {
                rest.push(' ');
                plain::field_into(&mut rest, name, value);
            }
        }
        if !rest.is_empty() {
            self.out.push(' ');
            self.styled(Style::Dim, &rest);
        }
    }
}
