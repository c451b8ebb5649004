use std::time::Duration;

use super::super::testing::FakeVault;
use super::*;
use crate::config::{
    Attachments, CommandLine, Debounce, Layout, Log, LogFormat, OnError, Watch, WatchMode,
};

/// The formats of the tests, in this order.
const MARKDOWN: usize = 0;
const HTML: usize = 1;
const JSON: usize = 2;
const CSV: usize = 3;
const TEMPLATE: usize = 4;
const COMMAND: usize = 5;

fn config(kinds: Vec<(&str, FormatKind)>) -> Config {
    let format = |(extension, kind): (&str, FormatKind)| Format {
        name: extension.into(),
        dir: "".into(),
        extension: extension.into(),
        kind,
    };
    Config {
        notes_dir: "/vault".into(),
        export_dir: "/export".into(),
        state_dir: "/state".into(),
        formats: kinds.into_iter().map(format).collect(),
        max_concurrent: std::num::NonZeroUsize::MIN,
        debounce: Debounce {
            quiet: Duration::ZERO,
            max_wait: Duration::ZERO,
        },
        layout: Layout::Mirror,
        include: Vec::new(),
        exclude: Vec::new(),
        skip_tags: Vec::new(),
        only_tags: Vec::new(),
        attachments: Attachments::Referenced,
        on_error: OnError::Continue,
        watch: Watch {
            mode: WatchMode::Auto,
            poll_interval: Duration::ZERO,
            rescan: None,
        },
        log: Log {
            format: LogFormat::Auto,
            level: String::new(),
        },
    }
}

fn file(source: &str) -> TemplateFile {
    TemplateFile {
        path: "/etc/note.j2".into(),
        source: source.to_owned(),
    }
}

fn command(arguments: &[&str]) -> FormatKind {
    let arguments = arguments
        .iter()
        .map(|&argument| argument.to_owned())
        .collect();
    FormatKind::Command(CommandLine {
        arguments,
        timeout: Duration::from_secs(1),
    })
}

fn all() -> Formats {
    let kinds = vec![
        ("md", FormatKind::Markdown(None)),
        ("html", FormatKind::Html(None)),
        ("json", FormatKind::Json),
        ("csv", FormatKind::Csv),
        (
            "txt",
            FormatKind::Template(file("{{ title }}\n{{ body }}\n")),
        ),
        ("docx", command(&["pandoc", "{input}", "{note}"])),
    ];
    Formats::new(&config(kinds)).unwrap()
}

const EXTENSIONS: [&str; 6] = ["md", "html", "json", "csv", "txt", "docx"];

fn vault() -> FakeVault {
    FakeVault::new(&[
        (
            "d/Core.md",
            "---\ntitle: The <Core>\ntags: [Team/Deep, b]\naliases: heart\nn: 1.10\n---\n\n# Intro\n\n\
             See [[other#Part|part]], [[secret|hush]] and [[nowhere]]. ![[pic.png|300]]\n\n![[other#Part]]\n\n%% mine %%\n",
        ),
        ("other.md", "# Other\n\n## Part\n\nText ^id1\n\n[[Core]] #b\n"),
        ("secret.md", "---\nprivate: true\n---\nSECRET [[Core]] #hidden\n"),
        ("pic.png", ""),
        ("plain.md", ""),
    ])
    .with_formats(&EXTENSIONS)
}

fn rendered(format: usize, path: &str) -> String {
    let vault = vault();
    String::from_utf8(all().render(format, &vault, vault.id(path)).unwrap()).unwrap()
}

#[test]
fn markdown_keeps_the_front_matter_as_written() {
    assert_eq!(
        rendered(MARKDOWN, "d/Core.md"),
        "---\ntitle: The <Core>\ntags: [Team/Deep, b]\naliases: heart\nn: 1.10\n---\n\n# Intro\n\n\
         See [part](../other.md#part), hush and nowhere. ![pic.png|300](../pic.png)\n\n## Part\n\nText\n\n[Core](Core.md) #b\n\n",
    );
}

