//! Who is exported where several want one place.

use super::world::{World, config};
use crate::config::{Attachments, Config, Layout};
use crate::vault::Blocked;

fn blocked(world: &World, path: &str) -> Option<String> {
    world
        .vault
        .blocked(world.id(path), 0)
        .map(|blocked| blocked.to_string())
}

fn exported(world: &World) -> Vec<String> {
    world
        .vault
        .exported()
        .into_iter()
        .map(|id| world.path_of(id))
        .collect()
}

#[test]
fn the_first_in_path_order_has_the_place() {
    let mut world = World::with(&[("a.md", "one"), ("n.md", "[[a.md]]")]);
    let delta = world.write(&[("a.markdown", "two")]);
    assert_eq!(exported(&world), ["a.markdown", "n.md"]);
    assert_eq!(delta.withdrawn, [world.id("a.md")]);
    let affected = world.affected(&delta);
    assert_eq!(affected["a.markdown"], "new");
    assert_eq!(affected["a.md"], "shares an output with a.markdown");
    assert_eq!(affected["n.md"], "links to a.markdown");
    let error = blocked(&world, "a.md").unwrap();
    assert!(
        error.contains("a.markdown") && error.contains("rename a.md"),
        "{error}"
    );

    let delta = world.delete(&["a.markdown"]);
    assert_eq!(exported(&world), ["a.md", "n.md"]);
    assert_eq!(blocked(&world, "a.md"), None);
    assert_eq!(
        world.affected(&delta)["a.md"],
        "shares an output with a.markdown"
    );
}

#[test]
fn a_winner_that_is_kept_in_gives_its_place_up() {
    let mut world = World::with(&[("a.markdown", "one"), ("a.md", "two")]);
    world.write(&[("a.markdown", "---\nprivate: true\n---\none")]);
    assert_eq!(exported(&world), ["a.md"]);
    // What is kept in is not blocked: nobody may hear of it.
    assert_eq!(blocked(&world, "a.markdown"), None);
    assert_eq!(blocked(&world, "a.md"), None);
}

#[test]
fn a_loser_hears_who_won() {
    let mut world = World::with(&[("a.md", "1"), ("a.markdown", "2"), ("a.json", "{}")]);
    assert!(blocked(&world, "a.md").unwrap().contains("a.json"));
    let delta = world.delete(&["a.json"]);
    assert!(blocked(&world, "a.md").unwrap().contains("a.markdown"));
    assert_eq!(
        world.affected(&delta)["a.md"],
        "shares an output with a.json"
    );
}

#[test]
fn titles_share_a_place_where_outputs_are_named_after_them() {
    let mut world = World::new(Config {
        layout: Layout::Slug,
        ..config()
    });
    world.write(&[
        ("b.md", "---\ntitle: Shopping List\n---\n"),
        ("d/a.md", "# shopping  list"),
        ("z.md", "other"),
    ]);
    assert_eq!(exported(&world), ["b.md", "z.md"]);
    assert!(
        blocked(&world, "d/a.md")
            .unwrap()
            .contains("shopping-list.md")
    );
    let delta = world.write(&[("b.md", "---\ntitle: Groceries\n---\n")]);
    assert_eq!(exported(&world), ["b.md", "d/a.md", "z.md"]);
    assert_eq!(
        world.affected(&delta)["d/a.md"],
        "shares an output with b.md"
    );
}

#[test]
fn a_note_goes_before_an_attachment_in_its_place() {
    let mut world = World::with(&[("n.md", "[x](a.csv) ![[a.csv]]"), ("a.csv", "1,2")]);
    let attachment = world.id("a.csv");
    assert!(world.vault.is_copied(attachment));
    let delta = world.write(&[("a.md", "mine")]);
    assert!(!world.vault.is_copied(attachment));
    assert!(delta.copies.contains(&attachment));
    assert_eq!(world.affected(&delta)["n.md"], "embeds a.md");
    let delta = world.delete(&["a.md"]);
    assert!(world.vault.is_copied(attachment) && delta.copies.contains(&attachment));
    assert!(world.affected(&delta).contains_key("n.md"));
}

#[test]
fn pages_give_way_and_come_back() {
    use crate::vault::Page;
    let mut world = World::with(&[("n.md", "#work")]);
    let page = world
        .formats
        .page_path(super::world::HTML, &Page::tag("work"));
    assert!(!world.vault.is_taken(page.as_str()));
    let delta = world.write(&[("tags/work.md", "a note")]);
    assert!(world.vault.is_taken(page.as_str()) && delta.pages.contains(&Page::tag("work")));
    let delta = world.delete(&["tags/work.md"]);
    assert!(!world.vault.is_taken(page.as_str()) && delta.pages.contains(&Page::tag("work")));

    let delta = world.write(&[
        ("n.md", "#work [x](site/index.html)"),
        ("site/index.html", "my own"),
    ]);
    assert!(world.vault.is_taken("site/index.html") && delta.pages.contains(&Page::Index));
    let delta = world.delete(&["site/index.html"]);
    assert!(!world.vault.is_taken("site/index.html") && delta.pages.contains(&Page::Index));
}

