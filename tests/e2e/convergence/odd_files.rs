//! What lies among notes and is none: symlinks, FIFOs, sockets, what may not be read; and what lies in the way of an export.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::room::Room;
use crate::support::{Vault, until};

#[test]
fn symlinks_that_stay_inside_follow_what_they_lead_to() {
    let vault = Vault::new();
    vault.write("real/n.md", "real");
    vault.write("real/deep/m.md", "deep");
    symlink("real/n.md", vault.note("link.md")).unwrap();
    symlink("real", vault.note("folder")).unwrap();
    symlink(vault.note("real/deep"), vault.note("absolute")).unwrap();
    vault.write("index.md", "![[link]] ![[folder/n]]");
    let _daemon = vault.daemon();
    vault.assert_converged();
    assert!(vault.has_output("folder/deep/m.md"));
    fs::write(vault.note("real/n.md"), "changed").unwrap();
    fs::write(vault.note("absolute/m.md"), "changed").unwrap();
    fs::write(vault.note("folder/new.md"), "new through the link").unwrap();
    vault.assert_converged();
    vault.write("real/n.md", "replaced");
    fs::remove_file(vault.note("real/deep/m.md")).unwrap();
    vault.assert_converged();
    assert_eq!(vault.output("link.md"), "replaced");
    fs::remove_file(vault.note("folder")).unwrap();
    vault.assert_converged();
    assert!(!vault.has_output("folder"));
    // The folder itself is watched as before.
    fs::write(vault.note("real/n.md"), "changed again").unwrap();
    vault.assert_converged();
}

#[test]
fn a_symlink_whose_end_comes_later_goes_and_comes_back() {
    let vault = Vault::new();
    vault.write("index.md", "![[link]] [[folder/n]]");
    symlink("later.md", vault.note("link.md")).unwrap();
    symlink("later", vault.note("folder")).unwrap();
    let _daemon = vault.daemon();
    vault.assert_converged();
    for text in ["first", "second"] {
        vault.write("later.md", text);
        vault.write("later/n.md", text);
        vault.assert_converged();
        assert_eq!(vault.output("link.md"), text);
        vault.rename("later.md", "aside.md");
        vault.rename("later", "aside");
        vault.assert_converged();
        assert!(!vault.has_output("link.md") && !vault.has_output("folder"));
        fs::remove_file(vault.note("aside.md")).unwrap();
        fs::remove_dir_all(vault.note("aside")).unwrap();
    }
}

#[test]
fn a_symlink_turned_to_something_else() {
    let vault = Vault::new();
    vault.write("one/n.md", "one");
    vault.write("two/n.md", "two");
    let turn = |to: &str| {
        symlink(to, vault.path("draft-link")).unwrap();
        fs::rename(vault.path("draft-link"), vault.note("folder")).unwrap();
    };
    turn("one");
    let _daemon = vault.daemon();
    vault.assert_converged();
    turn("two");
    vault.assert_converged();
    assert_eq!(vault.output("folder/n.md"), "two");
    fs::write(vault.note("two/n.md"), "two, changed").unwrap();
    fs::write(vault.note("one/n.md"), "one, changed").unwrap();
    vault.assert_converged();
    assert_eq!(vault.output("folder/n.md"), "two, changed");
}

#[test]
fn a_symlink_by_way_of_another_that_is_turned() {
    let vault = Vault::new();
    vault.write("index.md", "![[link]] ![[folder/new]]");
    vault.write("one/sub/n.md", "one");
    vault.write("two/sub/n.md", "two");
    symlink("way/sub/n.md", vault.note("link.md")).unwrap();
    symlink("way/sub", vault.note("folder")).unwrap();
    let _daemon = vault.daemon();
    for to in ["one", "two", "nowhere", "one"] {
        vault.write(&format!("{to}/sub/new.md"), format!("new in {to}"));
        symlink(to, vault.path("draft-link")).unwrap();
        fs::rename(vault.path("draft-link"), vault.note("way")).unwrap();
        vault.assert_converged();
        let new = format!("watched in {to}");
        fs::write(vault.note(&format!("{to}/sub/new.md")), &new).unwrap();
        vault.assert_converged();
        assert_eq!(vault.output("folder/new.md"), new);
    }
}

