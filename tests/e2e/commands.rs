//! The command line and its exit codes.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;

use rustix::process::{Signal, kill_process};

use crate::support::{Gate, Ran, Vault, program};

#[test]
fn wrong_usage_is_2() {
    let vault = Vault::new();
    for arguments in [
        &["exprot"][..],
        &["export", "--fully"],
        &["batches", "-n", "none"],
        &["explain"],
        &[],
    ] {
        let ran = vault.run(arguments).exits(2);
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{ran:?}");
    }
    let help = vault.run(&["--help"]).exits(0).stdout;
    for command in [
        "run", "export", "check", "status", "batches", "reload", "verify", "explain",
    ] {
        assert!(
            help.contains(&format!("  {command} ")),
            "{command} in {help}"
        );
    }
    assert!(
        vault
            .run(&["--version"])
            .exits(0)
            .stdout
            .starts_with("smartnotesd ")
    );
}

#[test]
fn a_failed_output_is_1() {
    let vault = Vault::with("formats:\n  x:\n    extension: x\n    command: ['false']");
    vault.write("a.md", "text");
    vault.export().exits(1);
}

#[test]
fn folders_that_cannot_be_used_are_74() {
    let vault = Vault::new();
    fs::remove_dir(vault.notes()).unwrap();
    for command in [&["export"][..], &["run"], &["verify"]] {
        let ran = vault.run(command).exits(74);
        assert!(
            ran.stderr.contains(vault.notes().to_str().unwrap()),
            "{}",
            ran.stderr
        );
    }
    fs::write(vault.notes(), "no folder").unwrap();
    vault.export().exits(74);

    let vault = Vault::new();
    fs::write(vault.export_dir(), "no folder").unwrap();
    for command in [&["export"][..], &["run"]] {
        let ran = vault.run(command).exits(74);
        let said = format!(
            "smartnotesd: {}: a file lies there; export_dir needs a folder: move it away, or set another export_dir\n",
            vault.export_dir().display()
        );
        assert_eq!(ran.stderr, said);
    }
}

