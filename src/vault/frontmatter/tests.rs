use super::*;

fn closed(text: &str) -> Split<'_> {
    match split(text) {
        Opening::Closed(split) => split,
        other => panic!("{text:?}: {other:?}"),
    }
}

fn fields_of(yaml: &str) -> Fields {
    fields(&mapping(yaml).unwrap(), yaml)
}

fn strings(texts: &[Box<str>]) -> Vec<&str> {
    texts.iter().map(|text| &**text).collect()
}

#[test]
fn found_only_at_the_very_start() {
    assert_eq!(closed("---\na: 1\n---\nx").yaml, "a: 1\n");
    assert_eq!(closed("\u{feff}---\r\na: 1\r\n---\r\nx").yaml, "a: 1\r\n");
    assert_eq!(closed("---\n---").end, 7);
    assert_eq!(closed("--- \na: 1\n---\t\n").yaml, "a: 1\n");
    assert_eq!(split("\n---\na: 1\n---\n"), Opening::None);
    assert_eq!(split("x\n---\na: 1\n---\n"), Opening::None);
    assert_eq!(split("----\na: 1\n----\n"), Opening::None);
    assert_eq!(split("---"), Opening::None);
    assert_eq!(
        split("---\na: 1\n\nb\n...\n"),
        Opening::Unclosed("a: 1\n\nb\n...\n")
    );
    assert_eq!(
        split("---\na: 1\n ---\n"),
        Opening::Unclosed("a: 1\n ---\n")
    );
}

#[test]
fn titles_are_texts_as_written() {
    for (yaml, title) in [
        ("title: 1.10", Some("1.10")),
        ("Title: 2024-01-01", Some("2024-01-01")),
        ("title: \"a: b\"", Some("a: b")),
        ("title: yes", Some("yes")),
        ("title: True", Some("True")),
        ("title: 0x1F", Some("0x1F")),
        ("title:", None),
        ("title: ' '", None),
        ("title: [a]", None),
    ] {
        assert_eq!(fields_of(yaml).title.as_deref(), title, "{yaml}");
    }
}

#[test]
fn tags_and_aliases_of_every_form() {
    let fields = fields_of(
        "tags: [a, '#b', 1.10, A]\ntag: c d, #e\naliases:\n- One, two\n- 3.0\nalias: x, y",
    );
    assert_eq!(
        strings(&fields.tags.into_tags()),
        ["a", "b", "1.10", "c", "d"]
    );
    assert_eq!(strings(&fields.aliases), ["One, two", "3.0", "x", "y"]);
    // An editor leaves an item empty for the next one.
    let fields = fields_of("tags:\n- 1.10\n-\n- 'null'\naliases: [~, 3.0]");
    assert_eq!(strings(&fields.tags.into_tags()), ["1.10", "null"]);
    assert_eq!(strings(&fields.aliases), ["3.0"]);
    assert_eq!(
        strings(&fields_of("tags: '#x, y'").tags.into_tags()),
        ["x", "y"]
    );
    assert!(
        fields_of("tags: {a: b}\naliases: null")
            .tags
            .into_tags()
            .is_empty()
    );
}

#[test]
fn privacy_fails_closed() {
    for yaml in [
        "export: false",
        "publish: False",
        "Publish: no",
        "export: 'No'",
        "export: \"false\"",
        "draft: true",
        "DRAFT: Yes",
        "private: 'TRUE'",
        "private: 1",
        "draft: who knows",
        "private: [x]",
        "export: off",
        "a: 1\nprivate: y",
        // What folds into one text, or what a comment without a space before it sticks to.
        "export: false\n  and more",
        "publish: no, not yet",
        "publish: not yet",
        "export: false# until May",
        "export: \"No!\"",
        "publish: [false]",
        "export: !x false",
        "publish: draft",
        "private: false\n  or not",
        "private: false\nPRIVATE: true",
        "\u{feff}private: true",
        "private\u{a0}: true",
        "\"private \": true",
        "private? : true",
        "? private\n: true",
        "&a private: true",
        "private:\ttrue",
    ] {
        assert!(fields_of(yaml).private, "{yaml}");
    }
    for yaml in [
        "export: true",
        "publish: yes",
        "draft: false",
        "draft: 'no'",
        "private: off",
        "draft:",
        "publish: 2024-05-01",
        "export: {format: pdf}",
        "a: {private: true}",
        "privately: true",
        "private_notes: true",
        "publish: nowhere else",
        "publish: notes/",
        "export: ''",
    ] {
        assert!(!fields_of(yaml).private, "{yaml}");
    }
}

#[test]
fn whole_numbers_of_any_size_are_numbers() {
    for number in [
        "18446744073709551616",
        "12345678901234567890123",
        "-9223372036854775809",
        "-12345678901234567890123",
        "9999999999999999999999999999999999999999999999999",
    ] {
        let yaml = format!("id: {number}\nids: [{number}]\na: {{b: {number}}}\ntitle: {number}\n");
        let read = mapping(&yaml).unwrap();
        assert!(read["id"].is_f64(), "{read:?}");
        assert_eq!(fields_of(&yaml).title.as_deref(), Some(number));
    }
    assert!(fields_of("private: 12345678901234567890123").private);
}

