//! A server on loopback that misbehaves as told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// `GET`, or `CONNECT` if the server is taken for a proxy.
    pub(crate) method: String,
    /// What follows the method: a path, or the host behind a proxy.
    pub(crate) target: String,
    /// Headers, names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// First byte asked for.
    pub(crate) fn range_start(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// How the body is sent.
#[allow(dead_code)] // Each test program uses some of these.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sending {
    /// All of it.
    Whole,
    /// So many bytes, then the connection is closed.
    CutAfter(usize),
    /// So many bytes, then nothing more.
    StallAfter(usize),
    /// Byte by byte, with this pause between.
    Trickle(Duration),
}

/// An answer.
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    sending: Sending,
    length: Option<usize>,
}

#[allow(dead_code)] // Each test program uses some of these.
impl Reply {
    /// A body with its length.
    pub(crate) fn new(status: u16, body: &[u8]) -> Self {
        let length = Some(body.len());
        Self { status, headers: Vec::new(), body: body.to_vec(), sending: Sending::Whole, length }
    }

    /// A file from a server that knows ranges: from the byte asked for, if the validator still fits.
    pub(crate) fn file(bytes: &[u8], tag: &str, request: &Received) -> Self {
        let current = request.header("if-range").is_none_or(|asked| asked == tag);
        let reply = match request.range_start().filter(|_| current) {
            Some(start) if start >= bytes.len() => {
                Self::new(416, b"").header("Content-Range", &format!("bytes */{}", bytes.len()))
            }
            Some(start) => Self::new(206, &bytes[start..])
                .header("Content-Range", &format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len())),
            None => Self::new(200, bytes),
        };
        reply.header("ETag", tag)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn sending(mut self, sending: Sending) -> Self {
        self.sending = sending;
        self
    }

    /// Says another length than the body has, or none.
    pub(crate) fn length(mut self, length: Option<usize>) -> Self {
        self.length = length;
        self
    }
}

/// Listens until it is dropped.
pub(crate) struct Server {
    address: String,
    received: Arc<Mutex<Vec<Received>>>,
    stopped: Arc<AtomicBool>,
}

impl Server {
    /// Answers with `answer`, which is told the request and how many came before it.
    pub(crate) fn start(answer: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = Self { address, received: Arc::default(), stopped: Arc::default() };
        let (received, stopped) = (Arc::clone(&server.received), Arc::clone(&server.stopped));
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (received, stopped, answer) = (received.clone(), stopped.clone(), answer.clone());
                std::thread::spawn(move || stream.map(|stream| serve(stream, &received, &stopped, &*answer)));
            }
        });
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(&self.address);
    }
}

fn serve(
    stream: TcpStream,
    received: &Mutex<Vec<Received>>,
    stopped: &AtomicBool,
    answer: &dyn Fn(&Received, usize) -> Reply,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let Some(mut request) = read_request(&mut reader) else { return };
    if request.method == "CONNECT" {
        // Taken for a proxy: what follows is meant for the server behind it, whose part is played here too.
        received.lock().unwrap().push(request);
        if (&stream).write_all(b"HTTP/1.1 200 Connected\r\n\r\n").is_err() {
            return;
        }
        let Some(inner) = read_request(&mut reader) else { return };
        request = inner;
    }
    let before = {
        let mut received = received.lock().unwrap();
        received.push(request.clone());
        received.len() - 1
    };
    let reply = answer(&request, before);
    // A client that hangs up early is part of the game.
    let _ = send(stream, &reply, stopped);
}

fn read_request(reader: &mut impl BufRead) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => return Some(Received { method, target, headers }),
        };
    }
}

fn send(mut stream: TcpStream, reply: &Reply, stopped: &AtomicBool) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut head = format!("HTTP/1.1 {} Said\r\nConnection: close\r\n", reply.status);
    if let Some(length) = reply.length {
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    match reply.sending {
        Sending::Whole => stream.write_all(&reply.body),
        Sending::CutAfter(bytes) => stream.write_all(&reply.body[..bytes]),
        Sending::StallAfter(bytes) => {
            stream.write_all(&reply.body[..bytes])?;
            while !stopped.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(())
        }
        Sending::Trickle(pause) => reply.body.iter().try_for_each(|byte| {
            std::thread::sleep(pause);
            stream.write_all(&[*byte])
        }),
    }
}
