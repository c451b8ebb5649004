//! Puts the tags of an article in order, so that each element is closed where it ends and lies where it may.
//!
//! A browser mends whatever is written, and so does the sanitiser's parser, in ways whose cost grows with the square of
//! what is open or out of place: a note of a few hundred kilobytes would take it minutes. What comes out of here has
//! nothing to mend: elements end where a browser would end them, what has no place goes, and nothing lies deeper
//! than [`DEEPEST`].

use super::tag::{self, Markup, Tag};

/// Elements in each other. Browsers themselves stop at 512. The tags of deeper ones go, and what they hold stays.
const DEEPEST: usize = 256;

/// Attributes of one tag: it is compared with all those before it. A tag with more goes.
const MOST_ATTRIBUTES: usize = 128;

/// How an element behaves among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Has no content.
    Void,
    /// Ends before a block, however deep in it the block begins.
    Paragraph,
    Block,
    /// `ul` and `ol`.
    List,
    Heading,
    /// `li`.
    Item,
    /// `dt` and `dd`.
    Term,
    Table,
    /// `colgroup`.
    Columns,
    /// `col`.
    Column,
    /// `tbody` and the like.
    Section,
    Row,
    /// What of a table holds text.
    Cell,
    /// Its end tag ends blocks in it too.
    Formatting,
    Inline,
    /// The parts of `ruby`.
    Reading,
}

use Kind::{
    Block, Cell, Column, Columns, Formatting, Heading, Inline, Item, List, Paragraph, Reading, Row,
    Section, Table, Term, Void,
};

/// All that an article may hold, by name.
const ELEMENTS: [(&str, Kind); 84] = [
    ("a", Formatting),
    ("abbr", Inline),
    ("acronym", Inline),
    ("area", Void),
    ("aside", Block),
    ("audio", Inline),
    ("b", Formatting),
    ("bdi", Inline),
    ("bdo", Inline),
    ("big", Formatting),
    ("blockquote", Block),
    ("br", Void),
    ("caption", Cell),
    ("center", Block),
    ("cite", Inline),
    ("code", Formatting),
    ("col", Column),
    ("colgroup", Columns),
    ("data", Inline),
    ("dd", Term),
    ("del", Inline),
    ("details", Block),
    ("dfn", Inline),
    ("div", Block),
    ("dl", Block),
    ("dt", Term),
    ("em", Formatting),
    ("figcaption", Block),
    ("figure", Block),
    ("font", Formatting),
    ("footer", Block),
    ("h1", Heading),
    ("h2", Heading),
    ("h3", Heading),
    ("h4", Heading),
    ("h5", Heading),
    ("h6", Heading),
    ("header", Block),
    ("hgroup", Block),
    ("hr", Void),
    ("i", Formatting),
    // To a browser it is an `img`.
    ("image", Void),
    ("img", Void),
    ("input", Void),
    ("ins", Inline),
    ("kbd", Inline),
    ("li", Item),
    ("map", Inline),
    ("mark", Inline),
    ("nav", Block),
    ("ol", List),
    ("p", Paragraph),
    ("picture", Inline),
    ("pre", Block),
    ("q", Inline),
    ("rp", Reading),
    ("rt", Reading),
    ("rtc", Reading),
    ("ruby", Inline),
    ("s", Formatting),
    ("samp", Inline),
    ("section", Block),
    ("small", Formatting),
    ("source", Void),
    ("span", Inline),
    ("strike", Formatting),
    ("strong", Formatting),
    ("sub", Inline),
    ("summary", Block),
    ("sup", Inline),
    ("table", Table),
    ("tbody", Section),
    ("td", Cell),
    ("tfoot", Section),
    ("th", Cell),
    ("thead", Section),
    ("time", Inline),
    ("tr", Row),
    ("tt", Formatting),
    ("u", Formatting),
    ("ul", List),
    ("var", Inline),
    ("video", Inline),
    ("wbr", Void),
];

/// The names of all that an article may hold.
pub(super) fn elements() -> impl Iterator<Item = &'static str> {
    ELEMENTS.iter().map(|(name, _)| *name)
}

