//! From a YAML text to a [`Config`], or to everything that is wrong with it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::environment::{Environment, Files};
use super::error::ConfigErrors;
use super::folders::{self, Folder};
use super::formats;
use super::reader::{Node, Place, Problems, Section};
use super::values::{self, Zero};
use super::yaml::{self, Raw, SyntaxError};
use super::{Attachments, Config, Debounce, Layout, Log, LogFormat, OnError, Watch, WatchMode};

const TOP: [&str; 15] = [
    "notes_dir",
    "export_dir",
    "state_dir",
    "formats",
    "max_concurrent",
    "debounce",
    "layout",
    "include",
    "exclude",
    "skip_tags",
    "only_tags",
    "attachments",
    "on_error",
    "watch",
    "log",
];
const DEBOUNCE: [&str; 2] = ["quiet", "max_wait"];
const WATCH: [&str; 3] = ["mode", "poll_interval", "rescan"];
const LOG: [&str; 2] = ["format", "level"];
/// Keys of the sections, for those who write them at the top.
const NESTED: [&str; 7] = [
    "debounce.quiet",
    "debounce.max_wait",
    "watch.mode",
    "watch.poll_interval",
    "watch.rescan",
    "log.format",
    "log.level",
];

/// The highest `max_concurrent`.
pub const MOST_CONCURRENT: u16 = 4096;

/// The text of a config and what its relative paths are relative to.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// How messages name it; `None` where there is no file and its text is empty.
    pub name: Option<&'a str>,
    /// Its YAML.
    pub text: &'a str,
    /// The folder it lies in, absolute.
    pub folder: &'a Path,
}

/// What the command line says in place of the two required keys; relative to the current folder.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--notes`.
    pub notes: Option<PathBuf>,
    /// `--export`.
    pub export: Option<PathBuf>,
}

/// Reads a config.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(
    document: &Document,
    overrides: &Overrides,
    environment: &Environment,
    files: &dyn Files,
) -> Result<Config, ConfigErrors> {
    // `serde_yaml` would take a byte order mark for a first, empty document.
    let text = document
        .text
        .strip_prefix('\u{feff}')
        .unwrap_or(document.text);
    let raw = yaml::read(text).map_err(|error| {
        let name = document.name.unwrap_or("config");
        let SyntaxError {
            position,
            message,
            advice,
        } = error;
        ConfigErrors::new([format!(
            "{name}:{position}: not valid YAML: {message}; {advice}"
        )])
    })?;
    let mut checker = Checker {
        document,
        overrides,
        environment,
        files,
        problems: Problems::default(),
    };
    let config = checker.config(&raw);
    checker.problems.into_result(document.name, text)?;
    Ok(config)
}

/// The state folder of a config that may be wrong. Where it is not even YAML, the lines before the mistake count.
pub(super) fn state_dir(
    document: &Document,
    overrides: &Overrides,
    environment: &Environment,
    files: &dyn Files,
) -> Option<PathBuf> {
    let ends = document.text.rmatch_indices('\n').map(|(end, _)| end);
    let raw = std::iter::once(document.text.len())
        .chain(ends)
        .find_map(|end| yaml::read(&document.text[..end]).ok())?;
    let mut checker = Checker {
        document,
        overrides,
        environment,
        files,
        problems: Problems::default(),
    };
    let config = checker.config(&raw);
    Some(config.state_dir).filter(|folder| folder.is_absolute())
}

struct Checker<'a> {
    document: &'a Document<'a>,
    overrides: &'a Overrides,
    environment: &'a Environment,
    files: &'a dyn Files,
    problems: Problems,
}

