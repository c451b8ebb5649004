//! Wrong configs and the exact lines that their writers read.

use super::*;

/// The lines for `text` below the two required keys: it begins at line 3.
fn rejection(text: &str) -> String {
    match parse_below(text) {
        Ok(config) => panic!("{text:?} was taken: {config:?}"),
        Err(errors) => errors.to_string(),
    }
}

/// Each text is wrong in one way, and the message says so.
fn assert_rejected(cases: &[(&str, &str)]) {
    for (text, line) in cases {
        assert_eq!(rejection(text), format!("c.yaml:{line}"), "\nfor {text:?}");
    }
}

#[test]
fn unknown_and_repeated_keys() {
    assert_rejected(&[
        (
            "max_concurent: 3",
            "3:1: max_concurent: is not a known key; did you mean `max_concurrent`?",
        ),
        (
            "max-concurrent: 3",
            "3:1: max-concurrent: is not a known key; did you mean `max_concurrent`?",
        ),
        (
            "debounce: {quite: 1s}",
            "3:12: debounce.quite: is not a known key; did you mean `quiet`?",
        ),
        (
            "watch:\n  foo: 1",
            "4:3: watch.foo: is not a known key; known here are mode, poll_interval, rescan",
        ),
        (
            "quiet: 1s",
            "3:1: quiet: is not a known key; write `quiet` indented below `debounce:`",
        ),
        (
            "log.level: info",
            "3:1: log.level: is not a known key; write `level` indented below `log:`",
        ),
        (
            "formats:\n  html:\n    templte: page.html",
            "5:5: formats.html.templte: is not a known key; did you mean `template`?",
        ),
        (
            "layout: slug\nlayout: mirror",
            "4:1: layout: is given twice; keep one of the two",
        ),
        (
            "formats: {html: , html: }",
            "3:19: formats.html: is given twice; keep one of the two",
        ),
        (
            "7: x",
            "3:1: a key must be text, found the number 7; put it in quotes",
        ),
    ]);
}

#[test]
fn wrong_types() {
    assert_rejected(&[
        (
            "max_concurrent: many",
            "3:17: max_concurrent: expected a whole number, found the text `many`; write digits only, such as 8",
        ),
        (
            "max_concurrent: 2.5",
            "3:17: max_concurrent: expected a whole number, found the number 2.5; write digits only, such as 8",
        ),
        (
            "debounce: 200ms",
            "3:11: debounce: expected a map, found the text `200ms`; write `key: value` lines",
        ),
        (
            "debounce:\n  quiet: 200",
            "4:10: debounce.quiet: expected a duration such as 200ms, 2s or 1h, found the number 200; \
             write it with its unit, such as 200s",
        ),
        (
            "watch: {rescan: 0}",
            "3:17: watch.rescan: expected a duration such as 200ms, 2s or 1h, found the number 0; \
             write it with its unit, such as 0s",
        ),
        (
            "watch: {rescan: -1.5}",
            "3:17: watch.rescan: expected a duration such as 200ms, 2s or 1h, found the number -1.5; \
             write a number with its unit",
        ),
        (
            "on_error: true",
            "3:11: on_error: expected one of continue, stop, found `true`; choose one of these",
        ),
        (
            "log: {level: 5}",
            "3:14: log.level: expected a log filter such as info, found the number 5; \
             write one of off, error, warn, info, debug, trace or a filter such as info,smartnotesd=debug",
        ),
        (
            "max_concurrent: 8.0",
            "3:17: max_concurrent: expected a whole number, found the number 8.0; write digits only, such as 8",
        ),
        (
            "include: '*.md'",
            "3:10: include: expected a list, found the text `*.md`; write it as [\"*.md\", \"drafts/\"]",
        ),
        (
            "exclude: [a, 5]",
            "3:14: exclude: expected a glob, found the number 5; put it in quotes if it is meant as text",
        ),
        (
            "layout: [slug]",
            "3:9: layout: expected one of mirror, slug, found a list; write one text",
        ),
        (
            "layout: !odd slug",
            "3:9: layout: expected one of mirror, slug, found a value with the tag `!odd`; write one text",
        ),
        (
            "state_dir: true",
            "3:12: state_dir: expected the path of a folder, found `true`; put it in quotes if it is meant as text",
        ),
        (
            "skip_tags: {a: b}",
            "3:12: skip_tags: expected a list, found a map; write it as [draft, work/secret]",
        ),
    ]);
    let nothing = rejection("on_error:\n");
    assert!(
        nothing.ends_with(": on_error: expected one of continue, stop, found nothing; give one or leave the key out"),
        "{nothing}"
    );
}

