//! Why a note is exported, and why again: what it depends on, what depends on it, its outputs, its problems.
//!
//! Made from the vault, what failed and what can't be read, by the daemon or by the command when none runs; whether an output is there is asked of the disk.

use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::engine::{Failures, NotWithdrawn, Unreadable};
use crate::manifest::Owner;
use crate::path::NotePath;
use crate::report::safe::safe;
use crate::vault::view::leads_nowhere;
use crate::vault::{
    Candidates, Edge, FileId, NoteFacts, Nowhere, Place, Privacy, Target, Targets, Through, Vault,
};

/// What there is to tell of a note.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    note: String,
    title: String,
    tags: Vec<String>,
    aliases: Vec<String>,
    exported: bool,
    /// Why it is not exported.
    kept_out: Option<String>,
    /// What its outputs are made from besides its own text.
    depends_on: Vec<Dependency>,
    /// Whose outputs are made from it.
    dependents: Vec<Dependency>,
    outputs: Vec<Output>,
    problems: Vec<String>,
    unresolved: Vec<String>,
    ambiguous: Vec<Ambiguous>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Dependency {
    note: String,
    how: String,
    /// The embedded note that shows it; `None` where it needs none between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    through: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Output {
    format: String,
    path: String,
    exists: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ambiguous {
    link: String,
    taken: String,
    candidates: Vec<String>,
}

/// What an explanation is made from.
pub struct Known<'a> {
    /// The notes.
    pub vault: &'a Vault,
    /// The config in force.
    pub config: &'a Config,
    /// What failed.
    pub failures: &'a Failures,
    /// What can't be read.
    pub unreadable: &'a Unreadable,
    /// Outputs that should have gone and are still there.
    pub not_withdrawn: &'a NotWithdrawn,
}

/// Explains the note that the user named: by its path in the vault, by a path to its file, or by a name that a link could
/// use.
///
/// # Errors
/// When there is no such note, in one line.
pub fn explain(known: &Known<'_>, note: &str) -> Result<Explanation, String> {
    let paths = paths(known.config, Path::new(note));
    let files = known.vault.files();
    let is_note = |id: &FileId| files.get(*id).is_note();
    let by_path = paths.iter().find_map(|path| files.find(path.as_str()));
    if let Some(id) = by_path.filter(is_note) {
        return Ok(explanation(known, id));
    }
    let hindered = |path: &NotePath| known.unreadable.hindrance(path.as_str());
    let hindrance = paths.iter().find_map(|path| Some((path, hindered(path)?)));
    if let Some((path, (top, error))) = hindrance
        && path.as_str() == top
    {
        return Ok(never_read(path, error));
    }
    if let Some(id) = known.vault.by_name(note).filter(is_note) {
        return Ok(explanation(known, id));
    }
    Err(match hindrance {
        Some((path, (top, error))) => {
            let (path, top) = (safe(path.as_str()), safe(top));
            format!(
                "{path}: whether there is such a note is unknown, since {top} can't be read: {error}"
            )
        }
        None => no_note(known.config, note, by_path.is_some(), &paths),
    })
}

/// Why there is no note called `note`, which may mean one of `paths`.
fn no_note(config: &Config, note: &str, is_attachment: bool, paths: &[NotePath]) -> String {
    let name = safe(note);
    let lies_there = |path: &NotePath| config.notes_dir.join(path.as_str()).is_file();
    if is_attachment {
        format!("{name}: it is no note but an attachment, since `include` does not take it")
    } else if paths.iter().any(lies_there) {
        format!(
            "{name}: it is left out: hidden files and editors' leftovers are, and what `include`, `exclude` or an \
             .exportignore says"
        )
    } else {
        format!("{name}: no such note in {}", config.notes_dir.display())
    }
}