#[test]
fn merge_keys_are_merged() {
    for yaml in [
        "d: &d {draft: true}\n<<: *d\n",
        "<<: {private: yes}\n",
        "<<: [{a: 1}, {export: no}]\n",
        "b: &b {draft: true}\nd: &d {<<: *b}\n<<: *d\n",
    ] {
        assert!(fields_of(yaml).private, "{yaml}");
    }
    let fields = fields_of("d: &d {draft: true, title: T, tags: [1.0]}\n<<: *d\ndraft: false\n");
    assert!(!fields.private, "its own word goes first");
    assert_eq!(fields.title.as_deref(), Some("T"));
    assert_eq!(strings(&fields.tags.into_tags()), ["1.0"]);
    let nested = mapping("a: [{<<: {b: 1}, c: 2}]\n").unwrap();
    assert_eq!(nested["a"][0]["b"], 1);
    for yaml in ["x: 1\n<<: text\n", "x: 1\n<<: [a]\n", "x: 1\n<<:\n"] {
        let problem = mapping(yaml).unwrap_err();
        assert_eq!((problem.line, problem.column), (2, 1), "{yaml}");
    }
}

/// A mistake in YAML hides no wish to stay in.
#[test]
fn mistakes_fail_closed() {
    for yaml in [
        "private:true\n",
        "title: x\nprivate:true\n",
        "private:true\ntitle: x\n",
        "title: x\n private: true\n",
        "\tprivate: true\n",
        "private: true\nprivate: false\n",
        "title: x\n...\nprivate: true\n",
        "!!str private: true\n",
        "private: true, draft: false\n",
        "- private: true\n",
        "title: \"x\nprivate: true\n",
    ] {
        let read = read(closed(&format!("---\n{yaml}---\n")));
        let kept_in = match &read {
            Ok(fields) => fields.private,
            Err(unreadable) => unreadable.privacy == Privacy::Withheld,
        };
        assert!(kept_in, "{yaml:?} {read:?}");
    }
}

#[test]
fn what_cannot_be_read_is_a_problem_at_its_place() {
    let problem = |text: &str| read(closed(text)).unwrap_err();
    let bad = problem("---\na: 1\nb: [1,\n---\n");
    assert_eq!(bad.privacy, Privacy::Unreadable);
    assert!(bad.problem.line >= 3, "{:?}", bad.problem);
    let tab = problem("---\na: 1\nb: \"x\" y\n---\n");
    assert_eq!(
        (tab.problem.line, tab.problem.column),
        (3, 8),
        "{:?}",
        tab.problem
    );
    let template = problem("---\ncreated: {{date}}\n---\n");
    assert_eq!(
        (template.problem.line, template.problem.column),
        (2, 10),
        "{:?}",
        template.problem
    );
    assert_eq!(problem("---\njust text\n---\n").problem.line, 2);
    assert_eq!(problem("---\n- a\n---\n").privacy, Privacy::Unreadable);
    assert_eq!(
        problem("---\nPrivate: {{x}}\n---\n").privacy,
        Privacy::Withheld
    );
    assert_eq!(
        problem("---\nprivate: true\nprivate: true\n---\n").privacy,
        Privacy::Withheld
    );
    assert!(
        !problem("---\na: 1\na: 2\n---\n")
            .problem
            .message
            .contains('\n')
    );
}

/// To the YAML parser U+0085, U+2028 and U+2029 end a line, to nobody else's eyes.
#[test]
fn places_are_counted_in_the_files_own_lines() {
    for (yaml, place) in [
        (
            "tags:\n ca\u{85} - les/types\nicon: trees\nb: \"x\" y",
            (4, 8),
        ),
        ("a: é\u{85}\u{2028}\u{2029}b: \"é\" y", (1, 15)),
        ("a: 1\r\nb: \"é\" y", (2, 8)),
        ("a: 1\nbé\u{7}: c", (2, 3)),
        ("a: 1\nb: \u{fffe}c", (2, 4)),
    ] {
        let problem = mapping(yaml).unwrap_err();
        assert_eq!(
            (problem.line, problem.column),
            place,
            "{yaml:?} {problem:?}"
        );
    }
}

#[test]
fn nothing_and_comments_are_front_matter_too() {
    assert!(mapping("").unwrap().is_empty());
    assert!(mapping("# only a comment\n").unwrap().is_empty());
}

#[test]
fn an_unclosed_block_is_withheld_if_it_could_be_private() {
    assert!(read_unclosed("Some text\n").is_none());
    assert!(read_unclosed("").is_none());
    assert_eq!(
        read_unclosed("title: x\n").unwrap().privacy,
        Privacy::Unreadable
    );
    assert!(read_unclosed("Some text\n\nprivate: true\n").is_none());
    assert_eq!(
        read_unclosed("title: x\n\nprivate: true\n")
            .unwrap()
            .privacy,
        Privacy::Withheld
    );
    assert_eq!(
        read_unclosed("title: x\n\"Private\": true\n")
            .unwrap()
            .privacy,
        Privacy::Withheld
    );
}

#[test]
fn bombs_are_refused_quickly() {
    let mut laughs = String::from("a0: &a0 [x,x,x,x,x,x,x,x]\n");
    for level in 1..20 {
        let below = format!("*a{},", level - 1).repeat(8);
        laughs.extend([
            "a",
            &level.to_string(),
            ": &a",
            &level.to_string(),
            " [",
            &below,
            "]\n",
        ]);
    }
    laughs.push_str(&"pad: x\n".repeat(1000));
    assert!(mapping(&laughs).unwrap_err().message.contains("aliases"));
    assert!(
        mapping(&"[".repeat(100_000))
            .unwrap_err()
            .message
            .contains("deeply")
    );
    assert!(mapping(&format!("a: {}", "- ".repeat(20_000))).is_err());
    assert!(mapping(&"x".repeat(2 << 20)).is_err());
    assert_eq!(mapping("a: &x 1\nb: *x\n").unwrap().len(), 2);
}
