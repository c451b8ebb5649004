use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc;

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

/// Serves `folder` while `clients` run on a thread of their own. The daemon answers `explain` with the note's name,
/// drops `reload` unanswered, and refuses `status`.
fn with_daemon<T: Send>(folder: &Path, limits: Limits, clients: impl FnOnce() -> T + Send) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let socket = Socket::listen_in(folder).unwrap();
    let (_sockets, moves) = mpsc::unbounded_channel();
    let (sender, mut requests) = mpsc::channel::<Asked>(1);
    let (done, finished) = tokio::sync::oneshot::channel();
    std::thread::scope(|scope| {
        let clients = scope.spawn(move || {
            let result = clients();
            done.send(()).unwrap();
            result
        });
        runtime.block_on(async {
            let daemon = async {
                while let Some((request, answer)) = requests.recv().await {
                    match request {
                        Request::Explain { note } => {
                            // A client that has gone meanwhile hears nothing.
                            let _gone = answer.send(Response::Value(note.into()));
                        }
                        Request::Status => {
                            let _gone = answer.send(Response::failed("busy"));
                        }
                        Request::Reload => drop(answer),
                    }
                }
            };
            tokio::select! {
                result = serve(socket, moves, limits, sender) => panic!("{result:?}"),
                () = daemon => panic!("the server has gone"),
                _ = finished => {}
            }
        });
        clients.join().unwrap()
    })
}

fn explain(folder: &Path, note: &str) -> Result<Response, ControlError> {
    ask(folder, &Request::Explain { note: note.into() }, PATIENCE)
}

fn raw(folder: &Path) -> UnixStream {
    let stream = UnixStream::connect(folder.join(SOCKET_NAME)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Everything the server says after `input`, until it hangs up.
fn all_answers(folder: &Path, input: &[u8]) -> String {
    let mut stream = raw(folder);
    // The server may hang up in the middle of too long a line.
    let _hung_up = stream.write_all(input);
    let _gone = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn requests_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    with_daemon(folder, Limits::default(), || {
        assert_eq!(
            explain(folder, "a.md").unwrap(),
            Response::Value("a.md".into())
        );
        assert_eq!(
            ask(folder, &Request::Status, PATIENCE).unwrap(),
            Response::failed("busy")
        );
        let stopping = ask(folder, &Request::Reload, PATIENCE);
        assert!(
            matches!(stopping, Err(ControlError::HungUp(_))),
            "{stopping:?}"
        );
    });
}

#[test]
fn the_socket_is_private_and_goes_with_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(SOCKET_NAME);
    let socket = Socket::listen_in(folder.path()).unwrap();
    let metadata = std::fs::symlink_metadata(&path).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    drop(socket);
    assert!(!path.exists());
}

#[test]
fn a_stale_socket_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    std::mem::forget(Socket::listen_in(folder.path()).unwrap());
    // Both a whole start and one that was cut short may have left something.
    std::fs::write(folder.path().join("control.sock.new"), "").unwrap();
    let folder = folder.path();
    with_daemon(folder, Limits::default(), || {
        assert_eq!(
            explain(folder, "b.md").unwrap(),
            Response::Value("b.md".into())
        );
    });
}

#[test]
fn a_name_that_is_another_sockets_by_now_stays() {
    let folder = tempfile::tempdir().unwrap();
    let first = Socket::listen_in(folder.path()).unwrap();
    let second = Socket::listen_in(folder.path()).unwrap();
    drop(first);
    raw(folder.path());
    drop(second);
    assert!(!folder.path().join(SOCKET_NAME).exists());
}

#[test]
fn who_came_before_the_socket_moved_is_answered() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let socket = Socket::listen_in(here.path()).unwrap();
    let clients: Vec<UnixStream> = (0..16).map(|_| raw(here.path())).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (sockets, moves) = mpsc::unbounded_channel();
    let moved = Socket::listen_in(there.path()).unwrap();
    sockets.send(moved).unwrap();
    let (sender, _requests) = mpsc::channel::<Asked>(1);
    std::thread::scope(|scope| {
        let (done, finished) = tokio::sync::oneshot::channel();
        let here = here.path();
        let there = there.path();
        scope.spawn(move || {
            for mut client in clients.into_iter().chain([raw(there)]) {
                client.write_all(b"nonsense\n").unwrap();
                let mut line = String::new();
                BufReader::new(client).read_line(&mut line).unwrap();
                assert!(line.contains("this is no request"), "{line}");
            }
            assert!(!here.join(SOCKET_NAME).exists());
            done.send(()).unwrap();
        });
        runtime.block_on(async {
            tokio::select! {
                result = serve(socket, moves, Limits::default(), sender) => panic!("{result:?}"),
                _ = finished => {}
            }
        });
    });
}

