//! Programs for Windows, packed here: what they do under Wine. Each test runs with every CPython that is there for it.

use crate::harness::{Outcome, Server, Wine, root, tool, tools};
use std::fs;
use std::io::{Read as _, Write as _};
use std::sync::OnceLock;

/// Runs `check` with a packed probe of each version.
fn on_each(check: impl Fn(&Wine, &str, (u8, u8))) {
    static PROBES: OnceLock<Vec<((u8, u8), String)>> = OnceLock::new();
    let Some(wine) = Wine::find() else { return };
    let probes = PROBES.get_or_init(|| {
        let versions = wine.pythons.iter().map(|(version, _)| *version);
        versions
            .map(|version| {
                (
                    version,
                    wine.packed(
                        "probe",
                        "probe.py",
                        version,
                        &["--app-id", "com.example.Probe"],
                    ),
                )
            })
            .collect()
    });
    for (version, probe) in probes {
        check(wine, probe, *version);
    }
}

fn passed(outcome: &Outcome) -> String {
    outcome.success();
    outcome.lines()
}

#[test]
fn windows_programs_know_where_they_are() {
    on_each(|wine, probe, (major, minor)| {
        let seen = passed(
            &wine
                .run(probe, &["facts", "one", "two words", "\u{e9} \"quoted\""])
                .run(),
        );
        let lines: Vec<&str> = seen.lines().collect();
        assert!(lines[0].starts_with("['one', 'two words', '"), "{seen}");
        assert!(lines[0].ends_with(" \"quoted\"']"), "{seen}");
        let own = wine.outside(probe);
        assert_eq!(lines[1], format!("True win32 {own} {own}"));
        let (file, meipass) = lines[2].split_once(' ').unwrap();
        assert_eq!(file, format!("{meipass}\\probe.py"));
        assert!(
            meipass.starts_with("C:\\users\\root\\AppData\\Local\\pack\\com.example.Probe-"),
            "{seen}"
        );
        assert_eq!(lines[3], "x86_64-pc-windows-gnu True 1");
        let json = format!("{meipass}\\lib\\python{major}.{minor}\\json\\__init__.py");
        assert!(lines[4].starts_with(&json), "{seen}");
        assert_eq!(lines[5], "0 []");
    });
}

#[test]
fn windows_programs_of_further_versions() {
    let Some(wine) = Wine::find() else { return };
    for (version, _) in &wine.further {
        let probe = wine.packed("further", "probe.py", *version, &[]);
        let seen = passed(&wine.run(&probe, &["facts", "one"]).run());
        let library = format!("\\lib\\python{}.{}\\json\\", version.0, version.1);
        assert!(
            seen.starts_with("['one']\nTrue win32 ") && seen.contains(&library),
            "{seen}"
        );
        let seen = passed(&wine.run(&probe, &["libraries"]).run());
        assert!(
            seen.starts_with("(42,)\nOpenSSL CERT_REQUIRED\nlater\n"),
            "{seen}"
        );
        let seen = passed(&wine.run(&probe, &["workers"]).run());
        assert!(seen.starts_with("[0, 1, 4, 9, 16]\nTrue\n0\n"), "{seen}");
        wine.run(&probe, &["exit", "7"]).run().code(7);
    }
}

#[test]
fn windows_programs_end_as_python_does() {
    on_each(|wine, probe, _| {
        wine.run(probe, &["exit", "7"]).run().code(7);
        wine.run(probe, &["words"])
            .run()
            .code(1)
            .stderr_has("for these reasons");
        let raised = wine.run(probe, &["raise"]).run();
        raised
            .code(1)
            .stderr_has("ValueError: no such luck")
            .stderr_has("    raise ValueError(\"no such luck\")");
        raised.stderr_has("probe.py\", line 12, in fail");
        let piped = wine.run(probe, &["stdin"]).stdin("two\nlines\n").run();
        assert_eq!(passed(&piped), "'two\\nlines\\n'\n");
    });
}

