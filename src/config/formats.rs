//! The outputs of every note: what `formats` may say.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::environment::{Environment, Files};
use super::folders;
use super::reader::{Node, Problems, Section, nearest, quoted};
use super::values::{self, Zero};
use super::{CommandLine, Format, FormatKind, Layout, TemplateFile};
use crate::path::{OutputPath, PathError};

/// What a command's arguments may hold; each stands in braces.
const PLACEHOLDERS: [&str; 5] = ["input", "output", "note", "title", "folder"];

const OPTIONS: [&str; 5] = ["dir", "extension", "command", "timeout", "template"];
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// A format that needs no option, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Builtin {
    Markdown,
    Html,
    Json,
    Csv,
}

impl Builtin {
    const NAMES: [&str; 4] = ["markdown", "html", "json", "csv"];

    fn from_name(name: &str) -> Option<Self> {
        match name {
            "markdown" => Some(Self::Markdown),
            "html" => Some(Self::Html),
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}

/// The formats where the config names none.
pub(super) fn default() -> Vec<Format> {
    let extension = Builtin::Markdown.extension().into();
    vec![Format {
        name: "markdown".into(),
        dir: "".into(),
        extension,
        kind: FormatKind::Markdown(None),
    }]
}

/// What paths and templates are read with.
pub(super) struct Reader<'a> {
    pub(super) base: &'a Path,
    pub(super) environment: &'a Environment,
    pub(super) files: &'a dyn Files,
    pub(super) layout: Layout,
}

impl Reader<'_> {
    /// Reads the map `formats`.
    pub(super) fn formats(&self, node: &Node, problems: &mut Problems) -> Vec<Format> {
        let Some(entries) = node.entries(problems) else {
            return Vec::new();
        };
        if entries.is_empty() {
            node.refuse(
                problems,
                "names no format; name at least one, such as `markdown:`",
            );
        }
        let mut formats: Vec<(Format, &Node)> = Vec::new();
        for (name, entry) in &entries {
            let Some(format) = self.format(name, entry, problems) else {
                continue;
            };
            if let Some((other, _)) = formats
                .iter()
                .find(|(other, _)| self.may_meet(other, &format))
            {
                problems.report(&entry.key_place, &entry.key, collision(other, &format));
            }
            formats.push((format, entry));
        }
        formats.into_iter().map(|(format, _)| format).collect()
    }

    fn format(&self, name: &str, node: &Node, problems: &mut Problems) -> Option<Format> {
        let allowed =
            |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
        if name.is_empty() || !name.chars().all(allowed) {
            let message = "a format's name has only letters, digits, - and _; choose another name";
            problems.report(&node.key_place, &node.key, message);
        }
        let builtin = Builtin::from_name(name);
        let options = Section::read(node, &OPTIONS, &[], problems);
        let dir = options
            .get("dir")
            .map_or(Some("".into()), |dir| read_dir(dir, problems));
        let kind = self.kind(name, builtin, node, &options, problems);
        let extension = match (options.get("extension"), builtin) {
            (Some(extension), _) => read_extension(extension, problems),
            (None, Some(builtin)) => Some(builtin.extension().into()),
            (None, None) => {
                // Where there is no kind, the name itself is likely to be the mistake.
                if kind.is_some() {
                    let key = format!("{}.extension", node.key);
                    problems.report(
                        &node.key_place,
                        &key,
                        "is missing; name the extension of the files, such as docx",
                    );
                }
                None
            }
        };
        Some(Format {
            name: name.into(),
            dir: dir?,
            extension: extension?,
            kind: kind?,
        })
    }

