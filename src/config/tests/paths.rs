//! How folders and files are written, and where they may lie.

use super::*;

fn folders(text: &str) -> Result<[String; 3], String> {
    let config = parse_with(text, &environment(), &files()).map_err(|errors| errors.to_string())?;
    Ok([config.notes_dir, config.export_dir, config.state_dir]
        .map(|path| path.display().to_string()))
}

#[test]
fn a_path_is_relative_to_the_file_or_home_or_a_variable() {
    for (written, read) in [
        ("n", "/conf/n"),
        ("./n/./m/", "/conf/n/m"),
        ("../n", "/n"),
        ("/n", "/n"),
        ("'~'", "/home/u"),
        ("~/n", "/home/u/n"),
        ("${DATA}/n", "/data/n"),
        ("n/${DATA}", "/conf/n/data"),
        ("$DATA/$", "/conf/$DATA/$"),
        ("$${DATA}", "/conf/${DATA}"),
        ("./~", "/conf/~"),
    ] {
        let [notes, ..] = folders(&format!(
            "notes_dir: {written}\nexport_dir: /e\nstate_dir: /s"
        ))
        .unwrap();
        assert_eq!(notes, read, "{written}");
    }
}

#[test]
fn a_path_that_cannot_be_read_says_why() {
    for (written, message) in [
        (
            "${NO}/n",
            "the environment variable `NO` is not set or empty; set it or write the path out",
        ),
        (
            "${EMPTY}/n",
            "the environment variable `EMPTY` is not set or empty; set it or write the path out",
        ),
        (
            "${DATA",
            "`${` has no `}`; write ${VAR}, or $${ for the text itself",
        ),
        (
            "~you/n",
            "only `~` itself is a home folder; write another user's out, or ./~name for such a name",
        ),
        ("''", "the path is empty; name a folder or file"),
    ] {
        let lines = folders(&format!("notes_dir: {written}\nexport_dir: /e\n")).unwrap_err();
        assert_eq!(lines, format!("c.yaml:1:12: notes_dir: {message}"));
    }
}

#[test]
fn the_state_folder_has_its_defaults() {
    let state = |variables: &[(&str, &str)], home: Option<&str>| {
        let environment = Environment {
            variables: variables
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            home: home.map(PathBuf::from),
            current_folder: "/cwd".into(),
        };
        let config = parse_with("notes_dir: n\nexport_dir: e\n", &environment, &files());
        config
            .map(|config| config.state_dir.display().to_string())
            .map_err(|errors| errors.to_string())
    };
    let of_systemd = ("STATE_DIRECTORY", "/var/lib/a:/var/lib/b");
    assert_eq!(
        state(&[of_systemd, ("XDG_STATE_HOME", "/x")], Some("/h")).unwrap(),
        "/var/lib/a"
    );
    assert_eq!(
        state(&[("XDG_STATE_HOME", "/x")], Some("/h")).unwrap(),
        "/x/smartnotesd"
    );
    assert_eq!(
        state(&[], Some("/h")).unwrap(),
        "/h/.local/state/smartnotesd"
    );
    assert_eq!(
        state(&[], None).unwrap_err(),
        "c.yaml:1:1: state_dir: there is no home folder to put it in; set state_dir"
    );
}

#[test]
fn no_folder_may_see_the_files_of_another() {
    for (notes, export, state, line) in [
        (
            "/a",
            "/a",
            "/s",
            "2:13: export_dir: /a is the same folder as notes_dir; choose another folder",
        ),
        (
            "/a",
            "/a/b",
            "/s",
            "2:13: export_dir: /a/b lies inside notes_dir (/a); choose a folder outside of it",
        ),
        (
            "/a/b",
            "/a",
            "/s",
            "1:12: notes_dir: /a/b lies inside export_dir (/a); choose a folder outside of it",
        ),
        (
            "/a",
            "/b",
            "/a/s",
            "3:12: state_dir: /a/s lies inside notes_dir (/a); choose a folder outside of it",
        ),
        (
            "/a",
            "/b",
            "/b/s",
            "3:12: state_dir: /b/s lies inside export_dir (/b); choose a folder outside of it",
        ),
        (
            "/a",
            "/link/b",
            "/s",
            "2:13: export_dir: /link/b lies inside notes_dir (/a); choose a folder outside of it",
        ),
    ] {
        let text = format!("notes_dir: {notes}\nexport_dir: {export}\nstate_dir: {state}\n");
        let files = FakeFiles::default().with_link("/link", "/a");
        let errors = parse_with(&text, &environment(), &files).unwrap_err();
        assert_eq!(errors.to_string(), format!("c.yaml:{line}"));
    }
    assert!(
        folders("notes_dir: /a\nexport_dir: /ab\nstate_dir: /\n").is_ok(),
        "a like beginning is no folder inside"
    );
}

#[test]
fn flags_stand_in_for_the_required_keys() {
    let parse = |text: &str, notes: &str, export: &str| {
        let document = Document {
            name: Some("c.yaml"),
            text,
            folder: Path::new("/conf"),
        };
        let overrides = Overrides {
            notes: Some(notes.into()),
            export: Some(export.into()),
        };
        super::parse(&document, &overrides, &environment(), &files())
    };
    let config = parse("notes_dir: unused\n", "n/.", "../e").unwrap();
    assert_eq!(
        (config.notes_dir, config.export_dir),
        ("/cwd/n".into(), "/e".into())
    );
    assert_eq!(
        parse("", "n", "n/e").unwrap_err().to_string(),
        "--export: /cwd/n/e lies inside notes_dir (/cwd/n); choose a folder outside of it"
    );
    assert_eq!(
        parse("", "", "e").unwrap_err().to_string(),
        "--notes: the path is empty; name a folder"
    );
}

#[test]
fn a_program_with_a_slash_is_a_path_and_templates_are_read() {
    let config = parse_below(
        "formats:\n  a: {command: [./bin/a, '{input}', './x', '${title} { print }'], extension: .a}\n  \
         b: {command: [b], extension: b}\n  html: {template: page.html}\n",
    )
    .unwrap();
    let [a, b, html] = &config.formats[..] else {
        panic!("{:?}", config.formats)
    };
    let FormatKind::Command(command) = &a.kind else {
        panic!("{a:?}")
    };
    assert_eq!(
        command.arguments,
        ["/conf/bin/a", "{input}", "./x", "${title} { print }"]
    );
    assert_eq!(command.timeout, Duration::from_secs(60));
    assert_eq!(&*a.extension, "a", "a leading dot is not part of it");
    let FormatKind::Command(command) = &b.kind else {
        panic!("{b:?}")
    };
    assert_eq!(command.arguments, ["b"]);
    let template = TemplateFile {
        path: "/conf/page.html".into(),
        source: "<h1>{{ title }}</h1>".to_owned(),
    };
    assert_eq!(html.kind, FormatKind::Html(Some(template)));
}
