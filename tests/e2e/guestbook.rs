//! samples/guestbook as its users meet it: a Flask site over HTTP, and the command beside it.

use crate::harness::{Answer, Case, Program, Run, Scratch, Server, root};
use std::fs;
use std::time::{Duration, Instant};

on_every_python!(both: pages, large_bodies, failing_request, stop_during_a_slow_request; onefile: keep_alive, second_command, user_data, shown_in_a_browser);

fn guestbook(case: &Case) -> &'static Program {
    Program::packed("samples/guestbook", &[], *case)
}

fn expected(name: &str) -> String {
    fs::read_to_string(root().join("samples/guestbook/expected").join(name)).unwrap()
}

const ADA: &str = "name=Ada&message=I+was+here+%3Cfirst%3E+%26+%C3%A9t%C3%A9";

fn pages(case: &Case) {
    let data = Scratch::new();
    let server = Server::guestbook(guestbook(case), data.path());
    let empty = server.get("/").expect(200);
    assert_eq!(
        empty.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(empty.text(), expected("empty.html"));

    let signed = server.connect().post_form("/sign", ADA).expect(303);
    assert_eq!(signed.header("location"), Some("/"));
    assert_eq!(server.get("/").expect(200).text(), expected("signed.html"));
    server
        .connect()
        .post_form("/sign", "name=&message=")
        .expect(400);
    assert_eq!(
        server.get("/nowhere").expect(404).text(),
        expected("404.html")
    );

    let style = server.get("/static/guestbook.css").expect(200);
    assert_eq!(
        style.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    let sample = root().join("samples/guestbook/guestbook/static");
    assert_eq!(style.body, fs::read(sample.join("guestbook.css")).unwrap());
    assert_eq!(
        server.get("/static/quill.png").expect(200).body,
        fs::read(sample.join("quill.png")).unwrap()
    );

    let mut head = server.connect();
    head.send("HEAD", "/", &[("Connection", "close")], b"");
    let headers = head.headers_only();
    assert_eq!(headers.status, 200);
    assert_eq!(
        headers.header("content-length"),
        Some(server.get("/").body.len().to_string().as_str())
    );

    server.stop().success();

    // What was written stays.
    let server = Server::guestbook(guestbook(case), data.path());
    assert_eq!(server.get("/").expect(200).text(), expected("signed.html"));
    server.stop().success();
}

fn large_bodies(case: &Case) {
    let data = Scratch::new();
    let server = Server::guestbook(guestbook(case), data.path());
    let body: Vec<u8> = (0..10 * 1024 * 1024_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let check = |answer: Answer| {
        let told: serde_json::Value = serde_json::from_slice(&answer.expect(200).body).unwrap();
        assert_eq!(told["bytes"], body.len());
        assert_eq!(told["sha256"], sha256(&body));
    };
    check(
        server
            .connect()
            .post("/check/upload", "application/octet-stream", &body),
    );
    check(server.connect().post_chunked("/check/upload", &body));

    let download = server.get("/check/download/50").expect(200);
    assert_eq!(download.body.len(), 50 << 20);
    let right = download
        .body
        .chunks(1 << 20)
        .enumerate()
        .all(|(n, piece)| piece.iter().all(|&byte| byte == n as u8));
    assert!(right, "the pieces are not those that were sent");

    // A reader that goes away in the middle does no harm.
    let mut gone = server.connect();
    gone.send("GET", "/check/download/50", &[], b"");
    std::thread::sleep(Duration::from_millis(50));
    drop(gone);
    server.get("/").expect(200);
    server.stop().success();
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn failing_request(case: &Case) {
    let data = Scratch::new();
    let server = Server::guestbook(guestbook(case), data.path());
    let mut connection = server.connect();
    let answer = connection.get("/check/error").expect(500);
    assert!(!answer.text().contains("Traceback"), "{}", answer.text());
    connection.get("/").expect(200);
    drop(connection);
    let outcome = server.stop();
    outcome.success();
    outcome.stderr_has("Traceback (most recent call last):");
    outcome
        .stderr_has("guestbook/checks.py\", line ")
        .stderr_has("return part / whole");
    outcome.stderr_has("ZeroDivisionError: division by zero");
}

/// 200 requests over 8 connections, all open for the whole time.
fn keep_alive(case: &Case) {
    let data = Scratch::new();
    let server = Server::guestbook(guestbook(case), data.path());
    let page = server.get("/").expect(200).text();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut connection = server.connect();
                for number in 0..25 {
                    match number % 5 {
                        0 => drop(connection.get("/static/guestbook.css").expect(200)),
                        1 => drop(connection.get("/nowhere").expect(404)),
                        2 => drop(
                            connection
                                .post("/check/upload", "application/octet-stream", &[7; 10_000])
                                .expect(200),
                        ),
                        _ => assert_eq!(connection.get("/").expect(200).text(), page),
                    }
                }
            });
        }
    });
    let outcome = server.stop();
    outcome.success();
    // The access log has a line for each.
    let lines = outcome
        .stderr_text()
        .lines()
        .filter(|line| line.contains("/nowhere") && line.contains("404"))
        .count();
    if lines != 40 {
        outcome.fail(&format!(
            "expected 40 lines for /nowhere in the access log, found {lines}"
        ));
    }
}

