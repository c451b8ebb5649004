//! What stood apart in the note stays apart where what was between is left out.

use proptest::prelude::*;

use super::*;

/// No link of an exported text that the note didn't have.
#[test]
fn what_is_left_out_makes_no_link_of_its_two_sides() {
    let joined = [
        (
            "<a [[secret]]\nhref=\"secret.md\">",
            "<a \u{2060}secret\nhref=\"secret.md\">",
        ),
        (
            "![[e]]>[r]: secret.md\n\n[r]\n",
            "e\n\n\u{2060}>[r]: secret.md\n\n[r]\n",
        ),
        ("A [x]%%c%%(secret.md) b\n", "A [x]\u{2060}(secret.md) b\n"),
        (
            "[x]%%a%%%%b%%(secret.md)\n",
            "[x]\u{2060}\u{2060}(secret.md)\n",
        ),
        (
            "[[secret]](secret.md)(secret.md)\n",
            "[secret]\u{2060}(secret.md)\n",
        ),
        (
            "%%c%% [r]: secret.md\n\n[r]\n",
            "\u{2060} [r]: secret.md\n\n[r]\n",
        ),
        (
            "[r]: %%c%% secret.md\n\n[r]\n",
            "[r]: \u{2060} secret.md\n\n[r]\n",
        ),
        ("[x](%%c%% secret.md)\n", "[x](\u{2060} secret.md)\n"),
        ("see [x\n%%c%%\n](secret.md)\n", "see [x\n\n](secret.md)\n"),
        (
            "> see [x\n> %%c%%\n> ](secret.md)\n",
            "> see [x\n>\n> ](secret.md)\n",
        ),
        (
            "<a %%c%% href=\"secret.md\">x</a>\n",
            "<a \u{2060} href=\"secret.md\">x</a>\n",
        ),
        (
            "<%%c%%a href=\"secret.md\">x\n",
            "<\u{2060}a href=\"secret.md\">x\n",
        ),
        (
            "[r]: secret.md ^i\n\n[r]\n",
            "[r]: secret.md \u{2060}\n\n[r]\n",
        ),
        (
            "[r]:\nsecret.md ^i\n\n[r]\n",
            "[r]:\nsecret.md \u{2060}\n\n[r]\n",
        ),
        (
            "[](secret.md)[r]: secret.md\n\n[r]\n",
            "\u{2060}[r]: secret.md\n\n[r]\n",
        ),
        (
            "![[e]]\n[r]: secret.md\n\n[r]\n",
            "e\n\n\u{2060}[r]: secret.md\n\n[r]\n",
        ),
        (
            "> ![[e]]\n> [r]: secret.md\n\n[r]\n",
            "> e\n>\n> \u{2060}[r]: secret.md\n\n[r]\n",
        ),
        (
            "![[e]] [r]: secret.md\n\n[r]\n",
            "e\n\n\u{2060}[r]: secret.md\n\n[r]\n",
        ),
    ];
    for (text, expected) in joined {
        let exported = among(text, &[&VAULT[..], &[("e.md", "e\n")]].concat());
        assert!(exported.starts_with(expected), "{text:?} -> {exported:?}");
    }
}

/// Where nothing meets that could be read otherwise, nothing is added.
#[test]
fn an_ordinary_text_has_nothing_added() {
    let cases = [
        ("a %%c%% b [x](a.md)%%d%%\n", "a b [x](a.md)\n"),
        ("%%c%% [x](a.md): y\n", "[x](a.md): y\n"),
        ("one\n%%c%%\ntwo [r]: a.md\n", "one\ntwo [r]: a.md\n"),
        (
            "see [r]: there ^i\n\n[r]: a.md\n",
            "see [r]: there\n\n[r]: a.md\n",
        ),
        ("![[e]]\n[x](a.md)\n", "e\n\n[x](a.md)\n"),
    ];
    for (text, expected) in cases {
        let exported = among(text, &[&VAULT[..], &[("e.md", "e\n")]].concat());
        assert_eq!(exported, expected, "{text:?}");
    }
}

/// Texts of what links, comments and blocks are made of. Known limits are not among them: a code span that an embed splits,
/// a backslash at the end of a destination, and a bracket right before a wikilink that has more `]` than `[`.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "[x]",
        "[r]",
        "[r]:",
        "(secret.md)",
        "secret.md",
        "%%c%%",
        "%%",
        "\n%%c%%\n",
        "\n",
        "\n\n",
        " ",
        " ^i\n",
        "![[e]]",
        "[[secret]]",
        "[](secret.md)",
        "[x](secret.md)",
        "<",
        "<a ",
        "href=\"secret.md\"",
        ">",
        "\n> ",
        "\n- ",
        "(",
        "[",
        "]",
        "!",
        "e",
        ":",
        "[[",
        "]]",
        "|",
        "==",
        "[^1]",
        "\n[^1]: ",
    ]);
    prop::collection::vec(piece, 1..14).prop_map(|pieces| {
        let mut text = pieces.concat();
        while text.contains("[[[") {
            text = text.replace("[[[", "[[");
        }
        text
    })
}

proptest! {
    #[test]
    fn no_text_makes_a_link_to_what_is_kept_out(text in pieces(), embedded in pieces()) {
        let others = [&VAULT[..], &[("e.md", embedded.as_str())]].concat();
        let files = [&others, &[("n.md", text.as_str())][..]].concat();
        for (format, style) in [(0, Style::Markdown), (1, Style::Html)] {
            let body = render(&files, "n.md", format, style).body;
            let destinations = note::destinations(&body);
            prop_assert!(
                !destinations.iter().any(|to| to.trim_start_matches('!') == "secret.md"),
                "{:?} -> {:?}: {:?}", text, body, destinations
            );
        }
    }
}
