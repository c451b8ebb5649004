//! Templates: MiniJinja around what a note says. Ours for pages, the user's for anything.

use std::path::Path;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Enumerator, Object, ObjectRepr, Serde};
use minijinja::{
    AutoEscape, Environment, Output, State, UndefinedBehavior, Value, context, escape_formatter,
};
use pulldown_cmark_escape::{FmtWriter, escape_html};
use serde::Serialize;

use super::html::site::SiteView;
use super::view::{NoteView, Parts, join_tags};

/// Steps that a template may take for one note: about a second, thousands of times what a page needs.
const FUEL: u64 = 20_000_000;

/// What is wrong with a template, in one line that begins with its file and line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct TemplateError {
    /// `file:line`, or the file where no line is known.
    pub place: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl TemplateError {
    fn new(error: &minijinja::Error, path: &Path) -> Self {
        let file = path.display();
        let place = error
            .line()
            .map_or_else(|| file.to_string(), |line| format!("{file}:{line}"));
        let kind = error.kind();
        let message = match (kind, error.detail()) {
            (minijinja::ErrorKind::OutOfFuel, _) => {
                "the template takes too long; does one of its loops end?".to_owned()
            }
            (minijinja::ErrorKind::UndefinedError, detail) => {
                let detail = detail
                    .map(|detail| format!(": {detail}"))
                    .unwrap_or_default();
                format!(
                    "{kind}{detail}; a note has title, body, tags, path, front_matter, links, backlinks, headings, aliases, output"
                )
            }
            (_, Some(detail)) => format!("{kind}: {detail}"),
            (_, None) => kind.to_string(),
        };
        Self {
            place,
            message: message.replace('\n', " "),
        }
    }
}

/// Whether a template's values are escaped for HTML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    /// They are, but for the article.
    Html,
    /// They stand as they are.
    Nothing,
}

/// A compiled template.
#[derive(Debug)]
pub(crate) struct Template {
    environment: Environment<'static>,
    path: std::path::PathBuf,
    parts: Parts,
}

/// What only pages have besides what every note has.
#[derive(Debug, Serialize)]
pub(crate) struct PageExtras {
    /// The index page, from this one.
    pub(crate) index: String,
    /// The tags with the URLs of their pages.
    pub(crate) tag_links: Vec<TagHref>,
    /// Whether the article does not begin with the title already.
    pub(crate) show_title: bool,
}

/// A tag and where its page is.
#[derive(Debug, Serialize)]
pub(crate) struct TagHref {
    pub(crate) name: Box<str>,
    pub(crate) href: String,
}

/// The name that the one template of an environment has.
const NAME: &str = "template";

impl Template {
    /// Compiles a template.
    pub(crate) fn compile(
        source: String,
        path: &Path,
        escape: Escape,
    ) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
        environment.set_syntax(syntax.expect("the usual delimiters are valid"));
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(move |_| match escape {
            Escape::Html => AutoEscape::Html,
            Escape::Nothing => AutoEscape::None,
        });
        environment.set_formatter(write_value);
        let compiled = environment.add_template_owned(NAME, source);
        compiled.map_err(|error| TemplateError::new(&error, path))?;
        let used = environment
            .get_template(NAME)
            .map_err(|error| TemplateError::new(&error, path))?
            .undeclared_variables(false);
        // `debug()` shows all there is.
        let shows = |name: &str| used.contains(name) || used.contains("debug");
        let parts = Parts {
            front_matter: shows("front_matter"),
            links: shows("links"),
            backlinks: shows("backlinks"),
            headings: shows("headings"),
        };
        Ok(Self {
            environment,
            path: path.to_owned(),
            parts,
        })
    }

    /// What it reads of a note.
    pub(crate) fn parts(&self) -> Parts {
        self.parts
    }

    /// The note as text. `article` takes the place of the Markdown body in a page.
    pub(crate) fn note(
        &self,
        view: NoteView<'_>,
        article: Option<String>,
        page: Option<PageExtras>,
    ) -> Result<Vec<u8>, TemplateError> {
        let body = article.map_or_else(|| Value::from(view.body), Value::from_safe_string);
        let backlinks: Vec<Value> = view
            .backlinks
            .into_iter()
            .map(|from| context! { path => from.path, title => from.title, output => from.output, href => from.href })
            .collect();
        let note = context! {
            title => view.title,
            body => body,
            tags => Value::from_object(Tags(view.tags)),
            path => view.path,
            front_matter => Value::from(Serde(view.front_matter)),
            links => Value::from(Serde(view.links)),
            backlinks => backlinks,
            headings => Value::from(Serde(view.headings)),
            aliases => view.aliases.iter().map(|alias| Value::from(&**alias)).collect::<Vec<_>>(),
            output => view.output,
        };
        match page {
            Some(page) => self.render(context! { ..Value::from(Serde(page)), ..note }),
            None => self.render(note),
        }
    }

    /// A page that lists notes.
    pub(crate) fn site(&self, view: &SiteView) -> Result<Vec<u8>, TemplateError> {
        self.render(Value::from(Serde(view)))
    }

    fn render(&self, context: Value) -> Result<Vec<u8>, TemplateError> {
        let template = self.environment.get_template(NAME);
        let text = template.and_then(|template| template.render(context));
        text.map(String::into_bytes)
            .map_err(|error| TemplateError::new(&error, &self.path))
    }
}

