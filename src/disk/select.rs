//! Which files of the notes folder count. Pure: paths and the texts of rule files go in, verdicts come out.
//!
//! Four things leave a path out, and none of them can be overruled by another: it is hidden or an editor's
//! leftover; `exclude` of the config matches; the `.exportignore` files of its folders say so, which are read as
//! git reads `.gitignore` (the nearest file that says something wins, `!` takes back); it is Markdown that `include`
//! does not take: nobody looks into an attachment for the words that keep a note private. Who walks the tree asks for
//! every folder on the way down; below a folder that is left out nothing counts.

use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::path::{last_part, split_extension};

/// The file that says what of its folder is left out.
pub const RULES_FILE: &str = ".exportignore";

/// What programs leave beside the files that they write, by the end of its name, in any case.
/// Conflict copies of Syncthing and Dropbox are not here: they hold somebody's text.
const LEFTOVER_ENDS: &[&str] = &[
    "~", // backups of emacs, vim, nano, Kate
    ".swp",
    ".swo",
    ".swx", // vim's swap files where they are not hidden
    ".tmp",
    ".bak",
    ".part",
    ".crdownload", // downloads that are not finished
    "___jb_tmp___",
    "___jb_old___", // JetBrains' safe write
];

/// The same by the start of the name: Office's locks and Syncthing's files under way where they are not hidden.
const LEFTOVER_STARTS: &[&str] = &["~$", "~syncthing~"];

/// The extensions of Markdown, in any case.
const MARKDOWN: [&str; 2] = ["md", "markdown"];

/// Vim makes this file to learn whether it may write in a folder.
const VIM_PROBE: &str = "4913";

/// What a file is to the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It matches `include`.
    Note,
    /// Any other file that counts.
    Attachment,
    /// It does not count.
    LeftOut,
}

/// A glob of the config, or a line of a rules file, that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{glob:?} is no glob: {reason}")]
pub struct BadGlob {
    /// As it was written.
    pub glob: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The config's say in what counts.
#[derive(Clone, Debug)]
pub struct Select {
    include: Include,
    exclude: Gitignore,
}

/// `include`, with a short way for the usual case.
#[derive(Clone, Debug)]
enum Include {
    /// Nothing but `*.ext`: a comparison of extensions, a tenth of the time of a glob that ignores case.
    Extensions(Vec<Box<str>>),
    /// Anything else.
    Globs(Gitignore),
}

impl Select {
    /// From `include` and `exclude` of the config. `include` ignores case, so that `README.MD` is a note.
    ///
    /// # Errors
    /// Names the first glob that can't be read.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, BadGlob> {
        let extensions: Option<Vec<Box<str>>> =
            include.iter().map(|glob| plain_extension(glob)).collect();
        let include = match extensions {
            Some(extensions) => Include::Extensions(extensions),
            None => Include::Globs(strict_globs(include, true)?),
        };
        Ok(Self {
            include,
            exclude: strict_globs(exclude, false)?,
        })
    }

    /// What the file at `path` is, given the rules of the folder that it lies in.
    pub fn file(&self, path: &str, rules: &Rules) -> Verdict {
        let name = last_part(path);
        if is_hidden(name) || is_leftover(name) || self.is_ruled_out(path, false, rules) {
            Verdict::LeftOut
        } else if self.include.matches(path) {
            Verdict::Note
        } else if is_one_of(&MARKDOWN, split_extension(name).1) {
            Verdict::LeftOut
        } else {
            Verdict::Attachment
        }
    }

    /// Whether the folder at `path` is entered, given the rules of the folder that it lies in.
    pub fn enters(&self, path: &str, rules: &Rules) -> bool {
        !is_hidden(last_part(path)) && !self.is_ruled_out(path, true, rules)
    }

    fn is_ruled_out(&self, path: &str, is_folder: bool, rules: &Rules) -> bool {
        self.exclude.matched(path, is_folder).is_ignore() || rules.leaves_out(path, is_folder)
    }
}

impl Include {
    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Extensions(extensions) => {
                is_one_of(extensions, split_extension(last_part(path)).1)
            }
            // The words of gitignore: what it would ignore is what we include.
            Self::Globs(globs) => globs.matched(path, false).is_ignore(),
        }
    }
}

/// The rules that hold in a folder: its own `.exportignore` and those of the folders above.
#[derive(Clone, Debug, Default)]
pub struct Rules(Option<Arc<Layer>>);

#[derive(Debug)]
struct Layer {
    own: Arc<FolderRules>,
    above: Rules,
}

/// One `.exportignore`.
#[derive(Debug)]
pub struct FolderRules {
    /// Bytes of a path that lead to what is relative to the folder: its own path and a `/`.
    prefix: usize,
    globs: Gitignore,
}

