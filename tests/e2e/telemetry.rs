//! What a packed server tells about itself.

use crate::harness::{Case, Program, Scratch, Server};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

on_every_python!(onefile: metrics, metrics_of_workers);

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn ask(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn observed(case: &Case, options: &[&str]) {
    let data = Scratch::new();
    let program = Program::packed("samples/guestbook", options, *case);
    let admin = free_address();
    let run = program.run(&["--admin", &admin.to_string()]);
    let server = Server::start(run.env("GUESTBOOK_DATA", data.path()));
    for _ in 0..10 {
        server.get("/").expect(200);
    }
    server.get("/check/error").expect(500);

    assert!(ask(admin, "/readyz").starts_with("HTTP/1.1 200 "));
    let page = ask(admin, "/");
    assert!(
        page.contains("text/html") && page.contains("gil_wait"),
        "{page}"
    );
    let metrics = ask(admin, "/metrics.json");
    let body = metrics.split_once("\r\n\r\n").unwrap().1;
    let told: serde_json::Value = serde_json::from_str(body).unwrap();
    let total = &told["total"];
    assert!(total["requests"].as_u64().unwrap() >= 11, "{total}");
    assert_eq!(total["statuses"]["500"], 1);
    assert!(ask(admin, "/metrics").contains("\npack_gil_wait_seconds_count{"));
    server.stop().success();
}

fn metrics(case: &Case) {
    observed(case, &[]);
}

fn metrics_of_workers(case: &Case) {
    observed(case, &["--processes", "2"]);
}