#[test]
fn impossible_values() {
    assert_rejected(&[
        (
            "max_concurrent: 0",
            "3:17: max_concurrent: 0 is out of range; give a number from 1 to 4096",
        ),
        (
            "max_concurrent: 4097",
            "3:17: max_concurrent: 4097 is out of range; give a number from 1 to 4096",
        ),
        (
            "max_concurrent: -1",
            "3:17: max_concurrent: -1 is out of range; give a number from 1 to 4096",
        ),
        (
            "max_concurrent: 99999999999999999999",
            "3:17: max_concurrent: 99999999999999999999 is out of range; give a number from 1 to 4096",
        ),
        (
            "debounce: {quiet: soon}",
            "3:19: debounce.quiet: `soon` is not a duration; write a number with its unit, such as 200ms, 2s or 1h",
        ),
        (
            "debounce: {quiet: 3s}",
            "3:19: debounce.quiet: quiet (3s) is longer than max_wait (2s); make quiet shorter or max_wait longer",
        ),
        (
            "debounce: {max_wait: 100ms}",
            "3:22: debounce.max_wait: quiet (200ms) is longer than max_wait (100ms); make quiet shorter or max_wait longer",
        ),
        (
            "watch: {poll_interval: 0s}",
            "3:24: watch.poll_interval: must be longer than zero; give a time such as 2s",
        ),
        (
            "watch: {rescan: 400d}",
            "3:17: watch.rescan: `400d` is too long; give at most 366 days",
        ),
        (
            "watch: {mode: pol}",
            "3:15: watch.mode: `pol` is not one of auto, native, poll; did you mean `poll`?",
        ),
        (
            "layout: tree",
            "3:9: layout: `tree` is not one of mirror, slug; choose one of these",
        ),
        (
            "log: {level: inof}",
            "3:14: log.level: `inof` is not a log level; did you mean `info`?",
        ),
        (
            "log: {level: verbose}",
            "3:14: log.level: `verbose` is not a log level; write one of off, error, warn, info, debug, trace or a \
             filter such as info,smartnotesd=debug",
        ),
        (
            "log: {level: 'a=b'}",
            "3:14: log.level: `a=b` is not a log filter; write one of off, error, warn, info, debug, trace or a \
             filter such as info,smartnotesd=debug",
        ),
        (
            "log: {format: Json}",
            "3:15: log.format: `Json` is not one of auto, pretty, plain, json, journald; did you mean `json`?",
        ),
    ]);
}

#[test]
fn globs_and_tags() {
    assert_rejected(&[
        (
            "include: []",
            "3:10: include: is empty, so that no file would be a note; name a glob such as \"*.md\"",
        ),
        (
            "exclude: ['[z-a]']",
            "3:11: exclude: `[z-a]` is not a valid glob (invalid range; 'z' > 'a'); see gitignore(5)",
        ),
        (
            "include: ['[ab.md']",
            "3:11: include: `[ab.md` is not a valid glob (unclosed character class; missing ']'); see gitignore(5)",
        ),
        (
            "exclude:\n  - ok\n  - ''",
            "5:5: exclude: an empty glob matches nothing; take it out",
        ),
        (
            "exclude: ['#a']",
            "3:11: exclude: `#a` would be a comment; write `\\#` for a name that starts with #",
        ),
        (
            "skip_tags: [a b]",
            "3:13: skip_tags: `a b` is not a tag; write one tag without spaces, such as work/secret",
        ),
        (
            "only_tags: ['#']",
            "3:13: only_tags: `#` is not a tag; write one tag without spaces, such as work/secret",
        ),
        (
            "skip_tags: ['']",
            "3:13: skip_tags: `` is not a tag; write one tag without spaces, such as work/secret",
        ),
        (
            "skip_tags: [ok, work/*]",
            "3:17: skip_tags: `work/*` is not a tag; write the tag alone: it stands for the tags below it too",
        ),
        (
            "only_tags: ['work*']",
            "3:13: only_tags: `work*` is not a tag; write the tag alone: it stands for the tags below it too",
        ),
    ]);
}

