//! What a link means: the rules of `resolve`, one by one.

use super::incremental::knowledge;
use super::world::{World, config};
use crate::vault::{Candidates, Vault};

/// What `link` in the note `from` means among `files`: a path, all paths of a tie, or `-`.
fn meaning(files: &[&str], from: &str, link: &str) -> String {
    let mut all: Vec<(&str, &str)> = files.iter().map(|path| (*path, "text")).collect();
    all.push((from, link));
    let world = World::with(&all);
    let refs = world.file(from).facts().unwrap().refs;
    assert_eq!(refs.len(), 1, "{link}");
    match world.vault.candidates(world.id(from), &refs[0]) {
        Candidates::None => "-".to_owned(),
        Candidates::One(id) => world.path_of(id),
        Candidates::Tie(ids) => ids
            .into_iter()
            .map(|id| world.path_of(id))
            .collect::<Vec<_>>()
            .join(" | "),
    }
}

#[track_caller]
fn check(files: &[&str], from: &str, cases: &[(&str, &str)]) {
    for (link, expected) in cases {
        assert_eq!(meaning(files, from, link), *expected, "{link} in {from}");
    }
}

#[test]
fn case_and_composition_do_not_count() {
    let files = [
        "Caf\u{e9}.md",
        "d/O\u{308}l.md",
        "\u{39f}\u{394}\u{39f}\u{3a3}.md",
        "Plain.md",
    ];
    check(
        &files,
        "n.md",
        &[
            ("[[CAFE\u{301}]]", "Caf\u{e9}.md"),
            ("[[caf\u{e9}]]", "Caf\u{e9}.md"),
            ("[[D/\u{f6}L]]", "d/O\u{308}l.md"),
            (
                "[[\u{3bf}\u{3b4}\u{3bf}\u{3c2}]]",
                "\u{39f}\u{394}\u{39f}\u{3a3}.md",
            ),
            (
                "[[\u{39f}\u{394}\u{39f}\u{3a3}.MD]]",
                "\u{39f}\u{394}\u{39f}\u{3a3}.md",
            ),
            ("[[pLAIN]]", "Plain.md"),
            ("![[PLAIN.md]]", "Plain.md"),
            ("[x](plain)", "Plain.md"),
        ],
    );
}

#[test]
fn a_path_matches_by_its_last_parts() {
    let files = ["one/two/core.md", "other/core.md", "one/xtwo/leaf.md"];
    check(
        &files,
        "n.md",
        &[
            ("[[two/core]]", "one/two/core.md"),
            ("[[one/two/core]]", "one/two/core.md"),
            ("[[other/core.md]]", "other/core.md"),
            ("[[two/leaf]]", "-"),
            ("[[core/two]]", "-"),
            ("[[ne/two/core]]", "-"),
        ],
    );
}

#[test]
fn a_path_from_the_root_goes_before_nearer_suffixes() {
    let files = ["d/a.md", "x/d/a.md"];
    check(
        &files,
        "x/n.md",
        &[
            ("[[d/a]]", "d/a.md"),
            ("[[x/d/a]]", "x/d/a.md"),
            ("[[a]]", "x/d/a.md"),
        ],
    );
}

#[test]
fn the_nearest_goes_first() {
    let files = ["a.md", "d/a.md", "d/e/f/a.md"];
    check(&files, "n.md", &[("[[a]]", "a.md")]);
    check(&files, "d/n.md", &[("[[a]]", "d/a.md")]);
    check(&files, "d/e/n.md", &[("[[a]]", "d/a.md | d/e/f/a.md")]);
    check(&files, "d/e/f/g/n.md", &[("[[a]]", "d/e/f/a.md")]);
    check(&files, "z/n.md", &[("[[a]]", "a.md")]);
}

