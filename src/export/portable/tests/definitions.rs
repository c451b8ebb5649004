//! Link definitions, and other text that Markdown passes over: what is in it leads somewhere all the same.

use super::*;

/// Only the first definition of a label means something, but every one of them is in the text.
#[test]
fn a_repeated_definition_is_one() {
    check(&[
        (
            "[r]: a.md\n[R]: secret.md \"t\"\n\n[x][r]\n",
            "[r]: a.md\n\n[x][r]\n",
        ),
        (
            "[r]: a.md\n\n[R]: <secret.md>\n\n[r]: d/My%20Note.md\n[r]: gone.md\ntext\n",
            "[r]: a.md\n\n\n[r]: d/My%20Note.md\ntext\n",
        ),
        (
            "[r]: a.md\n> [r]: secret.md\n> - [r]: secret.md 'a\n>   b'\n> - text\n",
            "[r]: a.md\n> \n> - \n> - text\n",
        ),
        (
            "[r]: a.md\n\n[^1]: [r]: secret.md\n    (t)\n\n    [r]:\n      secret.md\n\n1. [r]: secret.md\n2.\n   [r]: secret.md\n",
            "[r]: a.md\n\n[^1]: \n\n    \n\n1. \n2.\n   \n",
        ),
        (
            "[r]: a.md\n[r\n]: secret.md\n[r]: secret.md 'x\n[r]: y'\n[r]: se\\cret.md\n[r]: secret&period;md\n",
            "[r]: a.md\n",
        ),
        (
            "> [r]: a.md\r\n> [r]:\r\n> secret.md\r\n> 'x'\r\n\r\n[r]: secret.md\r\nx\r\n",
            "> [r]: a.md\r\n> \r\n\r\nx\r\n",
        ),
        (
            "[r]: https://e.org\n- [ ] [r]: secret.md\n- [r]: secret.md\n\n`[r]: secret.md`\n",
            "[r]: https://e.org\n- [ ] [r]: secret.md\n- \n\n`[r]: secret.md`\n",
        ),
    ]);
}

/// A line that a dropped definition leaves keeps what follows it out of its quote or list item.
#[test]
fn a_definition_that_is_dropped_leaves_its_containers() {
    check(&[
        ("> [r]: secret.md\n> text\n", "> \n> text\n"),
        ("- [r]: secret.md\n- text\n", "- \n- text\n"),
        ("  [r]: secret.md\n\ntext\n", "  \n\ntext\n"),
    ]);
}

/// Another tool may show the cells that a row has too many, and people read the text.
#[test]
fn cells_that_a_row_has_too_many_are_read() {
    check(&[(
        "|a|b|\n|-|-|\n|1|2| [x](secret.md) |# <a href=\"secret.md\">y</a> \\| ![[doc.pdf]]|\n|[x](secret.md)|\n|1|2|[[secret]]|[a](a.md)|[`b|`](secret.md)\nx\n",
        "|a|b|\n|-|-|\n|1|2| x |# <a>y</a> \\| [doc.pdf](doc.pdf)|\n|x|\n|1|2|secret|[a](a.md)|[`b|`](secret.md)\nx\n",
    )]);
    let row = format!("|a|\n|-|\n|1{}\n", "|[x](secret.md)".repeat(3));
    let expected = "|a|\n|-|\n|1|x|x|x\n";
    assert_eq!(among(&row, &VAULT), expected);
}

/// Where a comment goes, what stands before it on its line ends it.
#[test]
fn a_comment_hides_no_definition() {
    check(&[
        ("[r]: secret.md %% c %%\n\n[x][r]\n", "\n\nx\n"),
        ("[r]: secret.md %% c\nd %%\n\n[x][r]\n", "\n\nx\n"),
        ("> [r]: secret.md\t%%c%%  \n\n[x][r]", ">   \n\nx"),
        ("text ^id %% c %%\n\n[[#^id]]", "text\n\n[^id](n.md)"),
        ("# A %% c %%\n\n[[#A]]", "# A\n\n[A](#a)"),
    ]);
}

#[test]
fn brackets_of_a_link_end_no_wikilink() {
    check(&[
        (
            "![[s]][s]<a href='secret.md'>[[s]]\n\n[s]: secret.md\n",
            "ss<a>s\n\n",
        ),
        ("[[a|b]](secret.md) c]]", "[a|b] c]]"),
    ]);
}
