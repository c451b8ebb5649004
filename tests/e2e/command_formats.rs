//! Formats that a command makes: what it is given, and what it is not.

use crate::support::{Ran, Vault, project};

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

/// A command that writes what its first argument names in the folder that the links begin at.
fn with_folder(layout: &str) -> Vault {
    let script = r#"cat "$1"; cd "$2"; for picture in pics/*.png ../pics/*.png; do if test -f "$picture"; then cat "$picture"; fi; done"#;
    Vault::with(&format!(
        "layout: {layout}\nformats:\n  x:\n    extension: x\n    dir: made\n    command: [sh, -c, '{script}', sh, '{{input}}', '{{folder}}']\n"
    ))
}

#[test]
fn pictures_lie_where_the_input_leads_to_them() {
    for (layout, output) in [("mirror", "made/sub/a.x"), ("slug", "made/a.x")] {
        let vault = with_folder(layout);
        vault.write(
            "sub/a.md",
            "![[one.png]] <img src=\"../pics/two.png\"> [[three.png]] ![[gone.png]]",
        );
        for picture in ["one", "two", "three"] {
            vault.write(
                &format!("pics/{picture}.png"),
                format!("content of {picture}"),
            );
        }
        vault.export().exits(0);
        let shown = vault.output(output);
        let leads_there = ["(../../pics/one.png)", "(../pics/one.png)"]
            .iter()
            .any(|link| shown.contains(link));
        assert!(leads_there, "{shown}");
    }
}

#[test]
fn a_replaced_picture_is_shown_anew_by_those_that_show_it() {
    let vault = with_folder("mirror");
    vault.write("pics/one.png", "old");
    vault.write("a.md", "![[one.png]]");
    vault.write("shows/b.md", "![[a]]");
    vault.write("links.md", "[[one.png]] [[a]]");
    let mut daemon = vault.daemon();
    vault.write("pics/one.png", "new and longer");
    let finished = daemon.wait_for("batch finished");
    assert_eq!(finished.number("affected"), 2, "{finished}");
    for record in daemon.all("note exported") {
        if record.number("batch") == finished.number("batch") && !record.text("format").is_empty() {
            assert_eq!(record.text("because"), "embeds pics/one.png", "{record}");
        }
    }
    vault.assert_converged();
}

/// The formats that the README shows.
fn readme_formats() -> String {
    let readme = std::fs::read_to_string(project().join("README.md")).unwrap();
    let formats = readme.split_once("```yaml\nformats:\n").unwrap().1;
    format!("formats:\n{}", formats.split_once("```").unwrap().0)
}

/// Whether all these programs are there; says so if not.
fn are_installed(programs: &[&str]) -> bool {
    programs.iter().all(|program| {
        let there = std::process::Command::new(program)
            .arg("--version")
            .output();
        if there.is_err() {
            println!("SKIPPED: {program} is not installed");
        }
        there.is_ok()
    })
}

/// The README's routes, with the real programs.
#[test]
fn docx_and_pdf_have_the_pictures_and_are_the_same_each_time() {
    if !are_installed(&["pandoc", "weasyprint"]) {
        return;
    }
    let vault = Vault::with(&readme_formats());
    vault.write(
        "sub/a.md",
        "---\ntitle: A title\n---\n# One\n\n![[b]]\n\n[[b]] [web](https://e.org)\n\n![[pic.png|20]]\n\n| x | y |\n|---|---|\n| 1 | $a^2$ |\n",
    );
    vault.write("b.md", "text of b");
    vault.write("pics/pic.png", PICTURE);
    vault.export().exits(0);
    let holds = |output: &str, what: &[u8]| {
        let bytes = std::fs::read(vault.export_dir().join(output)).unwrap();
        bytes.windows(what.len()).any(|window| window == what)
    };
    assert!(holds("sub/a.docx", b"word/media/"));
    assert!(!holds("b.docx", b"word/media/"));
    assert!(holds("sub/a.pdf", b"/Subtype /Image"));
    assert!(holds("sub/a.pdf", b"https://e.org") && !holds("sub/a.pdf", b"file:"));
    vault.run(&["verify"]).exits(0);
}

/// A red dot.
const PICTURE: &[u8] = b"\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde\x00\x00\x00\x0cIDATx\x9cc\xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef\x00\x00\x00\x00IEND\xaeB`\x82";
