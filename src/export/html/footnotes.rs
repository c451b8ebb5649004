//! Footnotes: numbered in the order of their first mention, written after the text as on GitHub.

use std::collections::HashMap;
use std::ops::Range;

use pulldown_cmark::{Event, Tag};

use super::write::{Events, Writer, end_of};

/// The footnotes of a page.
#[derive(Debug, Default)]
pub(crate) struct Footnotes {
    /// In the order of their numbers; only those that are mentioned and defined.
    list: Vec<Footnote>,
    /// From a name in lower case to its place in the list.
    places: HashMap<String, usize>,
}

#[derive(Debug)]
struct Footnote {
    /// The events of its text.
    text: Range<usize>,
    /// The id of its text; "" as long as it has none.
    id: String,
    /// The ids of its mentions.
    mentions: Vec<String>,
}

/// Finds and numbers the footnotes.
pub(crate) fn find(events: &Events<'_>) -> Footnotes {
    let definitions = definitions(events);
    let mut found = Footnotes::default();
    if definitions.is_empty() {
        return found;
    }
    let mut texts: Vec<&Range<usize>> = definitions.values().collect();
    texts.sort_by_key(|text| text.start);
    let mut at = 0;
    for text in texts {
        found.mention_all(&events[at.min(text.start)..text.start], &definitions);
        at = at.max(text.end);
    }
    found.mention_all(&events[at..], &definitions);
    // A footnote may mention others.
    let mut next = 0;
    while let Some(footnote) = found.list.get(next) {
        found.mention_all(&events[footnote.text.clone()], &definitions);
        next += 1;
    }
    found
}

fn definitions(events: &Events<'_>) -> HashMap<String, Range<usize>> {
    let mut definitions = HashMap::new();
    for (at, (event, _)) in events.iter().enumerate() {
        if let Event::Start(Tag::FootnoteDefinition(name)) = event {
            definitions
                .entry(name.to_lowercase())
                .or_insert_with(|| at + 1..end_of(events, at));
        }
    }
    definitions
}

impl Footnotes {
    fn mention_all(&mut self, events: &Events<'_>, definitions: &HashMap<String, Range<usize>>) {
        for (event, _) in events {
            let Event::FootnoteReference(name) = event else {
                continue;
            };
            let name = name.to_lowercase();
            let Some(text) = definitions.get(&name) else {
                continue;
            };
            let place = self.list.len();
            self.places.entry(name).or_insert_with(|| {
                self.list.push(Footnote {
                    text: text.clone(),
                    id: String::new(),
                    mentions: Vec::new(),
                });
                place
            });
        }
    }
}

impl Writer<'_> {
    pub(super) fn footnote_reference(&mut self, name: &str) {
        let Some(&place) = self.footnotes.places.get(&name.to_lowercase()) else {
            self.write(format_args!(
                "[^{}]",
                name.replace('&', "&amp;").replace('<', "&lt;")
            ));
            return;
        };
        let number = place + 1;
        let footnote = &mut self.footnotes.list[place];
        if footnote.id.is_empty() {
            footnote.id = self.ids.free(&format!("fn-{number}"));
        }
        let mention = self.ids.free(&format!("fnref-{number}"));
        let id = footnote.id.clone();
        footnote.mentions.push(mention.clone());
        self.write(format_args!(
            "<sup class=\"footnote-ref\"><a href=\"#{id}\""
        ));
        self.id(&mention);
        self.write(format_args!(">{number}</a></sup>"));
    }

    /// Writes the footnotes after all else.
    pub(super) fn footnote_section(&mut self) {
        if self.footnotes.list.is_empty() {
            return;
        }
        self.block("<section class=\"footnotes\">\n<ol>\n");
        for place in 0..self.footnotes.list.len() {
            let text = self.footnotes.list[place].text.clone();
            let id = self.footnotes.list[place].id.clone();
            self.out.push_str("<li");
            self.id(&id);
            self.out.push_str(">\n");
            self.rewind(text.start);
            self.range(text);
            self.back_links(place);
            self.out.push_str("</li>\n");
        }
        self.out.push_str("</ol>\n</section>\n");
    }

    /// Links back to where a footnote is mentioned, at the end of its last paragraph.
    fn back_links(&mut self, place: usize) {
        let in_paragraph = self.out.ends_with("</p>\n");
        if in_paragraph {
            self.out.truncate(self.out.len() - "</p>\n".len());
        }
        for mention in self.footnotes.list[place].mentions.clone() {
            self.write(format_args!(
                " <a href=\"#{mention}\" class=\"footnote-back\">↩</a>"
            ));
        }
        self.out
            .push_str(if in_paragraph { "</p>\n" } else { "\n" });
    }
}