#[test]
fn no_daemon_is_69() {
    let vault = Vault::new();
    for command in [&["status"][..], &["status", "--json"], &["reload"]] {
        let ran = vault.run(command).exits(69);
        assert!(
            ran.stdout.is_empty() && ran.stderr.starts_with("smartnotesd: "),
            "{ran:?}"
        );
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn whoever_comes_second_to_an_export_tree_gets_69() {
    let vault = Vault::new();
    vault.write("a.md", "text");
    let daemon = vault.daemon();
    for command in [&["run"][..], &["export"], &["export", "--full"]] {
        let ran = vault.run(command).exits(69);
        assert!(ran.stderr.contains("another"), "{}", ran.stderr);
    }
    // Another state folder makes no other tree of it.
    let text = fs::read_to_string(vault.config()).unwrap();
    fs::write(
        vault.path("other.yaml"),
        text.replace("/state\n", "/other-state\n"),
    )
    .unwrap();
    let mut command = program(&vault.path("."));
    Ran::of(
        command
            .arg("--config")
            .arg(vault.path("other.yaml"))
            .arg("export"),
    )
    .exits(69);
    daemon.stop();
    vault.export().exits(0);
}

#[test]
fn an_export_that_runs_holds_the_tree_too() {
    let vault = Vault::new();
    let gate = Gate::new(&vault);
    vault.configure(&format!("formats:\n{}", gate.format("txt")));
    vault.write("a.md", "text");
    let other = vault.command(&["export"]);
    let export = std::thread::spawn(move || {
        let mut other = other;
        Ran::of(&mut other)
    });
    gate.wait_for(1);
    vault.run(&["run"]).exits(69);
    gate.open();
    export.join().unwrap().exits(0);
}

#[test]
fn one_state_folder_serves_several_export_trees() {
    let vault = Vault::new();
    vault.write("a.md", "text");
    let daemon = vault.daemon();
    let other = vault.path("other");
    vault
        .run(&["export", "--export", other.to_str().unwrap()])
        .exits(0);
    assert_eq!(fs::read_to_string(other.join("a.md")).unwrap(), "text");
    assert_eq!(vault.output("a.md"), "text");
    daemon.stop();
    assert_eq!(
        vault.export().exits(0).one("batch finished").number("jobs"),
        0
    );
}

#[test]
fn check_prints_what_the_config_comes_to_and_that_is_a_config_again() {
    let vault = Vault::with("max_concurrent: 3\nlayout: slug\nskip_tags: [a, b/c]");
    let first = vault.run(&["check"]).exits(0).stdout;
    assert!(
        first.contains("max_concurrent: 3") && first.contains(vault.notes().to_str().unwrap()),
        "{first}"
    );
    vault.write_config(&first);
    assert_eq!(vault.run(&["check"]).exits(0).stdout, first);
    assert!(!vault.export_dir().exists(), "nothing is made");
}

#[test]
fn the_first_config_that_exists_is_taken() {
    let vault = Vault::new();
    let place = |file: &str, limit: u32| {
        let file = vault.path(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let text = format!("notes_dir: n\nexport_dir: e\nmax_concurrent: {limit}\n");
        fs::write(&file, text).unwrap();
        file
    };
    place(".config/smartnotesd/config.yaml", 11);
    place("xdg/smartnotesd/config.yaml", 12);
    place("unit/config.yaml", 13);
    let named = place("named.yaml", 14);
    let variables = [
        ("XDG_CONFIG_HOME", vault.path("xdg")),
        ("CONFIGURATION_DIRECTORY", vault.path("unit")),
        ("SMARTNOTESD_CONFIG", named),
    ];
    // One variable more each time, and each goes before those that were there.
    for (set, limit) in [11, 12, 13, 14].into_iter().enumerate() {
        let mut command = program(&vault.path("."));
        let ran = Ran::of(command.envs(variables[..set].iter().cloned()).arg("check")).exits(0);
        assert!(
            ran.stdout.contains(&format!("max_concurrent: {limit}\n")),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn an_export_that_is_interrupted_leaves_nothing_half_done() {
    let vault = Vault::new();
    let gate = Gate::new(&vault);
    vault.configure(&format!("formats:\n{}", gate.format("txt")));
    vault.write("a.md", "text");
    let mut export = vault
        .command(&["export"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    gate.wait_for(1);
    kill_process(rustix::process::Pid::from_child(&export), Signal::INT).unwrap();
    let ended = export.wait().unwrap();
    assert_eq!(ended.signal(), Some(Signal::INT.as_raw()), "{ended}");
    gate.open();
    assert!(!vault.has_output("a.txt"));
    vault.export().exits(0);
    assert_eq!(vault.tree().files(), ["a.txt"]);
}

#[test]
fn a_state_folder_that_cannot_be_used_is_74_for_all_who_look_into_it() {
    let vault = Vault::new();
    vault.write("a.md", "text");
    fs::write(vault.path("state"), "no folder").unwrap();
    for command in [
        &["status"][..],
        &["reload"],
        &["explain", "a.md"],
        &["batches"],
        &["verify"],
        &["export"],
    ] {
        let ran = vault.run(command).exits(74);
        let state = vault.path("state");
        assert!(ran.stderr.contains(state.to_str().unwrap()), "{ran:?}");
    }
}

#[test]
fn in_the_journal_the_reason_of_a_failed_start_is_an_error() {
    let vault = Vault::new();
    vault.configure("bogus: 1\nmax_concurrent: none");
    let path = vault.path("stderr");
    let said = |in_the_journal: bool| {
        let stderr = fs::File::create(&path).unwrap();
        let stat = stderr.metadata().unwrap();
        let mut command = vault.command(&["run"]);
        if in_the_journal {
            command.env("JOURNAL_STREAM", format!("{}:{}", stat.dev(), stat.ino()));
        }
        let status = command.stderr(stderr).status().unwrap();
        assert_eq!(status.code(), Some(78));
        fs::read_to_string(&path).unwrap()
    };
    let plain = said(false);
    assert!(plain.starts_with("smartnotesd: "), "{plain}");
    assert_eq!(plain.lines().count(), 2, "{plain}");
    let prefixed: Vec<String> = plain.lines().map(|line| format!("<3>{line}\n")).collect();
    assert_eq!(said(true), prefixed.concat());
}
