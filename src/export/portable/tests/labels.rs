//! What a link's text may hold: footnotes' mentions and anchors, which are links themselves.

use super::*;

const FOOTNOTE: &str = "\n\n[^1]: f\n";

/// The first line of `text` with a footnote, exported.
fn first_line(text: &str, style: Style) -> String {
    let text = [text, FOOTNOTE].concat();
    let files = [&VAULT[..], &[("n.md", &text)]].concat();
    let body = render(&files, "n.md", 0, style).body;
    body.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_footnote_that_a_label_mentions_stands_behind_the_link() {
    for (text, expected) in [
        ("[[a|see [^1]]] y", "[see](a.md)[^1] y"),
        ("[[a|see [^1] more]].", "[see more](a.md)[^1]."),
        ("[[a|[^1]]]", "[a](a.md)[^1]"),
        ("[[secret|see [^1]]]", "see[^1]"),
        ("![[d/pic.png|x [^1]|30]] y", "![x|30](d/pic.png)[^1] y"),
        ("# [[a|x [^1]]]", "# [x](a.md)[^1]"),
        ("| [[a\\|x [^1]]] |", "| [x](a.md)[^1] |"),
        ("[[a|x [^1]](a.md)]]", "[[a|x [^1]](a.md)]]"),
        ("[[a|see [^2]", "[[a|see [^2]"),
    ] {
        assert_eq!(first_line(text, Style::Markdown), expected, "{text}");
    }
}

/// To a reader without footnotes it is a link, and what it leads to may be kept out.
#[test]
fn a_link_may_mention_a_footnote() {
    for (text, markdown, html) in [
        (
            "[see [^1]](a.md) y",
            "[see [^1]](a.md) y",
            "[see ](a.md)[^1] y",
        ),
        ("[*see* [^1]](secret.md)", "*see* [^1]", "*see* [^1]"),
        (
            "[see [^1]](<d/My Note.md>)",
            "[see [^1]](<d/My Note.md>)",
            "[see ](<d/My Note.md>)[^1]",
        ),
        (
            "![see [^1]](secret.md) [y [^1] [z]](https://e.org)",
            "see [^1] [y [^1] [z]](https://e.org)",
            "see [^1] [y  [z]](https://e.org)[^1]",
        ),
    ] {
        assert_eq!(first_line(text, Style::Markdown), markdown, "{text}");
        assert_eq!(first_line(text, Style::Html), html, "{text}");
    }
    let by_reference =
        "[see [^1]][r]\n\n[r]: secret.md\n\n[^1]: [f [^1]](secret.md)\n\n    [x[^1]](secret.md)\n";
    assert_eq!(
        among(by_reference, &VAULT),
        "see [^1]\n\n\n[^1]: f [^1]\n\n    x[^1]\n"
    );
}

/// Where the inner link goes, the outer is one.
#[test]
fn a_link_around_a_link_leads_nowhere_too() {
    check(&[
        (
            "[a [b](secret.md) c](secret.md) [d](a.md)",
            "a b c [d](a.md)",
        ),
        (
            "[a [b](a.md) c](secret.md \"t\") [d](a.md)",
            "a [b](a.md) c [d](a.md)",
        ),
        (
            "[a [b [c](secret.md) d](secret.md) e](secret.md)",
            "a b c d e",
        ),
        (
            "[[a [b](a.md)](/d/My%20Note.md) [x] (y)](z",
            "[[a [b](a.md)](d/My%20Note.md) [x] (y)](z",
        ),
        (
            "`[a [b](a.md) c](secret.md)`",
            "`[a [b](a.md) c](secret.md)`",
        ),
        ("[![i](d/pic.png)](secret.md)", "![i](d/pic.png)"),
    ]);
}

#[test]
fn footnotes_of_embedded_labels_are_its_own() {
    let note = ("note.md", "[[a|see [^1]]] [y [^1]](a.md)\n\n[^1]: f\n");
    let files = [&VAULT[..], &[note, ("n.md", "![[note]]\n")]].concat();
    assert_eq!(
        body_of(&files, "n.md"),
        "[see](a.md)[^1-1] [y [^1-1]](a.md)\n\n[^1-1]: f\n"
    );
}

#[test]
fn anchors_in_a_label_are_none() {
    check(&[
        ("[[a|<a href=\"https://e.org\">y</a> z]]", "[y z](a.md)"),
        ("[[a|<A\thref=secret.md><b>y</b></A>]]", "[<b>y</b>](a.md)"),
        ("[[a|<abbr>y</abbr>]]", "[<abbr>y</abbr>](a.md)"),
    ]);
}