impl FolderRules {
    /// Reads the text of the `.exportignore` in `folder` ("" for the root). As in git, a line that is no glob
    /// leaves the others in force; it is returned beside them. Unlike there, a lone carriage return ends a line as it does
    /// in notes: else all would be one glob that leaves nothing out.
    pub fn parse(folder: &str, text: &str) -> (Self, Vec<BadGlob>) {
        let mut builder = GitignoreBuilder::new("");
        let mut bad = Vec::new();
        for line in text.trim_start_matches('\u{feff}').split(['\n', '\r']) {
            if let Err(error) = builder.add_line(None, line) {
                bad.push(bad_glob(line, &error));
            }
        }
        let globs = builder.build().unwrap_or_else(|error| {
            bad.push(bad_glob(text, &error));
            Gitignore::empty()
        });
        let prefix = if folder.is_empty() {
            0
        } else {
            folder.len() + 1
        };
        (Self { prefix, globs }, bad)
    }
}

impl Rules {
    /// The rules in a folder below, which has `own` rules or none.
    #[must_use]
    pub fn below(&self, own: Option<Arc<FolderRules>>) -> Self {
        match own {
            None => self.clone(),
            Some(own) => Self(Some(Arc::new(Layer {
                own,
                above: self.clone(),
            }))),
        }
    }

    fn leaves_out(&self, path: &str, is_folder: bool) -> bool {
        let mut rules = self;
        while let Some(layer) = &rules.0 {
            match layer
                .own
                .globs
                .matched(&path[layer.own.prefix..], is_folder)
            {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => rules = &layer.above,
            }
        }
        false
    }
}

/// The extension of a glob that is nothing but `*.ext`.
fn plain_extension(glob: &str) -> Option<Box<str>> {
    let extension = glob.strip_prefix("*.")?;
    let is_plain =
        !extension.is_empty() && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain.then(|| extension.into())
}

fn strict_globs(globs: &[String], ignore_case: bool) -> Result<Gitignore, BadGlob> {
    let mut builder = GitignoreBuilder::new("");
    // To git a `[` that nothing closes is one; in a config it is a slip, and would match nothing.
    builder.allow_unclosed_class(false);
    builder
        .case_insensitive(ignore_case)
        .map_err(|error| bad_glob("", &error))?;
    for glob in globs {
        builder
            .add_line(None, glob)
            .map_err(|error| bad_glob(glob, &error))?;
    }
    builder
        .build()
        .map_err(|error| bad_glob(&globs.join(" "), &error))
}

fn bad_glob(glob: &str, error: &ignore::Error) -> BadGlob {
    BadGlob {
        glob: glob.to_owned(),
        reason: error.to_string(),
    }
}

fn is_one_of(extensions: &[impl AsRef<str>], extension: &str) -> bool {
    let mut known = extensions.iter().map(AsRef::as_ref);
    known.any(|known| known.eq_ignore_ascii_case(extension))
}

fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

