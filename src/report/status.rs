//! `status`, as a person reads it.

use super::paint::Style;
use super::safe::safe;
use super::words::{count, counted, milliseconds, speedup};
use super::{BatchRow, View, job_name};
use crate::control::status::{Failure, Refused, Running, State, Status, WatchState};

/// Failures, and unreadable files, shown in full; the others are counted, and `--json` has them all.
const MAX_FAILURES: usize = 20;
/// Batches shown.
const MAX_BATCHES: usize = 5;
/// Columns of the progress bar.
const BAR: usize = 24;

/// What the daemon is doing.
pub fn status(status: &Status, view: View) -> String {
    let mut page = Page {
        out: String::new(),
        view,
    };
    page.headline(status);
    page.out.push('\n');
    page.folders(status);
    page.watch(status);
    page.work(status);
    page.notes(status);
    page.batches(&status.batches);
    page.failures(&status.failures);
    page.refused("can't be read", &status.unreadable);
    page.refused("not withdrawn", &status.not_withdrawn);
    page.out
}

struct Page {
    out: String,
    view: View,
}

/// Whether nothing waits for somebody to act.
fn is_sound(status: &Status) -> bool {
    status.failures.is_empty() && status.unreadable.is_empty() && status.not_withdrawn.is_empty()
}

impl Page {
    fn style(&self, style: Style, text: &str) -> String {
        self.view.paint.style(style, text)
    }

