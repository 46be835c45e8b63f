//! The memory of a server: what its start has read of the executable is given back, and there when it is wanted again.

use crate::harness::{Case, Pack, Program, Scratch, Server};
use std::fs;
use std::time::{Duration, Instant};

const APPLICATION: &str = "\
import sys
seen = []

def application(environ, start_response):
    # What the server itself has imported.
    seen.append(sorted({'inspect', 'platform', 're'} & set(sys.modules)))
    # Neither was imported when the server began.
    import xml.dom.minidom
    import wsgiref.validate
    text = xml.dom.minidom.parseString('<a>later</a>').documentElement.firstChild.data
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [text.encode(), wsgiref.validate.__file__.encode(), str(seen[0]).encode()]
";

/// Bytes of the file at `path` that are in the memory of a process.
fn resident(process: u32, path: &str) -> u64 {
    let maps = fs::read_to_string(format!("/proc/{process}/smaps")).unwrap();
    let (mut sum, mut is_own) = (0, false);
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("Rss:") if is_own => sum += words.next().unwrap().parse::<u64>().unwrap() * 1024,
            Some(word) if !word.ends_with(':') => is_own = line.ends_with(path),
            _ => {}
        }
    }
    sum
}

#[test]
fn what_start_read_is_given_back_and_imports_go_on() {
    let scratch = Scratch::new();
    let script = scratch.write("later.py", APPLICATION);
    let (case, dist) = (Case::any(), scratch.join("dist"));
    let build = Pack::build(case).args(&["--wsgi", "later:application", "--name", "later"]);
    let build = build.arg("--distpath").arg(&dist);
    build.cwd(script.parent().unwrap()).run().success();
    let program = Program::at(&dist, case);
    let size = fs::metadata(&program.path).unwrap().len();
    let server = Server::start(program.run(&[]));
    // The first start has read all of it.
    let deadline = Instant::now() + Duration::from_secs(20);
    let path = fs::canonicalize(&program.path).unwrap();
    let path = path.to_str().unwrap();
    while resident(server.id(), path) > size / 4 {
        assert!(
            Instant::now() < deadline,
            "{} of {size}",
            resident(server.id(), path)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    for _ in 0..2 {
        let text = server.get("/").expect(200).text();
        assert!(
            text.starts_with("later") && text.contains("wsgiref") && text.ends_with("[]"),
            "{text}"
        );
    }
    assert!(resident(server.id(), path) > 0);
    server.stop().success();
}
