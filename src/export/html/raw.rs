//! Raw HTML in a note: comments and scripts go, the rest waits for the sanitiser.

use pulldown_cmark::{CowStr, Event};

use super::sanitise::{GIVEN_OUT, REMOVED, block_anchor, opens, prepare};
use super::write::Writer;
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

    /// The place of the tag that closes `name` in the same line of thought, no element being cut in two.
    fn end_of_script(&self, at: usize, name: &str) -> Option<usize> {
        let mut depth = 0_usize;
        for (offset, (event, _)) in self.events[at..].iter().enumerate() {
            match event {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth = depth.checked_sub(1)?,
                Event::InlineHtml(html) if depth == 0 && closes(html, name) => {
                    return Some(at + offset);
                }
                _ => {}
            }
        }
        None
    }

    pub(super) fn raw(&mut self, html: &str) {
        let prepared = prepare(html);
        self.has_raw_html |= !prepared.is_empty();
        self.out.extend(prepared.split(GIVEN_OUT));
    }
}
