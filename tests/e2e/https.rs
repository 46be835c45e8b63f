//! A packed site that speaks HTTPS and HTTP/2.

use crate::harness::{Case, Program, Run, Scratch, Server};
use std::path::Path;

/// Asks over HTTP/1.1, then over HTTP/2: a request that says all in literals, and the data of whatever comes back.
const CLIENT: &str = r#"
import json, socket, ssl, sys

host, port, certificate, path = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4].encode()

def connect(protocol):
    context = ssl.create_default_context(cafile=certificate)
    context.set_alpn_protocols([protocol])
    sock = context.wrap_socket(socket.create_connection((host, port), timeout=60), server_hostname="localhost")
    assert sock.selected_alpn_protocol() == protocol
    return sock

def exactly(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        assert piece, "the end came early"
        data += piece
    return data

with connect("http/1.1") as sock:
    sock.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = b""
    while True:
        piece = sock.recv(65536)
        if not piece:
            break
        answer += piece
head, _, first = answer.partition(b"\r\n\r\n")
assert head.startswith(b"HTTP/1.1 200 "), head

with connect("h2") as sock:
    def frame(kind, flags, stream, payload=b""):
        sock.sendall(len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload)
    sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    frame(4, 0, 0)
    host = b"localhost"
    # :method GET and :scheme https of the static table, :path and :authority as literals.
    frame(1, 5, 1, b"\x82\x87\x04" + bytes([len(path)]) + path + b"\x01" + bytes([len(host)]) + host)
    second, end = b"", False
    while not end:
        head = exactly(sock, 9)
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
        payload = exactly(sock, int.from_bytes(head[:3], "big"))
        assert kind not in (3, 7), (kind, payload)
        if kind == 0:
            second += payload
        if kind == 4 and not flags & 1:
            frame(4, 1, 0)
        end = stream == 1 and kind in (0, 1) and flags & 1
assert first == second and len(first) > 100, (first, second)
print("the same over both")
"#;

/// A certificate for `localhost` and its key, as files.
pub(super) fn certificate(scratch: &Scratch) -> [String; 2] {
    let config = scratch.write(
        "openssl.cnf",
        "[req]\ndistinguished_name=name\nx509_extensions=more\nprompt=no\n[name]\nCN=localhost\n[more]\nsubjectAltName=DNS:localhost\n",
    );
    let [certificate, key] = ["site.pem", "site.key"].map(|name| scratch.join(name));
    let new = "req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 30";
    let new: Vec<&str> = new.split(' ').collect();
    let made = Run::new("openssl").args(&new).arg("-config").arg(config);
    let made = made.arg("-out").arg(&certificate).arg("-keyout").arg(&key);
    made.run().success();
    [certificate, key].map(|path| path.to_str().unwrap().to_owned())
}

/// Asks for what is at `path`, of more than a hundred bytes, over both versions of HTTP.
pub(super) fn ask(server: &Server, certificate: &str, path: &str) {
    let python: &Path = Case::any().python.with_flask();
    let (host, port) = (
        server.address.ip().to_string(),
        server.address.port().to_string(),
    );
    let asked = Run::new(python).args(&["-c", CLIENT, &host, &port, certificate, path]);
    let outcome = asked.run();
    outcome.success().stdout_is("the same over both\n");
}

#[test]
fn a_packed_site_speaks_https_and_http2() {
    let scratch = Scratch::new();
    let [certificate, key] = certificate(&scratch);
    let guestbook = Program::packed("samples/guestbook", &[], Case::any());
    for processes in ["1", "2"] {
        let run = guestbook.run(&["--tls-certificate", &certificate, "--tls-key", &key]);
        let run = run.args(&["--processes", processes]);
        let server = Server::start(run.env("GUESTBOOK_DATA", scratch.path()));
        ask(&server, &certificate, "/static/guestbook.css");
        let outcome = server.stop();
        outcome.success();
        if processes == "1" {
            // Of several, the last may not be ready by then.
            outcome.stderr_has("on https://127.0.0.1:");
        }
        outcome
            .stderr_has("GET /static/guestbook.css HTTP/1.1")
            .stderr_has("GET /static/guestbook.css HTTP/2.0");
    }
}

#[test]
fn a_packed_site_names_what_is_wrong_with_a_certificate() {
    let scratch = Scratch::new();
    let [certificate, _] = certificate(&scratch);
    let guestbook = Program::packed("samples/guestbook", &[], Case::any());
    for processes in ["1", "2"] {
        let run = guestbook.run(&["--tls-certificate", &certificate, "--bind", "127.0.0.1:0"]);
        let run = run.args(&["--processes", processes]);
        let outcome = run.env("GUESTBOOK_DATA", scratch.path()).run();
        outcome.code(1);
        outcome.stderr_has(&format!(
            "error: there is no private key in `{certificate}`"
        ));
    }
}
