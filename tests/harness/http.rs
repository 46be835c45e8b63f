//! A packed web application under way, and a client that shows what it really sent.

use super::{Outcome, Program, Run, Running};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A server, killed when a test drops it.
#[derive(Debug)]
pub(crate) struct Server {
    running: Running,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts `run` with `--bind` on a free port and waits until it accepts connections.
    pub(crate) fn start(run: Run) -> Self {
        let address = free_address();
        let mut running = run
            .arg("--bind")
            .arg(address.to_string())
            .seconds(120)
            .spawn();
        let begin = Instant::now();
        while !is_up(address) {
            if running.ended() || begin.elapsed() > Duration::from_secs(30) {
                running.signal_if_alive("KILL");
                running.finish().fail("the server did not come up");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { running, address }
    }

    /// The packed guestbook, its data in `data`.
    pub(crate) fn guestbook(program: &Program, data: &std::path::Path) -> Self {
        Self::start(program.run(&[]).env("GUESTBOOK_DATA", data))
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> Connection {
        Connection::to(self.address)
    }

    /// GET on a connection of its own.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.connect().get(path)
    }

    pub(crate) fn id(&self) -> u32 {
        self.running.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        self.running.signal(name);
    }

    /// Whether its log has this text by now.
    pub(crate) fn has_said(&self, text: &str) -> bool {
        self.running.stderr_so_far().contains(text)
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) fn stop(self) -> Outcome {
        self.running.signal("TERM");
        self.finish()
    }

    /// Waits for the end.
    pub(crate) fn finish(self) -> Outcome {
        self.running.finish()
    }
}

/// An address that nothing listens on, and that no other test of this process was given: a server that is not up yet does
/// not hold its port.
fn free_address() -> SocketAddr {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        if GIVEN.lock().unwrap().insert(address.port()) {
            return address;
        }
    }
}

/// Whether a server accepts connections there. A client whose own port happens to be the one it asks for is connected to
/// itself.
fn is_up(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok_and(|stream| stream.local_addr().unwrap() != address)
}

/// A keep-alive connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

/// An answer with its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header's value, by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Fails with the whole answer unless it has this status.
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}\n{}", self.headers, self.text());
        self
    }
}

impl Connection {
    fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], b"");
        self.answer()
    }

    /// POST of an HTML form.
    pub(crate) fn post_form(&mut self, path: &str, form: &str) -> Answer {
        self.post(path, "application/x-www-form-urlencoded", form.as_bytes())
    }

    pub(crate) fn post(&mut self, path: &str, kind: &str, body: &[u8]) -> Answer {
        self.send("POST", path, &[("Content-Type", kind)], body);
        self.answer()
    }

    /// POST of a body in chunks of a million bytes, its length untold.
    pub(crate) fn post_chunked(&mut self, path: &str, body: &[u8]) -> Answer {
        let stream = self.stream.get_mut();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        .unwrap();
        for chunk in body.chunks(1_000_000) {
            write!(stream, "{:x}\r\n", chunk.len()).unwrap();
            stream.write_all(chunk).unwrap();
            stream.write_all(b"\r\n").unwrap();
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
        self.answer()
    }

    /// Sends a request without waiting for its answer.
    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if method == "POST" {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
    }

    /// Reads an answer with its whole body.
    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.headers_only();
        answer.body = match (
            answer.header("transfer-encoding"),
            answer.header("content-length"),
        ) {
            (Some("chunked"), _) => self.chunks(),
            (_, Some(length)) => self.exactly(length.parse().unwrap()),
            _ => self.rest(),
        };
        answer
    }

    /// Reads an answer to HEAD.
    pub(crate) fn headers_only(&mut self) -> Answer {
        let status_line = self.line();
        let status = status_line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("not a status line: {status_line:?}"));
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Answer {
            status,
            headers,
            body: Vec::new(),
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end_matches(['\r', '\n']).to_owned()
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let length =
                usize::from_str_radix(self.line().split(';').next().unwrap().trim(), 16).unwrap();
            body.extend(self.exactly(length));
            self.line();
            if length == 0 {
                return body;
            }
        }
    }

    fn exactly(&mut self, length: usize) -> Vec<u8> {
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        body
    }

    fn rest(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        self.stream.read_to_end(&mut body).unwrap();
        body
    }
}