#[test]
fn a_page_in_full() {
    let page = rendered(HTML, "d/Core.md");
    let (head, body) = page.split_once("</style>\n").unwrap();
    assert!(head.contains("<title>The &lt;Core&gt;</title>"), "{head}");
    insta::assert_snapshot!(body, @r##"
    </head>
    <body>
    <nav><a href="../index.html">Notes</a></nav>
    <h1>The &lt;Core&gt;</h1>
    <p class="tags"><a href="../tags/team/deep.html" rel="tag">#Team/Deep</a> <a href="../tags/b.html" rel="tag">#b</a></p>
    <article>
    <h1 id="intro">Intro</h1>
    <p>See <a href="../other.html#part">part</a>, hush and nowhere. <img src="../pic.png" alt="pic.png" width="300" /></p>
    <h2 id="part">Part</h2>
    <p>Text</p>
    <p><a href="Core.html">Core</a> #b</p>
    </article>
    <footer>
    <h2>Linked from</h2>
    <ul class="backlinks">
    <li><a href="../other.html">Other</a></li>
    </ul>
    </footer>
    </body>
    </html>
    "##);
}

#[test]
fn a_title_that_the_note_shows_is_not_shown_twice() {
    let page = rendered(HTML, "other.md");
    assert_eq!(page.matches("<h1").count(), 1, "{page}");
    assert_eq!(page.matches("<article>").count(), 1);
    assert!(rendered(HTML, "plain.md").contains("<h1>plain</h1>\n<article>\n</article>\n</body>"));
}

#[test]
fn json_in_full() {
    insta::assert_snapshot!(rendered(JSON, "d/Core.md"), @r##"
    {
      "title": "The <Core>",
      "body": "# Intro\n\nSee [part](../other.json#part), hush and nowhere. ![pic.png|300](../pic.png)\n\n## Part\n\nText\n\n[Core](Core.json) #b",
      "tags": [
        "Team/Deep",
        "b"
      ],
      "path": "d/Core.md",
      "front_matter": {
        "title": "The <Core>",
        "tags": [
          "Team/Deep",
          "b"
        ],
        "aliases": "heart",
        "n": 1.1
      },
      "links": [
        {
          "target": "other",
          "path": "other.md",
          "output": "other.json",
          "fragment": "Part",
          "label": "part",
          "kind": "wikilink"
        },
        {
          "target": "nowhere",
          "path": null,
          "output": null,
          "fragment": "",
          "label": "nowhere",
          "kind": "wikilink"
        },
        {
          "target": "pic.png",
          "path": "pic.png",
          "output": "pic.png",
          "fragment": "",
          "label": "pic.png",
          "kind": "embed"
        },
        {
          "target": "other",
          "path": "other.md",
          "output": "other.json",
          "fragment": "Part",
          "label": "other > Part",
          "kind": "embed"
        }
      ],
      "backlinks": [
        {
          "path": "other.md",
          "title": "Other",
          "output": "other.json"
        }
      ],
      "headings": [
        {
          "level": 1,
          "text": "Intro",
          "anchor": "intro"
        }
      ],
      "aliases": [
        "heart"
      ],
      "output": "d/Core.json"
    }
    "##);
}

#[test]
fn json_is_what_the_schema_says() {
    let schema = serde_json::from_str(include_str!("../../../schema/note.schema.json")).unwrap();
    let mut compiler = boon::Compiler::new();
    let mut schemas = boon::Schemas::new();
    compiler
        .add_resource("urn:smartnotesd:note:1", schema)
        .unwrap();
    let schema = compiler
        .compile("urn:smartnotesd:note:1", &mut schemas)
        .unwrap();
    for path in ["d/Core.md", "other.md", "plain.md"] {
        let note = serde_json::from_str(&rendered(JSON, path)).unwrap();
        schemas
            .validate(&note, schema)
            .unwrap_or_else(|error| panic!("{path}: {error:#}"));
    }
    assert!(
        schemas
            .validate(&serde_json::json!({"title": "x"}), schema)
            .is_err()
    );
}

#[test]
fn csv_and_template() {
    assert_eq!(
        rendered(CSV, "other.md"),
        "title,body,tags\nOther,\"# Other\n\n## Part\n\nText\n\n[Core](d/Core.csv) #b\",b\n"
    );
    assert_eq!(
        rendered(TEMPLATE, "other.md"),
        "Other\n# Other\n\n## Part\n\nText\n\n[Core](d/Core.txt) #b\n"
    );
}

#[test]
fn a_command_gets_what_markdown_writes() {
    let vault = vault();
    let invocation = all()
        .invocation(COMMAND, &vault, vault.id("other.md"))
        .unwrap()
        .unwrap();
    assert_eq!(
        invocation.input.as_deref(),
        Some(rendered(MARKDOWN, "other.md").as_bytes())
    );
    assert_eq!(invocation.note, Path::new("/vault/other.md"));
    assert_eq!(
        (invocation.title.as_str(), &*invocation.extension),
        ("Other", "docx")
    );
    assert_eq!(
        all()
            .invocation(JSON, &vault, vault.id("other.md"))
            .unwrap(),
        None
    );
    let formats = Formats::new(&config(vec![("x", command(&["true", "{title}"]))])).unwrap();
    assert_eq!(
        formats
            .invocation(0, &vault, vault.id("other.md"))
            .unwrap()
            .unwrap()
            .input,
        None
    );
}

#[test]
fn nothing_of_a_private_note_is_anywhere() {
    let (formats, vault) = (all(), vault());
    let mut written = Vec::new();
    for format in 0..formats.len() {
        for path in ["d/Core.md", "other.md", "plain.md"] {
            written.push(formats.render(format, &vault, vault.id(path)).unwrap());
        }
    }
    for page in [Page::Index, Page::tag("b"), Page::tag("hidden")] {
        written.push(formats.render_page(HTML, &vault, &page).unwrap());
    }
    for bytes in written {
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            !text.contains("SECRET") && !text.contains("secret"),
            "{text}"
        );
    }
}

#[test]
fn pages_list_notes_and_tags() {
    let (formats, vault) = (all(), vault());
    let page = |page: &Page| {
        let text = String::from_utf8(formats.render_page(HTML, &vault, page).unwrap()).unwrap();
        text.split_once("</style>\n").unwrap().1.to_owned()
    };
    insta::assert_snapshot!(page(&Page::Index), @r##"
    </head>
    <body>
    <h1>Notes</h1>
    <p class="tags"><a href="tags/b.html">#b</a> (2) <a href="tags/team.html">#Team</a> (1) <a href="tags/team/deep.html">#Team/Deep</a> (1)</p>
    <section>
    <ul>
    <li><a href="other.html">Other</a></li>
    <li><a href="plain.html">plain</a></li>
    </ul>
    </section>
    <section>
    <h2>d</h2>
    <ul>
    <li><a href="d/Core.html">The &lt;Core&gt;</a></li>
    </ul>
    </section>
    </body>
    </html>
    "##);
    insta::assert_snapshot!(page(&Page::tag("TEAM")), @r##"
    </head>
    <body>
    <nav><a href="../index.html">Notes</a></nav>
    <h1>#Team</h1>
    <p class="tags"><a href="team/deep.html">#Team/Deep</a> (1)</p>
    <section>
    <h2>d</h2>
    <ul>
    <li><a href="../d/Core.html">The &lt;Core&gt;</a></li>
    </ul>
    </section>
    </body>
    </html>
    "##);
    assert_eq!(
        formats.page_path(HTML, &Page::tag("Team/Deep")).as_str(),
        "tags/team/deep.html"
    );
    assert_eq!(formats.page_path(HTML, &Page::Index).as_str(), "index.html");
    let with_pages: Vec<usize> = (0..formats.len())
        .filter(|&format| formats.pages(format))
        .collect();
    assert_eq!(with_pages, [HTML]);
}

#[test]
fn a_users_template_goes_around_pages_and_markdown() {
    let kinds = vec![
        (
            "md",
            FormatKind::Markdown(Some(file(
                "{{ front_matter.n }}|{{ body }}|{{ path }}|{{ output }}",
            ))),
        ),
        (
            "html",
            FormatKind::Html(Some(file(
                "<title>{{ title }}</title>{{ body }}{{ tag_links[0].href }} {{ index }}",
            ))),
        ),
    ];
    let formats = Formats::new(&config(kinds)).unwrap();
    let vault = vault();
    let text = |format| {
        String::from_utf8(
            formats
                .render(format, &vault, vault.id("d/Core.md"))
                .unwrap(),
        )
        .unwrap()
    };
    assert!(
        text(0).starts_with("1.1|# Intro\n") && text(0).ends_with(" #b|d/Core.md|d/Core.md"),
        "{}",
        text(0)
    );
    assert!(
        text(1).starts_with("<title>The &lt;Core&gt;</title><h1 id=\"intro\">Intro</h1>\n"),
        "{}",
        text(1)
    );
    assert!(
        text(1).ends_with("</p>\n../tags/team/deep.html ../index.html"),
        "{}",
        text(1)
    );
    assert_eq!(
        (formats.reads_backlinks(0), formats.reads_backlinks(1)),
        (false, false)
    );
}

#[test]
fn a_bad_template_is_an_error_of_the_config() {
    let kinds = vec![("html", FormatKind::Html(Some(file("a\n{% for %}"))))];
    let error = Formats::new(&config(kinds)).unwrap_err().to_string();
    assert!(
        error.starts_with("/etc/note.j2:2: syntax error") && error.contains("`html`"),
        "{error}"
    );
}

#[test]
fn formats_are_shared_by_threads() {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    shared(&all());
}

#[test]
fn who_reads_backlinks() {
    let formats = all();
    let readers: Vec<usize> = (0..formats.len())
        .filter(|&format| formats.reads_backlinks(format))
        .collect();
    assert_eq!(readers, [HTML, JSON]);
}

#[test]
fn fingerprints_follow_what_is_shown() {
    let print = |kind: FormatKind| {
        Formats::new(&config(vec![("x", kind)]))
            .unwrap()
            .fingerprint(0)
    };
    let kinds = [
        FormatKind::Markdown(None),
        FormatKind::Markdown(Some(file("a"))),
        FormatKind::Html(None),
        FormatKind::Html(Some(file("a"))),
        FormatKind::Json,
        FormatKind::Csv,
        FormatKind::Template(file("a")),
        FormatKind::Template(file("b")),
        command(&["a", "b"]),
        command(&["ab"]),
        command(&["a", "{note}"]),
    ];
    let mut prints: Vec<u64> = kinds.iter().map(|kind| print(kind.clone()).0).collect();
    assert_eq!(prints[0], print(FormatKind::Markdown(None)).0);
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), kinds.len());
}

#[test]
fn a_superseded_note_stays_one() {
    let vault = vault();
    let error = all()
        .render(MARKDOWN, &vault, vault.id("pic.png"))
        .unwrap_err();
    assert!(
        matches!(error, RenderError::Source(SourceError::Superseded(_))),
        "{error}"
    );
}
