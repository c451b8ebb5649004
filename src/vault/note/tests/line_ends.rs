//! Line ends of every kind: what a note says does not depend on them.

use super::*;

const NOTE: &str = "---\ntitle: T\ntags: [a, b]\naliases: [Other]\nupdated: 1.10\n---\n# H\n\nx #c [[d]] ![[e#f]] [g](h.md)\n\n\
    %%hidden\n[[i]]\n%%\nj ^k\n\n- l\n\n^m\n\n[n]: o.md\n\n## P %%q%%\n\n[[r\ns]]\n\n> [!tip] u\n> v ^w\n\nTags: y, z\n";

/// The note with each of its line ends replaced, in turn.
fn with_ends(text: &str, ends: &[&str]) -> String {
    let lines = text.split_inclusive('\n').zip(ends.iter().cycle());
    lines
        .map(|(line, end)| {
            line.strip_suffix('\n')
                .map_or(line.into(), |line| line.to_owned() + end)
        })
        .collect()
}

#[test]
fn a_lone_carriage_return_ends_a_line() {
    let wanted = md(NOTE);
    assert_eq!(strings(&wanted.facts.tags), ["a", "b", "c", "y", "z"]);
    let (head, rest) = NOTE.split_at(NOTE.find("x #c").unwrap());
    let old = |text: &str| with_ends(text, &["\r"]);
    for text in [old(NOTE), old(head) + rest, head.to_owned() + &old(rest)] {
        let mut read = md(&text);
        let packed = read.packed_syntax();
        assert!(packed.is_none(), "it is parsed again from its bytes");
        read.facts.content = wanted.facts.content;
        read.is_verbatim = true;
        assert_eq!(read, wanted, "{text:?}");
        assert_eq!(front_matter(&read), front_matter(&wanted), "{text:?}");
    }
}

#[test]
fn it_does_beside_other_line_ends_too() {
    let wanted = md(NOTE).facts;
    let targets = |facts: &NoteFacts| {
        facts
            .refs
            .iter()
            .map(|r| r.target.clone())
            .collect::<Vec<_>>()
    };
    let headings = |facts: &NoteFacts| {
        facts
            .headings
            .iter()
            .map(|h| h.anchor.clone())
            .collect::<Vec<_>>()
    };
    let blocks = |facts: &NoteFacts| {
        facts
            .blocks
            .iter()
            .map(|block| block.id.clone())
            .collect::<Vec<_>>()
    };
    for ends in [&["\r\n"][..], &["\r", "\r\n"], &["\r\n", "\n", "\r"]] {
        let note = md(&with_ends(NOTE, ends));
        let read = &note.facts;
        assert_eq!(
            (&read.title, &read.tags, &read.aliases),
            (&wanted.title, &wanted.tags, &wanted.aliases),
            "{ends:?}"
        );
        assert_eq!(targets(read), targets(&wanted), "{ends:?}");
        assert_eq!(headings(read), headings(&wanted), "{ends:?}");
        assert_eq!(blocks(read), blocks(&wanted), "{ends:?}");
        let comments = note
            .syntax
            .marks
            .iter()
            .filter(|mark| matches!(mark.kind, MarkKind::Comment));
        assert_eq!(comments.count(), 2, "{ends:?}");
        assert!(!note.text.replace("\r\n", "").contains('\r'), "{ends:?}");
    }
}

#[test]
fn what_keeps_a_note_in_is_seen_behind_any_line_end() {
    for line in [
        "private: true",
        "draft: yes",
        "publish: false",
        "export: no",
    ] {
        for ends in [
            &["\n"][..],
            &["\r"],
            &["\r\n"],
            &["\r", "\n"],
            &["\n", "\r"],
            &["\r", "\r\n"],
            &["\r\n", "\r"],
        ] {
            for mark in ["", "\u{feff}"] {
                let closed = with_ends(&format!("{mark}---\ntitle: T\n{line}\n---\ntext"), ends);
                assert_eq!(md(&closed).facts.privacy, Privacy::Private, "{closed:?}");
                let open = with_ends(&format!("{mark}---\ntitle: T\n{line}\ntext"), ends);
                assert_eq!(md(&open).facts.privacy, Privacy::Withheld, "{open:?}");
                let broken = with_ends(&format!("{mark}---\na: [\n{line}\n---\ntext"), ends);
                assert_eq!(md(&broken).facts.privacy, Privacy::Withheld, "{broken:?}");
            }
        }
    }
}

#[test]
fn problems_are_on_the_lines_that_it_ends() {
    let place = |bytes: &[u8], name: &str| {
        let note = parse(&NotePath::new(name).unwrap(), bytes);
        let problem = note.facts.problem.unwrap();
        (problem.line, problem.column)
    };
    assert_eq!(place(b"---\ra: 1\r\rb: \"x\" y\r---\r", "n.md"), (4, 8));
    assert_eq!(place(b"---\r\na: 1\rb: \"x\" y\n---\r", "n.md"), (3, 8));
    assert_eq!(place(b"a\rb\xff", "n.md"), (2, 2));
    assert_eq!(place(b"a\r\xff", "n.md"), (2, 1));
    assert_eq!(
        place(b"{\r\"title\": \"T\",\r  \"body\": 1}", "n.json"),
        (3, 3)
    );
    assert_eq!(place(b"{\r\"title\": x}", "n.json").0, 2);
}

#[test]
fn a_json_notes_body_is_read_like_any_text() {
    let read = |body: &str| {
        let bytes = serde_json::to_vec(&serde_json::json!({ "body": body })).unwrap();
        parse(&NotePath::new("n.json").unwrap(), bytes)
    };
    let body = "# H\n\n%%a\n[[b]]\n%%\nc ^d\n\nTags: e\n";
    let (mut carriage_returns, wanted) = (read(&with_ends(body, &["\r"])), read(body));
    carriage_returns.facts.content = wanted.facts.content;
    assert_eq!(carriage_returns, wanted);
}
