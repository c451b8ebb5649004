//! What a reference means in the file that is being written: a link, a picture, its label alone, or what is written
//! already. It writes nothing itself.

use super::super::href::{encode, encode_as_written, relative};
use super::super::html::is_played;
use super::super::portable::Style;
use super::Writer;
use crate::path::OutputPath;
use crate::vault::syntax::{Address, is_image, looks_like_file};
use crate::vault::{FileId, Note, NoteFacts, Nowhere, Place, Ref, RefKind, Target};

/// The destination that leads to the top of the page.
pub(super) const TOP: &str = "#";

/// What a reference turns into.
pub(super) enum Meaning {
    /// A link with this destination.
    Link(String),
    /// A picture with this destination.
    Picture(String),
    /// Its label alone.
    Plain,
    /// What is written already.
    AsWritten,
}

impl Writer<'_> {
    /// What a reference of `note`, the topmost frame's, means, but for the inlining of notes.
    pub(super) fn meaning(&mut self, note: &Note, reference: u32) -> Meaning {
        let from = self.frame().id;
        let address = note.syntax.address(reference).unwrap_or_default();
        let reference = &note.facts.refs[reference as usize];
        let target = self.source.target(from, reference);
        match target {
            Target::Note(_, Place::Missing) if reference.kind.is_embed() => Meaning::Plain,
            Target::Note(id, place) => self.note_meaning(reference, address, id, place),
            Target::File(id) => self.file_meaning(reference, address, id),
            // An address of a kind that only its writer knows: a folder, a page of a site.
            Target::Nowhere(Nowhere::Unresolved)
                if reference.kind.is_markdown() && !looks_like_file(&reference.target) =>
            {
                Meaning::AsWritten
            }
            Target::Nowhere(_) => Meaning::Plain,
        }
    }

    /// A place, unless it is one that a page doesn't show.
    fn shown(&self, id: FileId, place: Place) -> Place {
        let is_hidden = |facts: &NoteFacts| match place {
            Place::Heading(heading) => {
                let heading = facts.headings.get(heading);
                heading.is_some_and(|heading| heading.is_hidden(&facts.footnotes))
            }
            Place::Block(block) => {
                let block = facts.blocks.get(block);
                block.is_some_and(|block| block.is_hidden(&facts.footnotes))
            }
            Place::Element(_) | Place::Whole | Place::Missing => false,
        };
        let may_be_hidden = matches!(place, Place::Heading(_) | Place::Block(_));
        if self.style == Style::Html && may_be_hidden {
            let facts = self.source.facts(id);
            if facts.is_some_and(|facts| is_hidden(&facts)) {
                return Place::Missing;
            }
        }
        place
    }

    fn note_meaning(
        &mut self,
        reference: &Ref,
        address: Address<'_>,
        id: FileId,
        place: Place,
    ) -> Meaning {
        let place = self.shown(id, place);
        let in_page = reference.target.is_empty() && reference.kind.is_markdown() && self.is_host();
        if in_page && place == Place::Missing {
            // It may name what an embed brings along; where it doesn't, a page has its top.
            return match self.style {
                Style::Markdown => Meaning::AsWritten,
                Style::Html => Meaning::Link(TOP.to_owned()),
            };
        }
        let fragment = self.fragment(id, place);
        let output = self.source.output(id, self.format);
        let query = self.query(reference, id);
        if reference.kind == RefKind::Link && self.says(reference, query, &output, &fragment) {
            return Meaning::AsWritten;
        }
        let is_in_file = output == self.output && query.is_empty() && !fragment.is_empty();
        let mut href = if is_in_file {
            String::new()
        } else {
            self.path(&output, query, address.query)
        };
        if !fragment.is_empty() {
            href.push('#');
            encode(&fragment, &mut href);
        }
        Meaning::Link(href)
    }

    fn file_meaning(&mut self, reference: &Ref, address: Address<'_>, id: FileId) -> Meaning {
        if reference.kind.is_shown() {
            self.pictures.insert(id);
        }
        let output = self.source.output(id, self.format);
        // Our own HTML has players; elsewhere a file that is no picture is better linked to.
        let is_shown =
            |path: &str| is_image(path) || (self.style == Style::Html && is_played(path));
        let query = self.query(reference, id);
        let shown = reference.kind == RefKind::Image
            || (reference.kind.is_embed() && is_shown(output.as_str()));
        if reference.kind.is_markdown() && self.says(reference, query, &output, &reference.fragment)
        {
            return Meaning::AsWritten;
        }
        let mut href = self.path(&output, query, address.query);
        // `#page=3` of a PDF and `#t=10` of a film are their viewers'; any other fragment of a wikilink, and what it says of
        // a picture, is Obsidian's alone.
        let is_said = reference.kind.is_markdown()
            || (reference.fragment.contains('=') && !is_image(output.as_str()));
        if is_said && !reference.fragment.is_empty() {
            href.push('#');
            encode_as_written(&reference.fragment, address.fragment, &mut href);
        }
        if shown {
            Meaning::Picture(href)
        } else {
            Meaning::Link(href)
        }
    }

    /// The query of a Markdown link, with its `?`; "" where that is a part of the file's name.
    fn query<'r>(&self, reference: &'r Ref, id: FileId) -> &'r str {
        match reference.without_query() {
            Some(path) if !self.source.path(id).as_str().contains('?') => {
                &reference.target[path.len()..]
            }
            _ => "",
        }
    }

    fn fragment(&mut self, id: FileId, place: Place) -> String {
        if let (Place::Heading(heading), true) = (place, self.frames[0].id == id) {
            self.leads_to_heading = true;
            if let Some(anchor) = self.anchors.as_ref().and_then(|own| own.get(heading)) {
                return anchor.clone();
            }
        }
        let facts = || self.source.facts(id);
        let fragment = match (place, self.style) {
            (Place::Heading(heading), _) => facts().and_then(|facts| {
                let heading = facts.headings.get(heading)?;
                Some(heading.anchor.to_string())
            }),
            (Place::Block(block), Style::Html) => facts().and_then(|facts| {
                let block = facts.blocks.get(block)?;
                Some(format!("^{}", block.id))
            }),
            (Place::Element(element), _) => {
                facts().and_then(|facts| Some(facts.elements.get(element)?.to_string()))
            }
            (Place::Block(_), Style::Markdown) | (Place::Whole | Place::Missing, _) => None,
        };
        fragment.unwrap_or_default()
    }

    /// Whether a Markdown link as written leads from the file that is being written to that very place.
    fn says(&self, reference: &Ref, query: &str, output: &OutputPath, fragment: &str) -> bool {
        let target = &reference.target[..reference.target.len() - query.len()];
        if target.contains('?') {
            // A part of the file's name, which only an escaped one is.
            return false;
        }
        let same_file = if target.is_empty() {
            *output == self.output
        } else {
            !target.starts_with('/')
                && OutputPath::join(self.output.folder(), target).is_ok_and(|path| path == *output)
        };
        same_file && *reference.fragment == *fragment
    }

    /// The way to a file, with a query that was `written` so.
    fn path(&self, output: &OutputPath, query: &str, written: &str) -> String {
        let mut href = relative(self.output.folder(), output);
        encode_as_written(query, written, &mut href);
        href
    }
}