#[test]
fn windows_programs_import_extension_modules_and_their_libraries() {
    on_each(|wine, probe, _| {
        let seen = passed(&wine.run(probe, &["libraries"]).run());
        assert_eq!(
            seen,
            "(42,)\nOpenSSL CERT_REQUIRED\nlater\n2d711642 b'q' b'r'\n8 True\n\
             0.3 00000000-0000-0000-0000-000000000001 b\nb'over'\n"
        );
    });
}

#[test]
fn windows_programs_have_workers() {
    on_each(|wine, probe, _| {
        let seen = passed(&wine.run(probe, &["workers"]).run());
        assert_eq!(seen, "[0, 1, 4, 9, 16]\nTrue\n0\nb\"42 ['-c']\\r\\n\"\n");
    });
}

#[test]
fn windows_programs_unpack_once_wherever_they_are_told() {
    on_each(|wine, probe, (_, minor)| {
        let (folder, place) = wine.on_c(&format!("a place, \u{e9}t\u{e9} 3{minor}"));
        let start = |what: &str| wine.run(probe, &[what]).env("PACK_TMPDIR", &place).run();
        let first = passed(&start("facts"));
        assert!(
            first.contains(&format!("{place}\\pack\\com.example.Probe-")),
            "{first}"
        );
        let bundle = fs::read_dir(folder.join("pack"))
            .unwrap()
            .flatten()
            .find(|entry| entry.path().is_dir());
        let library = bundle.unwrap().path().join("lib/python3.dll");
        let written = || fs::metadata(&library).unwrap().modified().unwrap();
        let before = written();
        passed(&start("facts"));
        assert_eq!(written(), before, "a later start writes nothing");
        // A changed file is noticed, and put right.
        let whole = fs::read(&library).unwrap();
        fs::write(&library, b"damage").unwrap();
        passed(&start("facts"));
        assert_eq!(fs::read(&library).unwrap(), whole);
        fs::remove_dir_all(folder).unwrap();
    });
}

