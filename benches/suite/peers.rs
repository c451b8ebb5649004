//! Other programs that make something of a folder of notes, where they are installed. They do other work than ours; what
//! they need for it is a landmark, not a contest.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::figures::{Goal, Row, Samples, Table, Unit};
use crate::settings::Settings;
use crate::yard::{Vault, Yard};

/// A cold run of each peer that is found.
pub(crate) fn measure(
    settings: &Settings,
    yard: &mut Yard,
    vault: &Vault,
    table: &mut Table,
) -> Result<()> {
    let notes = vault.notes.len();
    let place = yard.fresh("peers")?;
    for (name, command) in [
        ("hugo", hugo(&place, vault)?),
        ("obsidian-export", obsidian_export(&place, vault)?),
    ] {
        match time(command, settings.patience)? {
            Run::Done(elapsed) => table.add(Row {
                work: format!("{name}: a cold run over {notes} notes"),
                unit: Unit::Seconds,
                ours: Samples::one(elapsed.as_secs_f64()),
                beside: None,
                goal: Goal::None,
            }),
            Run::NotInstalled => eprintln!("  {name}: not installed"),
            Run::Unfinished => eprintln!("  {name}: not done after {:?}", settings.patience),
            Run::Failed => eprintln!("  {name}: failed"),
        }
    }
    Ok(())
}

fn hugo(place: &Path, vault: &Vault) -> Result<Command> {
    let site = place.join("site");
    let layouts = site.join("layouts/_default");
    fs::create_dir_all(&layouts)?;
    fs::write(
        layouts.join("single.html"),
        "<title>{{ .Title }}</title><article>{{ .Content }}</article>",
    )?;
    fs::write(
        layouts.join("list.html"),
        "{{ range .Pages }}<a href=\"{{ .RelPermalink }}\">{{ .Title }}</a>{{ end }}",
    )?;
    fs::write(
        site.join("hugo.toml"),
        "disableKinds = [\"RSS\", \"sitemap\"]\n",
    )?;
    let mut command = Command::new("hugo");
    command.arg("--quiet").arg("--source").arg(&site);
    command
        .arg("--contentDir")
        .arg(&vault.root)
        .arg("--destination")
        .arg(place.join("hugo"));
    Ok(command)
}

fn obsidian_export(place: &Path, vault: &Vault) -> Result<Command> {
    let to = place.join("obsidian-export");
    fs::create_dir_all(&to)?;
    let mut command = Command::new("obsidian-export");
    command.arg(&vault.root).arg(to);
    Ok(command)
}

enum Run {
    Done(Duration),
    NotInstalled,
    Unfinished,
    Failed,
}

fn time(mut command: Command, patience: Duration) -> Result<Run> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let began = Instant::now();
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Run::NotInstalled),
        Err(error) => return Err(error).with_context(|| format!("{command:?}")),
    };
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(if status.success() {
                Run::Done(began.elapsed())
            } else {
                Run::Failed
            });
        }
        if began.elapsed() > patience {
            child.kill()?;
            child.wait()?;
            return Ok(Run::Unfinished);
        }
        // Peers take seconds: the grain of this is lost in them.
        thread::sleep(Duration::from_millis(5));
    }
}
