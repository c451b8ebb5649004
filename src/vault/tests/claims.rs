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
    for (attachments, expected) in [
        (Attachments::Referenced, false),
        (Attachments::All, true),
        (Attachments::None, false),
    ] {
        let mut world = World::new(Config {
            attachments,
            ..config()
        });
        world.write(&files);
        assert_eq!(
            world.vault.is_copied(world.id("pic.png")),
            expected,
            "{attachments:?}"
        );
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
