//! The command line: what can be asked for, and in which words. It runs nothing.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};

use crate::config::{ConfigSource, Overrides};

const EXIT_CODES: &str = "\
Exit codes:
   0  done
   1  export: an output failed, or something can't be read; verify: the trees differ, or it can't be told;
      reload: the config was rejected
   2  wrong usage
  69  another process holds this export tree, or no daemon runs or answers (status, reload)
  74  the notes, the export or the state folder cannot be used
  78  the config is wrong";

const CONFIG_FILES: &str = "\
Where --config is not given, the first that exists is read: $SMARTNOTESD_CONFIG,
$CONFIGURATION_DIRECTORY/config.yaml, $XDG_CONFIG_HOME/smartnotesd/config.yaml
(~/.config/smartnotesd/config.yaml), /etc/smartnotesd/config.yaml.
With both --notes and --export no config file is needed.";

/// Watch a folder of Markdown notes and keep an export of it exact.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "smartnotesd",
    version,
    after_help = EXIT_CODES,
    after_long_help = format!("{CONFIG_FILES}\n\n{EXIT_CODES}"),
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Which config.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// What the command line says of the config.
    pub fn config_source(&self) -> ConfigSource {
        let ConfigArgs {
            config,
            notes,
            export,
        } = self.config.clone();
        ConfigSource {
            file: config,
            overrides: Overrides { notes, export },
        }
    }
}

/// The flags that every command takes, before or after its name.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Config")]
pub struct ConfigArgs {
    /// Read this config file
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// The notes folder, in place of `notes_dir` in the config
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub notes: Option<PathBuf>,
    /// The export folder, in place of `export_dir` in the config
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub export: Option<PathBuf>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the daemon in the foreground: watch the notes and export what changes
    ///
    /// SIGTERM and SIGINT finish the jobs in flight and exit 0; a second one leaves at once.
    /// SIGHUP reloads the config.
    Run,
    /// Bring the export up to date once, then exit
    ///
    /// Exits 1 when some output failed or a note can't be read, and 69 when another process holds the export tree.
    Export {
        /// Render every output again, whatever is known of the last export
        #[arg(long)]
        full: bool,
    },
    /// Validate the config and print what it resolves to
    ///
    /// The printed YAML names every key with its value and every path in full. Exits 78 when the config is
    /// wrong, with every problem on stderr.
    Check,
    /// Show what the running daemon is doing now
    ///
    /// Exits 69 when no daemon is running, or when it does not answer.
    Status {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show the last batches with their timing, or draw one of them
    Batches(BatchesArgs),
    /// Have the running daemon reload its config
    ///
    /// Exits 1 with the reason when the new config is rejected; the old one then stays in force. Exits 69 when no
    /// daemon is running, or when it ends before it could.
    Reload,
    /// Compare the export with what a fresh full export would write
    ///
    /// Writes nothing to the export tree. Exits 1 with the list where they differ, and where something can't be read
    /// to be compared.
    Verify {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Say why a note is exported: what it depends on, what depends on it, its outputs and problems
    Explain {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        /// The note: its path in the notes folder, or a path to the file
        #[arg(value_name = "NOTE")]
        note: PathBuf,
    },
}

/// What `batches` shows.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct BatchesArgs {
    /// How many batches to show
    #[arg(short = 'n', value_name = "N", default_value = "10")]
    pub last: NonZeroUsize,
    /// Print a JSON array
    #[arg(long)]
    pub json: bool,
    /// Draw batch N as a picture: one lane for each concurrent slot, one bar for each job
    #[arg(long, value_name = "N", requires = "output", conflicts_with_all = ["last", "json"])]
    pub timeline: Option<u64>,
    /// Where to write the picture
    #[arg(long, value_name = "FILE.svg", requires = "timeline")]
    pub output: Option<PathBuf>,
}

/// Reads this process's command line. On wrong usage it says so on stderr and exits 2.
pub fn parse() -> Cli {
    Cli::parse()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("smartnotesd").chain(line.split_whitespace()))
    }

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn config_flags_stand_before_or_after_the_command() {
        for line in [
            "--config c --notes n --export e status --json",
            "status --json --export e --config c --notes n",
        ] {
            let cli = parse(line).unwrap();
            assert_eq!(cli.command, Command::Status { json: true });
            let source = cli.config_source();
            assert_eq!(source.file, Some("c".into()));
            assert_eq!(source.overrides.notes, Some("n".into()));
            assert_eq!(source.overrides.export, Some("e".into()));
        }
    }

    #[test]
    fn every_command_of_the_interface_is_there() {
        let batches = |last, json| BatchesArgs {
            last: NonZeroUsize::new(last).unwrap(),
            json,
            timeline: None,
            output: None,
        };
        let drawn = BatchesArgs {
            timeline: Some(12),
            output: Some("b.svg".into()),
            ..batches(10, false)
        };
        for (line, command) in [
            ("run", Command::Run),
            ("export", Command::Export { full: false }),
            ("export --full --export e", Command::Export { full: true }),
            ("check", Command::Check),
            ("status", Command::Status { json: false }),
            ("batches", Command::Batches(batches(10, false))),
            ("batches -n 3 --json", Command::Batches(batches(3, true))),
            (
                "batches --timeline 12 --output b.svg",
                Command::Batches(drawn),
            ),
            ("reload", Command::Reload),
            ("verify --json", Command::Verify { json: true }),
            (
                "explain --json d/a.md",
                Command::Explain {
                    json: true,
                    note: "d/a.md".into(),
                },
            ),
        ] {
            assert_eq!(parse(line).unwrap().command, command, "{line}");
        }
    }

    #[test]
    fn wrong_usage_exits_2() {
        for line in [
            "",
            "fly",
            "run --fast",
            "explain",
            "batches -n 0",
            "batches --timeline 3",
            "batches --output x.svg",
            "batches --timeline 3 --output x.svg --json",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn help_tells_exit_codes_and_config_files() {
        let help = parse("--help").unwrap_err();
        assert_eq!((help.kind(), help.exit_code()), (ErrorKind::DisplayHelp, 0));
        let text = help.to_string();
        for part in [
            "69  another process",
            "/etc/smartnotesd/config.yaml",
            "--notes <DIR>",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        assert_eq!(
            parse("--version").unwrap_err().to_string(),
            format!("smartnotesd {}\n", env!("CARGO_PKG_VERSION"))
        );
    }
}
