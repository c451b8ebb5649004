//! The paths of a config: how they are written, and which folders may not lie inside which.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use super::environment::{Environment, Files, without_dots};
use super::reader::{Place, Problems};

/// Reads a path as a config writes it: `~`, `${VAR}`, and relative to the folder `base`.
///
/// `$${` stands for a literal `${`.
pub(super) fn resolve(
    text: &str,
    base: &Path,
    environment: &Environment,
    files: &dyn Files,
) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("the path is empty; name a folder or file".to_owned());
    }
    if text.contains('\0') {
        return Err("a path holds no NUL byte; take it out".to_owned());
    }
    let path = base.join(expand_home(
        &expand_variables(text, environment)?,
        text,
        environment,
    )?);
    Ok(tidy(&path, files))
}

/// Without `.` and `..`. What comes before `..` may be a symlink, so that only the disk knows where that leads.
pub(super) fn tidy(path: &Path, files: &dyn Files) -> PathBuf {
    if path
        .components()
        .any(|component| component == Component::ParentDir)
    {
        files.real_path(path)
    } else {
        without_dots(path)
    }
}

fn expand_variables(text: &str, environment: &Environment) -> Result<OsString, String> {
    let mut expanded = OsString::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        let (before, from_dollar) = rest.split_at(dollar);
        expanded.push(before);
        if let Some(after) = from_dollar.strip_prefix("$${") {
            expanded.push("${");
            rest = after;
        } else if let Some(after) = from_dollar.strip_prefix("${") {
            let (name, after) = after
                .split_once('}')
                .ok_or("`${` has no `}`; write ${VAR}, or $${ for the text itself")?;
            let value = environment.variable(name).ok_or_else(|| {
                format!("the environment variable `{name}` is not set or empty; set it or write the path out")
            })?;
            expanded.push(value);
            rest = after;
        } else {
            expanded.push("$");
            rest = &from_dollar[1..];
        }
    }
    expanded.push(rest);
    Ok(expanded)
}

/// `written` is the text before its variables were put in: only a `~` that the user wrote is the home folder.
fn expand_home(
    expanded: &OsString,
    written: &str,
    environment: &Environment,
) -> Result<PathBuf, String> {
    let path = Path::new(expanded);
    if !written.starts_with('~') {
        return Ok(path.to_owned());
    }
    let below = path.strip_prefix("~").map_err(|_| {
        "only `~` itself is a home folder; write another user's out, or ./~name for such a name"
            .to_owned()
    })?;
    let home = environment
        .home
        .as_ref()
        .ok_or("`~` has no meaning without a home folder; write the path out")?;
    Ok(home.join(below))
}

/// A path as [`resolve`] reads it back.
pub(super) fn escape(path: &Path) -> String {
    path.to_string_lossy().replace("${", "$${")
}

/// One of the three folders with what it takes to complain about it.
pub(super) struct Folder {
    pub(super) key: &'static str,
    pub(super) path: PathBuf,
    pub(super) place: Place,
}

/// Refuses folders that would see each other's files.
pub(super) fn check_apart(
    notes: Option<&Folder>,
    export: Option<&Folder>,
    state: Option<&Folder>,
    files: &dyn Files,
    problems: &mut Problems,
) {
    if let (Some(notes), Some(export)) = (notes, export) {
        check_not_inside(export, notes, files, problems);
        if files.real_path(&export.path) != files.real_path(&notes.path) {
            check_not_inside(notes, export, files, problems);
        }
    }
    for other in [notes, export].into_iter().flatten() {
        if let Some(state) = state {
            check_not_inside(state, other, files, problems);
        }
    }
}

fn check_not_inside(inner: &Folder, outer: &Folder, files: &dyn Files, problems: &mut Problems) {
    let (inner_real, outer_real) = (files.real_path(&inner.path), files.real_path(&outer.path));
    if !inner_real.starts_with(&outer_real) {
        return;
    }
    let (inner_path, outer_path, outer_key) =
        (inner.path.display(), outer.path.display(), outer.key);
    let message = if inner_real == outer_real {
        format!("{inner_path} is the same folder as {outer_key}; choose another folder")
    } else {
        format!(
            "{inner_path} lies inside {outer_key} ({outer_path}); choose a folder outside of it"
        )
    };
    problems.report(&inner.place, inner.key, message);
}
