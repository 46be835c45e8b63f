//! Servers for Windows in the forms that `windows.rs` does not have: TLS, and interpreters with a GIL each.

use super::windows::{ended, served};
use super::{gil_modes, https};
use crate::harness::{Scratch, Server, Wine};
use std::collections::BTreeSet;
use std::fs;

#[test]
fn a_windows_server_speaks_https_and_http2() {
    let Some(wine) = Wine::find() else { return };
    let scratch = Scratch::new();
    let files = https::certificate(&scratch);
    let names = ["site.pem", "site.key"];
    for (file, name) in files.iter().zip(names) {
        fs::copy(file, wine.inside(name)).unwrap();
    }
    let [certificate, key] = names.map(|name| wine.outside(name));
    for processes in ["1", "2"] {
        let options = [
            "--tls-certificate",
            &certificate,
            "--tls-key",
            &key,
            "--processes",
            processes,
        ];
        served("tls", &options, |_, server, order| {
            https::ask(&server, &files[0], "/source");
            order("ctrl-c");
            ended(server)
                .stderr_has("GET /source HTTP/1.1")
                .stderr_has("GET /source HTTP/2.0");
        });
    }
}

#[test]
fn interpreters_of_a_windows_server_have_a_gil_each() {
    let Some(wine) = Wine::find() else { return };
    let version = (3, 13);
    let options = [
        "--wsgi",
        "modes_app:application",
        "--gil",
        "per-interpreter",
    ];
    let options = [&options as &[&str], &["--interpreters", "3"]].concat();
    let program = wine.packed("modes", "../modes", version, &options);
    let console = wine.packed("modes-console", "console.py", version, &[]);
    let orders = "modes.orders";
    fs::write(wine.inside(orders), "").unwrap();
    let server = Server::start(wine.run(&console, &[orders, &program]));
    let answers = gil_modes::at_once(&server, 6);
    let seen: BTreeSet<i64> = answers
        .iter()
        .map(|answer| answer["interpreter"].as_i64().unwrap())
        .collect();
    assert!(seen.len() == 3 && !seen.contains(&0), "{answers:?}");
    fs::write(wine.inside(orders), "ctrl-c\n").unwrap();
    ended(server).stderr_has("3 interpreters with 2 threads and a GIL each");
}