#[test]
fn a_socket_moves_though_there_is_no_place_for_a_client() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let socket = Socket::listen_in(here.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (sockets, moves) = mpsc::unbounded_channel();
    let (sender, mut requests) = mpsc::channel::<Asked>(1);
    let limits = Limits {
        clients: 1,
        patience: PATIENCE,
        ..Limits::default()
    };
    runtime.block_on(async {
        let server = serve(socket, moves, limits, sender);
        let test = async {
            // It has the only place as long as its request is not answered, and another one waits for it.
            let mut first = raw(here.path());
            first.write_all(b"{\"request\":\"reload\"}\n").unwrap();
            let (_, answer) = requests.recv().await.unwrap();
            let second = raw(here.path());
            for folder in [&there, &here, &there] {
                sockets
                    .send(Socket::listen_in(folder.path()).unwrap())
                    .unwrap();
            }
            let moved = async {
                while here.path().join(SOCKET_NAME).exists() {
                    tokio::task::yield_now().await;
                }
            };
            let moved = tokio::time::timeout(PATIENCE, moved).await;
            assert!(moved.is_ok(), "it waits for a place");
            answer.send(Response::failed("no")).unwrap();
            drop(first);
            let third = raw(there.path());
            let served = tokio::task::spawn_blocking(|| {
                for mut client in [second, third] {
                    client.write_all(b"nonsense\n").unwrap();
                    let mut line = String::new();
                    BufReader::new(client).read_line(&mut line).unwrap();
                    assert!(line.contains("this is no request"), "{line}");
                }
            });
            served.await.unwrap();
        };
        tokio::select! {
            result = server => panic!("{result:?}"),
            () = test => {}
        }
    });
}

#[test]
fn a_path_longer_than_an_address() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("x".repeat(200)).join("y".repeat(200));
    std::fs::create_dir_all(&deep).unwrap();
    with_daemon(&deep, Limits::default(), || {
        assert_eq!(
            explain(&deep, "c.md").unwrap(),
            Response::Value("c.md".into())
        );
    });
}

#[test]
fn no_daemon_is_an_error_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let missing = ask(&folder.path().join("gone"), &Request::Status, PATIENCE);
    assert!(
        matches!(missing, Err(ControlError::NoDaemon(_))),
        "{missing:?}"
    );
    let never = ask(folder.path(), &Request::Status, PATIENCE);
    assert!(matches!(never, Err(ControlError::NoDaemon(_))), "{never:?}");
    drop(std::os::unix::net::UnixListener::bind(folder.path().join(SOCKET_NAME)).unwrap());
    let dead = ask(folder.path(), &Request::Status, PATIENCE);
    assert!(matches!(dead, Err(ControlError::NoDaemon(_))), "{dead:?}");
}

#[test]
fn a_daemon_that_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // Listens, and nobody serves it: as a stopped process does.
    let _socket = Socket::listen_in(folder.path()).unwrap();
    let silent = ask(folder.path(), &Request::Status, Duration::from_millis(1));
    assert!(
        matches!(silent, Err(ControlError::Timeout { .. })),
        "{silent:?}"
    );
}

#[test]
fn a_daemon_that_talks_nonsense() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::os::unix::net::UnixListener::bind(folder.path().join(SOCKET_NAME)).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for answer in ["{\"response\":\"song\"}\n", "{\"response\""] {
                let (stream, _) = listener.accept().unwrap();
                BufReader::new(&stream)
                    .read_line(&mut String::new())
                    .unwrap();
                (&stream).write_all(answer.as_bytes()).unwrap();
            }
        });
        for _ in 0..2 {
            let answer = ask(folder.path(), &Request::Status, PATIENCE);
            assert!(
                matches!(answer, Err(ControlError::BadAnswer { .. })),
                "{answer:?}"
            );
        }
    });
}

#[test]
fn odd_clients_hurt_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let limits = Limits {
        clients: 4,
        request: 1000,
        patience: PATIENCE,
    };
    with_daemon(folder, limits, || {
        // Nonsense of every kind, then a good request on the same connection.
        let good = "{\"request\":\"explain\",\"note\":\"ok.md\"}\n";
        for bad in [
            "",
            "\n",
            "{",
            "null\n",
            "[]\n",
            "\"status\"\n",
            "{\"request\":\"fly\"}\n",
            "{\"request\":\"status\",\"x\":1}\n",
        ] {
            let answers = all_answers(folder, format!("{bad}\n{good}").as_bytes());
            let lines: Vec<&str> = answers.lines().collect();
            assert!(
                lines[0].starts_with("{\"response\":\"failed\""),
                "{bad}: {answers}"
            );
            assert_eq!(
                *lines.last().unwrap(),
                "{\"response\":\"value\",\"data\":\"ok.md\"}"
            );
        }
        let binary = all_answers(folder, b"\x00\xff\xfe\n");
        assert!(binary.contains("this is no request"), "{binary}");
        let deep = all_answers(folder, format!("{}\n", "[".repeat(999)).as_bytes());
        assert!(deep.contains("this is no request"), "{deep}");

        // Too long, with and without an end.
        let long = all_answers(folder, &[b'x'; 1001]);
        assert!(long.contains("longer than 1000 bytes"), "{long}");
        let _whatever_the_reset_left = all_answers(folder, &vec![b'x'; 4 << 20]);

        // Half a request, none at all, and one whose sender does not wait for the answer.
        assert_eq!(all_answers(folder, b"{\"request\":"), "");
        assert_eq!(all_answers(folder, b""), "");
        raw(folder).write_all(good.as_bytes()).unwrap();

        // More clients at once than there are places.
        std::thread::scope(|scope| {
            for at in 0..50 {
                scope.spawn(move || {
                    let note = format!("{at}.md");
                    assert_eq!(
                        explain(folder, &note).unwrap(),
                        Response::Value(note.into())
                    );
                });
            }
        });
    });
}

#[test]
fn who_says_nothing_loses_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let limits = Limits {
        clients: 1,
        patience: Duration::from_millis(10),
        ..Limits::default()
    };
    with_daemon(folder, limits, || {
        let mut silent = raw(folder);
        // The only place is taken until the silent one's patience has run out.
        assert_eq!(
            explain(folder, "d.md").unwrap(),
            Response::Value("d.md".into())
        );
        assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    });
}