#[test]
fn names_have_room_for_the_longest_extension() {
    let fits = format!("{}.md", "n".repeat(250));
    let too_long = format!("{}.md", "n".repeat(251));
    let world = World::with(&[(&fits, "x"), (&too_long, "x")]);
    assert_eq!(exported(&world), std::slice::from_ref(&fits));
    let id = world.id(&too_long);
    assert!(
        matches!(world.vault.blocked(id, 0), Some(Blocked::NameTooLong(path)) if path.as_str() == too_long)
    );
    assert_eq!(blocked(&world, &fits), None);
}

#[test]
fn attachments_follow_those_who_show_them() {
    let private = "---\nprivate: true\n---\n![[pic.png]]";
    let files = [("a.md", "x"), ("p.md", private), ("pic.png", "")];
    // Whether it is copied where only a private note shows it, where nobody does, and where another one does too.
    for (attachments, expected) in [
        (Attachments::Referenced, [false, false, true]),
        (Attachments::All, [false, true, true]),
        (Attachments::None, [false; 3]),
    ] {
        let mut world = World::new(Config {
            attachments,
            ..config()
        });
        world.write(&files);
        let pic = world.id("pic.png");
        let shown = [
            [("p.md", private), ("a.md", "x")],
            [("p.md", "---\nprivate: true\n---\n"), ("a.md", "x")],
            [("p.md", private), ("a.md", "![[pic.png]]")],
        ];
        for (files, expected) in shown.iter().zip(expected) {
            let delta = world.write(files);
            let is_told = delta.copies.contains(&pic) || *files == shown[0];
            assert!(is_told, "{attachments:?}: {files:?}");
            let is_copied = world.vault.is_copied(pic);
            assert_eq!(is_copied, expected, "{attachments:?}: {files:?}");
        }
    }
    let mut world = World::with(&files);
    let pic = world.id("pic.png");
    for (text, expected) in [
        ("![[pic.png]]", true),
        ("gone", false),
        ("[p](PIC.png)", true),
    ] {
        let delta = world.write(&[("a.md", text)]);
        assert!(delta.copies.contains(&pic), "{text}");
        assert_eq!(world.vault.is_copied(pic), expected, "{text}");
    }
}

#[test]
fn a_note_gives_way_to_a_folder_of_notes() {
    let mut world = World::with(&[("x.md", "one"), ("n.md", "[[x]]"), ("x.csv/pic.png", "")]);
    assert_eq!(exported(&world), ["n.md", "x.md"]);
    let delta = world.write(&[("x.json/d/y.md", "![[pic.png]]")]);
    assert_eq!(exported(&world), ["n.md", "x.json/d/y.md"]);
    assert_eq!(delta.withdrawn, [world.id("x.md")]);
    let affected = world.affected(&delta);
    assert_eq!(affected["x.md"], "shares an output with x.json/d/y.md");
    assert_eq!(affected["n.md"], "links to x.json/d/y.md");
    assert_eq!(
        blocked(&world, "x.md").unwrap(),
        "x.json: the notes in x.json/ are exported into a folder of this name; rename x.md or that folder"
    );
    // It is free for another folder's attachments now.
    assert!(world.vault.is_copied(world.id("x.csv/pic.png")));

    // What else lies in the folder changes nothing; what is kept in takes no place.
    let delta = world.write(&[("x.json/z.md", "another")]);
    assert_eq!(
        world.affected(&delta).into_keys().collect::<Vec<_>>(),
        ["x.json/z.md"]
    );
    world.delete(&["x.json/z.md"]);
    let delta = world.write(&[("x.json/d/y.md", "---\nprivate: true\n---\n")]);
    assert_eq!(exported(&world), ["n.md", "x.md"]);
    assert_eq!(blocked(&world, "x.md"), None);
    assert!(world.affected(&delta).contains_key("n.md"));
}

#[test]
fn all_who_share_a_stem_give_way_to_a_folder() {
    let mut world = World::with(&[("x.md", ""), ("x.markdown", ""), ("x.csv/y.md", "")]);
    assert_eq!(exported(&world), ["x.csv/y.md"]);
    for path in ["x.md", "x.markdown"] {
        let error = blocked(&world, path).unwrap();
        assert!(error.contains(&format!("rename {path} or")), "{error}");
    }
    world.delete(&["x.csv/y.md"]);
    assert_eq!(exported(&world), ["x.markdown"]);
    assert!(blocked(&world, "x.md").unwrap().contains("x.markdown"));
}

