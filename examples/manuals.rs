//! Writes `man/` and `completions/` from the command line's definition:
//!
//! ```text
//! cargo run --example manuals
//! ```
//!
//! As a test it says whether they are up to date. `man/smartnotesd.yaml.5` and what `man/sections/` holds, which the
//! command line does not know of, are written by hand.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use smartnotesd::cli::Cli;

const MANUAL: &str = "smartnotesd manual";
/// When a page was last given other words.
const DATE: &str = "2026-11-29";
/// What follows in smartnotesd(8) on what the command line says of itself.
const SECTIONS: &str = include_str!("../man/sections/smartnotesd.roff");
/// What ends every other page.
const SEE_ALSO: &str = ".SH \"SEE ALSO\"\n.BR smartnotesd (8),\n.BR smartnotesd.yaml (5)\n";

/// A file, relative to the checkout, and what should be in it.
struct Generated {
    path: PathBuf,
    content: Vec<u8>,
}

fn main() -> io::Result<()> {
    for Generated { path, content } in all()? {
        let path = checkout().join(path);
        fs::create_dir_all(path.parent().expect("it lies in the checkout"))?;
        fs::write(path, content)?;
    }
    Ok(())
}

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn all() -> io::Result<Vec<Generated>> {
    let mut command = Cli::command();
    command.build();
    let mut files = vec![main_page(&command)?];
    for subcommand in command.get_subcommands() {
        files.push(subcommand_page(&command, subcommand)?);
    }
    for (shell, path) in [
        (Shell::Bash, "completions/smartnotesd.bash"),
        (Shell::Zsh, "completions/_smartnotesd"),
        (Shell::Fish, "completions/smartnotesd.fish"),
    ] {
        files.push(completions(shell, path));
    }
    Ok(files)
}

fn page(command: &Command, version: &str) -> Man {
    let source = format!("smartnotesd {version}");
    Man::new(command.clone())
        .section("8")
        .date(DATE)
        .source(source)
        .manual(MANUAL)
}

fn version(command: &Command) -> &str {
    command.get_version().unwrap_or_default()
}

fn main_page(command: &Command) -> io::Result<Generated> {
    let man = page(command, version(command));
    let mut content = Vec::new();
    man.render_title(&mut content)?;
    man.render_name_section(&mut content)?;
    man.render_synopsis_section(&mut content)?;
    man.render_description_section(&mut content)?;
    man.render_subcommands_section(&mut content)?;
    man.render_options_section(&mut content)?;
    content.extend_from_slice(SECTIONS.as_bytes());
    Ok(Generated {
        path: Path::new("man").join(man.get_filename()),
        content,
    })
}

fn subcommand_page(command: &Command, subcommand: &Command) -> io::Result<Generated> {
    let man = page(subcommand, version(command));
    let mut content = Vec::new();
    man.render_title(&mut content)?;
    man.render_name_section(&mut content)?;
    man.render_synopsis_section(&mut content)?;
    man.render_description_section(&mut content)?;
    man.render_options_section(&mut content)?;
    content.extend_from_slice(SEE_ALSO.as_bytes());
    Ok(Generated {
        path: Path::new("man").join(man.get_filename()),
        content,
    })
}

fn completions(shell: Shell, path: &str) -> Generated {
    let mut content = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "smartnotesd", &mut content);
    Generated {
        path: path.into(),
        content,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manuals_and_completions_are_up_to_date() {
        for Generated { path, content } in all().unwrap() {
            let found = fs::read(checkout().join(&path)).unwrap_or_default();
            assert!(
                found == content,
                "{}: is out of date; cargo run --example manuals",
                path.display()
            );
        }
    }

    #[test]
    fn the_config_page_has_every_key() {
        let page = fs::read_to_string(checkout().join("man/smartnotesd.yaml.5")).unwrap();
        let schema = fs::read_to_string(checkout().join("config.example.yaml")).unwrap();
        let keys = schema.lines().filter_map(|line| {
            let line = line.trim_start_matches([' ', '#']);
            line.split_once(':')
                .map(|(key, _)| key)
                .filter(|key| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        });
        let mut seen = 0;
        for key in keys {
            assert!(page.contains(key), "man/smartnotesd.yaml.5: has no {key}");
            seen += 1;
        }
        assert!(seen > 20, "config.example.yaml has {seen} keys only");
    }
}