impl Checker<'_> {
    /// A default stands in for each value that was refused: the config counts only where no problem was reported.
    fn config(&mut self, raw: &Raw) -> Config {
        let top = Section::read(&Node::root(raw), &TOP, &NESTED, &mut self.problems);
        let notes = self.required_folder(
            &top,
            "notes_dir",
            "--notes",
            self.overrides.notes.as_deref(),
        );
        let export = self.required_folder(
            &top,
            "export_dir",
            "--export",
            self.overrides.export.as_deref(),
        );
        let state = self.state_dir(&top);
        let all = [notes.as_ref(), export.as_ref(), state.as_ref()];
        folders::check_apart(all[0], all[1], all[2], self.files, &mut self.problems);
        let path = |folder: Option<Folder>| folder.map(|folder| folder.path).unwrap_or_default();
        let layout = self
            .word(&top, "layout", &LAYOUTS)
            .unwrap_or(Layout::Mirror);
        Config {
            notes_dir: path(notes),
            export_dir: path(export),
            state_dir: path(state),
            formats: self.formats(&top, layout),
            max_concurrent: self.max_concurrent(&top),
            debounce: self.debounce(&top),
            layout,
            include: self.include(&top),
            exclude: self.list(&top, "exclude", values::globs),
            skip_tags: self.list(&top, "skip_tags", values::tags),
            only_tags: self.list(&top, "only_tags", values::tags),
            attachments: self
                .word(&top, "attachments", &ATTACHMENTS)
                .unwrap_or(Attachments::Referenced),
            on_error: self
                .word(&top, "on_error", &ON_ERROR)
                .unwrap_or(OnError::Continue),
            watch: self.watch(&top),
            log: self.log(&top),
        }
    }

    fn required_folder(
        &mut self,
        top: &Section,
        key: &'static str,
        flag: &'static str,
        given: Option<&Path>,
    ) -> Option<Folder> {
        if let Some(path) = given {
            let place = Place::Flag(flag);
            if path.as_os_str().is_empty() {
                self.problems
                    .report(&place, key, "the path is empty; name a folder");
                return None;
            }
            let path = folders::tidy(&self.environment.current_folder.join(path), self.files);
            return Some(Folder { key, path, place });
        }
        let Some(node) = top.get(key) else {
            let message = format!("is missing; add `{key}: FOLDER`, or start with {flag} FOLDER");
            self.problems.report(&Place::Nowhere, key, message);
            return None;
        };
        self.folder(node, key)
    }

    fn folder(&mut self, node: &Node, key: &'static str) -> Option<Folder> {
        let text = node.text(&mut self.problems, "the path of a folder")?;
        match folders::resolve(text, self.document.folder, self.environment, self.files) {
            Ok(path) => Some(Folder {
                key,
                path,
                place: node.place.clone(),
            }),
            Err(message) => {
                node.refuse(&mut self.problems, message);
                None
            }
        }
    }

    fn state_dir(&mut self, top: &Section) -> Option<Folder> {
        let key = "state_dir";
        if let Some(node) = top.get(key) {
            return self.folder(node, key);
        }
        let of_systemd = self
            .environment
            .folders("STATE_DIRECTORY")
            .into_iter()
            .next();
        let path = of_systemd.or_else(|| {
            let states = self
                .environment
                .base_folder("XDG_STATE_HOME", ".local/state")?;
            Some(states.join("smartnotesd"))
        });
        let Some(path) = path else {
            let message = "there is no home folder to put it in; set state_dir";
            self.problems.report(&Place::Nowhere, key, message);
            return None;
        };
        Some(Folder {
            key,
            path,
            place: Place::Nowhere,
        })
    }

    fn formats(&mut self, top: &Section, layout: Layout) -> Vec<super::Format> {
        let Some(node) = top.get("formats") else {
            return formats::default();
        };
        let (environment, files) = (self.environment, self.files);
        let reader = formats::Reader {
            base: self.document.folder,
            environment,
            files,
            layout,
        };
        reader.formats(node, &mut self.problems)
    }

    fn max_concurrent(&mut self, top: &Section) -> NonZeroUsize {
        const DEFAULT: NonZeroUsize = NonZeroUsize::new(8).expect("8 is not zero");
        let Some(node) = top.get("max_concurrent") else {
            return DEFAULT;
        };
        let Some(number) = node.integer(&mut self.problems) else {
            return DEFAULT;
        };
        let limit = usize::try_from(number)
            .ok()
            .filter(|_| number <= i128::from(MOST_CONCURRENT))
            .and_then(NonZeroUsize::new);
        limit.unwrap_or_else(|| {
            let message =
                format!("{number} is out of range; give a number from 1 to {MOST_CONCURRENT}");
            node.refuse(&mut self.problems, message);
            DEFAULT
        })
    }

    fn debounce(&mut self, top: &Section) -> Debounce {
        let section = self.section(top, "debounce", &DEBOUNCE);
        let quiet = self.duration(&section, "quiet", Zero::Allowed, Duration::from_millis(200));
        let max_wait = self.duration(&section, "max_wait", Zero::Allowed, Duration::from_secs(2));
        if let (Some(quiet), Some(max_wait)) = (quiet, max_wait)
            && quiet > max_wait
        {
            let message = format!(
                "quiet ({}) is longer than max_wait ({}); make quiet shorter or max_wait longer",
                humantime::format_duration(quiet),
                humantime::format_duration(max_wait),
            );
            // One of the two was written, since the defaults agree.
            if let Some(node) = section.get("quiet").or_else(|| section.get("max_wait")) {
                node.refuse(&mut self.problems, message);
            }
        }
        Debounce {
            quiet: quiet.unwrap_or_default(),
            max_wait: max_wait.unwrap_or_default(),
        }
    }

    fn include(&mut self, top: &Section) -> Vec<String> {
        let Some(node) = top.get("include") else {
            return vec!["*.md".to_owned(), "*.markdown".to_owned()];
        };
        if matches!(node.raw, Raw::List(items) if items.is_empty()) {
            node.refuse(
                &mut self.problems,
                "is empty, so that no file would be a note; name a glob such as \"*.md\"",
            );
        }
        values::globs(node, &mut self.problems).unwrap_or_default()
    }

    fn watch(&mut self, top: &Section) -> Watch {
        let section = self.section(top, "watch", &WATCH);
        let mode = self
            .word(&section, "mode", &WATCH_MODES)
            .unwrap_or(WatchMode::Auto);
        let poll_interval = self.duration(
            &section,
            "poll_interval",
            Zero::Refused,
            Duration::from_secs(2),
        );
        let rescan = self.duration(
            &section,
            "rescan",
            Zero::Allowed,
            Duration::from_secs(60 * 60),
        );
        Watch {
            mode,
            poll_interval: poll_interval.unwrap_or_default(),
            rescan: rescan.filter(|time| !time.is_zero()),
        }
    }

    fn log(&mut self, top: &Section) -> Log {
        let section = self.section(top, "log", &LOG);
        let format = self
            .word(&section, "format", &LOG_FORMATS)
            .unwrap_or(LogFormat::Auto);
        let level = section
            .get("level")
            .and_then(|node| values::log_level(node, &mut self.problems));
        Log {
            format,
            level: level.unwrap_or_else(|| "info".to_owned()),
        }
    }

    fn section<'r>(&mut self, top: &Section<'r>, key: &str, known: &[&str]) -> Section<'r> {
        top.get(key).map_or_else(Section::empty, |node| {
            Section::read(node, known, &[], &mut self.problems)
        })
    }

    /// `None` where it was refused.
    fn duration(
        &mut self,
        section: &Section,
        key: &str,
        zero: Zero,
        default: Duration,
    ) -> Option<Duration> {
        section.get(key).map_or(Some(default), |node| {
            values::duration(node, zero, &mut self.problems)
        })
    }

    fn word<T: Copy>(&mut self, section: &Section, key: &str, words: &[(&str, T)]) -> Option<T> {
        section
            .get(key)
            .and_then(|node| values::word(node, words, &mut self.problems))
    }

    fn list(
        &mut self,
        top: &Section,
        key: &str,
        read: fn(&Node, &mut Problems) -> Option<Vec<String>>,
    ) -> Vec<String> {
        top.get(key)
            .and_then(|node| read(node, &mut self.problems))
            .unwrap_or_default()
    }
}

/// The words of each enum in the config; `render` writes the same.
pub(super) const LAYOUTS: [(&str, Layout); 2] =
    [("mirror", Layout::Mirror), ("slug", Layout::Slug)];
pub(super) const ATTACHMENTS: [(&str, Attachments); 3] = [
    ("referenced", Attachments::Referenced),
    ("all", Attachments::All),
    ("none", Attachments::None),
];
pub(super) const ON_ERROR: [(&str, OnError); 2] =
    [("continue", OnError::Continue), ("stop", OnError::Stop)];
pub(super) const WATCH_MODES: [(&str, WatchMode); 3] = [
    ("auto", WatchMode::Auto),
    ("native", WatchMode::Native),
    ("poll", WatchMode::Poll),
];
pub(super) const LOG_FORMATS: [(&str, LogFormat); 5] = [
    ("auto", LogFormat::Auto),
    ("pretty", LogFormat::Pretty),
    ("plain", LogFormat::Plain),
    ("json", LogFormat::Json),
    ("journald", LogFormat::Journald),
];