#[test]
fn formats() {
    assert_rejected(&[
        (
            "formats: {}",
            "3:10: formats: names no format; name at least one, such as `markdown:`",
        ),
        (
            "formats: [html]",
            "3:10: formats: expected a map, found a list; write `key: value` lines",
        ),
        (
            "formats: {markdwon: }",
            "3:11: formats.markdwon: is not built in; did you mean `markdown`? Else give it a command or a template",
        ),
        (
            "formats: {docx: }",
            "3:11: formats.docx: is not built in; give it a command or a template",
        ),
        (
            "formats: {docx: {command: [x]}}",
            "3:11: formats.docx.extension: is missing; name the extension of the files, such as docx",
        ),
        (
            "formats: {a b: {command: [x], extension: x}}",
            "3:11: formats.a b: a format's name has only letters, digits, - and _; choose another name",
        ),
        (
            "formats: {x: {command: [x], template: page.html, extension: x}}",
            "3:39: formats.x.template: a format has either a command or a template; take one of the two out",
        ),
        (
            "formats: {html: {command: [x]}}",
            "3:27: formats.html.command: html is built in and takes no command; give the format another name",
        ),
        (
            "formats: {csv: {template: page.html}}",
            "3:27: formats.csv.template: csv takes no template; give the format another name",
        ),
        (
            "formats: {html: {timeout: 3s}}",
            "3:27: formats.html.timeout: only a format with a command has a timeout; take it out",
        ),
        (
            "formats: {x: {command: [x], extension: x, timeout: 0s}}",
            "3:52: formats.x.timeout: must be longer than zero; give a time such as 2s",
        ),
        (
            "formats: {html: {template: gone.html}}",
            "3:28: formats.html.template: /conf/gone.html cannot be read (no such file); name a text file",
        ),
        (
            "formats: {html: {template: broken.html}}",
            "3:28: formats.html.template: /conf/broken.html:2: unexpected end of block; correct the template",
        ),
        (
            "formats: {html: {dir: ../x}}",
            "3:23: formats.html.dir: `../x` leads out of export_dir; name a folder inside it",
        ),
        (
            "formats: {html: {dir: /x}}",
            "3:23: formats.html.dir: `/x` leads out of export_dir; name a folder inside it",
        ),
        (
            "formats: {html: {extension: a/b}}",
            "3:29: formats.html.extension: `a/b` is not an extension; use letters and digits, such as html",
        ),
        (
            "formats: {html: {extension: '.'}}",
            "3:29: formats.html.extension: `.` is not an extension; use letters and digits, such as html",
        ),
    ]);
}

#[test]
fn commands() {
    assert_rejected(&[
        (
            "formats: {x: {command: [], extension: x}}",
            "3:24: formats.x.command: is empty; name at least the program",
        ),
        (
            "formats: {x: {command: cat, extension: x}}",
            "3:24: formats.x.command: expected a list, found the text `cat`; write it as [pandoc, \"{input}\", -o, \"{output}\"]",
        ),
        (
            "formats: {x: {command: [cat, '{inptu}'], extension: x}}",
            "3:30: formats.x.command: `{inptu}` is not a placeholder; did you mean `{input}`? \
             Known are {input}, {output}, {note}, {title}, {folder}",
        ),
        (
            "formats: {x: {command: [cat, '--x={body}'], extension: x}}",
            "3:30: formats.x.command: `{body}` is not a placeholder; known are {input}, {output}, {note}, {title}, {folder}",
        ),
        (
            "formats: {x: {command: ['{input}'], extension: x}}",
            "3:25: formats.x.command: a note cannot choose the program; use placeholders in the arguments only",
        ),
        (
            "formats: {x: {command: ['${NO}/x'], extension: x}}",
            "3:25: formats.x.command: the environment variable `NO` is not set or empty; set it or write the path out",
        ),
        (
            "formats: {x: {command: [''], extension: x}}",
            "3:25: formats.x.command: the program's name is empty or holds a NUL byte; name the program",
        ),
        (
            "formats: {x: {command: [sleep, 1], extension: x}}",
            "3:32: formats.x.command: expected text, found the number 1; put it in quotes if it is meant as text",
        ),
    ]);
}