/// The paths in the vault that the user may mean: as it is written, and that of a file with this name.
fn paths(config: &Config, note: &Path) -> Vec<NotePath> {
    let by_file = || {
        let real = std::fs::canonicalize(note).ok()?;
        let root = std::fs::canonicalize(&config.notes_dir).ok()?;
        NotePath::try_from(real.strip_prefix(root).ok()?).ok()
    };
    // A file in a folder that can't be read can't be asked for its real path.
    let by_prefix = || NotePath::try_from(note.strip_prefix(&config.notes_dir).ok()?).ok();
    let written = NotePath::try_from(note).ok();
    [written, by_file(), by_prefix()]
        .into_iter()
        .flatten()
        .collect()
}

/// There is a note of which nothing but its name is known.
fn never_read(path: &NotePath, error: &str) -> Explanation {
    Explanation {
        note: path.to_string(),
        title: path.stem().to_owned(),
        kept_out: Some("nobody knows what it says".to_owned()),
        problems: vec![unread(error)],
        ..Explanation::default()
    }
}

fn unread(error: &str) -> String {
    format!("it can't be read: {error}")
}

fn explanation(known: &Known<'_>, id: FileId) -> Explanation {
    let Known { vault, config, .. } = *known;
    let file = vault.files().get(id);
    let texts = |texts: &[Box<str>]| texts.iter().map(ToString::to_string).collect();
    let mut explanation = Explanation {
        note: file.path.to_string(),
        exported: file.exported,
        depends_on: dependencies(
            vault,
            &file.edges,
            &vault.depends_through(id),
            ["embeds", "links to"],
        ),
        dependents: dependencies(
            vault,
            &file.incoming,
            &vault.dependents_through(id),
            ["embedded in", "linked from"],
        ),
        outputs: outputs(vault, config, id),
        problems: failures(known, id),
        ..Explanation::default()
    };
    if let Some(facts) = file.facts() {
        explanation.title = facts.title.to_string();
        explanation.tags = texts(&facts.tags);
        explanation.aliases = texts(&facts.aliases);
        explanation.kept_out = (!file.exported).then(|| kept_out(vault, id, &facts));
        explain_links(vault, id, &facts, &mut explanation);
    }
    explanation
}

/// The files at the other ends of edges and how they hang together with this one, then those through other notes.
fn dependencies(
    vault: &Vault,
    edges: &[Edge],
    further: &[Through],
    [embed, link]: [&str; 2],
) -> Vec<Dependency> {
    let path = |id: FileId| vault.files().get(id).path.to_string();
    let dependency = |edge: Edge, through: Option<FileId>| Dependency {
        note: path(edge.id()),
        how: if edge.is_embed() { embed } else { link }.into(),
        through: through.map(path),
    };
    let direct = edges.iter().map(|edge| dependency(*edge, None));
    let mut dependencies: Vec<Dependency> = direct.collect();
    dependencies.sort_by(|a, b| (&a.note, &a.how).cmp(&(&b.note, &b.how)));
    let further = further.iter();
    dependencies.extend(further.map(|way| dependency(way.edge, Some(way.through))));
    dependencies
}

/// Why what is in the export, or is not there, may not be what the note says now.
fn failures(known: &Known<'_>, id: FileId) -> Vec<String> {
    let path = known.vault.files().get(id).path.as_str();
    let hindrance = known.unreadable.hindrance(path);
    let unread = hindrance.map(|(top, error)| {
        let unread = if top == path {
            unread(error)
        } else {
            format!("{top} can't be read: {error}")
        };
        format!("{unread}; what is known of the note is older")
    });
    let owner = Owner::Note(id);
    let failed = known.failures.iter().filter(|(key, _)| key.owner == owner);
    let failed = failed.map(|(key, failed)| format!("{}: {}", key.format, failed.error));
    let formats = 0..known.config.formats.len();
    let outputs = formats.map(|format| known.vault.output(id, format));
    let left = outputs.filter_map(|output| {
        let error = known.not_withdrawn.get(&output)?;
        Some(format!(
            "its output could not be withdrawn and is still there: {error}"
        ))
    });
    unread.into_iter().chain(failed).chain(left).collect()
}

