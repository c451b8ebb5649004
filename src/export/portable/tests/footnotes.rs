//! Links to what is in footnotes.

use super::*;

const NOTE: &str = "a[^1]\n\n[^1]: b[^2] ^b1\n\n[^2]: <i id=\"e2\">c</i> ^b2\n\n[^3]: d[^4] <i id=\"e3\">e</i> ^b3\n\n    # Head\n\n[^4]: f[^3] ^b4\n\n[^5]: g ^b5\n\n^b6\n";

/// A page shows only footnotes that are mentioned, by what it shows.
#[test]
fn what_no_page_shows_is_no_place() {
    let links = "[[note#^b1|1]] [[note#^b2|2]] [[note#^b3|3]] [[note#^b4|4]] [[note#^b5|5]] [[note#^b6|6]] \
                 [e2](note.md#e2) [e3](note.md#e3) [[note#Head|h]]";
    let html = |text: &str| {
        let files = [("note.md", NOTE), ("n.md", text)];
        render(&files, "n.md", 1, Style::Html).body
    };
    assert_eq!(
        html(links),
        "[1](note.html#^b1) [2](note.html#^b2) [3](note.html) [4](note.html) [5](note.html) [6](note.html#^b6) \
         [e2](note.html#e2) [e3](note.html) [h](note.html)"
    );
    let own = "[[#^x|1]] [2](#^x) [3](#y) [[#H]]\n\n[^1]: <i id=\"y\">b</i> ^x\n\n    # H\n";
    let body = html(own);
    let links = body.lines().next().unwrap();
    assert_eq!(links, "[1](n.html) [2](#) [3](#) [H](n.html)");
    let shown = html(&["[^1] ", own].concat());
    let links = shown.lines().next().unwrap();
    assert_eq!(links, "[^1] [1](#^x) [2](#^x) [3](#y) [H](#h)");
}

/// An embed shows what it is asked for.
#[test]
fn a_footnote_that_nothing_mentions_can_be_embedded() {
    let files = [("note.md", NOTE), ("n.md", "![[note#^b5]]\n")];
    assert!(body_of(&files, "n.md").contains('g'));
}
