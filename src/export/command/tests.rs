use std::time::Instant;

use super::*;

fn invocation(arguments: &[&str]) -> Invocation {
    Invocation {
        command: CommandLine {
            arguments: arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect(),
            timeout: Duration::from_secs(20),
        },
        input: Some(b"# Body\n".to_vec()),
        folder: None,
        note: PathBuf::from("/vault/a note.md"),
        title: "A {note} title".to_owned(),
        extension: "docx".into(),
    }
}

fn shell(script: &str) -> Invocation {
    invocation(&["/bin/sh", "-c", script, "sh", "{input}", "{output}"])
}

fn to_stdout(script: &str) -> Invocation {
    invocation(&["/bin/sh", "-c", script, "sh", "{input}"])
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn output(invocation: Invocation) -> Result<String, String> {
    let result = block_on(run(invocation));
    result
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .map_err(|error| error.to_string())
}

#[test]
fn stdout_is_the_output_unless_the_command_writes_it() {
    assert_eq!(output(to_stdout("cat \"$1\"")).unwrap(), "# Body\n");
    assert_eq!(
        output(shell("tr a-z A-Z < \"$1\" > \"$2\"; echo noise")).unwrap(),
        "# BODY\n"
    );
}

#[test]
fn placeholders_are_filled_in_once_and_anywhere() {
    let shown = output(invocation(&[
        "echo",
        "--of={note}!",
        "{title}",
        "{other}{",
        "{}",
    ]))
    .unwrap();
    assert_eq!(shown, "--of=/vault/a note.md! A {note} title {other}{ {}\n");
    let shown = output(invocation(&["echo", "{output}"])).unwrap_err();
    assert!(shown.contains("wrote no {output} file"), "{shown}");
    assert!(
        output(to_stdout("echo \"$1\""))
            .unwrap()
            .ends_with("/note.md\n")
    );
    assert!(
        output(shell("echo \"$2\" > \"$2\""))
            .unwrap()
            .ends_with("/output.docx\n")
    );
}

#[test]
fn a_title_with_nul_is_an_argument_all_the_same() {
    let mut with_nul = invocation(&["echo", "{title}"]);
    with_nul.title = "a\0b".into();
    assert_eq!(output(with_nul).unwrap(), "a b\n");
}

#[test]
fn a_failure_names_the_program_and_what_it_said() {
    let error = output(to_stdout(
        "echo one >&2; echo >&2; printf 'two\\t!' >&2; exit 7",
    ))
    .unwrap_err();
    assert_eq!(
        error,
        "/bin/sh: failed with exit status 7 (stderr: one | two !)"
    );
    let error = output(to_stdout("kill -9 $$")).unwrap_err();
    assert_eq!(error, "/bin/sh: was ended by signal 9");
    let error = output(invocation(&["no-such-program-anywhere"])).unwrap_err();
    assert!(
        error.starts_with("no-such-program-anywhere: program not found; install it"),
        "{error}"
    );
    let error = output(invocation(&["/etc/passwd"])).unwrap_err();
    assert!(
        error.starts_with("/etc/passwd: can't be started: Permission denied"),
        "{error}"
    );
}

#[test]
fn stderr_is_bounded() {
    let error = output(to_stdout(
        "echo first >&2; yes noise | head -c 3000000 >&2; echo last >&2; exit 1",
    ))
    .unwrap_err();
    assert!(error.len() < 2 * STDERR_KEPT + 2048, "{}", error.len());
    assert!(
        error.contains("(stderr: first | noise") && error.ends_with("| last)"),
        "{error}"
    );
    assert!(error.contains(" | … | "), "{error}");
}

#[test]
fn what_is_no_regular_file_is_no_output() {
    for script in [
        "ln -s /etc/hostname \"$2\"",
        "mkdir \"$2\"",
        "mkfifo \"$2\"",
    ] {
        let error = output(shell(script)).unwrap_err();
        assert!(
            error.contains("something else than a regular file"),
            "{script}: {error}"
        );
    }
    assert!(
        output(shell("true"))
            .unwrap_err()
            .contains("wrote no {output} file")
    );
    assert!(
        output(shell("echo oh >&2"))
            .unwrap_err()
            .ends_with("(stderr: oh)")
    );
}

#[test]
fn the_private_folder_is_private_and_goes() {
    let folder = output(to_stdout(
        "stat -c '%a %n' \"$PWD\"; test \"$PWD\" = \"$TMPDIR\"",
    ))
    .unwrap();
    let (mode, path) = folder.trim_end().split_once(' ').unwrap();
    assert_eq!(mode, "700");
    assert!(!Path::new(path).exists());
}

#[test]
fn an_input_that_nobody_reads_is_not_written() {
    let unread = Invocation {
        input: None,
        ..to_stdout("ls -A")
    };
    assert_eq!(output(unread).unwrap(), "");
}

#[test]
fn the_environment_is_an_allow_list() {
    let given = [
        "PATH",
        "LC_TIME",
        "NOTIFY_SOCKET",
        "CREDENTIALS_DIRECTORY",
        "AWS_SECRET",
        "HOME",
    ];
    let all = given
        .iter()
        .map(|name| (OsString::from(name), OsString::from("x")));
    let kept: Vec<_> = environment(all)
        .map(|(name, _)| name.into_string().unwrap())
        .collect();
    assert_eq!(kept, ["PATH", "LC_TIME", "HOME"]);
    // Cargo's own variables are in our environment, and only ours.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let shown = output(to_stdout("env")).unwrap();
    assert!(!shown.contains("CARGO"), "{shown}");
    assert!(shown.contains("SOURCE_DATE_EPOCH=315532800\n"), "{shown}");
}

#[test]
fn our_descriptors_stay_ours() {
    let _held = File::open("/dev/null").unwrap();
    let shown = output(to_stdout("ls /proc/self/fd")).unwrap();
    let mut fds: Vec<&str> = shown.lines().collect();
    // `ls` itself opens the folder that it lists.
    fds.retain(|&fd| fd != "3");
    assert_eq!(fds, ["0", "1", "2"]);
}

/// Whether anything of a process group is left that is not a zombie.
fn group_is_alive(group: i32) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            return false;
        };
        let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let fields: Vec<&str> = after_name.split(' ').collect();
        fields.len() > 2 && fields[0] != "Z" && fields[0] != "X" && fields[2] == group.to_string()
    })
}

