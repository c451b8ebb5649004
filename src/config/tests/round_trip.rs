//! A config that was written out reads back as itself, and two configs differ by the keys that differ.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Texts that YAML could take for something else, and such that the config's own syntax could.
fn odd_text() -> impl Strategy<Value = String> {
    let odd = [
        "~", "no", "1e3", "- a", "a: b", "#x", "'", "\"", "${DATA}", "$${", "$", "{ }", "é  ",
        "*x", "!y", "|",
    ];
    prop_oneof![
        select(odd.to_vec()).prop_map(str::to_owned),
        "[ -~]{1,12}",
        "\\PC{1,6}"
    ]
}

fn path(root: &'static str) -> impl Strategy<Value = PathBuf> {
    vec(
        odd_text().prop_filter("no part of a path", |part| {
            !matches!(part.as_str(), "." | "..") && !part.contains('/')
        }),
        1..4,
    )
    .prop_map(move |parts| Path::new(root).join(parts.join("/")))
}

fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (1..100_000u64).prop_map(Duration::from_millis),
        (1..=31_622_400u64).prop_map(Duration::from_secs),
        (1..2_000_000_000u64).prop_map(Duration::from_nanos),
    ]
}

fn template() -> impl Strategy<Value = TemplateFile> {
    path("/t").prop_map(|path| TemplateFile {
        path,
        source: "{{ body }}".to_owned(),
    })
}

fn command() -> impl Strategy<Value = FormatKind> {
    let program = prop_oneof![
        Just("pandoc".to_owned()),
        path("/bin").prop_map(|path| path.to_string_lossy().into_owned()),
    ];
    let arguments = vec(
        prop_oneof![
            odd_text(),
            Just("{input}".to_owned()),
            Just("-o{output}".to_owned())
        ],
        0..4,
    );
    (program, arguments, time())
        .prop_map(|(program, arguments, timeout)| {
            FormatKind::Command(CommandLine {
                arguments: [vec![program], arguments].concat(),
                timeout,
            })
        })
        .prop_filter("random text may look like a placeholder", |kind| {
            let FormatKind::Command(command) = kind else {
                return false;
            };
            !command.arguments[0].contains('{')
        })
}

fn formats() -> impl Strategy<Value = Vec<Format>> {
    let builtin = prop_oneof![
        option::of(template()).prop_map(|template| ("markdown", FormatKind::Markdown(template))),
        option::of(template()).prop_map(|template| ("html", FormatKind::Html(template))),
        Just(("json", FormatKind::Json)),
        Just(("csv", FormatKind::Csv)),
    ];
    let custom = prop_oneof![
        command().prop_map(|kind| ("my-format_1", kind)),
        template().prop_map(|template| ("no", FormatKind::Template(template))),
        template().prop_map(|template| ("12", FormatKind::Template(template))),
    ];
    vec(prop_oneof![builtin, custom], 1..5).prop_map(|kinds| {
        let mut formats: Vec<Format> = Vec::new();
        for (name, kind) in kinds {
            if formats.iter().all(|format| *format.name != *name) {
                // A folder of its own each, so that none could write another's file.
                let dir = format!("out/{name}.{}", formats.len()).into();
                formats.push(Format {
                    name: name.into(),
                    dir,
                    extension: "x.1-y".into(),
                    kind,
                });
            }
        }
        formats
    })
}

fn texts(valid: &'static str) -> impl Strategy<Value = Vec<String>> {
    vec(valid.prop_map(|text| text), 0..4)
}