fn element(name: &str) -> Option<Element> {
    let lower = name.to_ascii_lowercase();
    let at = ELEMENTS.binary_search_by(|(name, _)| (*name).cmp(&lower));
    let (name, kind) = ELEMENTS[at.ok()?];
    Some(Element { name, kind })
}

#[derive(Clone, Copy)]
struct Element {
    name: &'static str,
    kind: Kind,
}

impl Element {
    /// Whether it keeps what goes on in it from what is around it.
    fn is_wall(self) -> bool {
        matches!(self.kind, Cell | Table)
    }

    /// Whether what is only part of a line can't reach out of it.
    fn is_special(self) -> bool {
        !matches!(self.kind, Formatting | Inline | Reading)
    }

    /// Whether it is a table's part that holds parts alone.
    fn is_frame(self) -> bool {
        matches!(self.kind, Table | Columns | Section | Row)
    }

    /// Whether it ends where a part of `ruby` begins: a `rtc` holds others.
    fn ends_for(self, reading: Self) -> bool {
        match self.kind {
            Reading => self.name != "rtc" || reading.name == "rtc",
            kind => matches!(kind, Item | Term | Paragraph),
        }
    }

    fn is_table_part(self) -> bool {
        matches!(self.kind, Columns | Column | Section | Row | Cell)
    }
}

/// An article in which every element is closed and no tag is one that the sanitiser would have to take out.
/// Comments, and what a browser reads otherwise than as tags and text, are gone already.
pub(super) fn in_order(html: &str) -> String {
    let mut order = Order {
        out: String::with_capacity(html.len() + html.len() / 8),
        open: Vec::new(),
    };
    let mut rest = html;
    while let Some(at) = memchr::memchr(b'<', rest.as_bytes()) {
        order.text(&rest[..at]);
        rest = &rest[at..];
        let len = match tag::read(rest) {
            Markup::Tag(tag) => {
                order.tag(&tag, &rest[..tag.len]);
                tag.len
            }
            Markup::Nothing(len) => len,
            Markup::Text => {
                order.text("&lt;");
                1
            }
            Markup::Endless => {
                order.text(&rest.replace('<', "&lt;"));
                rest.len()
            }
        };
        rest = &rest[len..];
    }
    order.text(rest);
    order.close_to(0);
    order.out
}

/// What was written, and what is open in it.
struct Order {
    out: String,
    open: Vec<Element>,
}

impl Order {
    fn text(&mut self, text: &str) {
        if text.bytes().any(|byte| !byte.is_ascii_whitespace()) {
            self.enter_cell();
        }
        self.out.push_str(text);
    }

    fn tag(&mut self, tag: &Tag<'_>, written: &str) {
        let Some(element) = element(tag.name) else {
            return;
        };
        if tag.is_end {
            self.end(element);
        } else if tag.attributes <= MOST_ATTRIBUTES {
            self.start(element, written);
        }
    }

    fn start(&mut self, element: Element, written: &str) {
        if element.is_table_part() {
            let Some(frame) = self.frame_for(element) else {
                return;
            };
            self.close_to(frame);
            let in_row = self.open.last().is_some_and(|last| last.kind == Row);
            if element.kind == Cell && element.name != "caption" && !in_row {
                self.imply("tr", Row);
            }
        } else {
            self.enter_cell();
            self.close_before(element);
        }
        if matches!(element.kind, Void | Column) {
            self.void(element, written);
        } else if self.open.len() < DEEPEST {
            self.out.push_str(written);
            self.open.push(element);
        }
    }

    /// All boxes to tick are alike, and none can be ticked: of an attribute that comes twice the first counts.
    fn void(&mut self, element: Element, written: &str) {
        match written.get("<input".len()..) {
            Some(attributes) if element.name == "input" => {
                self.out.push_str("<input type=\"checkbox\" disabled=\"\"");
                self.out.push_str(attributes);
            }
            _ => self.out.push_str(written),
        }
    }

    /// How many elements stay open around a part of a table; `None` where there is no table.
    fn frame_for(&self, part: Element) -> Option<usize> {
        let table = self.innermost(|element| element.kind == Table, |_| false)?;
        let may_hold = |element: &&Element| match part.kind {
            Column => element.kind == Columns,
            Row => element.kind == Section,
            Cell => part.name != "caption" && matches!(element.kind, Section | Row),
            _ => false,
        };
        let frames = self.open[table + 1..].iter().take_while(may_hold);
        Some(table + 1 + frames.count())
    }