fn kept_out(vault: &Vault, id: FileId, facts: &NoteFacts) -> String {
    if let Some(blocked) = vault.blocked(id, 0) {
        return blocked.to_string();
    }
    match facts.privacy {
        Privacy::Private => "its front matter keeps it private".to_owned(),
        Privacy::Withheld => "its front matter can't be read and may keep it private".to_owned(),
        Privacy::Unreadable => "its front matter can't be read, and tag filters are set".to_owned(),
        Privacy::Public => "skip_tags or only_tags keep it out".to_owned(),
    }
}

fn outputs(vault: &Vault, config: &Config, id: FileId) -> Vec<Output> {
    if !vault.files().get(id).exported {
        return Vec::new();
    }
    let formats = config.formats.iter().enumerate();
    formats
        .map(|(at, format)| {
            let path = vault.output(id, at);
            let exists = config.export_dir.join(path.as_path()).is_file();
            Output {
                format: format.name.to_string(),
                path: path.to_string(),
                exists,
            }
        })
        .collect()
}

fn explain_links(vault: &Vault, id: FileId, facts: &NoteFacts, explanation: &mut Explanation) {
    let path = |id: FileId| vault.files().get(id).path.to_string();
    if let Some(problem) = &facts.problem {
        let note = &explanation.note;
        explanation.problems.push(format!(
            "{note}:{}:{}: {}",
            problem.line, problem.column, problem.message
        ));
    }
    let targets = Targets::new(vault);
    for reference in &facts.refs {
        let separator = if reference.fragment.is_empty() {
            ""
        } else {
            "#"
        };
        let link = format!("{}{separator}{}", reference.target, reference.fragment);
        if let Candidates::Tie(ids) = vault.candidates(id, reference) {
            explanation.ambiguous.push(Ambiguous {
                link: link.clone(),
                taken: path(ids[0]),
                candidates: ids.into_iter().map(path).collect(),
            });
        }
        let target = targets.target(id, reference);
        if leads_nowhere(reference, target) {
            explanation.unresolved.push(link.clone());
        }
        match target {
            Target::Nowhere(Nowhere::Hidden) => {
                explanation.problems.push(format!(
                    "{link}: leads to a note that is kept out; it is exported as plain text"
                ));
            }
            Target::Nowhere(Nowhere::NotCopied) => {
                explanation
                    .problems
                    .push(format!("{link}: leads to a file that is not copied along"));
            }
            Target::Note(_, Place::Missing) => {
                explanation
                    .problems
                    .push(format!("{link}: the note has no such heading or block"));
            }
            Target::Note(..) | Target::File(_) | Target::Nowhere(Nowhere::Unresolved) => {}
        }
    }
}

/// The explanation for people.
pub fn text(explanation: &Explanation) -> String {
    let mut text = format!(
        "{}: {}\n",
        safe(&explanation.note),
        safe(&explanation.title)
    );
    let mut list = |heading: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = writeln!(text, "{heading}");
            for line in lines {
                let _ = writeln!(text, "  {}", safe(&line));
            }
        }
    };
    list("kept out", explanation.kept_out.iter().cloned().collect());
    list("tags", explanation.tags.clone());
    list("aliases", explanation.aliases.clone());
    let how = |dependency: &Dependency| {
        let Dependency { note, how, through } = dependency;
        let through = through
            .as_ref()
            .map(|through| format!(" through {through}"));
        format!("{how} {note}{}", through.unwrap_or_default())
    };
    list(
        "depends on",
        explanation.depends_on.iter().map(how).collect(),
    );
    list(
        "dependents",
        explanation.dependents.iter().map(how).collect(),
    );
    let output = |output: &Output| {
        let missing = if output.exists {
            ""
        } else {
            "  (not there yet)"
        };
        format!("{:10} {}{missing}", output.format, output.path)
    };
    list("outputs", explanation.outputs.iter().map(output).collect());
    list("problems", explanation.problems.clone());
    list("leads nowhere", explanation.unresolved.clone());
    let tie = |tie: &Ambiguous| {
        format!(
            "{} -> {} (of {})",
            tie.link,
            tie.taken,
            tie.candidates.join(", ")
        )
    };
    list(
        "several candidates",
        explanation.ambiguous.iter().map(tie).collect(),
    );
    text
}