    fn kind(
        &self,
        name: &str,
        builtin: Option<Builtin>,
        node: &Node,
        options: &Section,
        problems: &mut Problems,
    ) -> Option<FormatKind> {
        let template = options
            .get("template")
            .map(|node| (node, self.template(node, problems)));
        let timeout = options
            .get("timeout")
            .map(|node| (node, values::duration(node, Zero::Refused, problems)));
        let command = options
            .get("command")
            .map(|node| (node, self.command(node, problems)));
        if let (Some((timeout, _)), None) = (&timeout, &command) {
            timeout.refuse(
                problems,
                "only a format with a command has a timeout; take it out",
            );
        }
        if let Some(builtin) = builtin {
            if let Some((command, _)) = command {
                let message = format!(
                    "{name} is built in and takes no command; give the format another name"
                );
                command.refuse(problems, message);
                return None;
            }
            return builtin_kind(name, builtin, template, problems);
        }
        match (command, template) {
            (Some(_), Some((template, _))) => {
                template.refuse(
                    problems,
                    "a format has either a command or a template; take one of the two out",
                );
                None
            }
            (Some((_, arguments)), None) => {
                let timeout = timeout.map_or(Some(DEFAULT_TIMEOUT), |(_, timeout)| timeout);
                Some(FormatKind::Command(CommandLine {
                    arguments: arguments?,
                    timeout: timeout?,
                }))
            }
            (None, Some((_, template))) => template.map(FormatKind::Template),
            (None, None) => {
                let near = nearest(name, &Builtin::NAMES)
                    .map_or_else(String::new, |near| format!("did you mean `{near}`? Else "));
                let message = format!("is not built in; {near}give it a command or a template");
                problems.report(&node.key_place, &node.key, message);
                None
            }
        }
    }

    fn template(&self, node: &Node, problems: &mut Problems) -> Option<TemplateFile> {
        let path = self.path(
            node,
            node.text(problems, "the path of a template file")?,
            problems,
        )?;
        let shown = path.display();
        let source = match self.files.read_template(&path) {
            Ok(source) => source,
            Err(error) => {
                node.refuse(
                    problems,
                    format!("{shown} cannot be read ({error}); name a text file"),
                );
                return None;
            }
        };
        if let Err(error) = minijinja::Environment::new().template_from_str(&source) {
            let line = error.line().unwrap_or(1);
            let detail = error
                .detail()
                .map_or_else(|| error.kind().to_string(), str::to_owned);
            node.refuse(
                problems,
                format!("{shown}:{line}: {detail}; correct the template"),
            );
            return None;
        }
        Some(TemplateFile { path, source })
    }

    fn path(&self, node: &Node, text: &str, problems: &mut Problems) -> Option<PathBuf> {
        folders::resolve(text, self.base, self.environment, self.files)
            .map_err(|message| node.refuse(problems, message))
            .ok()
    }

    fn command(&self, node: &Node, problems: &mut Problems) -> Option<Vec<String>> {
        let items = node.list(problems, "[pandoc, \"{input}\", -o, \"{output}\"]")?;
        if items.is_empty() {
            node.refuse(problems, "is empty; name at least the program");
            return None;
        }
        let arguments: Vec<Option<String>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let text = item.text(problems, "text")?;
                if index == 0 {
                    self.program(item, text, problems)
                } else {
                    argument(item, text, problems)
                }
            })
            .collect();
        arguments.into_iter().collect()
    }

    /// A program with a `/` is a path like any other in the config; any other is looked up in `PATH` when it runs.
    fn program(&self, node: &Node, text: &str, problems: &mut Problems) -> Option<String> {
        let program = if text.contains('/') {
            let path = self.path(node, text, problems)?;
            path.into_os_string().into_string().map_err(|path| {
                let message = format!(
                    "{} is not UTF-8; choose another path",
                    path.to_string_lossy()
                );
                node.refuse(problems, message);
            })
        } else {
            Ok(text.to_owned())
        };
        let program = program.ok()?;
        let wrong = if program.is_empty() || program.contains('\0') {
            "the program's name is empty or holds a NUL byte; name the program"
        } else if placeholders(&program).any(|(_, name)| PLACEHOLDERS.contains(&name)) {
            "a note cannot choose the program; use placeholders in the arguments only"
        } else {
            return Some(program);
        };
        node.refuse(problems, wrong);
        None
    }

    /// Whether some pair of notes could give both formats the same file.
    fn may_meet(&self, a: &Format, b: &Format) -> bool {
        let nested = self.layout == Layout::Mirror
            && (lies_inside(&a.dir, &b.dir) || lies_inside(&b.dir, &a.dir));
        a.extension == b.extension && (a.dir == b.dir || nested)
    }
}

