//! A checked config as YAML, and the difference of two.

use std::path::Path;
use std::time::Duration;

use serde_yaml::Value;

use super::check::{ATTACHMENTS, LAYOUTS, LOG_FORMATS, ON_ERROR, WATCH_MODES};
use super::folders::escape;
use super::{CommandLine, Config, Format, FormatKind, TemplateFile};

impl Config {
    /// Every key with its value, as YAML that reads back as the same config; `origin` goes into a comment at its head.
    /// A path that is not UTF-8 is shown as well as it can be.
    ///
    /// # Panics
    /// Never: what it writes is a plain tree that YAML can always hold.
    pub fn to_yaml(&self, origin: &str) -> String {
        let origin: String = origin
            .chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect();
        let body = serde_yaml::to_string(&self.to_value())
            .expect("a tree of maps with text keys, lists, texts and numbers is always YAML");
        format!("# from {origin}\n{body}")
    }

    fn to_value(&self) -> Value {
        let formats = self
            .formats
            .iter()
            .map(|format| (format.name.to_string(), format_value(format)));
        map([
            ("notes_dir", path(&self.notes_dir)),
            ("export_dir", path(&self.export_dir)),
            ("state_dir", path(&self.state_dir)),
            (
                "formats",
                Value::Mapping(formats.map(|(name, value)| (name.into(), value)).collect()),
            ),
            ("max_concurrent", self.max_concurrent.get().into()),
            (
                "debounce",
                map([
                    ("quiet", time(self.debounce.quiet)),
                    ("max_wait", time(self.debounce.max_wait)),
                ]),
            ),
            ("layout", word(&LAYOUTS, &self.layout)),
            ("include", list(&self.include)),
            ("exclude", list(&self.exclude)),
            ("skip_tags", list(&self.skip_tags)),
            ("only_tags", list(&self.only_tags)),
            ("attachments", word(&ATTACHMENTS, &self.attachments)),
            ("on_error", word(&ON_ERROR, &self.on_error)),
            (
                "watch",
                map([
                    ("mode", word(&WATCH_MODES, &self.watch.mode)),
                    ("poll_interval", time(self.watch.poll_interval)),
                    ("rescan", time(self.watch.rescan.unwrap_or(Duration::ZERO))),
                ]),
            ),
            (
                "log",
                map([
                    ("format", word(&LOG_FORMATS, &self.log.format)),
                    ("level", self.log.level.as_str().into()),
                ]),
            ),
        ])
    }
}

fn format_value(format: &Format) -> Value {
    let dir = if format.dir.is_empty() {
        "."
    } else {
        &*format.dir
    };
    let mut options = vec![
        ("dir", Value::from(dir)),
        ("extension", Value::from(&*format.extension)),
    ];
    if let Some(template) = template_of(format) {
        options.push(("template", path(&template.path)));
    }
    if let FormatKind::Command(CommandLine { arguments, timeout }) = &format.kind {
        let mut arguments = arguments.clone();
        if let Some(program) = arguments
            .first_mut()
            .filter(|program| program.contains('/'))
        {
            *program = escape(Path::new(program));
        }
        options.push(("command", list(&arguments)));
        options.push(("timeout", time(*timeout)));
    }
    map(options)
}

fn template_of(format: &Format) -> Option<&TemplateFile> {
    match &format.kind {
        FormatKind::Markdown(template) | FormatKind::Html(template) => template.as_ref(),
        FormatKind::Template(template) => Some(template),
        FormatKind::Json | FormatKind::Csv | FormatKind::Command(_) => None,
    }
}

fn map<'k>(entries: impl IntoIterator<Item = (&'k str, Value)>) -> Value {
    Value::Mapping(
        entries
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect(),
    )
}

fn path(path: &Path) -> Value {
    escape(path).into()
}

fn time(time: Duration) -> Value {
    humantime::format_duration(time).to_string().into()
}

fn list(texts: &[String]) -> Value {
    texts
        .iter()
        .map(|text| Value::from(text.as_str()))
        .collect::<Vec<_>>()
        .into()
}

fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> Value {
    let word = words
        .iter()
        .find(|(_, candidate)| candidate == value)
        .map(|(word, _)| *word);
    word.expect("the table of words has every value of its enum")
        .into()
}

/// The dotted keys that differ, in the order of the config: `max_concurrent`, `debounce.quiet`, `formats.html.template`.
///
/// A format that came or went is named as a whole, a template whose text changed by its key, a new order as `formats`.
pub fn changed_keys(old: &Config, new: &Config) -> Vec<String> {
    let mut changed = Vec::new();
    compare("", &old.to_value(), &new.to_value(), &mut changed);
    let names = |config: &Config| -> Vec<Box<str>> {
        config
            .formats
            .iter()
            .map(|format| format.name.clone())
            .collect()
    };
    let (old_names, new_names) = (names(old), names(new));
    let kept = |names: &[Box<str>], other: &[Box<str>]| -> Vec<Box<str>> {
        names
            .iter()
            .filter(|name| other.contains(name))
            .cloned()
            .collect()
    };
    if kept(&old_names, &new_names) != kept(&new_names, &old_names) {
        changed.push("formats".to_owned());
    }
    for format in &new.formats {
        let before = old.formats.iter().find(|before| before.name == format.name);
        let key = format!("formats.{}.template", format.name);
        let same_path_other_text = before
            .and_then(template_of)
            .zip(template_of(format))
            .is_some_and(|(before, after)| {
                before.path == after.path && before.source != after.source
            });
        if same_path_other_text {
            changed.push(key);
        }
    }
    changed
}

fn compare(key: &str, old: &Value, new: &Value, changed: &mut Vec<String>) {
    let (Value::Mapping(old), Value::Mapping(new)) = (old, new) else {
        if old != new {
            changed.push(key.to_owned());
        }
        return;
    };
    let added = new.keys().filter(|name| !old.contains_key(*name));
    for name in old.keys().chain(added) {
        let name_text = name.as_str().unwrap_or_default();
        let key = if key.is_empty() {
            name_text.to_owned()
        } else {
            format!("{key}.{name_text}")
        };
        match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) => compare(&key, old, new, changed),
            _ => changed.push(key),
        }
    }
}
