//! The native protocol, against a socket that stands for journald.

use std::io::Read as _;
use std::os::unix::net::UnixDatagram;

use super::*;

/// The fields of a native datagram.
fn decode(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let end = bytes
            .iter()
            .position(|byte| matches!(byte, b'=' | b'\n'))
            .unwrap();
        let name = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let (start, length) = if bytes[end] == b'=' {
            (
                end + 1,
                bytes[end..].iter().position(|byte| *byte == b'\n').unwrap() - 1,
            )
        } else {
            let length = u64::from_le_bytes(bytes[end + 1..end + 9].try_into().unwrap());
            (end + 9, usize::try_from(length).unwrap())
        };
        fields.push((
            name,
            String::from_utf8(bytes[start..start + length].to_vec()).unwrap(),
        ));
        assert_eq!(bytes[start + length], b'\n');
        bytes = &bytes[start + length + 1..];
    }
    fields
}

fn fake_journald() -> (tempfile::TempDir, UnixDatagram, Journal) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let socket = UnixDatagram::bind(&path).unwrap();
    (folder, socket, Journal::open(path).unwrap())
}

#[test]
fn journald_fields() {
    let (_folder, socket, journal) = fake_journald();
    let mut out = Vec::new();
    let mut buffer = [0; 4096];
    for record in one_of_each() {
        journal.send(&record).unwrap();
        let length = socket.recv(&mut buffer).unwrap();
        for (name, value) in decode(&buffer[..length]) {
            assert!(name.len() <= 64 && !name.starts_with('_'));
            out.push(format!("{name}={value:?}"));
        }
        out.push(String::new());
    }
    insta::assert_snapshot!(out.join("\n"));
}

#[test]
fn journald_takes_a_record_of_any_size_as_a_file() {
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
    let (_folder, socket, journal) = fake_journald();
    let long = "x".repeat(4 << 20);
    let record = records(|| events::watch_degraded(&long, "none")).remove(0);
    journal.send(&record).unwrap();

    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    recvmsg(&socket, &mut [], &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
    let Some(RecvAncillaryMessage::ScmRights(mut files)) = control.drain().next() else {
        panic!("no file was sent");
    };
    let mut file = std::fs::File::from(files.next().unwrap());
    std::io::Seek::rewind(&mut file).unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    let fields = decode(&bytes);
    assert!(fields.contains(&("SN_REASON".into(), long)));
    assert!(fields.contains(&("MESSAGE".into(), "watch degraded".into())));
}

#[test]
fn what_journald_does_not_take_is_plain_on_the_stream() {
    let (folder, socket, journal) = fake_journald();
    let (mut reader, stream) = pipe();
    drop(socket);
    std::fs::remove_file(folder.path().join("socket")).unwrap();
    let output = Output::new(Form::Journal(journal), stream);
    output.write(&records(|| events::ready(3, "poll")), None);
    drop(output);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("INFO ready notes=3 watch=poll\n"), "{text}");
}

#[test]
fn nobody_waits_for_a_journald_that_has_stopped_reading() {
    let (_folder, socket, journal) = fake_journald();
    let (_reader, stream) = pipe();
    let writer = Writer::start(
        Output::new(Form::Journal(journal), stream),
        Queue::with_limits(50, usize::MAX),
    )
    .unwrap();
    // Far more than the socket and the queue hold: that this returns at all is what is tested.
    for batch in 0..2_000 {
        writer.queue.push(
            Record::new(SystemTime::UNIX_EPOCH, tracing::Level::INFO, "x")
                .with("n", Value::Unsigned(batch)),
        );
    }
    assert!(!writer.queue.flush(Duration::ZERO));
    writer.queue.close();

    // Once it reads again, it learns how many are missing.
    let (mut received, mut missing) = (0, 0);
    let mut buffer = [0; 4096];
    while received + missing < 2_000 {
        let length = socket.recv(&mut buffer).unwrap();
        let fields = decode(&buffer[..length]);
        match fields.iter().find(|(name, _)| name == "SN_RECORDS") {
            Some((_, count)) => missing += count.parse::<u64>().unwrap(),
            None => received += 1,
        }
    }
    assert_eq!(received + missing, 2_000);
    assert!(missing > 0);
    assert!(writer.queue.flush(Duration::from_secs(60)));
}
