//! Formats that a command makes: what it is given, and what it is not.

use crate::support::{Ran, Vault};

fn with_script(script: &str, arguments: &str) -> Vault {
    Vault::with(&format!(
        "formats:\n  x:\n    extension: x\n    command: [sh, -c, '{script}', sh, {arguments}]\n"
    ))
}

#[test]
fn a_command_is_given_the_portable_note_its_path_and_its_title_and_writes_the_output() {
    let vault = with_script(
        r#"{ echo "$2|$3"; cat "$1"; } > "$4"; echo ignored"#,
        r#""{input}", "{note}", "{title}", "{output}""#,
    );
    vault.write(
        "sub/a.md",
        "---\ntitle: $(The) 'Title'; --x\n---\n[[b]] %%gone%%![[b]]\n",
    );
    vault.write("b.md", "text of b");
    vault.export().exits(0);
    let output = vault.output("sub/a.x");
    let (head, body) = output.split_once('\n').unwrap();
    let note = vault.note("sub/a.md");
    assert_eq!(
        head,
        format!("{}|$(The) 'Title'; --x", note.display()),
        "{output}"
    );
    assert!(body.contains("text of b"), "embeds are inlined: {output}");
    assert!(
        !body.contains("gone") && !body.contains("title:"),
        "{output}"
    );
}

#[test]
fn a_command_without_an_output_file_prints_it() {
    let vault = with_script(r#"tr a-z A-Z < "$1""#, r#""{input}""#);
    vault.write("a.md", "text");
    vault.export().exits(0);
    assert_eq!(vault.output("a.x"), "TEXT");
}

#[test]
fn a_command_sees_neither_our_secrets_nor_our_files() {
    let vault = with_script(r"env; ls -l /proc/self/fd", r#""{input}""#);
    vault.write("a.md", "text");
    Ran::of(vault.command(&["export"]).env("API_TOKEN", "hunter2")).exits(0);
    let output = vault.output("a.x");
    assert!(output.contains("PATH="), "{output}");
    for secret in ["hunter2", "manifest.db", "export"] {
        assert!(!output.contains(secret), "{secret} in {output}");
    }
}

#[test]
fn what_a_command_starts_is_ended_with_it() {
    let vault = Vault::new();
    let pid = vault.path("pid");
    vault.configure(&format!(
        "formats:\n  x:\n    extension: x\n    timeout: 300ms\n    command: [sh, -c, 'sleep 60 & echo $! > {}; wait', sh, \"{{input}}\"]\n",
        pid.display()
    ));
    vault.write("a.md", "text");
    let failed = vault.export().exits(1).one("note failed");
    assert!(
        failed.text("error").contains("still ran after 300ms"),
        "{failed}"
    );
    let child = std::fs::read_to_string(pid).unwrap();
    let state = std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
    assert!(
        state.is_err() || state.is_ok_and(|stat| stat.contains(") Z ")),
        "the child still runs"
    );
}

/// The README's docx route, with the real program.
#[test]
fn pandoc_makes_a_docx_that_is_the_same_each_time() {
    if std::process::Command::new("pandoc")
        .arg("--version")
        .output()
        .is_err()
    {
        println!("SKIPPED pandoc_makes_a_docx_that_is_the_same_each_time: pandoc is not installed");
        return;
    }
    let vault = Vault::with(
        "formats:\n  docx:\n    extension: docx\n    command: [pandoc, --from=gfm+tex_math_dollars, \
         '--metadata=title:{title}', '--output={output}', '{input}']\n",
    );
    vault.write(
        "a.md",
        "---\ntitle: A title\n---\n# One\n\n![[b]]\n\n| x | y |\n|---|---|\n| 1 | $a^2$ |\n",
    );
    vault.write("b.md", "text of b");
    vault.export().exits(0);
    let docx = std::fs::read(vault.export_dir().join("a.docx")).unwrap();
    assert!(docx.starts_with(b"PK"), "a docx is a zip file");
    vault.run(&["verify"]).exits(0);
}
