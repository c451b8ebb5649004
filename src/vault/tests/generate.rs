//! Random vaults: notes as specifications that operations change piece by piece, and their texts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;

use super::world::Tree;

/// Where files may be: equal names in several folders, other cases and compositions, places that outputs, pages
/// and attachments contend for, as files and as folders.
pub(super) const PATHS: [&str; 30] = [
    "a.md",
    "b.md",
    "b.markdown",
    "core.md",
    "d/a.md",
    "d/B.md",
    "d/e/core.md",
    "d/e/caf\u{e9}.md",
    "x/Cafe\u{301}.md",
    "x/core.txt",
    "x/j.json",
    "tags/t.md",
    "index.md",
    "img.png",
    "d/img.png",
    "site/a.html",
    "site/tags/u.html",
    "site/index.html",
    // Where formats' extensions are `md` and `x.md`, these and `a.md` share outputs.
    "a.x.md",
    "a.x.x.md",
    // Folders that are called like outputs of notes and like pages, and files like folders of outputs.
    "a.json/a.md",
    "a.json/img.png",
    "a.json/n.json/b.md",
    "b.csv/img.png",
    "site/a.html/n.md",
    "site/d",
    "site/index.html/img.png",
    "site/tags",
    "site/tags/t",
    "site/tags/u.html/n.md",
];

const TARGETS: [&str; 29] = [
    "a.md?x=1",
    "core?y",
    "a",
    "b",
    "core",
    "d/a",
    "e/core",
    "B.md",
    "a.md",
    "/a",
    "./a",
    "../b",
    "x/../core",
    "CAF\u{c9}",
    "cafe\u{301}",
    "j",
    "Other",
    "ns/alias",
    "gone",
    "d/",
    "tags/t",
    "index",
    "img.png",
    "d/img.png",
    "site/d",
    "a.html",
    "index.html",
    "core.txt",
    "",
];
const FRAGMENTS: [&str; 7] = ["", "", "One", "Two", "One#Two", "^b1", "Gone"];
const HEADINGS: [&str; 3] = ["One", "Two", "Other words"];
const TITLES: [&str; 3] = ["Shared", "Own title", "Core"];
const TAGS: [&str; 6] = ["t", "T", "t/u", "u", "u/V", "work"];
const ALIASES: [&str; 3] = ["Other", "ns/alias", "gone"];

/// A note before it is text.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    pub(super) title: Option<u8>,
    pub(super) tags: Vec<u8>,
    pub(super) aliases: Vec<u8>,
    pub(super) private: bool,
    pub(super) crlf: bool,
    pub(super) body: Vec<Piece>,
    /// Makes its words its own.
    pub(super) mark: u32,
}

/// A block of a body.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    Heading(u8, u8),
    Quoted(u8, u8, u8),
    Words(u8),
    Block(u8),
    Tagged(u8),
    Comment(u8),
    Wiki {
        embed: bool,
        target: u8,
        fragment: u8,
        label: bool,
        around: u8,
    },
    Markdown {
        image: bool,
        target: u8,
        fragment: u8,
    },
    Html {
        form: u8,
        target: u8,
        fragment: u8,
    },
    Labelled(u8),
    Definition {
        label: u8,
        target: u8,
        title: u8,
    },
    External(u8),
    Footnote,
    FootnoteText(u8),
}

/// What happens to the files.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Write(u8, Spec),
    Delete(u8),
    Move(u8, u8),
    /// Replaces, adds or takes away one piece.
    Edit(u8, u8, Option<Piece>),
    Privacy(u8),
    Retag(u8, Vec<u8>),
    Retitle(u8, Option<u8>),
    Realias(u8, Vec<u8>),
}

/// The index of one of all.
fn one_of<T>(all: &[T]) -> std::ops::Range<u8> {
    0..u8::try_from(all.len()).unwrap()
}

fn piece() -> impl Strategy<Value = Piece> {
    let target = one_of(&TARGETS);
    let fragment = one_of(&FRAGMENTS);
    prop_oneof![
        3 => (1..4_u8, one_of(&HEADINGS)).prop_map(|(level, name)| Piece::Heading(level, name)),
        1 => (1..3_u8, one_of(&HEADINGS), any::<u8>()).prop_map(|(level, name, word)| Piece::Quoted(level, name, word)),
        2 => any::<u8>().prop_map(Piece::Words),
        2 => any::<u8>().prop_map(Piece::Block),
        1 => (one_of(&TAGS)).prop_map(Piece::Tagged),
        1 => any::<u8>().prop_map(Piece::Comment),
        8 => (any::<bool>(), target.clone(), fragment.clone(), any::<bool>(), 0..4_u8).prop_map(
            |(embed, target, fragment, label, around)| Piece::Wiki { embed, target, fragment, label, around }
        ),
        3 => (any::<bool>(), target.clone(), fragment.clone())
            .prop_map(|(image, target, fragment)| Piece::Markdown { image, target, fragment }),
        3 => (0..6_u8, target.clone(), fragment)
            .prop_map(|(form, target, fragment)| Piece::Html { form, target, fragment }),
        1 => (0..2_u8).prop_map(Piece::Labelled),
        1 => (0..2_u8, target, 0..2_u8).prop_map(|(label, target, title)| Piece::Definition { label, target, title }),
        1 => (0..2_u8).prop_map(Piece::External),
        1 => Just(Piece::Footnote),
        1 => any::<u8>().prop_map(Piece::FootnoteText),
    ]
}