/// A process cannot remove the libraries that it has loaded: the next start does, and leaves those of running programs.
#[test]
fn a_windows_program_unpacked_for_each_run_is_removed_by_the_next_start() {
    let Some(wine) = Wine::find() else { return };
    for (version, _) in &wine.pythons {
        let program = wine.packed("each", "probe.py", *version, &["--unpack", "each"]);
        let (folder, place) = wine.on_c(&format!("each-3{}", version.1));
        let runs = || -> Vec<String> {
            let names = fs::read_dir(folder.join("pack")).unwrap().flatten();
            names
                .filter(|entry| entry.path().is_dir())
                .map(|entry| entry.file_name().into_string().unwrap())
                .collect()
        };
        let start = |arguments: &[&str]| wine.run(&program, arguments).env("PACK_TMPDIR", &place);
        let own = |seen: &str| {
            let name = seen.lines().nth(2).unwrap().rsplit('\\').next().unwrap();
            assert!(name.contains(".run-"), "{seen}");
            name.to_owned()
        };
        let first = own(&passed(&start(&["facts"]).run()));
        assert_eq!(runs(), [first.as_str()], "loaded libraries stay");
        let mut running = start(&["holds", &format!("{place}\\go-on")]).spawn();
        let held = running.line().trim().to_owned();
        assert_ne!(held, first);
        assert!(!runs().contains(&first), "{first} is still there");
        let last = own(&passed(&start(&["facts"]).run()));
        assert!(runs().contains(&held), "{held} is in use");
        fs::write(folder.join("go-on"), "").unwrap();
        running.finish().success();
        passed(&start(&["exit", "0"]).run());
        let left = runs();
        assert!(!left.contains(&held) && !left.contains(&last), "{left:?}");
        fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn first_starts_of_a_windows_program_at_once() {
    on_each(|wine, probe, (_, minor)| {
        let (folder, place) = wine.on_c(&format!("at-once-3{minor}"));
        let running: Vec<_> = (0..8)
            .map(|_| {
                wine.run(probe, &["libraries"])
                    .env("PACK_TMPDIR", &place)
                    .spawn()
            })
            .collect();
        for one in running {
            assert!(passed(&one.finish()).contains("(42,)"));
        }
        fs::remove_dir_all(folder).unwrap();
    });
}

#[test]
fn a_windows_program_under_another_name_in_another_place() {
    on_each(|wine, probe, _| {
        let name = "caf\u{e9} to go/my \u{e9}dition.exe";
        let copy = wine.inside(name);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(wine.inside(probe), &copy).unwrap();
        let seen = passed(&wine.run(name, &["facts"]).run());
        assert!(seen.contains("to go\\my "), "{seen}");
        assert!(seen.contains("dition.exe"), "{seen}");
        fs::remove_file(copy).unwrap();
    });
}

#[test]
fn a_damaged_windows_program_says_so() {
    on_each(|wine, probe, _| {
        let bytes = fs::read(wine.inside(probe)).unwrap();
        let name = format!("damaged-{probe}");
        fs::write(wine.inside(&name), &bytes[..bytes.len() * 9 / 10]).unwrap();
        wine.run(&name, &["facts"])
            .run()
            .code(101)
            .stderr_has("hint: ");
        let mut flipped = bytes;
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        fs::write(wine.inside(&name), &flipped).unwrap();
        wine.run(&name, &["facts"])
            .run()
            .code(101)
            .stderr_has("hint: ");
        fs::remove_file(wine.inside(&name)).unwrap();
    });
}

#[test]
fn a_windows_program_with_wheels() {
    on_each(|wine, _, version| {
        let site = wine.site_packages(version);
        let options = ["--site-packages", site.to_str().unwrap()];
        let program = wine.packed("wheels", "wheels.py", version, &options);
        let seen = passed(&wine.run(&program, &[]).run());
        let lines: Vec<&str> = seen.lines().collect();
        assert!(lines[0].starts_with("&lt;&amp;&gt; 3.0."), "{seen}");
        assert_eq!(
            lines[1],
            format!("_speedups.cp3{}-win_amd64.pyd", version.1)
        );
        assert_eq!(lines[2..], ["True", "True", "8.0 1.0", "root"]);
    });
}

/// What branding and signing change lies before and behind the payload, which has to be found all the same.
#[test]
fn a_signed_windows_program_with_an_icon_starts() {
    let Some([_, openssl]) = tools(["osslsigncode", "openssl"]) else {
        return;
    };
    on_each(|wine, _, version| {
        let [icon, key, certificate] = ["icon.svg", "key.pem", "certificate.pem"].map(|name| {
            let path = wine.inside(name);
            path.into_os_string().into_string().unwrap()
        });
        let drawing = r##"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path fill="#c00" d="M0 0h9v9z"/></svg>"##;
        fs::write(&icon, drawing).unwrap();
        let new = [
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=Makers",
        ];
        let of_code = [
            "-addext",
            "extendedKeyUsage=codeSigning",
            "-keyout",
            &key,
            "-out",
            &certificate,
        ];
        tool(&openssl, new.iter().chain(&of_code));
        let options = [
            "--icon",
            &icon,
            "--sign",
            &certificate,
            "--sign-key",
            &key,
            "--app-id",
            "com.example.Signed",
        ];
        let program = wine.packed("signed", "probe.py", version, &options);
        for _ in 0..2 {
            let seen = passed(&wine.run(&program, &["facts"]).run());
            assert!(seen.contains("com.example.Signed-"), "{seen}");
        }
    });
}

/// Started as the desktop starts it: Wine hands its own streams to what is started otherwise.
#[test]
fn a_windows_program_without_a_console_keeps_a_log_and_shows_its_error() {
    on_each(|wine, probe, version| {
        let id = format!("com.example.Windowed3{}", version.1);
        let program = wine.packed(
            "windowed",
            "windowed.py",
            version,
            &["--windowed", "--app-id", &id],
        );
        let path = wine.outside(&program);
        let log = wine
            .local_data()
            .join(&id)
            .join(program.replace(".exe", ".log"));
        fs::remove_file(&log).ok();
        let start = |arguments: &[&str]| {
            let outcome = wine
                .run(probe, &[&["starts", path.as_str()], arguments].concat())
                .run();
            passed(&outcome)
        };
        assert_eq!(start(&[]), "status 0\n");
        let written = fs::read_to_string(&log).unwrap().replace("\r\n", "\n");
        let name = log.file_name().unwrap().to_string_lossy();
        let shown = format!("C:\\users\\root\\AppData\\Local\\{id}\\{name}");
        assert_eq!(written, format!("printed\ncomplained\nTrue {shown}\n"));
        let failed = start(&["fail"]);
        for words in [
            "Traceback (most recent call last):",
            "ValueError: no such luck",
            &shown,
            "status 1",
        ] {
            let log = fs::read_to_string(&log).unwrap_or_default();
            assert!(
                failed.contains(words),
                "{words} is not in {failed}; the log: {log}"
            );
        }
        assert!(
            fs::read_to_string(&log)
                .unwrap()
                .contains("ValueError: no such luck")
        );
        fs::remove_dir_all(log.parent().unwrap()).unwrap();
    });
}

#[test]
fn a_windows_program_keeps_its_traceback_to_its_log_where_it_is_told_to() {
    on_each(|wine, probe, version| {
        let id = format!("com.example.Discreet3{}", version.1);
        let options = [
            "--windowed",
            "--disable-windowed-traceback",
            "--app-id",
            &id,
        ];
        let program = wine.packed("discreet", "windowed.py", version, &options);
        let path = wine.outside(&program);
        let folder = wine.local_data().join(&id);
        let outcome = wine.run(probe, &["starts", &path, "fail"]).run();
        let shown = passed(&outcome);
        assert!(shown.contains("ended because of an error"), "{shown}");
        assert!(shown.contains(&id) && shown.contains("status 1"), "{shown}");
        assert!(!shown.contains("ValueError"), "{shown}");
        let log = fs::read_to_string(folder.join(program.replace(".exe", ".log"))).unwrap();
        assert!(log.contains("ValueError: no such luck"), "{log}");
        fs::remove_dir_all(folder).unwrap();
    });
}

/// Wine answers no question for the id, but says that it was set, and which libraries are loaded when.
#[test]
fn the_application_id_is_set_before_python_is_loaded() {
    on_each(|wine, probe, (_, minor)| {
        let traced = wine
            .run(probe, &["exit", "0"])
            .env("WINEDEBUG", "fixme-all,fixme+shcore,trace+loaddll");
        let outcome = traced.run();
        outcome.success();
        let log = outcome.stderr_text();
        let set = log
            .find("SetCurrentProcessExplicitAppUserModelID")
            .unwrap_or_else(|| outcome.fail("no id was set"));
        assert!(
            log[set..]
                .lines()
                .next()
                .unwrap()
                .contains("com.example.Probe"),
            "{log}"
        );
        let python = log
            .find(&format!("python3{minor}.dll"))
            .unwrap_or_else(|| outcome.fail("no Python was loaded"));
        assert!(set < python, "{log}");
    });
}

/// Runs `check` with a server of each version in a console of its own, and the file in which orders for that are written.
pub(super) fn served(name: &str, options: &[&str], check: impl Fn(&Wine, Server, &dyn Fn(&str))) {
    static SHOPS: OnceLock<Vec<(String, String)>> = OnceLock::new();
    let Some(wine) = Wine::find() else { return };
    let shops = SHOPS.get_or_init(|| {
        let both = wine.pythons.iter().map(|(version, _)| {
            let site = wine.site_packages(*version);
            let site = ["--site-packages", site.to_str().unwrap()];
            let shop = wine.packed("shop", "shop", *version, &site);
            (shop, wine.packed("console", "console.py", *version, &[]))
        });
        both.collect()
    });
    for (shop, console) in shops {
        let orders = format!("{name}-{shop}.orders");
        let file = wine.inside(&orders);
        fs::write(&file, "").unwrap();
        let arguments = [&[orders.as_str(), shop], options].concat();
        let server = Server::start(wine.run(console, &arguments));
        check(wine, server, &|order| {
            fs::write(&file, format!("{order}\n")).unwrap();
        });
    }
}

#[test]
fn a_windows_server_serves_flask() {
    served("serves", &[], |_, server, order| {
        let mut connection = server.connect();
        for _ in 0..3 {
            let hello = connection.get("/").expect(200);
            assert!(hello.text().starts_with("hello from "), "{}", hello.text());
        }
        let body: Vec<u8> = (0..=u8::MAX).cycle().take(300_000).collect();
        let echoed = connection.post("/echo", "application/octet-stream", &body);
        assert_eq!(echoed.expect(200).body, body);
        let echoed = connection.post_chunked("/echo", &body);
        assert_eq!(echoed.expect(200).body, body);
        let large = connection.get("/large?blocks=100").expect(200);
        let block: Vec<u8> = (0..=u8::MAX).cycle().take(65_536).collect();
        assert!(large.body.len() == 6_553_600 && large.body.chunks(65_536).all(|it| it == block));
        let source = fs::read(root().join("tests/programs/windows/shop/shop.py")).unwrap();
        assert_eq!(connection.get("/source").expect(200).body, source);
        let environ = connection.get("/environ").expect(200).text();
        for line in [
            "SERVER_PROTOCOL HTTP/1.1",
            "REMOTE_ADDR 127.0.0.1",
            "wsgi.multithread True",
            "wsgi.multiprocess False",
        ] {
            assert!(environ.contains(line), "{environ}");
        }
        let style = connection.get("/static/site.css").expect(200);
        assert_eq!(style.text(), "body { color: #333 }\n");
        for other in [
            ".hidden",
            "SITE.CSS",
            "site.css.",
            "site.css%20",
            "site.css::$DATA",
            "SITE~1.CSS",
            "..%5cshop.py",
            "con",
            "",
        ] {
            connection.get(&format!("/static/{other}")).expect(404);
        }
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut connection = server.connect();
                    for _ in 0..25 {
                        connection.get("/").expect(200);
                    }
                });
            }
        });
        stops(server, &|| order("ctrl-c"));
    });
}

