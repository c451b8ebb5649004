//! Raw HTML in a note: comments and scripts go, the rest waits for the sanitiser.

use std::collections::HashMap;

use pulldown_cmark::{CowStr, Event};

use super::sanitise::{GIVEN_OUT, REMOVED, block_anchor, opens, prepare};
use super::write::{Events, Writer};
use crate::vault::raw_html::{closes, is_anchor};

impl Writer<'_> {
    pub(super) fn html_block(&mut self, at: usize) -> usize {
        let end = self.end_of(at);
        let lines = self.events[at..end]
            .iter()
            .filter_map(|(event, _)| match event {
                Event::Html(html) | Event::Text(html) => Some(&**html),
                _ => None,
            });
        let html: String = lines.collect();
        self.raw(&html);
        end + 1
    }

    pub(super) fn inline_html(&mut self, at: usize, html: &CowStr<'_>) -> usize {
        if self.links.contains(&true) && is_anchor(html) {
            // It would end the link that it stands in.
            return at + 1;
        }
        if let Some(id) = block_anchor(html)
            && let Some((Event::InlineHtml(end), _)) = self.events.get(at + 1)
            && &**end == "</a>"
        {
            let id = self.ids.free(id);
            self.out.push_str("<a");
            self.id(&id);
            self.out.push_str("></a>");
            return at + 2;
        }
        let removed = REMOVED.into_iter().find(|name| opens(html, name));
        if let Some(end) = removed.and_then(|name| self.end_of_script(at, name)) {
            // A highlight may end in there: the sanitiser ends it.
            self.has_raw_html = true;
            return end + 1;
        }
        self.raw(html);
        at + 1
    }

    /// The place of the tag that closes the `name` at `at` in the same line of thought, no element being cut in two.
    fn end_of_script(&mut self, at: usize, name: &'static str) -> Option<usize> {
        let events = self.events;
        let ends = self
            .script_ends
            .entry(name)
            .or_insert_with(|| script_ends(events, name));
        ends.get(&at).copied()
    }

    pub(super) fn raw(&mut self, html: &str) {
        let prepared = prepare(html);
        self.has_raw_html |= !prepared.is_empty();
        self.out.extend(prepared.split(GIVEN_OUT));
    }
}

/// For each start tag of `name` the place of the tag that closes it. All are found in one go: thousands may have none.
fn script_ends(events: &Events<'_>, name: &str) -> HashMap<usize, usize> {
    let mut ends = HashMap::new();
    // For each element that is open, from the end: the next tag that closes one.
    let mut next = vec![None];
    for (at, (event, _)) in events.iter().enumerate().rev() {
        match event {
            Event::End(_) => next.push(None),
            Event::Start(_) => {
                next.pop();
            }
            Event::InlineHtml(html) if closes(html, name) => {
                if let Some(next) = next.last_mut() {
                    *next = Some(at);
                }
            }
            Event::InlineHtml(html) if opens(html, name) => {
                ends.extend(next.last().copied().flatten().map(|end| (at, end)));
            }
            _ => {}
        }
    }
    ends
}
