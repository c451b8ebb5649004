//! The rules of the config as its readers meet them: texts in, configs or messages out.

mod example;
mod load;
mod paths;
mod rejected;
mod round_trip;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::environment::without_dots;
use super::*;

/// Files that exist only here.
#[derive(Default)]
struct FakeFiles {
    texts: HashMap<PathBuf, String>,
    links: HashMap<PathBuf, PathBuf>,
}

impl FakeFiles {
    fn with(mut self, path: &str, text: &str) -> Self {
        self.texts.insert(path.into(), text.to_owned());
        self
    }

    fn with_link(mut self, path: &str, target: &str) -> Self {
        self.links.insert(path.into(), target.into());
        self
    }
}

impl Files for FakeFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.read_template(path).map(String::into_bytes)
    }

    fn read_template(&self, path: &Path) -> io::Result<String> {
        self.texts
            .get(path)
            .cloned()
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    }

    fn real_path(&self, path: &Path) -> PathBuf {
        let linked = self
            .links
            .iter()
            .find_map(|(link, target)| Some(target.join(path.strip_prefix(link).ok()?)));
        without_dots(&linked.unwrap_or_else(|| path.to_owned()))
    }
}

fn environment() -> Environment {
    Environment {
        variables: HashMap::from([("DATA".into(), "/data".into()), ("EMPTY".into(), "".into())]),
        home: Some("/home/u".into()),
        current_folder: "/cwd".into(),
    }
}

fn parse_with(
    text: &str,
    environment: &Environment,
    files: &FakeFiles,
) -> Result<Config, ConfigErrors> {
    let document = Document {
        name: Some("c.yaml"),
        text,
        folder: Path::new("/conf"),
    };
    parse(&document, &Overrides::default(), environment, files)
}

fn files() -> FakeFiles {
    FakeFiles::default()
        .with("/conf/page.html", "<h1>{{ title }}</h1>")
        .with("/conf/broken.html", "one\n{% if %}")
}

/// Reads `text` below the two required keys, in the surroundings of [`environment`] and [`files`].
fn parse_below(text: &str) -> Result<Config, ConfigErrors> {
    parse_with(
        &format!("notes_dir: n\nexport_dir: e\n{text}"),
        &environment(),
        &files(),
    )
}