fn spec() -> impl Strategy<Value = Spec> {
    (
        prop::option::weighted(0.4, one_of(&TITLES)),
        vec(one_of(&TAGS), 0..3),
        vec(one_of(&ALIASES), 0..2),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.1),
        vec(piece(), 0..7),
    )
        .prop_map(|(title, tags, aliases, private, crlf, body)| Spec {
            title,
            tags,
            aliases,
            private,
            crlf,
            body,
            mark: 0,
        })
}

fn op() -> impl Strategy<Value = Op> {
    let path = one_of(&PATHS);
    prop_oneof![
        4 => (path.clone(), spec()).prop_map(|(path, spec)| Op::Write(path, spec)),
        2 => path.clone().prop_map(Op::Delete),
        2 => (path.clone(), path.clone()).prop_map(|(from, to)| Op::Move(from, to)),
        6 => (path.clone(), any::<u8>(), prop::option::weighted(0.8, piece()))
            .prop_map(|(path, at, piece)| Op::Edit(path, at, piece)),
        2 => path.clone().prop_map(Op::Privacy),
        1 => (path.clone(), vec(one_of(&TAGS), 0..3)).prop_map(|(path, tags)| Op::Retag(path, tags)),
        1 => (path.clone(), prop::option::of(one_of(&TITLES))).prop_map(|(path, title)| Op::Retitle(path, title)),
        1 => (path, vec(one_of(&ALIASES), 0..2)).prop_map(|(path, aliases)| Op::Realias(path, aliases)),
    ]
}

/// A first state and some batches of changes.
pub(super) fn history() -> impl Strategy<Value = Vec<Vec<Op>>> {
    let first = vec(
        (one_of(&PATHS), spec()).prop_map(|(path, spec)| Op::Write(path, spec)),
        3..12,
    );
    (first, vec(vec(op(), 1..4), 1..6)).prop_map(|(first, mut rest)| {
        rest.insert(0, first);
        rest
    })
}

/// The notes folder while operations are done to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Folder {
    specs: BTreeMap<u8, Spec>,
    marks: u32,
}

impl Folder {
    /// Does some operations and gives the files as they are then.
    pub(super) fn run(&mut self, ops: &[Op]) -> Tree {
        for op in ops {
            self.run_one(op.clone());
        }
        self.specs
            .iter()
            .map(|(&path, spec)| (PATHS[path as usize].to_owned(), text(path, spec)))
            .collect()
    }

    /// The mark of every file, by its path.
    pub(super) fn marks(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.specs
            .iter()
            .map(|(&path, spec)| (PATHS[path as usize], spec.mark))
    }

    fn run_one(&mut self, op: Op) {
        match op {
            Op::Write(path, mut spec) => {
                self.marks += 1;
                spec.mark = self.marks;
                self.put(path, spec);
            }
            Op::Delete(path) => {
                self.specs.remove(&path);
            }
            Op::Move(from, to) => {
                if let Some(spec) = self.specs.remove(&from) {
                    self.put(to, spec);
                }
            }
            Op::Edit(path, at, piece) => {
                self.edit(path, |spec| edit(&mut spec.body, at as usize, piece));
            }
            Op::Privacy(path) => self.edit(path, |spec| spec.private = !spec.private),
            Op::Retag(path, tags) => self.edit(path, |spec| spec.tags = tags),
            Op::Retitle(path, title) => self.edit(path, |spec| spec.title = title),
            Op::Realias(path, aliases) => self.edit(path, |spec| spec.aliases = aliases),
        }
    }