#[test]
fn a_windows_server_stops_when_its_console_is_closed() {
    served("closed", &[], |_, server, order| {
        stops(server, &|| order("close"));
    });
}

/// A worker that dies is replaced, and all workers stop as one server does.
#[test]
fn a_windows_server_with_several_processes() {
    served("several", &["--processes", "2"], |_, server, order| {
        let worker = || server.get("/").expect(200).text();
        let first = worker();
        let environ = server.get("/environ").expect(200).text();
        assert!(environ.contains("wsgi.multiprocess True"), "{environ}");
        // The worker that takes this one ends without an answer; others take what comes meanwhile.
        let mut seen = std::collections::BTreeSet::from([first]);
        while seen.len() < 3 {
            let mut dying = std::net::TcpStream::connect(server.address).unwrap();
            dying
                .write_all(b"GET /die HTTP/1.1\r\nHost: test\r\n\r\n")
                .unwrap();
            dying.read_to_end(&mut Vec::new()).ok();
            seen.insert(worker());
        }
        // The supervisor looks ten times a second, and a death that it sees when it stops is one that it tells of by its status.
        std::thread::sleep(std::time::Duration::from_secs(1));
        stops(server, &|| order("ctrl-c"));
    });
}

/// The workers end with a supervisor that is killed: nobody listens any more.
#[test]
fn workers_of_a_windows_server_end_with_it() {
    served("orphans", &["--processes", "2"], |_, server, order| {
        server.get("/").expect(200);
        order("kill");
        let address = server.address;
        server.finish().success();
        let begun = std::time::Instant::now();
        while std::net::TcpStream::connect(address).is_ok() {
            assert!(begun.elapsed().as_secs() < 60, "a worker is left");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    });
}

/// A request under way is finished, and who connects afterwards is refused.
pub(super) fn stops(server: Server, stop: &dyn Fn()) {
    let mut slow = server.connect();
    slow.send("GET", "/slow?seconds=2", &[], b"");
    // Answered after the other has begun: both were read by then.
    server.get("/").expect(200);
    stop();
    assert_eq!(slow.answer().expect(200).text(), "done");
    let address = server.address;
    ended(server).stderr_has("stopping: no new connections; requests under way are finished");
    assert!(std::net::TcpStream::connect(address).is_err());
}

/// What came of a server that ended well, as the console that it had tells.
pub(super) fn ended(server: Server) -> Outcome {
    let outcome = server.finish();
    outcome.success();
    assert!(
        outcome.lines().contains("status 0\n"),
        "{}",
        outcome.lines()
    );
    outcome
}