#[test]
fn a_folder_in_another_formats_folder_is_in_the_way_too() {
    let mut world = World::with(&[("x.md", ""), ("site/x.html/y.md", "")]);
    assert_eq!(exported(&world), ["site/x.html/y.md"]);
    assert!(
        blocked(&world, "x.md")
            .unwrap()
            .starts_with("site/x.html: the notes in site/x.html/ are")
    );
    world.delete(&["site/x.html/y.md"]);
    assert_eq!(exported(&world), ["x.md"]);
}

#[test]
fn a_note_gives_way_to_a_formats_folder() {
    let mut config = config();
    config.formats[super::world::HTML].dir = "x.json/site".into();
    let mut world = World::new(config);
    world.write(&[("x.md", ""), ("y.md", "")]);
    assert_eq!(exported(&world), ["y.md"]);
    assert_eq!(
        blocked(&world, "x.md").unwrap(),
        "x.json: a format's `dir` has this name; rename x.md"
    );
}

#[test]
fn outputs_of_two_formats_share_a_place() {
    let mut config = config();
    config.formats[super::world::CSV].extension = "x.md".into();
    let mut world = World::new(config);
    world.write(&[("a.x.md", ""), ("n.md", "[[a.x]]")]);
    assert_eq!(exported(&world), ["a.x.md", "n.md"]);
    let delta = world.write(&[("a.md", "")]);
    assert_eq!(exported(&world), ["a.md", "n.md"]);
    assert_eq!(delta.withdrawn, [world.id("a.x.md")]);
    assert_eq!(
        blocked(&world, "a.x.md").unwrap(),
        "a.x.md: a.md is exported there already, as it comes first in path order; rename a.x.md"
    );
    assert!(world.affected(&delta).contains_key("n.md"));
    world.delete(&["a.md"]);
    assert_eq!(exported(&world), ["a.x.md", "n.md"]);
}

#[test]
fn attachments_give_way_to_notes_above_and_below() {
    let mut world = World::new(Config {
        attachments: Attachments::All,
        ..config()
    });
    world.write(&[
        ("a.md/pic.png", ""),
        ("a.json/pic.png", ""),
        ("site", ""),
        ("b.md", "![[a.json/pic.png]]"),
    ]);
    let copied = |world: &World, path| world.vault.is_copied(world.id(path));
    assert!(copied(&world, "a.json/pic.png"));
    // A format's folder is never a file.
    assert!(!copied(&world, "site"));

    let delta = world.write(&[("a.markdown", "mine")]);
    for path in ["a.md/pic.png", "a.json/pic.png"] {
        assert!(!copied(&world, path) && delta.copies.contains(&world.id(path)));
    }
    assert!(world.affected(&delta).contains_key("b.md"));
    let delta = world.delete(&["a.markdown"]);
    for path in ["a.md/pic.png", "a.json/pic.png"] {
        assert!(copied(&world, path) && delta.copies.contains(&world.id(path)));
    }

    world.delete(&["site"]);
    world.write(&[("site/d", "")]);
    assert!(copied(&world, "site/d"));
    let delta = world.write(&[("d/e/n.md", "")]);
    assert!(!copied(&world, "site/d") && delta.copies.contains(&world.id("site/d")));
    let delta = world.delete(&["d/e/n.md"]);
    assert!(copied(&world, "site/d") && delta.copies.contains(&world.id("site/d")));
}

#[test]
fn pages_give_way_to_files_and_folders_in_their_way() {
    use crate::vault::Page;
    let mut world = World::new(Config {
        attachments: Attachments::All,
        ..config()
    });
    world.write(&[("n.md", "#work/old")]);
    let pages = [Page::Index, Page::tag("work"), Page::tag("work/old")];
    for (path, taken) in [
        ("site/index.html/pic.png", [true, false, false]),
        ("site/index.html/n.md", [true, false, false]),
        ("index.html/n.md", [true, false, false]),
        ("site/tags", [false, true, true]),
        ("site/tags/work", [false, false, true]),
        ("tags/work.html/n.md", [false, true, false]),
    ] {
        let came = world.write(&[(path, "")]);
        for (page, taken) in pages.iter().zip(taken) {
            let place = world.formats.page_path(super::world::HTML, page);
            assert_eq!(
                world.vault.is_taken(place.as_str()),
                taken,
                "{path} {page:?}"
            );
            assert!(!taken || came.pages.contains(page), "{path} {page:?}");
        }
        let went = world.delete(&[path]);
        for (page, taken) in pages.iter().zip(taken) {
            let place = world.formats.page_path(super::world::HTML, page);
            assert!(!world.vault.is_taken(place.as_str()), "{path} {page:?}");
            assert!(!taken || went.pages.contains(page), "{path} {page:?}");
        }
    }
}