/// What a built-in format is with its template, if it has one: that is `None` where it was refused.
fn builtin_kind(
    name: &str,
    builtin: Builtin,
    template: Option<(&Node, Option<TemplateFile>)>,
    problems: &mut Problems,
) -> Option<FormatKind> {
    match (builtin, template) {
        (Builtin::Markdown, None) => Some(FormatKind::Markdown(None)),
        (Builtin::Markdown, Some((_, template))) => Some(FormatKind::Markdown(Some(template?))),
        (Builtin::Html, None) => Some(FormatKind::Html(None)),
        (Builtin::Html, Some((_, template))) => Some(FormatKind::Html(Some(template?))),
        (Builtin::Json, None) => Some(FormatKind::Json),
        (Builtin::Csv, None) => Some(FormatKind::Csv),
        (Builtin::Json | Builtin::Csv, Some((template, _))) => {
            let message = format!("{name} takes no template; give the format another name");
            template.refuse(problems, message);
            None
        }
    }
}

fn lies_inside(inner: &str, outer: &str) -> bool {
    outer.is_empty()
        || inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.starts_with('/'))
}

fn collision(first: &Format, second: &Format) -> String {
    let folder = |format: &Format| {
        if format.dir.is_empty() {
            ".".to_owned()
        } else {
            format.dir.to_string()
        }
    };
    format!(
        "{} (in {}) and {} (in {}) could write the same .{} file; give one of them a `dir` beside the other's, or another extension",
        first.name,
        folder(first),
        second.name,
        folder(second),
        first.extension,
    )
}

fn read_dir(node: &Node, problems: &mut Problems) -> Option<Box<str>> {
    let text = node.text(problems, "a subfolder of export_dir")?;
    match OutputPath::new(text) {
        Ok(dir) => return Some(dir.as_str().into()),
        Err(PathError::Empty) => return Some("".into()),
        Err(PathError::Escapes) => {
            let message = format!(
                "{} leads out of export_dir; name a folder inside it",
                quoted(text)
            );
            node.refuse(problems, message);
        }
        Err(error @ (PathError::BadName | PathError::NotUtf8)) => {
            node.refuse(
                problems,
                format!("{error}; choose a shorter or plainer name"),
            );
        }
    }
    None
}

fn read_extension(node: &Node, problems: &mut Problems) -> Option<Box<str>> {
    const LONGEST: usize = 32;
    let text = node.text(problems, "an extension such as html")?;
    let extension = text.strip_prefix('.').unwrap_or(text);
    let allowed = |character: char| character.is_alphanumeric() || "-_+.".contains(character);
    let safe = extension.chars().all(allowed) && extension.split('.').all(|part| !part.is_empty());
    if !safe || extension.len() > LONGEST {
        let message = format!(
            "{} is not an extension; use letters and digits, such as html",
            quoted(text)
        );
        node.refuse(problems, message);
        return None;
    }
    Some(extension.into())
}

fn argument(node: &Node, text: &str, problems: &mut Problems) -> Option<String> {
    // `${word}` is most likely for the shell that the command starts.
    let unknown = placeholders(text)
        .find(|(before, name)| !before.ends_with('$') && !PLACEHOLDERS.contains(name));
    if let Some((_, name)) = unknown {
        let known = PLACEHOLDERS.map(|name| format!("{{{name}}}")).join(", ");
        let advice = nearest(name, &PLACEHOLDERS).map_or_else(
            || format!("known are {known}"),
            |near| format!("did you mean `{{{near}}}`? Known are {known}"),
        );
        node.refuse(
            problems,
            format!("`{{{name}}}` is not a placeholder; {advice}"),
        );
        return None;
    }
    if text.contains('\0') {
        node.refuse(problems, "an argument holds no NUL byte; take it out");
        return None;
    }
    Some(text.to_owned())
}

/// Each `{word}` of `text`, with what comes before it.
fn placeholders(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.match_indices('{').filter_map(move |(open, _)| {
        let (name, _) = text[open + 1..].split_once('}')?;
        let is_word = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit());
        is_word.then_some((&text[..open], name))
    })
}