#[test]
fn ties_go_by_path_order_and_are_known() {
    check(
        &["b/a.md", "c/a.md", "B/a.md"],
        "n.md",
        &[("[[a]]", "B/a.md | b/a.md | c/a.md")],
    );
    check(&["a.md", "A.md"], "n.md", &[("[[a]]", "A.md | a.md")]);
    check(
        &["a.md", "a.markdown"],
        "n.md",
        &[("[[a]]", "a.markdown | a.md"), ("[[a.md]]", "a.md")],
    );
    let world = World::with(&[
        ("n.md", "[[a]] [[gone]] [[gone too]]"),
        ("b/a.md", ""),
        ("c/a.md", ""),
    ]);
    let file = world.file("n.md");
    assert_eq!((file.unresolved, file.ambiguous), (2, 1));
}

#[test]
fn an_embed_of_a_place_that_is_not_there_counts_as_leading_nowhere() {
    let counts = |world: &World| world.file("n.md").unresolved;
    let text = "![[k#Gone]] ![[k#^gone]] [[k#Gone]] [[k#^gone]] [x](k.md#gone) ![x](k.md#gone)";
    let mut world = World::with(&[("n.md", text), ("k.md", "x")]);
    assert_eq!(counts(&world), 2);
    world.write(&[("k.md", "# Gone\nx")]);
    assert_eq!(counts(&world), 1);
    world.write(&[("k.md", "# Gone\nx ^gone")]);
    assert_eq!(counts(&world), 0);
    world.write(&[("k.md", "x")]);
    assert_eq!(counts(&world), 2);
    // What is kept out is there all the same.
    world.write(&[("k.md", "---\nprivate: true\n---\n")]);
    assert_eq!(counts(&world), 0);
    // It counts in a note that is kept out, too.
    world.write(&[
        ("k.md", "x"),
        ("n.md", &format!("---\ndraft: true\n---\n{text}")),
    ]);
    assert_eq!(counts(&world), 2);
    world.write(&[("k.md", "# Gone\nx ^gone")]);
    assert_eq!(counts(&world), 0);
    world.delete(&["k.md"]);
    assert_eq!(counts(&world), 6);
}

#[test]
fn aliases_come_last() {
    let alias = "---\naliases: [Nick, two/words, d/]\n---\n";
    let world = |link: &str, others: &[(&str, &str)]| {
        let mut files = vec![("far/away/real.md", alias), ("n.md", link)];
        files.extend(others);
        let world = World::with(&files);
        let reference = &world.file("n.md").facts().unwrap().refs[0];
        world
            .vault
            .candidates(world.id("n.md"), reference)
            .first()
            .map(|id| world.path_of(id))
    };
    let real = Some("far/away/real.md".to_owned());
    assert_eq!(world("[[nick]]", &[]), real);
    assert_eq!(world("[[two/words]]", &[]), real);
    assert_eq!(world("[x](NICK)", &[]), real);
    assert_eq!(world("[[words]]", &[]), None);
    assert_eq!(
        world("[[nick]]", &[("very/far/from/here/nick.md", "")]),
        Some("very/far/from/here/nick.md".into())
    );
    // An alias may be of any form, only a file's name may not.
    assert_eq!(world("[[d/]]", &[("d.md", "")]), real);
}

#[test]
fn notes_need_no_extension_and_other_files_do() {
    let files = ["a.md", "pic.png", "v1.2.md", "t.txt", "j.json"];
    check(
        &files,
        "n.md",
        &[
            ("[[a]]", "a.md"),
            ("[[a.md]]", "a.md"),
            ("![[pic.png]]", "pic.png"),
            ("![[PIC.PNG]]", "pic.png"),
            ("[[pic]]", "-"),
            ("[[v1.2]]", "v1.2.md"),
            ("[[v1]]", "-"),
            ("[[t]]", "t.txt"),
            ("[[j.json]]", "j.json"),
        ],
    );
    check(&["a.md", "a"], "n.md", &[("[[a]]", "a | a.md")]);
}