/// The request under way is answered whole, new ones are not taken, and the program ends with 0.
fn stop_during_a_slow_request(case: &Case) {
    for signal in ["TERM", "INT"] {
        let data = Scratch::new();
        let server = Server::guestbook(guestbook(case), data.path());
        let mut idle = server.connect();
        idle.get("/").expect(200);
        let mut slow = server.connect();
        slow.send("GET", "/check/slow/1.5", &[], b"");
        std::thread::sleep(Duration::from_millis(400));
        let begin = Instant::now();
        server.signal(signal);
        let answer = slow.answer().expect(200);
        assert_eq!(answer.text(), "done\n");
        assert!(
            begin.elapsed() > Duration::from_millis(500),
            "the request was over before the signal came"
        );
        let outcome = server.finish();
        outcome.success();
        assert!(
            begin.elapsed() < Duration::from_secs(8),
            "it took {:?} to stop",
            begin.elapsed()
        );
    }
}

fn second_command(case: &Case) {
    let data = Scratch::new();
    let program = guestbook(case);
    let manage = |arguments: &[&str]| {
        program
            .run(&["manage"])
            .args(arguments)
            .env("GUESTBOOK_DATA", data.path())
            .run()
    };
    manage(&["list"]).success().stdout_is("");
    let server = Server::guestbook(program, data.path());
    server.connect().post_form("/sign", ADA).expect(303);
    manage(&["list"]).success().stdout_is(&expected("list.txt"));
    manage(&["clear"]).success().stdout_is("removed 1\n");
    assert_eq!(server.get("/").expect(200).text(), expected("empty.html"));
    server.stop().success();
    manage(&["nonsense"]).code(2).stderr_has("invalid choice");
}

/// The database is in the user's folder, not beside the program nor where that unpacks.
fn user_data(case: &Case) {
    let scratch = Scratch::new();
    let program = guestbook(case);
    let list = |name: &str, folder: &str| {
        program
            .run(&["manage", "list"])
            .env(name, scratch.join(folder))
            .run()
            .success()
            .stdout_is("");
    };
    fs::create_dir(scratch.join("home")).unwrap();
    list("HOME", "home");
    assert!(
        scratch
            .join("home/.local/share/guestbook/guestbook.sqlite3")
            .is_file()
    );
    list("XDG_DATA_HOME", "share");
    assert!(scratch.join("share/guestbook/guestbook.sqlite3").is_file());
}

/// The site is shown by what the user's system has for that; nothing there is no reason not to serve.
fn shown_in_a_browser(case: &Case) {
    let (data, tools) = (Scratch::new(), Scratch::new());
    let shown = tools.path().join("shown");
    let opener = tools.path().join("xdg-open");
    let script = format!(
        "#!/bin/sh\necho \"$@\" > {0}.new && /bin/mv {0}.new {0}\n",
        shown.display()
    );
    fs::write(&opener, script).unwrap();
    fs::set_permissions(&opener, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let program = Program::packed("samples/guestbook", &[], *case);
    let start = |options: &[&str]| {
        let run = program.run(options).env("PATH", tools.path());
        Server::start(run.env("GUESTBOOK_DATA", data.path()))
    };
    for options in [&["--open"] as &[&str], &["--open", "--processes", "2"]] {
        let server = start(options);
        let begun = Instant::now();
        while !shown.exists() && begun.elapsed().as_secs() < 60 {
            std::thread::sleep(Duration::from_millis(10));
        }
        let url = fs::read_to_string(&shown).unwrap();
        assert_eq!(url, format!("http://{}/\n", server.address));
        fs::remove_file(&shown).unwrap();
        server.stop().success();
    }
    fs::remove_file(&opener).unwrap();
    let server = start(&["--open"]);
    server.get("/").expect(200);
    let outcome = server.stop();
    outcome
        .success()
        .stderr_has("warning: no browser could be started (`xdg-open`: ");
}

/// A service manager takes `READY=1` of a service with `Type=notify` from the process that it started alone.
const MANAGER: &str = "\
import os, socket, struct, subprocess, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = f'pack-test-{os.getpid()}'
manager.bind('\\0' + name)
manager.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
manager.settimeout(40)
environment = dict(os.environ, NOTIFY_SOCKET='@' + name)
service = subprocess.Popen(sys.argv[1:], env=environment)
def told():
    text, [(_, kind, data)], _, _ = manager.recvmsg(99, 99)
    assert kind == socket.SCM_CREDENTIALS
    return text.decode(), struct.unpack('3i', data)[0] == service.pid
try:
    ready = told()
    service.terminate()
    print(*ready, *told(), service.wait())
finally:
    service.kill()
";

#[test]
fn a_service_manager_is_told_by_the_very_process() {
    let data = Scratch::new();
    Run::new(&Case::any().python.base)
        .args(&["-I", "-c", MANAGER])
        .arg(&guestbook(&Case::any()).path)
        .args(&["--bind", "127.0.0.1:0"])
        .env("GUESTBOOK_DATA", data.path())
        .env("TMPDIR", data.path())
        .cwd(data.path())
        .run()
        .success()
        .stdout_is("READY=1 True STOPPING=1 True 0\n");
}
