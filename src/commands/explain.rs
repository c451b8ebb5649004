//! `explain`: why a note is exported, and why again: what it depends on, what depends on it, its outputs, its problems.
//!
//! It reads the notes afresh, so it needs no daemon and tells how things are now.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::{CommandError, Outcome, print, print_json};
use crate::config::Loaded;
use crate::disk::{Content, OutputDisk, OutputError, OutputState, Owned, Staged, StagedFile};
use crate::engine::{Engine, Parts, Request, Unwatched};
use crate::export::Formats;
use crate::log::events::Trigger;
use crate::manifest::Manifest;
use crate::path::{NotePath, OutputPath};
use crate::session::open_notes;
use crate::vault::{Candidates, FileId, NoteFacts, Nowhere, Place, Privacy, Target, Vault};
use crate::watch::Dirty;

/// What there is to tell of a note.
#[derive(Debug, Serialize)]
struct Explanation {
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

#[derive(Debug, Serialize)]
struct Dependency {
    note: String,
    how: &'static str,
}

#[derive(Debug, Serialize)]
struct Output {
    format: String,
    path: String,
    exists: bool,
}

#[derive(Debug, Serialize)]
struct Ambiguous {
    link: String,
    taken: String,
    candidates: Vec<String>,
}

pub(super) fn explain(loaded: &Loaded, note: &Path, json: bool) -> Result<Outcome, CommandError> {
    let vault = read_vault(loaded)?;
    let id = find(&vault, loaded, note)?;
    let explanation = explanation(&vault, loaded, id);
    if json {
        print_json(&explanation)?;
    } else {
        print(&text(&explanation))?;
    }
    Ok(Outcome::Done)
}

fn read_vault(loaded: &Loaded) -> Result<Arc<Vault>, CommandError> {
    let parts = Parts {
        config: Arc::new(loaded.config.clone()),
        formats: Arc::new(Formats::new(&loaded.config)?),
        notes: Arc::new(open_notes(loaded)?),
        outputs: Arc::new(NoTree),
        manifest: Manifest::in_memory()?,
    };
    let now = Instant::now();
    let (mut engine, _) = Engine::open(parts, now).map_err(crate::session::SessionError::from)?;
    let dirty = Dirty { everything: true, ..Dirty::default() };
    let request = Request { trigger: Trigger::Once, dirty: &dirty, full: false, audit: false, always: false, now };
    // Only the look is wanted; the batch that it would lead to is not run.
    drop(engine.prepare(&request, &Unwatched)?);
    Ok(engine.vault().clone())
}

/// The note by its path in the vault, by a path to its file, or by a name that a link could use.
fn find(vault: &Vault, loaded: &Loaded, note: &Path) -> Result<FileId, CommandError> {
    let by_path = NotePath::try_from(note).ok().and_then(|path| vault.files().find(path.as_str()));
    let by_file = || {
        let real = std::fs::canonicalize(note).ok()?;
        let root = std::fs::canonicalize(&loaded.config.notes_dir).ok()?;
        let inside = real.strip_prefix(root).ok()?;
        vault.files().find(NotePath::try_from(inside).ok()?.as_str())
    };
    let by_name = || vault.by_name(note.to_str()?);
    by_path
        .or_else(by_file)
        .or_else(by_name)
        .filter(|&id| vault.files().get(id).is_note())
        .ok_or_else(|| CommandError::NotFound(format!("{}: no such note in {}", note.display(), loaded.config.notes_dir.display())))
}

fn explanation(vault: &Vault, loaded: &Loaded, id: FileId) -> Explanation {
    let file = vault.files().get(id);
    let facts = file.facts();
    let path = |id: FileId| vault.files().get(id).path.to_string();
    let texts = |texts: &[Box<str>]| texts.iter().map(ToString::to_string).collect();
    let mut explanation = Explanation {
        note: file.path.to_string(),
        title: facts.as_ref().map(|facts| facts.title.to_string()).unwrap_or_default(),
        tags: facts.as_ref().map(|facts| texts(&facts.tags)).unwrap_or_default(),
        aliases: facts.as_ref().map(|facts| texts(&facts.aliases)).unwrap_or_default(),
        exported: file.exported,
        kept_out: facts.as_ref().filter(|_| !file.exported).map(|facts| kept_out(vault, id, facts)),
        depends_on: file
            .edges
            .iter()
            .map(|edge| Dependency { note: path(edge.id()), how: if edge.is_embed() { "embeds" } else { "links to" } })
            .collect(),
        dependents: file
            .incoming
            .iter()
            .map(|edge| Dependency {
                note: path(edge.id()),
                how: if edge.is_embed() { "embedded in" } else { "linked from" },
            })
            .collect(),
        outputs: outputs(vault, loaded, id),
        problems: Vec::new(),
        unresolved: Vec::new(),
        ambiguous: Vec::new(),
    };
    explanation.depends_on.sort_by(|a, b| (&a.note, a.how).cmp(&(&b.note, b.how)));
    explanation.dependents.sort_by(|a, b| (&a.note, a.how).cmp(&(&b.note, b.how)));
    if let Some(facts) = facts {
        explain_links(vault, id, &facts, &mut explanation);
    }
    explanation
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

fn outputs(vault: &Vault, loaded: &Loaded, id: FileId) -> Vec<Output> {
    if !vault.files().get(id).exported {
        return Vec::new();
    }
    let formats = loaded.config.formats.iter().enumerate();
    formats
        .map(|(at, format)| {
            let path = vault.output(id, at);
            let exists = loaded.config.export_dir.join(path.as_path()).is_file();
            Output { format: format.name.to_string(), path: path.to_string(), exists }
        })
        .collect()
}

fn explain_links(vault: &Vault, id: FileId, facts: &NoteFacts, explanation: &mut Explanation) {
    let path = |id: FileId| vault.files().get(id).path.to_string();
    if let Some(problem) = &facts.problem {
        let note = &explanation.note;
        explanation.problems.push(format!("{note}:{}:{}: {}", problem.line, problem.column, problem.message));
    }
    for reference in &facts.refs {
        let separator = if reference.fragment.is_empty() { "" } else { "#" };
        let link = format!("{}{separator}{}", reference.target, reference.fragment);
        if let Candidates::Tie(ids) = vault.candidates(id, reference) {
            explanation.ambiguous.push(Ambiguous {
                link: link.clone(),
                taken: path(ids[0]),
                candidates: ids.into_iter().map(path).collect(),
            });
        }
        match vault.target(id, reference) {
            Target::Nowhere(Nowhere::Unresolved) => explanation.unresolved.push(link),
            Target::Nowhere(Nowhere::Hidden) => {
                explanation.problems.push(format!("{link}: leads to a note that is kept out; it is exported as plain text"));
            }
            Target::Nowhere(Nowhere::NotCopied) => {
                explanation.problems.push(format!("{link}: leads to a file that is not copied along"));
            }
            Target::Note(_, Place::Missing) => {
                explanation.problems.push(format!("{link}: the note has no such heading or block"));
            }
            Target::Note(..) | Target::File(_) => {}
        }
    }
}

fn text(explanation: &Explanation) -> String {
    let mut text = format!("{}: {}\n", explanation.note, explanation.title);
    let mut list = |heading: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = writeln!(text, "{heading}");
            for line in lines {
                let _ = writeln!(text, "  {line}");
            }
        }
    };
    list("kept out", explanation.kept_out.iter().cloned().collect());
    list("tags", explanation.tags.clone());
    list("aliases", explanation.aliases.clone());
    let how = |dependency: &Dependency| format!("{} {}", dependency.how, dependency.note);
    list("depends on", explanation.depends_on.iter().map(how).collect());
    list("dependents", explanation.dependents.iter().map(how).collect());
    let output = |output: &Output| {
        let missing = if output.exists { "" } else { "  (not there yet)" };
        format!("{:10} {}{missing}", output.format, output.path)
    };
    list("outputs", explanation.outputs.iter().map(output).collect());
    list("problems", explanation.problems.clone());
    list("leads nowhere", explanation.unresolved.clone());
    let tie = |tie: &Ambiguous| format!("{} -> {} (of {})", tie.link, tie.taken, tie.candidates.join(", "));
    list("several candidates", explanation.ambiguous.iter().map(tie).collect());
    text
}

/// No export tree: nothing is written to explain something.
struct NoTree;

impl OutputDisk for NoTree {
    fn stage(&self, path: &OutputPath, _: Content<'_>, _: Owned<'_>) -> Result<Staged, OutputError> {
        Err(OutputError::Blocked(path.clone()))
    }

    fn flush(&self) -> std::io::Result<()> {
        Ok(())
    }

    fn publish(&self, staged: StagedFile, _: &mut dyn FnMut(OutputPath)) -> Result<OutputState, OutputError> {
        Err(OutputError::Blocked(staged.path))
    }

    fn delete(&self, _: &OutputPath, _: Owned<'_>) -> Result<bool, OutputError> {
        Ok(false)
    }

    fn remove_folder(&self, _: &OutputPath) -> std::io::Result<bool> {
        Ok(false)
    }

    fn is_intact(&self, _: &OutputPath, _: &OutputState) -> bool {
        false
    }

    fn sweep(&self) -> std::io::Result<()> {
        Ok(())
    }
}
