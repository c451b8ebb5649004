//! Which file is the config.

use super::*;

const MINIMAL: &str = "notes_dir: n\nexport_dir: e\n";

fn load_with(
    variables: &[(&str, &str)],
    files: &[&str],
    source: &ConfigSource,
) -> Result<Loaded, String> {
    let mut environment = environment();
    environment.variables.extend(
        variables
            .iter()
            .map(|(name, value)| (name.into(), value.into())),
    );
    let files = files.iter().fold(FakeFiles::default(), |files, path| {
        files.with(path, MINIMAL)
    });
    load_in(source, &environment, &files).map_err(|errors| errors.to_string())
}

fn found(variables: &[(&str, &str)], files: &[&str]) -> Result<String, String> {
    let loaded = load_with(variables, files, &ConfigSource::default())?;
    Ok(loaded.file.unwrap().display().to_string())
}

#[test]
fn the_first_that_exists_is_read() {
    let own = ("SMARTNOTESD_CONFIG", "own.yaml");
    let systemd = ("CONFIGURATION_DIRECTORY", "/etc/none:/etc/sn");
    let xdg = ("XDG_CONFIG_HOME", "/xdg");
    let all = [
        "/cwd/own.yaml",
        "/etc/sn/config.yaml",
        "/xdg/smartnotesd/config.yaml",
        "/home/u/.config/smartnotesd/config.yaml",
        "/etc/smartnotesd/config.yaml",
    ];
    assert_eq!(found(&[own, systemd, xdg], &all).unwrap(), all[0]);
    assert_eq!(found(&[systemd, xdg], &all).unwrap(), all[1]);
    assert_eq!(found(&[xdg], &all).unwrap(), all[2]);
    assert_eq!(found(&[], &all).unwrap(), all[3]);
    assert_eq!(found(&[], &all[4..]).unwrap(), all[4]);
}

#[test]
fn a_file_that_the_command_line_names_must_exist() {
    let usual = ["/etc/smartnotesd/config.yaml"];
    let variable = [("SMARTNOTESD_CONFIG", "gone.yaml")];
    assert_eq!(found(&variable, &usual).unwrap(), usual[0]);
    let nowhere = found(&variable, &[]).unwrap_err();
    assert!(
        nowhere.starts_with("config: no file found (looked for gone.yaml, "),
        "{nowhere}"
    );
    let source = ConfigSource {
        file: Some("gone.yaml".into()),
        ..ConfigSource::default()
    };
    assert_eq!(
        load_with(&[], &usual, &source).unwrap_err(),
        "gone.yaml: cannot be read: no such file; name a config file that can"
    );
}

#[test]
fn both_flags_do_without_a_file() {
    let overrides = Overrides {
        notes: Some("n".into()),
        export: Some("e".into()),
    };
    let source = ConfigSource {
        file: None,
        overrides,
    };
    let loaded = load_with(&[], &[], &source).unwrap();
    assert_eq!(loaded.file, None);
    assert_eq!(loaded.config.notes_dir, Path::new("/cwd/n"));
    assert!(
        loaded.to_yaml().starts_with("# from the command line\n"),
        "{}",
        loaded.to_yaml()
    );

    let overrides = Overrides {
        notes: Some("n".into()),
        export: None,
    };
    assert_eq!(
        load_with(
            &[],
            &[],
            &ConfigSource {
                file: None,
                overrides
            }
        )
        .unwrap_err(),
        "config: no file found (looked for /home/u/.config/smartnotesd/config.yaml, /etc/smartnotesd/config.yaml); \
         give --config FILE, or both --notes FOLDER and --export FOLDER"
    );
}

#[test]
fn paths_are_relative_to_the_folder_of_the_file() {
    let source = ConfigSource {
        file: Some("sub/c.yaml".into()),
        ..ConfigSource::default()
    };
    let loaded = load_with(&[], &["/cwd/sub/c.yaml"], &source).unwrap();
    assert_eq!(loaded.config.notes_dir, Path::new("/cwd/sub/n"));
    assert!(
        loaded.to_yaml().starts_with("# from /cwd/sub/c.yaml\n"),
        "{}",
        loaded.to_yaml()
    );
}

#[test]
fn a_file_that_is_not_utf8_is_pointed_at() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    std::fs::write(&file, b"notes_dir: n\nexport_dir: \xff\n").unwrap();
    let source = ConfigSource {
        file: Some(file.clone()),
        ..ConfigSource::default()
    };
    assert_eq!(
        load_in(&source, &environment(), &RealFiles)
            .unwrap_err()
            .to_string(),
        format!(
            "{}:2:13: the text is not UTF-8; save the file as UTF-8",
            file.display()
        )
    );
}
