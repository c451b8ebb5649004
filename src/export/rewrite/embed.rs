//! Embeds of notes: which are inlined, and what of the other note they show. It places nothing.

use std::ops::Range;

use super::super::SourceError;
use super::super::place;
use super::open_end::closed;
use super::part::Part;
use super::{Frame, Writer};
use crate::vault::syntax::{Mark, Setting, Wiki};
use crate::vault::{Note, Place, Target};

/// An embed in an embed in an embed …: what is deeper becomes a link.
const MAX_DEPTH: usize = 10;
/// What all embeds of one note may add to it; what is beyond becomes a link.
pub(in super::super) const MAX_INLINED: usize = 16 << 20;
/// What an embed counts at least, so that a fan of empty notes ends too.
const MIN_COST: usize = 256;

impl Writer<'_> {
    /// The text that an embed shows, free of where it is from; `None` where it must stay a link or text.
    pub(super) fn embed(
        &mut self,
        part: &Part<'_>,
        mark: &Mark,
        wiki: &Wiki,
    ) -> Result<Option<String>, SourceError> {
        let reference = &part.note.facts.refs[wiki.reference as usize];
        if !reference.kind.is_embed()
            || !matches!(wiki.setting, Setting::Paragraph(_))
            || self.frames.len() > MAX_DEPTH
        {
            return Ok(None);
        }
        let from = self.frame().id;
        let Target::Note(id, place) = self.source.target(from, reference) else {
            return Ok(None);
        };
        if place == Place::Missing {
            return Ok(None);
        }
        self.frame().at = mark.span.start as usize;
        let embedded = if id == from {
            None
        } else {
            Some(self.note(id)?)
        };
        let embedded = embedded.as_deref().unwrap_or(part.note);
        let Some(range) = shown(embedded, place) else {
            return Ok(None);
        };
        let repeats = self
            .frames
            .iter()
            .any(|frame| frame.id == id && range.contains(&frame.at));
        if repeats || self.cost + range.len() + MIN_COST > MAX_INLINED {
            return Ok(None);
        }
        let (before, page_before) = (self.cost, self.page.len());
        self.cost += MIN_COST;
        self.serial += 1;
        self.frames.push(Frame {
            id,
            at: 0,
            serial: self.serial,
        });
        let content = self.freed(embedded, &range);
        self.frames.pop();
        let content = content?;
        let size = range.len().max(part.site(mark, wiki).size_of(&content));
        self.cost = self.cost.max(before + MIN_COST + size);
        if self.cost > MAX_INLINED {
            // Whatever comes after it is a link too: the work for one note stays bounded.
            self.cost = MAX_INLINED;
            self.page.truncate(page_before);
            return Ok(None);
        }
        Ok(Some(content))
    }

    /// A part of the topmost frame's note, free of where it stood, and after it the footnotes that it mentions.
    fn freed(&mut self, note: &Note, range: &Range<usize>) -> Result<String, SourceError> {
        let mut freed = String::new();
        for part in std::iter::once(range.clone()).chain(note.facts.footnotes.beside(range)) {
            let mut content = String::with_capacity(part.len());
            self.text(note, part.clone(), &mut content)?;
            let content = closed(place::freed(&note.text, part.start, content));
            if freed.is_empty() {
                freed = content;
            } else {
                freed.extend(["\n\n", &content]);
            }
        }
        Ok(freed)
    }
}

/// The part of a note that an embed of a place shows.
fn shown(note: &Note, place: Place) -> Option<Range<usize>> {
    match place {
        Place::Whole => Some(note.facts.body_start as usize..note.text.len()),
        Place::Heading(heading) => note
            .syntax
            .sections
            .get(heading)
            .map(|section| section.range()),
        Place::Block(block) => note
            .facts
            .blocks
            .get(block)
            .map(|block| block.start as usize..block.end as usize),
        Place::Element(_) | Place::Missing => None,
    }
}