/// Waits for a condition that the kernel brings about on its own.
fn eventually(condition: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        if condition() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

#[test]
fn a_timeout_ends_grandchildren_too() {
    let record = tempfile::NamedTempFile::new().unwrap();
    let script = format!("sleep 1000 & echo $$ > {}; wait", record.path().display());
    let mut slow = to_stdout(&script);
    slow.command.timeout = Duration::from_millis(300);
    let error = output(slow).unwrap_err();
    assert!(
        error.starts_with("/bin/sh: still ran after 300ms; it was ended"),
        "{error}"
    );
    let group = std::fs::read_to_string(record.path())
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(eventually(|| !group_is_alive(group)));
}

#[test]
fn what_it_leaves_in_the_background_is_ended_and_holds_nothing_up() {
    let start = Instant::now();
    let group = output(to_stdout("sleep 1000 & echo $$")).unwrap();
    assert!(start.elapsed() < Duration::from_secs(15));
    let group = group.trim().parse().unwrap();
    assert!(eventually(|| !group_is_alive(group)));
}

#[test]
fn what_holds_the_output_open_is_told_from_the_command_itself() {
    let script = "setsid sh -c ': > there; sleep 2' & until test -e there; do sleep 0.01; done";
    let mut held = to_stdout(script);
    held.command.timeout = Duration::from_millis(500);
    let error = output(held).unwrap_err();
    assert!(
        error.starts_with("/bin/sh: has ended, but what it started in the background held its output open for 500ms"),
        "{error}"
    );
}

#[test]
fn dropping_the_future_ends_the_group() {
    let record = tempfile::NamedTempFile::new().unwrap();
    let path = record.path().to_owned();
    let script = format!("sleep 1000 & echo $$ > {}; wait", path.display());
    let group = block_on(async {
        let job = tokio::spawn(run(to_stdout(&script)));
        let group: i32 = loop {
            if let Ok(group) = std::fs::read_to_string(&path).unwrap().trim().parse() {
                break group;
            }
            tokio::task::yield_now().await;
        };
        assert!(group_is_alive(group));
        job.abort();
        assert!(job.await.unwrap_err().is_cancelled());
        group
    });
    assert!(eventually(|| !group_is_alive(group)));
}

/// What the README shows, with the real tool; passes unseen where it is not installed.
#[test]
fn pandoc_makes_a_docx_of_the_input() {
    let arguments = [
        "pandoc",
        "--from=gfm",
        "--metadata=title:{title}",
        "--output={output}",
        "{input}",
    ];
    match block_on(run(invocation(&arguments))) {
        Ok(docx) => assert!(docx.starts_with(b"PK"), "a docx is a zip file"),
        Err(CommandError {
            fault: Fault::NotFound,
            ..
        }) => eprintln!("pandoc is not installed"),
        Err(error) => panic!("{error}"),
    }
}