    fn text(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn line(&mut self, label: &str, text: &str) {
        let label = self.style(Style::Dim, &format!("{label:<9}"));
        self.text(&format!("  {label} {text}\n"));
    }

    fn headline(&mut self, status: &Status) {
        let style = match status.state {
            State::Watching if is_sound(status) => Style::Green,
            State::Starting | State::Exporting | State::Stopping => Style::Cyan,
            State::Watching | State::WaitingForNotes => Style::Yellow,
        };
        let state = self.style(style, status.state.words());
        let name = self.style(Style::Bold, "smartnotesd");
        let uptime = milliseconds(status.uptime_ms as f64);
        self.text(&format!(
            "{name} {} · {state} · up {uptime} · pid {}\n",
            status.version, status.pid
        ));
    }

    fn folders(&mut self, status: &Status) {
        let mut notes = vec![counted(status.notes as u64, "note", "notes")];
        if status.withheld > 0 {
            notes.push(format!("{} kept out", count(status.withheld as u64)));
        }
        notes.push(counted(
            status.attachments as u64,
            "attachment",
            "attachments",
        ));
        self.line(
            "notes",
            &format!(
                "{}  {}",
                safe(&status.notes_dir.to_string_lossy()),
                notes.join(" · ")
            ),
        );
        let formats = status.formats.join(", ");
        self.line(
            "exports",
            &format!("{}  {formats}", safe(&status.export_dir.to_string_lossy())),
        );
        let config = status
            .config
            .as_ref()
            .map_or("none, flags only".into(), |path| {
                safe(&path.to_string_lossy())
            });
        self.line("config", &config);
        if let Some(error) = &status.config_error {
            let error = self.style(
                Style::Red,
                &format!("rejected, an older one is in force: {}", safe(error)),
            );
            self.line("", &error);
        }
    }

    fn watch(&mut self, status: &Status) {
        let mut text = match status.watch {
            WatchState::Native => "kernel events".to_owned(),
            WatchState::Partial { polled_folders } => {
                format!(
                    "kernel events, {} polled",
                    counted(polled_folders as u64, "folder", "folders")
                )
            }
            WatchState::Poll => "polling".to_owned(),
            WatchState::Lost => self.style(Style::Yellow, "nothing to watch"),
        };
        if let Some(ago) = status.last_rescan_ms_ago {
            let ago = milliseconds(ago as f64);
            text = format!("{text} · whole tree compared {ago} ago");
        }
        self.line("watch", &text);
        if let Some(reason) = &status.degraded {
            let reason = self.style(Style::Yellow, &format!("degraded: {}", safe(reason)));
            self.line("", &reason);
        }
    }

    fn work(&mut self, status: &Status) {
        let queue = match (status.queue.paths, status.queue.due_in_ms) {
            (0, _) => "empty".to_owned(),
            (paths, due) => {
                let due = match due {
                    None if status.state == State::WaitingForNotes => {
                        ", looked at when the notes folder is back".to_owned()
                    }
                    None => String::new(),
                    Some(0) if status.running.is_some() => ", next batch after this one".to_owned(),
                    Some(ms) => format!(", next batch in {}", milliseconds(ms as f64)),
                };
                format!(
                    "{} may have changed{due}",
                    counted(paths as u64, "path", "paths")
                )
            }
        };
        self.line("queue", &queue);
        if let Some(running) = &status.running {
            let text = self.running(running);
            self.line("running", &text);
        }
    }

    fn running(&self, running: &Running) -> String {
        let filled = (BAR * running.done)
            .checked_div(running.jobs)
            .unwrap_or(BAR)
            .min(BAR);
        let bar = self.style(Style::Cyan, &"█".repeat(filled))
            + &self.style(Style::Dim, &"░".repeat(BAR - filled));
        format!(
            "#{} {}  {bar}  {} of {}, {} in flight, {}",
            running.batch,
            running.trigger,
            count(running.done as u64),
            counted(running.jobs as u64, "job", "jobs"),
            running.in_flight,
            milliseconds(running.elapsed_ms)
        )
    }

    fn notes(&mut self, status: &Status) {
        let (unresolved, ambiguous) = (
            status.links.unresolved as u64,
            status.links.ambiguous as u64,
        );
        if unresolved + ambiguous > 0 {
            self.line(
                "links",
                &format!(
                    "{} unresolved · {} ambiguous",
                    count(unresolved),
                    count(ambiguous)
                ),
            );
        }
        let mut problems = Vec::new();
        if status.problems > 0 {
            let notes = counted(status.problems as u64, "note has one", "notes have one");
            problems.push(format!("{notes}, the log and explain say which"));
        }
        if !status.unreadable.is_empty() {
            let unreadable = status.unreadable.len() as u64;
            let paths = counted(unreadable, "file or folder", "files or folders");
            problems.push(format!("{paths} can't be read"));
        }
        if !problems.is_empty() {
            let text = self.style(Style::Yellow, &problems.join(" · "));
            self.line("problems", &text);
        }
    }

    fn batches(&mut self, batches: &[BatchRow]) {
        if batches.is_empty() {
            return;
        }
        self.heading("last batches");
        for row in batches.iter().take(MAX_BATCHES) {
            let mut parts = vec![format!("{} exported", count(row.exported as u64))];
            for (number, word) in [
                (row.unchanged, "unchanged"),
                (row.deleted, "deleted"),
                (row.cancelled, "cancelled"),
            ] {
                if number > 0 {
                    parts.push(format!("{} {word}", count(number as u64)));
                }
            }
            if row.failed > 0 {
                parts.push(self.style(Style::Red, &format!("{} failed", count(row.failed as u64))));
            }
            let speedup = speedup(row.speedup)
                .filter(|_| row.jobs > 1)
                .map_or_else(String::new, |times| format!("  {times}"));
            self.text(&format!(
                "  #{} {} {}  {} in {}{speedup}\n",
                row.batch,
                (self.view.clock)(row.started()),
                self.style(Style::Dim, row.trigger.as_str()),
                parts.join(" · "),
                milliseconds(row.elapsed_ms)
            ));
        }
    }

    fn failures(&mut self, failures: &[Failure]) {
        if failures.is_empty() {
            return;
        }
        self.heading("failing");
        for failure in failures.iter().take(MAX_FAILURES) {
            let again = failure
                .retry_in_ms
                .map_or("when its note changes".to_owned(), |ms| {
                    format!("in {}", milliseconds(ms as f64))
                });
            let again = self.style(
                Style::Dim,
                &format!("tried {}, again {again}", times(failure.attempt)),
            );
            let name = self.style(Style::Bold, &job_name(&failure.note, &failure.format));
            let mark = self.style(Style::Red, "✗");
            self.text(&format!(
                "  {mark} {name}: {}  {again}\n",
                safe(&failure.error)
            ));
        }
        self.more(failures.len());
    }

    /// What the system refused, path by path, and why.
    fn refused(&mut self, what: &str, refused: &[Refused]) {
        if refused.is_empty() {
            return;
        }
        self.heading(what);
        for Refused { path, error } in refused.iter().take(MAX_FAILURES) {
            let name = self.style(Style::Bold, &safe(path));
            let mark = self.style(Style::Red, "✗");
            self.text(&format!("  {mark} {name}: {}\n", safe(error)));
        }
        self.more(refused.len());
    }

    /// Of a list only so much is shown.
    fn more(&mut self, length: usize) {
        if length > MAX_FAILURES {
            let more = counted((length - MAX_FAILURES) as u64, "more", "more");
            self.text(&format!("  … and {more}; status --json has them all\n"));
        }
    }

    fn heading(&mut self, text: &str) {
        let text = self.style(Style::Bold, text);
        self.text(&format!("\n{text}\n"));
    }
}

fn times(attempt: u32) -> String {
    match attempt {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    }
}
