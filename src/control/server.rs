//! The daemon's end of the control socket. It trusts no client: not its input, its patience or its goodbye.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{AtFlags, Mode, chmodat, renameat, statat, unlinkat};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use super::{Request, Response, SOCKET_NAME, address_in, open_folder};

/// Clients that may wait to be taken in.
const BACKLOG: i32 = 64;
/// Between two tries to take a client in when the system has no room for it.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// A request and where its answer goes. Dropped unanswered, the client is told that the daemon stops.
pub type Asked = (Request, oneshot::Sender<Response>);

/// What a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Clients at once; further ones wait until one leaves.
    pub clients: usize,
    /// Bytes of a request.
    pub request: usize,
    /// How long a client may take to send a request or to take in an answer.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 32,
            request: 64 << 10,
            patience: Duration::from_secs(5),
        }
    }
}

/// The socket, listening. Dropped, it is gone.
#[derive(Debug)]
pub struct Socket {
    listener: StdListener,
    folder: OwnedFd,
    /// Of the socket's file, which no other file can have while the socket is open.
    inode: u64,
}

impl Socket {
    /// Listens in `folder`. A socket that an earlier process left there is replaced: the caller holds the lock of
    /// this folder, so nobody else can be listening.
    ///
    /// # Errors
    /// When the folder can't be used.
    pub fn listen_in(folder: &Path) -> io::Result<Self> {
        const NEW: &str = "control.sock.new";
        let folder = open_folder(folder)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        match unlinkat(&folder, NEW, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        bind(&socket, &address_in(folder.as_fd(), NEW)?)?;
        // Nobody can connect before `listen`, nor find the socket under its name before it is private.
        chmodat(&folder, NEW, Mode::RUSR | Mode::WUSR, AtFlags::empty())?;
        listen(&socket, BACKLOG)?;
        let inode = inode_of(&folder, NEW)?;
        renameat(&folder, NEW, &folder, SOCKET_NAME)?;
        Ok(Self {
            listener: socket.into(),
            folder,
            inode,
        })
    }

    /// Takes the name away, unless it is another socket's by now: of the next daemon, or of this one again.
    fn unname(&self) {
        if inode_of(&self.folder, SOCKET_NAME).is_ok_and(|inode| inode == self.inode) {
            // If it stays, it is as one that a crash left: found dead by clients, replaced by the next daemon.
            let _replaced_later = unlinkat(&self.folder, SOCKET_NAME, AtFlags::empty());
        }
    }

    /// Ends it; returns those who have connected and were not taken in yet.
    fn close(self) -> VecDeque<StdStream> {
        self.unname();
        // Until there is nobody left, or the system has no room for more.
        std::iter::from_fn(|| self.listener.accept().ok())
            .map(|(stream, _)| stream)
            .collect()
    }

    fn on_runtime(self) -> io::Result<Listening> {
        let listener = UnixListener::from_std(self.listener.try_clone()?)?;
        Ok(Listening {
            listener,
            socket: self,
        })
    }
}

fn inode_of(folder: &OwnedFd, name: &str) -> rustix::io::Result<u64> {
    Ok(statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?.st_ino)
}

/// The socket on a runtime.
struct Listening {
    listener: UnixListener,
    /// Gone, the name is gone too.
    socket: Socket,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.unname();
    }
}

/// Serves clients until it is dropped; then all of them are cut off. A socket that comes over `moves` takes the place of
/// the one before it; who has connected through that is served.
///
/// # Errors
/// When the runtime can't take the socket.
pub async fn serve(
    socket: Socket,
    mut moves: mpsc::UnboundedReceiver<Socket>,
    limits: Limits,
    daemon: mpsc::Sender<Asked>,
) -> io::Result<()> {
    let mut listening = socket.on_runtime()?;
    let places = Arc::new(Semaphore::new(limits.clients));
    let mut clients = JoinSet::new();
    // Came through a socket that is no more.
    let mut left_over = VecDeque::new();
    loop {
        while clients.try_join_next().is_some() {}
        let next = tokio::select! {
            biased;
            // Waits for no place: whoever has them may keep them for an hour.
            Some(moved) = moves.recv() => {
                let before = std::mem::replace(&mut listening, moved.on_runtime()?);
                left_over.extend(before.socket.close());
                continue;
            }
            next = next_client(&places, &mut left_over, &listening.listener) => next,
        };
        match next {
            Ok((place, stream)) => {
                let daemon = daemon.clone();
                clients.spawn(async move {
                    // A client that went away is its own business.
                    let _gone = serve_client(stream, limits, daemon).await;
                    drop(place);
                });
            }
            // Out of descriptors or memory: others may give some back.
            Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
        }
    }
}

/// The next client, once there is a place for one. Dropped before that, it has taken neither.
async fn next_client(
    places: &Arc<Semaphore>,
    left_over: &mut VecDeque<StdStream>,
    listener: &UnixListener,
) -> io::Result<(OwnedSemaphorePermit, UnixStream)> {
    let place = places.clone().acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    let stream = match left_over.pop_front() {
        Some(stream) => on_runtime(stream)?,
        None => listener.accept().await?.0,
    };
    Ok((place, stream))
}

fn on_runtime(stream: StdStream) -> io::Result<UnixStream> {
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

async fn serve_client(
    stream: UnixStream,
    limits: Limits,
    daemon: mpsc::Sender<Asked>,
) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let response = match read_request(&mut reader, limits).await? {
            Read::Request(request) => answer(request, &daemon).await,
            Read::Nonsense(error) => Response::failed(error),
            Read::TooLong => {
                let error = format!("the request is longer than {} bytes", limits.request);
                return send(&mut writer, &Response::failed(error), limits).await;
            }
            Read::End => return Ok(()),
        };
        send(&mut writer, &response, limits).await?;
    }
}

enum Read {
    Request(Request),
    /// A line that is no request.
    Nonsense(String),
    /// Where the next line starts is unknown.
    TooLong,
    End,
}

async fn read_request(reader: &mut BufReader<OwnedReadHalf>, limits: Limits) -> io::Result<Read> {
    let mut line = Vec::new();
    let mut bounded = reader.take(limits.request as u64 + 1);
    let read = bounded.read_until(b'\n', &mut line);
    tokio::time::timeout(limits.patience, read).await??;
    Ok(match line.strip_suffix(b"\n") {
        Some(line) => serde_json::from_slice(line).map_or_else(
            |error| Read::Nonsense(format!("this is no request: {error}")),
            Read::Request,
        ),
        None if line.len() > limits.request => Read::TooLong,
        // The client left, perhaps in the middle of a line.
        None => Read::End,
    })
}

async fn answer(request: Request, daemon: &mpsc::Sender<Asked>) -> Response {
    let (sender, receiver) = oneshot::channel();
    if daemon.send((request, sender)).await.is_ok()
        && let Ok(response) = receiver.await
    {
        return response;
    }
    Response::Stopping
}

async fn send(writer: &mut OwnedWriteHalf, response: &Response, limits: Limits) -> io::Result<()> {
    let mut line = serde_json::to_vec(response)?;
    line.push(b'\n');
    tokio::time::timeout(limits.patience, writer.write_all(&line)).await?
}
