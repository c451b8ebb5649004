//! `config.example.yaml` names every key, and its values are the defaults.

use super::*;

const EXAMPLE: &str = include_str!("../../../config.example.yaml");

#[test]
fn its_values_are_the_defaults() {
    let example = parse_with(EXAMPLE, &environment(), &files()).unwrap();
    assert_eq!(example.notes_dir, Path::new("/conf/examples/notes"));
    assert_eq!(example.export_dir, Path::new("/conf/examples/export"));
    let defaults = parse_below("").unwrap();
    let Config {
        notes_dir,
        export_dir,
        state_dir,
        ..
    } = example.clone();
    assert_eq!(
        example,
        Config {
            notes_dir,
            export_dir,
            state_dir,
            ..defaults
        }
    );
}

/// The table of the interface, once more.
#[test]
fn the_defaults_are_those_of_the_interface() {
    let config = parse_below("").unwrap();
    let markdown = Format {
        name: "markdown".into(),
        dir: "".into(),
        extension: "md".into(),
        kind: FormatKind::Markdown(None),
    };
    assert_eq!(config.formats, [markdown]);
    assert_eq!(config.max_concurrent.get(), 8);
    let millis = Duration::from_millis;
    assert_eq!(
        config.debounce,
        Debounce {
            quiet: millis(200),
            max_wait: millis(2000)
        }
    );
    assert_eq!(config.layout, Layout::Mirror);
    assert_eq!(config.include, ["*.md", "*.markdown"]);
    assert!(
        config.exclude.is_empty() && config.skip_tags.is_empty() && config.only_tags.is_empty()
    );
    assert_eq!(config.attachments, Attachments::Referenced);
    assert_eq!(config.on_error, OnError::Continue);
    let rescan = Some(Duration::from_secs(3600));
    assert_eq!(
        config.watch,
        Watch {
            mode: WatchMode::Auto,
            poll_interval: millis(2000),
            rescan
        }
    );
    assert_eq!(
        config.log,
        Log {
            format: LogFormat::Auto,
            level: "info".to_owned()
        }
    );
}

#[test]
fn it_names_every_key() {
    let config = parse_below(
        "formats:\n  html: {template: page.html}\n  docx: {command: [pandoc], extension: docx}\n",
    )
    .unwrap();
    let rendered: serde_yaml::Value = serde_yaml::from_str(&config.to_yaml("test")).unwrap();
    let mut keys = Vec::new();
    collect_keys(&rendered, &mut keys);
    assert_eq!(keys.len(), 31, "{keys:?}");
    for key in keys {
        let named = EXAMPLE.lines().any(|line| {
            let line = line.trim_start_matches(['#', ' ']);
            line.split_once(':').is_some_and(|(name, _)| name == key)
        });
        assert!(named, "config.example.yaml does not name {key}");
    }
}

fn collect_keys(value: &serde_yaml::Value, keys: &mut Vec<String>) {
    let Some(map) = value.as_mapping() else {
        return;
    };
    for (key, value) in map {
        keys.push(key.as_str().unwrap().to_owned());
        collect_keys(value, keys);
    }
}