#[test]
fn a_query_counts_where_no_file_has_it_in_its_name() {
    check(
        &["a.md", "why?.md", "d/why.md"],
        "n.md",
        &[
            ("[x](a.md?y=/b)", "a.md"),
            ("[x](why?.md)", "why?.md"),
            ("[x](why?y)", "d/why.md"),
            ("[[a?y]]", "-"),
            ("[x](gone.md?a.md)", "-"),
        ],
    );
    let mut world = World::with(&[("n.md", "[x](a.md?y=1/2)")]);
    let delta = world.write(&[("a.md", "text")]);
    assert_eq!(world.affected(&delta)["n.md"], "links to a.md");
}

#[test]
fn dots_and_a_slash_name_a_place() {
    let files = ["a.md", "d/a.md", "d/e/a.md", "d/b.md"];
    check(
        &files,
        "d/n.md",
        &[
            ("[[/a]]", "a.md"),
            ("[[/d/e/a]]", "d/e/a.md"),
            ("[[/e/a]]", "-"),
            ("[[./a]]", "d/a.md"),
            ("[[../a]]", "a.md"),
            ("[[./e/a]]", "d/e/a.md"),
            ("![[./gone]]", "-"),
            ("[[../b]]", "-"),
            ("![[../b]]", "-"),
            ("[[../../a]]", "-"),
            ("[[e/../a]]", "d/a.md"),
        ],
    );
}

#[test]
fn markdown_links_are_paths_first() {
    let files = ["a.md", "d/a.md", "d/e/b.md", "b.md", "d/my note.md"];
    check(
        &files,
        "d/n.md",
        &[
            ("[x](a.md)", "d/a.md"),
            ("[x](../a.md)", "a.md"),
            ("[x](/a.md)", "a.md"),
            ("[x](e/b)", "d/e/b.md"),
            ("[x](my%20note.md)", "d/my note.md"),
            ("[x](<my note>)", "d/my note.md"),
            // Not beside it: found as a name.
            ("[x](b.md)", "b.md | d/e/b.md"),
            ("[x](../gone/b)", "-"),
            ("[x](../e/b)", "d/e/b.md"),
            ("![x](a)", "d/a.md"),
        ],
    );
    // The same words as a wikilink go by name.
    check(
        &["x/y.md", "d/x/y.md"],
        "d/n.md",
        &[("[l](x/y)", "d/x/y.md"), ("[[x/y]]", "x/y.md")],
    );
}

#[test]
fn what_names_a_folder_names_no_file() {
    let files = ["d.md", "d/e.md", "d/e/x.md"];
    check(
        &files,
        "d/e/n.md",
        &[
            ("[x](..)", "-"),
            ("[x](../)", "-"),
            ("[[d/]]", "-"),
            ("[[d/e/..]]", "-"),
            ("[x](.)", "-"),
            ("[[d/.]]", "-"),
        ],
    );
}

#[test]
fn an_empty_target_is_the_note_itself() {
    check(
        &["a.md"],
        "n.md",
        &[
            ("[[#Heading]]", "n.md"),
            ("[x](#heading)", "n.md"),
            ("![[#^b]]", "n.md"),
        ],
    );
}

#[test]
fn the_order_in_which_files_are_found_says_nothing() {
    let files = [
        ("b/a.md", "[[a]] [[n]] ![[c]]"),
        ("c/a.md", "[[../n]] #t"),
        ("n.md", "[[a]] [[A|x]] [[d/]]"),
        ("a.markdown", "---\naliases: [c]\n---\n[x](n)"),
        ("a.md", "![[c/a]]"),
        ("c.png", ""),
    ];
    let at_once = World::with(&files);
    for turn in 0..files.len() {
        let mut order = files;
        order.rotate_left(turn);
        order.reverse();
        let mut world = World::new(config());
        for file in order {
            world.write(&[file]);
        }
        assert_eq!(knowledge(&world.vault), knowledge(&at_once.vault));
        let names = |vault: &Vault| {
            vault
                .by_name("a")
                .map(|id| vault.files().get(id).path.to_string())
        };
        assert_eq!(names(&world.vault), names(&at_once.vault));
    }
}