    /// What stands in a table but in no cell is one: a browser would take it out and put it before the table.
    fn enter_cell(&mut self) {
        if self.open.last().is_some_and(|last| last.kind == Columns) {
            self.close_to(self.open.len() - 1);
        }
        let Some(last) = self.open.last().copied().filter(|last| last.is_frame()) else {
            return;
        };
        if last.kind != Row {
            self.imply("tr", Row);
        }
        self.imply("td", Cell);
    }

    fn imply(&mut self, name: &'static str, kind: Kind) {
        self.out.push('<');
        self.out.push_str(name);
        self.out.push('>');
        self.open.push(Element { name, kind });
    }

    /// Closes what ends where an element begins.
    fn close_before(&mut self, element: Element) {
        match element.kind {
            Item | Term => {
                let is_between = |other: Element| other.kind == Paragraph || other.name == "div";
                self.close(
                    |other| other.kind == element.kind,
                    |other| other.is_special() && !is_between(other),
                );
            }
            Reading => {
                let in_ruby = self.innermost(|other| other.name == "ruby", Element::is_wall);
                while in_ruby.is_some()
                    && self.open.last().is_some_and(|last| last.ends_for(element))
                {
                    self.close_to(self.open.len() - 1);
                }
            }
            Formatting if element.name == "a" => {
                self.close(|other| other.name == "a", Element::is_wall);
            }
            _ => {}
        }
        let is_block = matches!(
            element.kind,
            Paragraph | Block | List | Heading | Item | Term | Table
        );
        if is_block || element.name == "hr" {
            self.close(|other| other.kind == Paragraph, Element::is_wall);
        }
        let in_heading = self.open.last().is_some_and(|last| last.kind == Heading);
        if element.kind == Heading && in_heading {
            self.close_to(self.open.len() - 1);
        }
    }

    fn end(&mut self, element: Element) {
        let is_it = |other: Element| other.name == element.name;
        match element.kind {
            Void | Column => {}
            Inline | Reading => self.close(is_it, Element::is_special),
            Item => self.close(is_it, |other| other.is_wall() || other.kind == List),
            Heading => self.close(|other| other.kind == Heading, Element::is_wall),
            Columns | Section | Row | Cell => self.close(is_it, |other| other.kind == Table),
            Table => self.close(is_it, |_| false),
            Paragraph | Block | List | Term | Formatting => self.close(is_it, Element::is_wall),
        }
    }

    /// The place of the innermost open element that is the one, unless a `wall` is before it.
    fn innermost(
        &self,
        is_it: impl Fn(Element) -> bool,
        is_wall: impl Fn(Element) -> bool,
    ) -> Option<usize> {
        let met = |element: &Element| is_it(*element) || is_wall(*element);
        self.open
            .iter()
            .rposition(met)
            .filter(|&at| is_it(self.open[at]))
    }

    /// Closes the innermost open element that is the one, and all in it.
    fn close(&mut self, is_it: impl Fn(Element) -> bool, is_wall: impl Fn(Element) -> bool) {
        if let Some(at) = self.innermost(is_it, is_wall) {
            self.close_to(at);
        }
    }