    /// A file in the way of a folder goes, and so does a folder in the way of a file.
    fn put(&mut self, path: u8, spec: Spec) {
        let is_below = |inner: &str, outer: &str| {
            let rest = inner.strip_prefix(outer);
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let new = PATHS[path as usize];
        self.specs.retain(|&other, _| {
            let other = PATHS[other as usize];
            !is_below(new, other) && !is_below(other, new)
        });
        self.specs.insert(path, spec);
    }

    fn edit(&mut self, path: u8, change: impl FnOnce(&mut Spec)) {
        if let Some(spec) = self.specs.get_mut(&path) {
            change(spec);
        }
    }
}

fn edit(body: &mut Vec<Piece>, at: usize, piece: Option<Piece>) {
    let at = at % (body.len() + 1);
    match piece {
        Some(piece) if at < body.len() => body[at] = piece,
        Some(piece) => body.push(piece),
        None if at < body.len() => {
            body.remove(at);
        }
        None => {}
    }
}

/// A word that only the note with this mark has.
pub(super) fn word(mark: u32, word: u8) -> String {
    format!("zq{mark}x{}", word % 8)
}

fn text(path: u8, spec: &Spec) -> String {
    let path = PATHS[path as usize];
    let pick = |all: &[&'static str], some: &[u8]| {
        some.iter().map(|&at| all[at as usize]).collect::<Vec<_>>()
    };
    let title = spec.title.map(|at| {
        format!(
            "{} zq{}t",
            TITLES[at as usize],
            if at == 0 { 0 } else { spec.mark }
        )
    });
    let tags = pick(&TAGS, &spec.tags);
    let body: Vec<String> = spec
        .body
        .iter()
        .map(|piece| piece_text(piece, spec.mark))
        .collect();
    let body = body.join("\n\n") + "\n";
    let text = match path.rsplit('.').next() {
        Some("txt") => body,
        Some("json") => {
            let mut object =
                serde_json::json!({ "body": body, "tags": tags, "private": spec.private });
            if let Some(title) = title {
                object["title"] = title.into();
            }
            return object.to_string();
        }
        _ => {
            let mut head = String::from("---\n");
            if let Some(title) = title {
                writeln!(head, "title: {title}").unwrap();
            }
            writeln!(head, "tags: [{}]", tags.join(", ")).unwrap();
            writeln!(
                head,
                "aliases: [{}]",
                pick(&ALIASES, &spec.aliases).join(", ")
            )
            .unwrap();
            if spec.private {
                head.push_str("private: true\n");
            }
            head + "---\n" + &body
        }
    };
    if spec.crlf {
        text.replace('\n', "\r\n")
    } else {
        text
    }
}

fn piece_text(piece: &Piece, mark: u32) -> String {
    let word = |at: u8| word(mark, at);
    match *piece {
        Piece::Heading(level, name) => {
            format!("{} {}", "#".repeat(level.into()), HEADINGS[name as usize])
        }
        Piece::Quoted(level, name, at) => {
            format!(
                "> {} {}\n> {}",
                "#".repeat(level.into()),
                HEADINGS[name as usize],
                word(at)
            )
        }
        Piece::Words(at) => word(at),
        Piece::Block(at) => format!("{} ^b1", word(at)),
        Piece::Tagged(tag) => format!("#{}", TAGS[tag as usize]),
        Piece::Comment(at) => format!("%%{}%%", word(at)),
        Piece::Wiki {
            embed,
            target,
            fragment,
            label,
            around,
        } => {
            let fragment = FRAGMENTS[fragment as usize];
            let hash = if fragment.is_empty() { "" } else { "#" };
            let label = if label {
                format!("|{}", word(7))
            } else {
                String::new()
            };
            let bang = if embed { "!" } else { "" };
            let link = format!(
                "{bang}[[{}{hash}{fragment}{label}]]",
                TARGETS[target as usize]
            );
            match around {
                0 => format!("- {link}"),
                1 => format!("> {link}"),
                2 => format!("text {link} and"),
                _ => link,
            }
        }
        Piece::Markdown {
            image,
            target,
            fragment,
        } => {
            let fragment = FRAGMENTS[fragment as usize].replace(' ', "%20");
            let hash = if fragment.is_empty() { "" } else { "#" };
            let bang = if image { "!" } else { "" };
            format!(
                "{bang}[label]({}{hash}{fragment})",
                TARGETS[target as usize]
            )
        }
        Piece::Html {
            form,
            target,
            fragment,
        } => {
            let fragment = FRAGMENTS[fragment as usize].replace(' ', "%20");
            let hash = if fragment.is_empty() { "" } else { "#" };
            let url = format!("{}{hash}{fragment}", TARGETS[target as usize]);
            match form {
                0 => format!("text <a href=\"{url}\">label</a>"),
                1 => format!("<div>\n<img\nsrc='{url}' width=300>\n</div>"),
                2 => format!("> <a title=t\n> href={url}>label</a>"),
                3 => format!("<picture><source srcset=\"{url}, img.png 2x\"></picture>"),
                4 => "<p id=Gone>words</p>".to_owned(),
                _ => format!("- <video poster=\"{url}\" src=\"d/img.png\"></video>"),
            }
        }
        Piece::Labelled(label) => format!("see [label][r{label}] and [r{label}]"),
        Piece::Definition {
            label,
            target,
            title,
        } => {
            let target = TARGETS[target as usize];
            format!("[r{label}]: <{target}> \"title {title}\"")
        }
        Piece::External(at) => format!("[r{at}]: https://example.org/{at}"),
        Piece::Footnote => "noted[^1]".to_owned(),
        Piece::FootnoteText(at) => {
            let target = TARGETS[at as usize % TARGETS.len()];
            // An embed would be a link, and yet count with what it would show.
            match at % 3 {
                0 => format!("[^1]: {} ![label]({target})", word(at)),
                _ => format!("[^1]: {} [[{target}]]", word(at)),
            }
        }
    }
}
