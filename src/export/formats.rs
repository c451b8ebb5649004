//! The formats of a config, ready to render: templates compiled, kinds told apart.

use std::path::{Path, PathBuf};

use super::command::{Folder, Invocation};
use super::html::{self, site};
use super::template::{Escape, PageExtras, TagHref, Template, TemplateError};
use super::view::{self, Parts};
use super::{Page, Portable, Source, SourceError, Style, csv, href, json, markdown, portable};
use crate::config::{Config, Format, FormatKind, TemplateFile};
use crate::hash::{Key, KeyHasher};
use crate::path::OutputPath;
use crate::vault::{FileId, note};

/// Raised whenever the same note and config give other bytes than before: every output is then made anew.
const RENDERER_VERSION: u64 = 8;

const NOTE_PAGE: &str = include_str!("page.html");
const SITE_PAGE: &str = include_str!("index.html");

/// A format of the config that can't be used; one line that begins with the template's file and line.
#[derive(Debug, thiserror::Error)]
#[error("{error} (template of the format `{format}`)")]
pub struct FormatError {
    /// The format's name.
    pub format: Box<str>,
    /// What is wrong with its template.
    pub error: TemplateError,
}

/// Why a note could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The text of a note could not be had; it may only be superseded.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The template failed on this note.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

impl RenderError {
    /// The note that changed since the plan was made, if that is why.
    pub fn superseded(&self) -> Option<&crate::path::NotePath> {
        match self {
            Self::Source(SourceError::Superseded(path)) => Some(path),
            _ => None,
        }
    }
}

/// The outputs of every note, in the order of the config.
#[derive(Debug)]
pub struct Formats {
    all: Vec<Compiled>,
    notes_dir: PathBuf,
    /// The page around an article, and around a list of notes.
    note_page: Template,
    site_page: Template,
    /// The format whose links a command's input has.
    markdown: Option<usize>,
}

#[derive(Debug)]
struct Compiled {
    format: Format,
    template: Option<Template>,
}

impl Formats {
    /// Compiles the formats of a config.
    ///
    /// # Errors
    /// When a template has a mistake.
    pub fn new(config: &Config) -> Result<Self, FormatError> {
        let formats = config
            .formats
            .iter()
            .map(Compiled::new)
            .collect::<Result<Vec<_>, _>>()?;
        let built_in = |source: &str, name| {
            Template::compile(source.to_owned(), Path::new(name), Escape::Html).map_err(|error| {
                FormatError {
                    format: "html".into(),
                    error,
                }
            })
        };
        Ok(Self {
            markdown: formats
                .iter()
                .position(|compiled| matches!(compiled.format.kind, FormatKind::Markdown(_))),
            all: formats,
            notes_dir: config.notes_dir.clone(),
            note_page: built_in(NOTE_PAGE, "page.html")?,
            site_page: built_in(SITE_PAGE, "index.html")?,
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Never true: a config has at least one format.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The formats in the order of the config.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Format> {
        self.all.iter().map(|compiled| &compiled.format)
    }

    /// One format.
    pub fn get(&self, index: usize) -> &Format {
        &self.all[index].format
    }

    /// All of the config, and of this program, that the outputs of a format are made from.
    pub fn fingerprint(&self, index: usize) -> Key {
        let format = self.get(index);
        let mut key = KeyHasher::new();
        key.number(RENDERER_VERSION)
            .number(note::READER_VERSION)
            .text(&format.dir)
            .text(&format.extension);
        match &format.kind {
            FormatKind::Markdown(template) => key.number(0).text(source_of(template.as_ref())),
            FormatKind::Html(template) => key
                .number(1)
                .text(source_of(template.as_ref()))
                .text(NOTE_PAGE)
                .text(SITE_PAGE),
            FormatKind::Json => key.number(2),
            FormatKind::Csv => key.number(3),
            FormatKind::Template(template) => key.number(4).text(&template.source),
            FormatKind::Command(command) => {
                key.number(5).number(command.arguments.len() as u64);
                for argument in &command.arguments {
                    key.text(argument);
                }
                key.text(if command.names("{note}") {
                    self.notes_dir.to_str().unwrap_or_default()
                } else {
                    ""
                });
                key.number(self.link_format(index) as u64)
            }
        };
        key.finish()
    }

    /// Whether what a format writes depends on who links to the note.
    pub fn reads_backlinks(&self, index: usize) -> bool {
        self.parts(index).backlinks
    }

    /// Where an output lies whose name is `stem` (a relative path without extension).
    pub fn output_path(&self, index: usize, stem: &str) -> OutputPath {
        let format = self.get(index);
        site::place(&format.dir, stem, &format.extension)
    }

    /// The bytes of a note's output; for a command, its input. Pure, but it takes its time: not for the runtime's threads.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn render(
        &self,
        index: usize,
        source: &dyn Source,
        id: FileId,
    ) -> Result<Vec<u8>, RenderError> {
        let compiled = &self.all[index];
        if let FormatKind::Html(_) = compiled.format.kind {
            return self.render_html(index, source, id);
        }
        let portable = portable(source, id, self.link_format(index), Style::Markdown)?;
        if let Some(template) = &compiled.template {
            let view = view::view(source, id, index, &portable.body, template.parts())?;
            return Ok(template.note(view, None, None)?);
        }
        Ok(match compiled.format.kind {
            FormatKind::Json => {
                json::render(&view::view(source, id, index, &portable.body, Parts::ALL)?)
            }
            FormatKind::Csv => {
                csv::render(&view::view(source, id, index, &portable.body, Parts::NONE)?)
            }
            FormatKind::Command(_) => portable.into_input(),
            FormatKind::Markdown(_) | FormatKind::Template(_) | FormatKind::Html(_) => {
                markdown::render(portable)
            }
        })
    }

    /// The command line of a format that has one.
    pub fn command(&self, index: usize) -> Option<&crate::config::CommandLine> {
        match &self.get(index).kind {
            FormatKind::Command(command) => Some(command),
            _ => None,
        }
    }

    /// What [`super::command::run`] needs to make a note's output with a command; `None` when the format has none.
    /// Pure, but it takes its time: not for the runtime's threads.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn invocation(
        &self,
        index: usize,
        source: &dyn Source,
        id: FileId,
    ) -> Result<Option<Invocation>, RenderError> {
        let Some(command) = self.command(index) else {
            return Ok(None);
        };
        let names = |placeholder| command.names(placeholder);
        let portable = if names("{input}") || names("{folder}") {
            portable(source, id, self.link_format(index), Style::Markdown)?
        } else {
            Portable::default()
        };
        let pictures = portable.pictures.iter().map(|&picture| {
            let place = source.output(picture, index);
            (place, self.notes_dir.join(source.path(picture)))
        });
        let pictures = pictures.collect();
        Ok(Some(Invocation {
            command: command.clone(),
            input: names("{input}").then(|| portable.into_input()),
            folder: names("{folder}").then(|| Folder {
                path: source.output(id, self.link_format(index)).folder().into(),
                pictures,
            }),
            note: self.notes_dir.join(source.path(id)),
            title: source.title(id),
            extension: self.get(index).extension.clone(),
        }))
    }

    /// Whether a format has pages that list notes.
    pub fn pages(&self, index: usize) -> bool {
        self.get(index).has_pages()
    }

    /// Where such a page lies.
    pub fn page_path(&self, index: usize, page: &Page) -> OutputPath {
        self.output_path(index, &page.stem())
    }

    /// Whether such a page could lie at this path. Cheaper than asking every page.
    pub fn may_be_page(&self, index: usize, path: &OutputPath) -> bool {
        let format = self.get(index);
        let inner = if format.dir.is_empty() {
            Some(path.as_str())
        } else {
            path.as_str()
                .strip_prefix(&*format.dir)
                .and_then(|inner| inner.strip_prefix('/'))
        };
        self.pages(index) && inner.is_some_and(site::may_be_page)
    }

    /// The bytes of such a page. Pure, but it takes its time: not for the runtime's threads.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn render_page(
        &self,
        index: usize,
        source: &dyn Source,
        page: &Page,
    ) -> Result<Vec<u8>, RenderError> {
        let at = self.page_path(index, page);
        let view = site::view(source, index, page, &at, &|other| {
            self.page_path(index, other)
        });
        Ok(self.site_page.site(&view)?)
    }