    /// Closes all but the outer `keep` elements.
    fn close_to(&mut self, keep: usize) {
        for element in self.open.drain(keep..).rev() {
            self.out.push_str("</");
            self.out.push_str(element.name);
            self.out.push('>');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_by_name() {
        assert!(ELEMENTS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(element("DIV").is_some_and(|element| element.name == "div"));
        assert!(element("script").is_none());
    }

    #[test]
    fn what_is_in_order_stays() {
        for html in [
            "a &lt; b <b>c <i>d</i></b><br />",
            "<ul>\n<li>a\n<ul>\n<li>b</li>\n</ul>\n</li>\n</ul>\n",
            "<table><thead><tr><th>a</th></tr></thead><tbody>\n<tr><td><p>b</p></td></tr>\n</tbody></table>\n",
            "<table><caption>a</caption><colgroup><col></colgroup><tr><td><table><tr><td></td></tr></table></td></tr></table>",
            "<dl><dt>a</dt><dd>b</dd></dl>",
            "<a name=\"x\"></a>\n<h2 id=\"\u{80}x\">y</h2>",
        ] {
            assert_eq!(in_order(html), html);
        }
    }

    #[test]
    fn elements_end_where_browsers_end_them() {
        for (html, expected) in [
            ("<b>a", "<b>a</b>"),
            ("<p>a <b>b</p>\n<p>c</p>", "<p>a <b>b</b></p>\n<p>c</p>"),
            ("<b><i>a</b>b</i>", "<b><i>a</i></b>b"),
            (
                "<p>a<span>b<div>c</div>d</span></p>",
                "<p>a<span>b</span></p><div>c</div>d",
            ),
            (
                "<ul><li>a<li><p>b<li>c</ul>",
                "<ul><li>a</li><li><p>b</p></li><li>c</li></ul>",
            ),
            (
                "<ul><li><ul></li><li>a</ul>",
                "<ul><li><ul><li>a</li></ul></li></ul>",
            ),
            (
                "<dl><dt>a<dd>b<dt>c</dl>",
                "<dl><dt>a</dt><dd>b</dd><dt>c</dt></dl>",
            ),
            (
                "<ruby>a<rp>(<rt>b<rp>)</ruby>c",
                "<ruby>a<rp>(</rp><rt>b</rt><rp>)</rp></ruby>c",
            ),
            ("<h1>a<h2>b</h3>c", "<h1>a</h1><h2>b</h2>c"),
            ("<a href=x>a<a href=y>b", "<a href=x>a</a><a href=y>b</a>"),
            ("<span><p></span>a", "<span><p>a</p></span>"),
            ("a</p></div></br>b", "ab"),
            ("<p>a<hr>b", "<p>a</p><hr>b"),
        ] {
            assert_eq!(in_order(html), expected, "{html}");
        }
    }

    #[test]
    fn what_stands_in_no_cell_gets_one() {
        for (html, expected) in [
            (
                "<table> <td>a<td><b>b<tr>c</table>d",
                "<table> <tr><td>a</td><td><b>b</b></td></tr><tr><td>c</td></tr></table>d",
            ),
            (
                "<table><b>a</b></table>",
                "<table><tr><td><b>a</b></td></tr></table>",
            ),
            (
                "<table><colgroup><col>a<tr><td>b",
                "<table><colgroup><col></colgroup><tr><td>a</td></tr><tr><td>b</td></tr></table>",
            ),
            ("<tr><td>a</td></tr></table>", "a"),
            (
                "<b><table></b><td></b>a",
                "<b><table><tr><td>a</td></tr></table></b>",
            ),
        ] {
            assert_eq!(in_order(html), expected, "{html}");
        }
    }

    #[test]
    fn what_has_no_place_goes() {
        assert_eq!(
            in_order("<svg><path d=a /></svg><article>a<!x><?y></ z>b"),
            "ab"
        );
        let many = format!("<b {}>a</b>", "x ".repeat(MOST_ATTRIBUTES + 1));
        assert_eq!(in_order(&many), "a");
        assert_eq!(
            in_order("<INPUT type=text checked>"),
            "<input type=\"checkbox\" disabled=\"\" type=text checked>"
        );
    }

    #[test]
    fn nothing_lies_deeper_than_it_may() {
        for tag in [
            "<div>",
            "<b>",
            "<span>",
            "<li><dd>",
            "<table><td>",
            "<b><div>",
        ] {
            let written = in_order(&(tag.repeat(1000) + "a"));
            assert!(written.contains('a'));
            let (mut depth, mut deepest) = (0_usize, 0);
            for at in memchr::memchr_iter(b'<', written.as_bytes()) {
                let is_end = written[at..].starts_with("</");
                depth = if is_end { depth - 1 } else { depth + 1 };
                deepest = deepest.max(depth);
            }
            // A row and a cell may be put around what stands in the deepest table.
            assert!(
                depth == 0 && (DEEPEST..=DEEPEST + 2).contains(&deepest),
                "{tag}: {deepest}"
            );
        }
    }
}