prop_compose! {
    fn config()(
        folders in (path("/a"), path("/b"), path("/c")),
        formats in formats(),
        max_concurrent in 1..=4096usize,
        (quiet, max_wait) in (time(), time()).prop_map(|(a, b)| (a.min(b), a.max(b))),
        layout in select(vec![Layout::Mirror, Layout::Slug]),
        include in vec("[*a-z!./ ]{0,6}[a-z]", 1..4),
        (exclude, skip_tags, only_tags) in (texts("[*a-z!./]{0,6}[a-z]"), texts("[a-zé0-9_-]{1,4}(/[a-zé0-9_-]{1,4})?"), texts("[a-z]{1,8}")),
        attachments in select(vec![Attachments::Referenced, Attachments::All, Attachments::None]),
        on_error in select(vec![OnError::Continue, OnError::Stop]),
        watch in (select(vec![WatchMode::Auto, WatchMode::Native, WatchMode::Poll]), time(), option::of(time())),
        log in (
            select(vec![LogFormat::Auto, LogFormat::Pretty, LogFormat::Plain, LogFormat::Json, LogFormat::Journald]),
            select(vec!["off", "info", "DEBUG", "info,smartnotesd::plan=debug", "smartnotesd"]),
        ),
    ) -> Config {
        let (notes_dir, export_dir, state_dir) = folders;
        let (mode, poll_interval, rescan) = watch;
        Config {
            notes_dir, export_dir, state_dir, formats, layout, include, exclude, skip_tags, only_tags, attachments, on_error,
            max_concurrent: NonZeroUsize::new(max_concurrent).unwrap(),
            debounce: Debounce { quiet, max_wait },
            watch: Watch { mode, poll_interval, rescan },
            log: Log { format: log.0, level: log.1.to_owned() },
        }
    }
}

/// Has every template.
struct AnyTemplate;

impl Files for AnyTemplate {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn read_template(&self, _: &Path) -> io::Result<String> {
        Ok("{{ body }}".to_owned())
    }

    fn real_path(&self, path: &Path) -> PathBuf {
        without_dots(path)
    }
}

fn read_back(config: &Config) -> Result<Config, ConfigErrors> {
    let text = config.to_yaml("/etc/odd\nname.yaml");
    let document = Document {
        name: Some("c.yaml"),
        text: &text,
        folder: Path::new("/elsewhere"),
    };
    parse(
        &document,
        &Overrides::default(),
        &environment(),
        &AnyTemplate,
    )
}

proptest! {
    #[test]
    fn what_is_written_reads_back(config in config()) {
        prop_assert_eq!(read_back(&config).unwrap(), config);
    }

    #[test]
    fn every_problem_of_any_text_has_a_place_in_it(
        text in "(notes_dir|formats|log|debounce|: |[:{}\\[\\],&*!|>'\"~ \n-]|[a-z0-9]){0,40}",
    ) {
        let document = Document { name: Some("c"), text: &text, folder: Path::new("/conf") };
        let Err(errors) = parse(&document, &Overrides::default(), &environment(), &files()) else {
            return Ok(());
        };
        for line in errors.lines() {
            let mut parts = line.split(':').skip(1).map(str::parse::<usize>);
            let (Some(Ok(row)), Some(Ok(column))) = (parts.next(), parts.next()) else {
                return Err(TestCaseError::fail(format!("no place: {line}")));
            };
            let longest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
            prop_assert!((1..=text.lines().count() + 1).contains(&row), "{}", line);
            prop_assert!((1..=longest + 1).contains(&column), "{}", line);
        }
    }
}

#[test]
fn changed_keys_are_those_that_differ() {
    let read = |text: &str| parse_below(text).unwrap();
    let old = read("formats: {markdown: , html: {template: page.html}, json: }\n");
    assert!(changed_keys(&old, &old).is_empty());
    let new = read(
        "formats: {csv: , html: {template: page.html, dir: h}, markdown: }\nmax_concurrent: 2\n\
         debounce: {quiet: 0s}\nlog: {level: debug}\nexclude: [x]\n",
    );
    assert_eq!(
        changed_keys(&old, &new),
        [
            "formats.html.dir",
            "formats.json",
            "formats.csv",
            "max_concurrent",
            "debounce.quiet",
            "exclude",
            "log.level",
            "formats",
        ]
    );
    let mut edited = old.clone();
    edited.formats[1].kind = FormatKind::Html(Some(TemplateFile {
        path: "/conf/page.html".into(),
        source: "other".to_owned(),
    }));
    assert_eq!(changed_keys(&old, &edited), ["formats.html.template"]);
}

#[test]
fn tags_are_taken_as_notes_have_them() {
    let config = parse_below("skip_tags: ['#a', b/, /c, d//e, '#/f/g/']").unwrap();
    assert_eq!(config.skip_tags, ["a", "b", "c", "d/e", "f/g"]);
}