#[test]
fn symlinks_that_lead_out_are_never_followed() {
    let vault = Vault::new();
    fs::create_dir(vault.path("secret")).unwrap();
    fs::write(vault.path("secret/s.md"), "TOP SECRET").unwrap();
    vault.write("index.md", "![[s]] ![[file]] ![[up/s]]");
    symlink(vault.path("secret"), vault.note("folder")).unwrap();
    symlink("../secret/s.md", vault.note("file.md")).unwrap();
    vault.write("d/n.md", "inside");
    let _daemon = vault.daemon();
    vault.assert_converged();
    // A folder that is swapped for a way out, again and again.
    for round in 0..20 {
        vault.rename("d", "aside");
        symlink(vault.path("secret"), vault.note("d")).unwrap();
        vault.write("index.md", format!("![[d/s]] {round}"));
        fs::remove_file(vault.note("d")).unwrap();
        vault.rename("aside", "d");
    }
    fs::write(vault.path("secret/s.md"), "TOP SECRET, too").unwrap();
    vault.assert_converged();
    assert!(!vault.tree().mentions("TOP SECRET"));
    assert_eq!(vault.tree().files(), ["d/n.md", "index.md"]);
}

#[test]
fn fifos_and_sockets_block_nothing() {
    let vault = Vault::new();
    vault.write("index.md", "[[fifo]] ![[socket]] ![[n]]");
    let fifo = |note: &str| {
        mknodat(
            CWD,
            vault.note(note),
            FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
    };
    fifo("fifo.md");
    let _socket = UnixListener::bind(vault.note("socket.md")).unwrap();
    let _daemon = vault.daemon();
    vault.assert_converged();
    for round in 0..5 {
        vault.write("n.md", format!("a note, {round}"));
        vault.assert_converged();
        vault.remove("n.md");
        fifo("n.md");
        vault.assert_converged();
        vault.remove("n.md");
        fs::create_dir(vault.note("n.md")).unwrap();
        fifo("n.md/.exportignore");
        vault.assert_converged();
        fs::remove_dir_all(vault.note("n.md")).unwrap();
    }
    assert_eq!(vault.tree().files(), ["index.md"]);
}

fn permit(vault: &Vault, path: &str, mode: u32) {
    fs::set_permissions(vault.note(path), Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_may_not_be_read_keeps_its_export_until_it_may_be_again() {
    Room::Unprivileged.run(|| {
        let vault = Vault::new();
        vault.write("index.md", "![[n]] ![[d/m]]");
        vault.write("n.md", "before");
        vault.write("d/m.md", "before");
        let mut daemon = vault.daemon();
        let exported = vault.tree();
        fs::write(vault.note("n.md"), "changed").unwrap();
        permit(&vault, "n.md", 0o000);
        permit(&vault, "d", 0o000);
        vault.write("other.md", "goes on");
        daemon.wait_for_export("other.md");
        assert_eq!(vault.output("d/m.md"), "before");
        assert!(exported.has("d/m.md"));
        permit(&vault, "n.md", 0o644);
        permit(&vault, "d", 0o755);
        vault.assert_converged();
        fs::write(vault.note("d/m.md"), "watched").unwrap();
        vault.assert_converged();
        assert_eq!(vault.output("n.md"), "changed");
    });
}

#[test]
fn a_folder_that_could_never_be_read_is_exported_when_it_can_be() {
    Room::Unprivileged.run(|| {
        let vault = Vault::new();
        vault.write("index.md", "![[d/m]]");
        vault.write("d/e/m.md", "closed");
        permit(&vault, "d", 0o000);
        let mut daemon = vault.start();
        daemon.wait_for("ready");
        vault.assert_converged();
        assert_eq!(vault.tree().files(), ["index.md"]);
        permit(&vault, "d", 0o755);
        vault.assert_converged();
        assert_eq!(vault.output("d/e/m.md"), "closed");
        fs::write(vault.note("d/e/m.md"), "watched").unwrap();
        vault.assert_converged();
    });
}

#[test]
fn the_notes_folder_may_not_be_read_for_a_while() {
    Room::Unprivileged.run(|| {
        let vault = Vault::new();
        vault.write("d/n.md", "before");
        let mut daemon = vault.daemon();
        let exported = vault.tree();
        permit(&vault, "", 0o000);
        daemon.wait_for("watch degraded");
        assert_eq!(vault.tree().differences(&exported), "");
        permit(&vault, "", 0o755);
        fs::write(vault.note("d/n.md"), "after").unwrap();
        until("it goes on", || {
            (vault.output("d/n.md") == "after").then_some(())
        });
        vault.assert_converged();
    });
}

#[test]
fn a_folder_of_the_export_swapped_for_a_symlink_leads_nothing_out() {
    let vault = Vault::new();
    vault.write("d/a.md", "before");
    vault.write("d/gone.md", "before");
    vault.write("b.md", "before");
    let mut daemon = vault.daemon();
    let outside = vault.path("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("a.md"), "foreign").unwrap();
    fs::write(outside.join("gone.md"), "foreign").unwrap();
    let (folder, aside) = (vault.export_dir().join("d"), vault.path("aside"));
    fs::rename(&folder, &aside).unwrap();
    symlink(&outside, &folder).unwrap();
    vault.write("d/a.md", "after");
    vault.write("d/new.md", "new");
    vault.write("b.md", "after");
    vault.remove("d/gone.md");
    let failed = daemon.wait_for("note failed");
    assert!(failed.text("error").contains("symlink"), "{failed}");
    until("the others go on", || {
        (vault.output("b.md") == "after").then_some(())
    });
    let mut there: Vec<_> = fs::read_dir(&outside)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    there.sort();
    assert_eq!(there, ["a.md", "gone.md"]);
    assert_eq!(fs::read_to_string(outside.join("a.md")).unwrap(), "foreign");
    fs::remove_file(&folder).unwrap();
    vault.assert_converges_in_time();
}

#[test]
fn a_folder_of_the_export_that_is_behind_a_symlink_now_is_missed() {
    for (aside, link) in [("aside", "../aside"), ("export/aside", "aside")] {
        let vault = Vault::new();
        vault.write("d/a.md", "text");
        vault.export().exits(0);
        let (folder, aside) = (vault.export_dir().join("d"), vault.path(aside));
        fs::rename(&folder, &aside).unwrap();
        symlink(link, &folder).unwrap();
        assert!(folder.join("a.md").is_file());
        let differs = vault.run(&["verify"]).exits(1).stdout;
        assert!(differs.contains("d/a.md"), "{differs}");
        let failed = vault.export().exits(1).one("note failed");
        assert!(failed.text("error").contains("symlink"), "{failed}");
        fs::remove_file(&folder).unwrap();
        vault.export().exits(0);
        vault.run(&["verify"]).exits(0);
        assert_eq!(fs::read_to_string(aside.join("a.md")).unwrap(), "text");
    }
}

#[test]
fn swapped_for_a_symlink_again_and_again_while_it_writes() {
    let vault = Vault::new();
    vault.write("d/a.md", "0");
    let _daemon = vault.daemon();
    let outside = vault.path("outside");
    fs::create_dir(&outside).unwrap();
    let (folder, aside) = (vault.export_dir().join("d"), vault.path("aside"));
    for round in 0..200 {
        vault.write("d/a.md", round.to_string());
        vault.write(&format!("d/{round}.md"), "new");
        if fs::rename(&folder, &aside).is_ok() {
            symlink(&outside, &folder).unwrap();
            vault.write("d/b.md", round.to_string());
            fs::remove_file(&folder).unwrap();
            let _ = fs::rename(&aside, &folder);
        }
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}