fn is_leftover(name: &str) -> bool {
    let ends_in = |end: &&str| {
        let start = name.len().checked_sub(end.len());
        start.is_some_and(|start| name.as_bytes()[start..].eq_ignore_ascii_case(end.as_bytes()))
    };
    name == VIM_PROBE
        || (name.len() > 1 && name.starts_with('#') && name.ends_with('#'))
        || LEFTOVER_STARTS.iter().any(|start| name.starts_with(start))
        || LEFTOVER_ENDS.iter().any(ends_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(include: &[&str], exclude: &[&str]) -> Select {
        let owned = |globs: &[&str]| {
            globs
                .iter()
                .map(|&glob| glob.to_owned())
                .collect::<Vec<_>>()
        };
        Select::new(&owned(include), &owned(exclude)).unwrap()
    }

    fn rules(above: &Rules, folder: &str, text: &str) -> Rules {
        let (own, bad) = FolderRules::parse(folder, text);
        assert_eq!(bad, []);
        above.below(Some(Arc::new(own)))
    }

    fn verdicts(select: &Select, rules: &Rules, paths: &[&str]) -> Vec<Verdict> {
        paths.iter().map(|path| select.file(path, rules)).collect()
    }

    #[test]
    fn notes_are_what_include_matches_in_any_case() {
        use Verdict::{Attachment, Note};
        let paths = [
            "a.md",
            "d/README.MD",
            "d/x.markdown",
            "pic.png",
            "md",
            "a.md.png",
        ];
        let expected = [Note, Note, Note, Attachment, Attachment, Attachment];
        let short_way = select(&["*.md", "*.markdown"], &[]);
        let long_way = select(&["*.md", "*.markdown", "x[y]"], &[]);
        assert!(matches!(short_way.include, Include::Extensions(_)));
        assert!(matches!(long_way.include, Include::Globs(_)));
        assert_eq!(verdicts(&short_way, &Rules::default(), &paths), expected);
        assert_eq!(verdicts(&long_way, &Rules::default(), &paths), expected);
    }

    #[test]
    fn include_can_take_back() {
        let select = select(&["*.md", "!/drafts/*.md"], &[]);
        assert_eq!(select.file("a.md", &Rules::default()), Verdict::Note);
        assert_eq!(
            select.file("drafts/a.md", &Rules::default()),
            Verdict::LeftOut
        );
    }

    #[test]
    fn markdown_is_no_attachment() {
        use Verdict::{Attachment, LeftOut, Note};
        let paths = [
            "a.txt",
            "a.md",
            "d/B.MD",
            "c.Markdown",
            "a.md.png",
            "md",
            "a.json",
        ];
        let expected = [
            Note, LeftOut, LeftOut, LeftOut, Attachment, Attachment, Attachment,
        ];
        for include in ["*.txt", "/a.txt"] {
            let select = select(&[include], &[]);
            assert_eq!(verdicts(&select, &Rules::default(), &paths), expected);
        }
    }

    #[test]
    fn leftovers_and_hidden_files_never_count() {
        let select = select(&["*"], &[]);
        let left_out = [
            ".hidden.md",
            "d/.exportignore",
            "a.md~",
            "#a.md#",
            ".#a.md",
            "a.swp",
            "a.SWO",
            "a.swx",
            "4913",
            "a.tmp",
            "a.BAK",
            "~syncthing~a.md.tmp",
            ".syncthing.a.md.tmp",
            "a.part",
            "a.crdownload",
            "~$a.docx",
            "a.md___jb_tmp___",
        ];
        for path in left_out {
            assert_eq!(
                select.file(path, &Rules::default()),
                Verdict::LeftOut,
                "{path}"
            );
        }
        for path in [
            "#",
            "#a.md",
            "49130",
            "a (conflicted copy).md",
            "a.sync-conflict-1.md",
            "swp",
            "é",
        ] {
            assert_eq!(
                select.file(path, &Rules::default()),
                Verdict::Note,
                "{path}"
            );
        }
        assert!(!select.enters("a/.git", &Rules::default()));
        assert!(select.enters("a/old.tmp", &Rules::default()));
    }

    #[test]
    fn the_nearest_rules_file_that_speaks_wins() {
        let select = select(&["*.md"], &[]);
        let root = rules(
            &Rules::default(),
            "",
            "secret*\n/top.md\nlogs/\n# words\n\n*.png\n",
        );
        let sub = rules(&root, "sub", "!secret-but-fine.md\nown.md\n");
        assert_eq!(select.file("secret.md", &root), Verdict::LeftOut);
        assert_eq!(select.file("top.md", &root), Verdict::LeftOut);
        assert_eq!(select.file("sub/top.md", &sub), Verdict::Note);
        assert_eq!(select.file("sub/secret.md", &sub), Verdict::LeftOut);
        assert_eq!(select.file("sub/secret-but-fine.md", &sub), Verdict::Note);
        assert_eq!(select.file("sub/own.md", &sub), Verdict::LeftOut);
        assert_eq!(select.file("own.md", &root), Verdict::Note);
        assert!(!select.enters("sub/logs", &sub));
        assert_eq!(
            select.file("sub/logs", &sub),
            Verdict::Attachment,
            "a pattern for folders only"
        );
    }

    #[test]
    fn rules_cannot_take_back_what_the_config_leaves_out() {
        let select = select(&["*.md"], &["*.secret.md", "/attic"]);
        let root = rules(&Rules::default(), "", "!a.secret.md\n!attic\n");
        assert_eq!(select.file("a.secret.md", &root), Verdict::LeftOut);
        assert!(!select.enters("attic", &root));
        assert!(select.enters("d/attic", &root));
    }

    #[test]
    fn a_lone_carriage_return_ends_a_line() {
        let select = select(&["*.md"], &[]);
        let root = rules(&Rules::default(), "", "a.md\rb.md\r\r\nc.md\r");
        for path in ["a.md", "b.md", "c.md"] {
            assert_eq!(select.file(path, &root), Verdict::LeftOut, "{path}");
        }
    }

    #[test]
    fn a_bad_line_is_named_and_leaves_the_others_in_force() {
        let (own, bad) = FolderRules::parse("", "\u{feff}good.md\r\n{a,b\n");
        let rules = Rules::default().below(Some(Arc::new(own)));
        let select = select(&["*.md"], &[]);
        assert_eq!(select.file("good.md", &rules), Verdict::LeftOut);
        assert_eq!(bad.len(), 1);
        assert_eq!(bad[0].glob, "{a,b");
        assert!(Select::new(&["{a,b".to_owned()], &[]).is_err());
    }
}
