//! The Debian package, built from the same `[package.metadata.deb]` as `cargo deb` reads, but from this very build and
//! with nothing but dpkg-deb.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const CHECKOUT: &str = env!("CARGO_MANIFEST_DIR");

/// Builds the package as `version` and writes it to `deb`.
pub(crate) fn build(version: &str, deb: &Path) {
    let described = metadata();
    let folder = tempfile::tempdir().unwrap();
    for asset in described["assets"].as_array().unwrap() {
        lay_out(asset, folder.path());
    }
    let control = folder.path().join("DEBIAN");
    let scripts = text(&described["maintainer-scripts"]);
    for name in ["postinst", "prerm", "postrm"] {
        copy(&checkout(scripts).join(name), &control.join(name), 0o755);
    }
    let mut listed = String::new();
    for file in described["conf-files"].as_array().unwrap() {
        listed.push_str(text(file));
        listed.push('\n');
    }
    fs::write(control.join("conffiles"), listed).unwrap();
    fs::write(control.join("control"), control_file(&described, version)).unwrap();
    let built = Command::new("dpkg-deb")
        .args(["--root-owner-group", "-Znone", "--build"])
        .args([folder.path(), deb])
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(CHECKOUT)
        .output()
        .unwrap();
    let mut all: Value = serde_json::from_slice(&output.stdout).unwrap();
    all["packages"][0]["metadata"]["deb"].take()
}

fn control_file(described: &Value, version: &str) -> String {
    let architecture = Command::new("dpkg")
        .arg("--print-architecture")
        .output()
        .unwrap()
        .stdout;
    format!(
        "Package: smartnotesd\nVersion: {version}\nArchitecture: {}\nMaintainer: {}\nDescription: a test's build\n",
        String::from_utf8(architecture).unwrap().trim(),
        text(&described["maintainer"]),
    )
}

/// An asset is a list: source (perhaps with one `*` in its file name), target (a folder where it ends in `/`), mode.
fn lay_out(asset: &Value, root: &Path) {
    let (source, target, mode) = (text(&asset[0]), text(&asset[1]), text(&asset[2]));
    let mode = u32::from_str_radix(mode, 8).unwrap();
    let sources = if source == "target/release/smartnotesd" {
        vec![PathBuf::from(env!("CARGO_BIN_EXE_smartnotesd"))]
    } else {
        matching(&checkout(source))
    };
    assert!(
        !sources.is_empty(),
        "{source}: is named in Cargo.toml and not there"
    );
    for source in sources {
        let target = if target.ends_with('/') {
            root.join(target).join(source.file_name().unwrap())
        } else {
            root.join(target)
        };
        copy(&source, &target, mode);
    }
}

fn matching(pattern: &Path) -> Vec<PathBuf> {
    let name = pattern.file_name().unwrap().to_str().unwrap();
    let Some((start, end)) = name.split_once('*') else {
        return vec![pattern.to_owned()];
    };
    let entries = fs::read_dir(pattern.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(start) && name.ends_with(end)
    };
    entries.filter(fits).collect()
}

fn copy(from: &Path, to: &Path, mode: u32) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).unwrap();
}

fn checkout(path: &str) -> PathBuf {
    Path::new(CHECKOUT).join(path)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