    fn render_html(
        &self,
        index: usize,
        source: &dyn Source,
        id: FileId,
    ) -> Result<Vec<u8>, RenderError> {
        let template = self.all[index].template.as_ref().unwrap_or(&self.note_page);
        let portable = portable(source, id, index, Style::Html)?;
        let view = view::view(source, id, index, &portable.body, template.parts())?;
        let note = source.note(id)?;
        let headings = &note.facts.headings;
        let article = html::article(&portable.body, headings, &portable.inlined);
        let at = source.output(id, index);
        let to = |page: &Page| href::relative(at.folder(), &self.page_path(index, page));
        let begins_with_title = article.trim_start().starts_with("<h1")
            && headings
                .first()
                .is_some_and(|first| *first.text == *view.title);
        let tag_links = view
            .tags
            .iter()
            .map(|tag| TagHref {
                name: tag.clone(),
                href: to(&Page::tag(tag)),
            })
            .collect();
        let extras = PageExtras {
            index: to(&Page::Index),
            tag_links,
            show_title: !begins_with_title,
        };
        Ok(template.note(view, Some(article), Some(extras))?)
    }

    /// The parts of a note that a format shows.
    fn parts(&self, index: usize) -> Parts {
        let compiled = &self.all[index];
        match (&compiled.template, &compiled.format.kind) {
            (Some(template), _) => template.parts(),
            (None, FormatKind::Html(_)) => self.note_page.parts(),
            (None, FormatKind::Json) => Parts::ALL,
            (None, _) => Parts::NONE,
        }
    }

    /// The format that links in a format's Markdown lead to. A command gets what `markdown` writes, where there is such a format.
    fn link_format(&self, index: usize) -> usize {
        match self.get(index).kind {
            FormatKind::Command(_) => self.markdown.unwrap_or(index),
            _ => index,
        }
    }
}

impl Compiled {
    fn new(format: &Format) -> Result<Self, FormatError> {
        let (file, escape) = match &format.kind {
            FormatKind::Html(file) => (file.as_ref(), Escape::Html),
            FormatKind::Markdown(file) => (file.as_ref(), Escape::Nothing),
            FormatKind::Template(file) => (Some(file), escape_for(&format.extension)),
            FormatKind::Json | FormatKind::Csv | FormatKind::Command(_) => (None, Escape::Nothing),
        };
        let compile =
            |file: &TemplateFile| Template::compile(file.source.clone(), &file.path, escape);
        let template = file.map(compile).transpose().map_err(|error| FormatError {
            format: format.name.clone(),
            error,
        })?;
        Ok(Self {
            format: format.clone(),
            template,
        })
    }
}

/// Values are escaped where the output is HTML.
fn escape_for(extension: &str) -> Escape {
    let is_html = ["html", "htm", "xhtml"]
        .iter()
        .any(|html| extension.eq_ignore_ascii_case(html));
    if is_html {
        Escape::Html
    } else {
        Escape::Nothing
    }
}

fn source_of(template: Option<&TemplateFile>) -> &str {
    template.map_or("", |file| &file.source)
}

#[cfg(test)]
mod tests;