/// Writes a value, escaped where its template is. MiniJinja's own way escapes `/` too, which makes URLs hard to read.
fn write_value(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    if *state.auto_escape() != AutoEscape::Html || value.is_safe() {
        return escape_formatter(out, state, value);
    }
    let written = match value.as_str() {
        Some(text) => escape_html(FmtWriter(out), text),
        None => escape_html(FmtWriter(out), &value.to_string()),
    };
    written.map_err(minijinja::Error::from)
}

/// Tags as a list that can be looped over and joined, and that prints as `a, b`.
#[derive(Debug)]
struct Tags(Vec<Box<str>>);

impl Object for Tags {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_usize()?).map(|tag| Value::from(&**tag))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.len())
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&join_tags(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> NoteView<'static> {
        NoteView {
            title: "T".into(),
            body: "B",
            tags: vec!["a".into(), "b".into()],
            ..NoteView::default()
        }
    }

    fn compile(source: &str) -> Result<Template, TemplateError> {
        Template::compile(source.to_owned(), Path::new("note.txt.j2"), Escape::Nothing)
    }

    fn render(source: &str) -> Result<String, String> {
        let template = compile(source).map_err(|error| error.to_string())?;
        let bytes = template
            .note(view(), None, None)
            .map_err(|error| error.to_string())?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn the_lessons_template() {
        let text =
            render("# {{ title }}\n\n{{ body }}\n\nTags: {{ tags | join(', ') }}\n").unwrap();
        assert_eq!(text, "# T\n\nB\n\nTags: a, b\n");
    }

    #[test]
    fn tags_are_a_list_and_a_text() {
        assert_eq!(render("{{ tags }}").unwrap(), "a, b");
        assert_eq!(
            render("{% for tag in tags %}<{{ tag }}>{% endfor %}").unwrap(),
            "<a><b>"
        );
        assert_eq!(
            render("{{ tags[0] }} {{ tags[-1] }} {{ tags | length }} {{ 'c' in tags }}").unwrap(),
            "a b 2 False"
        );
        assert_eq!(render("{{ tags | tojson }}").unwrap(), "[\"a\", \"b\"]");
    }

    #[test]
    fn mistakes_name_file_and_line() {
        let error = render("a\n{{ titel }}\n").unwrap_err();
        assert!(
            error.starts_with("note.txt.j2:2: undefined value") && error.contains("title, body"),
            "{error}"
        );
        let error = render("\n\n{% if %}").unwrap_err();
        assert!(error.starts_with("note.txt.j2:3: syntax error"), "{error}");
        let error = render("{{ front_matter.missing }}").unwrap_err();
        assert!(
            error.starts_with("note.txt.j2:1: undefined value"),
            "{error}"
        );
    }

    #[test]
    fn loops_that_do_not_end_do() {
        let error = render(
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        )
        .unwrap_err();
        assert!(error.contains("takes too long"), "{error}");
    }

    #[test]
    fn only_pages_are_escaped() {
        let mut view = view();
        view.title = "<T> & \"x\"".into();
        view.tags = vec!["<a>".into()];
        let source = "{{ title }} {{ tags }} {{ body }}";
        let page = Template::compile(source.into(), Path::new("p"), Escape::Html).unwrap();
        let page = page.note(view, Some("<p>B</p>".into()), None).unwrap();
        assert_eq!(
            String::from_utf8(page).unwrap(),
            "&lt;T&gt; &amp; &quot;x&quot; &lt;a&gt; <p>B</p>"
        );
    }

    #[test]
    fn knows_what_it_reads() {
        assert_eq!(compile("{{ title }}").unwrap().parts(), Parts::NONE);
        assert!(
            compile("{% for b in backlinks %}{% endfor %}")
                .unwrap()
                .parts()
                .backlinks
        );
        assert_eq!(compile("{{ debug() }}").unwrap().parts(), Parts::ALL);
    }
}