#[test]
fn formats_that_could_write_the_same_file() {
    let two = |first: &str, second: &str, layout: &str| {
        parse_below(&format!(
            "layout: {layout}\nformats:\n  a: {{template: page.html, extension: x, dir: {first}}}\n  \
             b: {{template: page.html, extension: x, dir: {second}}}\n"
        ))
    };
    let line = |first: &str, second: &str| {
        format!(
            "c.yaml:6:3: formats.b: a (in {first}) and b (in {second}) could write the same .x file; \
             give one of them a `dir` beside the other's, or another extension"
        )
    };
    for (first, second) in [
        (".", "."),
        ("d", "d"),
        (".", "d"),
        ("d", "d/e"),
        ("d/e", "d"),
    ] {
        assert_eq!(
            two(first, second, "mirror").unwrap_err().to_string(),
            line(first, second)
        );
    }
    assert!(two("d", "de", "mirror").is_ok());
    assert!(
        two("d", "d/e", "slug").is_ok(),
        "flat names cannot reach into a subfolder"
    );
    assert_eq!(
        two("d", "d", "slug").unwrap_err().to_string(),
        line("d", "d")
    );
}

#[test]
fn no_yaml() {
    assert_eq!(
        rejection("layout: [mirror\n"),
        "c.yaml:4:1: not valid YAML: did not find expected ',' or ']', while parsing a flow sequence at line 3 column 9; \
         check the indentation and the quotes there and on the line before"
    );
    let documents = rejection("---\nlayout: slug\n");
    assert!(
        documents.starts_with("c.yaml:4:1: not valid YAML: "),
        "{documents}"
    );
    assert!(documents.contains("more than one document"), "{documents}");
    assert!(
        documents.ends_with("; write one document, with few aliases or none"),
        "{documents}"
    );
    let bomb = (0..20).fold("a0: &a0 [x]\n".to_owned(), |text, level| {
        format!(
            "{text}a{}: &a{} [*a{level}, *a{level}, *a{level}, *a{level}]\n",
            level + 1,
            level + 1
        )
    });
    assert!(rejection(&bomb).contains("repetition limit exceeded"));
}

#[test]
fn a_config_that_is_no_map() {
    let lines = |text: &str| parse_with(text, &environment(), &files()).unwrap_err();
    assert_eq!(
        lines("- a").lines()[0],
        "c.yaml:1:1: expected a map, found a list; write `key: value` lines"
    );
    for nothing in [
        "",
        "# all commented out\n",
        "---\n",
        "---\n# nothing\n...\n",
    ] {
        let errors = lines(nothing);
        assert_eq!(errors.lines().len(), 2, "{errors}");
        assert!(
            errors
                .to_string()
                .starts_with("c.yaml:1:1: notes_dir: is missing"),
            "{errors}"
        );
    }
}

#[test]
fn a_byte_order_mark_and_crlf_are_read() {
    let text = "\u{feff}notes_dir: n\r\nexport_dir: e\r\nlayout: tree\r\n";
    let errors = parse_with(text, &environment(), &files())
        .unwrap_err()
        .to_string();
    assert!(errors.starts_with("c.yaml:3:9: layout: `tree`"), "{errors}");
}

#[test]
fn every_problem_comes_at_once_in_the_order_of_the_file() {
    let text = "export_dir: e\nlog: {level: loud, colour: yes}\nformats:\n  html: {dir: /}\n  pdf: {}\nmax_concurrent: 0\n";
    let errors = parse_with(text, &environment(), &files()).unwrap_err();
    let keys: Vec<&str> = errors
        .lines()
        .iter()
        .map(|line| line.split(": ").nth(1).unwrap())
        .collect();
    assert_eq!(
        keys,
        [
            "notes_dir",
            "log.level",
            "log.colour",
            "formats.html.dir",
            "formats.pdf",
            "max_concurrent"
        ],
        "{errors}"
    );
    assert!(errors.to_string().starts_with(
        "c.yaml:1:1: notes_dir: is missing; add `notes_dir: FOLDER`, or start with --notes FOLDER\n"
    ));
}

#[test]
fn a_flood_of_problems_is_cut() {
    let text = (0..500)
        .map(|number| format!("key{number}: 1"))
        .collect::<Vec<_>>()
        .join("\n");
    let errors = parse_below(&text).unwrap_err();
    assert_eq!(errors.lines().len(), 101);
    assert_eq!(errors.lines().last().unwrap(), "… and 400 more problems");
}

#[test]
fn a_message_is_one_line_whatever_the_value_holds() {
    let errors = parse_below("layout: \"a\\nb\\e[31m\"\n").unwrap_err();
    assert_eq!(errors.lines().len(), 1);
    assert!(!errors.to_string().contains(char::is_control), "{errors:?}");
}
