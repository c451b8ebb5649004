//! The README names every key that `--json` prints, since scripts are written by it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::Value;

use crate::support::{Gate, Vault, project};

fn collect(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                keys.insert(key.clone());
                collect(value, keys);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, keys)),
        _ => {}
    }
}

/// What stands in backticks in the section on JSON.
fn documented() -> BTreeSet<String> {
    let readme = fs::read_to_string(project().join("README.md")).unwrap();
    let (_, section) = readme.split_once("\n### JSON\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    section
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn each_stands_in_the_readme() {
    let vault = Vault::new();
    let gate = Gate::new(&vault);
    let failing = "  x: {extension: x, command: ['false']}\n";
    vault.configure(&format!("formats:\n{failing}{}", gate.format("txt")));
    vault.write("a.md", "![[b]] ![[b#Gone]] [[twin]]");
    vault.write("b.md", "[[c]]");
    vault.write("c.md", "text");
    vault.write("d/twin.md", "text");
    vault.write("e/twin.md", "text");
    fs::write(vault.notes().join(OsStr::from_bytes(b"\xff.md")), "").unwrap();
    let mut keys = BTreeSet::new();
    let mut daemon = vault.start();
    gate.wait_for(5);
    collect(&vault.status(), &mut keys);
    gate.open();
    daemon.wait_for("batch finished");
    collect(&vault.status(), &mut keys);
    for command in [
        &["batches", "--json"][..],
        &["explain", "--json", "a.md"],
        &["explain", "--json", "c.md"],
    ] {
        collect(&vault.run(command).exits(0).json(), &mut keys);
    }
    daemon.stop();
    vault.write("c.md", "other");
    collect(&vault.run(&["verify", "--json"]).exits(1).json(), &mut keys);

    for key in [
        "in_flight",
        "retry_in_ms",
        "error",
        "candidates",
        "through",
        "difference",
    ] {
        assert!(keys.contains(key), "{key} is nowhere in {keys:?}");
    }
    let documented = documented();
    let missing: Vec<&String> = keys.difference(&documented).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
