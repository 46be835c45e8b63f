//! `pack serve` and `pack run`: applications that are not packed, in the Python of their environment.

use crate::harness::{Case, Pack, Python, Run, Scratch, Server, pythons};
use std::fs;

/// Says what it sees of its surroundings.
const SITE: &str = r#"
import os, sys

import neighbour

def app(environ, start_response):
    facts = [sys.version.split()[0], os.getcwd(), str(os.environ.get("PACK_SERVE")), repr(sys.argv), neighbour.NAME,
             str(getattr(sys, "frozen", False)), sys.prefix, environ["PATH_INFO"], environ["SERVER_SOFTWARE"].split("/")[0]]
    body = "\n".join(facts).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]

def create():
    return app

not_callable = 3
"#;

fn site() -> Scratch {
    let scratch = Scratch::new();
    fs::write(scratch.join("site_of_test.py"), SITE).unwrap();
    fs::write(scratch.join("neighbour.py"), "NAME = 'beside'\n").unwrap();
    scratch
}

fn serve(scratch: &Scratch, python: &Python, arguments: &[&str]) -> Run {
    let run = Pack::run(&["serve"]).args(arguments).arg("--python");
    run.arg(python.with_flask()).cwd(scratch.path())
}

/// The oldest and the newest here.
fn both(test: impl Fn(&'static Python)) {
    let all = pythons();
    for python in [&all[0], &all[all.len() - 1]] {
        test(python);
    }
}

#[test]
fn the_unpacked_application_is_served() {
    both(|python| {
        let scratch = site();
        for name in ["site_of_test:app", "site_of_test:create()"] {
            let server = Server::start(serve(&scratch, python, &[name, "--threads", "2"]));
            let told = server.get("/caf%C3%A9").expect(200).text();
            let told: Vec<&str> = told.lines().collect();
            assert!(told[0].starts_with(&python.name()), "{told:?}");
            assert_eq!(told[1], scratch.path().to_str().unwrap());
            assert_eq!(told[2..6], ["None", "['site_of_test']", "beside", "False"]);
            let environment = python.with_flask().parent().and_then(|bin| bin.parent());
            assert_eq!(told[6], environment.unwrap().to_str().unwrap());
            assert_eq!(told[8], "pack");
            let outcome = server.stop();
            outcome.success().stderr_has("2 threads");
            outcome.stderr_has("GET /caf%C3%A9 HTTP/1.1");
        }
    });
}

#[test]
fn settings_of_the_project_hold() {
    let scratch = site();
    fs::write(
        scratch.join("pack.toml"),
        "[app]\nname = \"shop\"\n[wsgi]\napp = \"site_of_test:app\"\nthreads = 3\naccess-log = false\n[commands]\nsay = \"say.py\"\n",
    )
    .unwrap();
    fs::write(
        scratch.join("say.py"),
        "import sys\nprint(sys.argv[1:])\nsys.exit(7)\n",
    )
    .unwrap();
    let python = Case::any().python;
    for run in [
        serve(&scratch, python, &[]),
        Pack::run(&["run", "--python"])
            .arg(python.with_flask())
            .arg(".")
            .cwd(scratch.path()),
    ] {
        let server = Server::start(run);
        assert!(server.get("/").expect(200).text().contains("['shop']"));
        let outcome = server.stop();
        outcome.success().stderr_has("3 threads");
        assert!(!outcome.stderr_text().contains("GET /"), "{outcome:?}");
    }
    Pack::run(&["run", "--python"])
        .arg(python.with_flask())
        .args(&[".", "say", "--bind", "x"])
        .cwd(scratch.path())
        .run()
        .code(7)
        .stdout_is("['--bind', 'x']\n");
    Pack::run(&["run", "--python"])
        .arg(python.with_flask())
        .args(&[".", "--thread", "3"])
        .cwd(scratch.path())
        .run()
        .refused(2, &["--thread", "--threads"]);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let scratch = site();
    fs::write(
        scratch.join("slow.py"),
        "import time\ndef app(environ, start_response):\n    open('began', 'w').close()\n    time.sleep(60)\n",
    )
    .unwrap();
    let python = Case::any().python;
    let server = Server::start(serve(&scratch, python, &["slow:app"]));
    let mut client = server.connect();
    client.send("GET", "/", &[], b"");
    while !scratch.join("began").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    server.signal("INT");
    while !server_is_stopping(&server) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    server.signal("INT");
    server.finish().code(130);
}

/// It accepts no more.
fn server_is_stopping(server: &Server) -> bool {
    std::net::TcpStream::connect(server.address).is_err()
}

#[test]
fn what_is_missing_is_named() {
    both(|python| {
        let scratch = site();
        let check = |arguments: &[&str], code, words: &[&str]| {
            let outcome = serve(&scratch, python, arguments).run();
            outcome.refused(code, words);
            if outcome.stderr_text().contains("importlib") {
                outcome.fail("our own frames are shown");
            }
        };
        check(&["nowhere:app"], 1, &["no module `nowhere`", "--paths"]);
        check(
            &["site_of_test:ap"],
            1,
            &["`site_of_test` has no `ap`", "did you mean `app`?"],
        );
        check(&["site_of_test:not_callable"], 1, &["cannot be called"]);
        check(&["site_of_test"], 2, &["MODULE:CALLABLE"]);
        check(&[], 1, &["says what to serve", "pack serve"]);
        fs::write(scratch.join("broken.py"), "import absent\n").unwrap();
        check(&["broken:app"], 1, &["line 1, in <module>", "'absent'"]);
    });
    let scratch = site();
    Pack::run(&["serve", "site_of_test:app", "--python", "/nowhere/python"])
        .cwd(scratch.path())
        .run()
        .refused(2, &["/nowhere/python", "--python"]);
    Pack::run(&["serve", "site_of_test:app", "--python", "/bin/false"])
        .cwd(scratch.path())
        .run()
        .code(1);
    Pack::run(&["serve", "site_of_test:app"])
        .arg("--python")
        .arg(Case::any().python.with_flask())
        .env("PACK_KITS", "/nowhere")
        .cwd(scratch.path())
        .run()
        .refused(1, &["no kit", "cargo xtask kits"]);
}

#[test]
fn scripts_modules_and_functions_run() {
    both(|python| {
        let scratch = Scratch::new();
        fs::write(
            scratch.join("tool.py"),
            "import sys\ndef main():\n    print(__name__, sys.argv[1:])\n    return 5\nif __name__ == '__main__':\n    sys.exit(main())\n",
        )
        .unwrap();
        let run = |entry: &str, target: &str| {
            if !entry.is_empty() {
                let text = format!("[app]\nentry = \"{entry}\"\n");
                fs::write(scratch.join("pack.toml"), text).unwrap();
            }
            Pack::run(&["run", "--python"])
                .arg(python.with_flask())
                .args(&[target, "--name", "é", "-q"])
                .cwd(scratch.path())
                .run()
        };
        let said = |name: &str| format!("{name} ['--name', 'é', '-q']\n");
        run("", "tool.py").code(5).stdout_is(&said("__main__"));
        run("tool", ".").code(5).stdout_is(&said("__main__"));
        run("tool:main", ".").code(5).stdout_is(&said("tool"));
    });
}

#[test]
fn a_kit_inside_pack_serves() {
    let Some(dist) = super::dist::dist() else {
        return;
    };
    let scratch = site();
    let run = Run::new(dist)
        .args(&["serve", "site_of_test:app", "--python"])
        .arg(Case::any().python.with_flask())
        .env("PATH", "/usr/bin:/bin")
        .cwd(scratch.path());
    let server = Server::start(run);
    server.get("/").expect(200);
    server.stop().success();
}

/// Packed, and not.
#[test]
fn static_files_need_no_application() {
    let scratch = site();
    fs::create_dir_all(scratch.join("assets/css")).unwrap();
    fs::write(scratch.join("assets/css/a.css"), "body {}\n").unwrap();
    fs::write(
        scratch.join("pack.toml"),
        "[app]\nname = \"shop\"\n[wsgi]\napp = \"site_of_test:app\"\n[wsgi.static]\n\"/static\" = \"assets\"\n",
    )
    .unwrap();
    let case = Case::any();
    Pack::build(case).cwd(scratch.path()).run().success();
    let packed = Run::new(scratch.join("dist/shop")).env("TMPDIR", scratch.path());
    for run in [packed, serve(&scratch, case.python, &[])] {
        let server = Server::start(run);
        let style = server.get("/static/css/a.css").expect(200);
        assert_eq!(style.text(), "body {}\n");
        assert_eq!(
            style.header("content-type"),
            Some("text/css; charset=utf-8")
        );
        server.get("/static/css/none").expect(404);
        server.get("/static/%2e%2e/site_of_test.py").expect(404);
        assert!(server.get("/css/a.css").text().contains("/css/a.css"));
        server.stop().success();
    }
    let arguments = [
        "site_of_test:app",
        "--static",
        "/=assets",
        "--static-max-age",
        "5",
    ];
    let server = Server::start(serve(&scratch, case.python, &arguments));
    let style = server.get("/css/a.css").expect(200);
    assert_eq!(style.header("cache-control"), Some("public, max-age=5"));
    assert!(
        server
            .get("/static/a")
            .expect(200)
            .text()
            .contains("beside")
    );
    server.stop().success();
    serve(&scratch, case.python, &["--static", "assets"])
        .run()
        .refused(2, &["--static", "PREFIX=FOLDER"]);
    serve(&scratch, case.python, &["--static", "/a=none"])
        .run()
        .refused(2, &["--static", "none"]);
}

#[test]
fn the_application_asks_the_server_and_the_kit_stays_as_it_is() {
    both(|python| {
        let scratch = Scratch::new();
        let site = "import pack_runtime\n\ndef app(environ, start_response):\n    \
                    body = repr(sorted(pack_runtime.metrics())).encode()\n    \
                    start_response('200 OK', [('Content-Length', str(len(body)))])\n    return [body]\n";
        fs::write(scratch.join("asking.py"), site).unwrap();
        let server = Server::start(serve(&scratch, python, &["asking:app"]));
        assert!(server.get("/").expect(200).text().contains("interpreters"));
        server.stop().success();
    });
    for kit in fs::read_dir(Pack::kits()).unwrap() {
        let modules = kit.unwrap().path().join("python/pack_runtime");
        assert!(
            !modules.join("__pycache__").exists(),
            "{}",
            modules.display()
        );
    }
}

#[test]
fn processes_and_interpreters() {
    let scratch = site();
    let python = Case::any().python;
    let name = "site_of_test:app";
    let server = Server::start(serve(&scratch, python, &[name, "--processes", "2"]));
    server.get("/").expect(200);
    server.stop().success();
    if python.version >= (3, 12) {
        let arguments = [name, "--gil", "per-interpreter", "--interpreters", "2"];
        let server = Server::start(serve(&scratch, python, &arguments));
        assert!(server.get("/").expect(200).text().contains("beside"));
        server.stop().success();
    }
}

/// Starts its arguments where `memfd_create` is refused, as sandboxes and old kernels do.
const WITHOUT_MEMFD: &str = "\
import ctypes, os, struct, sys
number = {'x86_64': 319, 'aarch64': 279}[os.uname().machine]
load, equal, end = 0x20, 0x15, 0x06
rules = [(load, 0, 0, 0), (equal, 0, 1, number), (end, 0, 0, 0x50000 | 38), (end, 0, 0, 0x7fff0000)]
filter = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *rule) for rule in rules))
program = ctypes.create_string_buffer(struct.pack('HxxxxxxP', len(rules), ctypes.addressof(filter)))
word = ctypes.c_ulong
prctl = ctypes.CDLL(None).prctl
assert prctl(38, word(1), word(0), word(0), word(0)) == 0
assert prctl(22, word(2), program, word(0), word(0)) == 0
os.execv(sys.argv[1], sys.argv[1:])
";

#[test]
fn no_file_in_memory_is_needed() {
    let scratch = site();
    let python = Case::any().python;
    let run = Run::new(&python.base)
        .args(&["-I", "-c", WITHOUT_MEMFD])
        .command_of(serve(&scratch, python, &["site_of_test:app"]))
        .cwd(scratch.path());
    let server = Server::start(run);
    server.get("/").expect(200);
    server.stop().success();
}
