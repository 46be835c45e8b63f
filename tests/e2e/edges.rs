//! Odd surroundings, and what a process owes to those who started it: each as under `python`.

use crate::harness::{Case, Program, Python, Run, Scratch, Server, arena, bytes, root};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

on_every_python!(onefile: standard_streams_are_those_of_python, one_process_of_its_own, restarts);

/// `python edges.py`, isolated as packed programs are.
fn python(python: &Python) -> Run {
    Run::new(&python.base)
        .arg("-I")
        .arg(root().join("tests/programs/edges/edges.py"))
}

fn edges() -> Run {
    Case::any().edges().run(&[] as &[&str])
}

/// `sh -c 'SCRIPT; exec "$@"' sh COMMAND…`
fn after(script: &str, command: Run) -> Run {
    Run::new("/bin/sh")
        .args(&["-c", &format!("{script}; exec \"$@\""), "sh"])
        .command_of(command)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A missing stream is missing, and no file that we open takes its number.
fn standard_streams_are_those_of_python(case: &Case) {
    let scratch = Scratch::new();
    let out = scratch.join("out");
    let seen = |run: Run, close: &str| -> Value {
        let run = run.arg("streams").env("OUT", &out);
        after(&format!("exec {close}"), run).run().success();
        serde_json::from_slice(&fs::read(&out).unwrap()).unwrap()
    };
    for close in [
        "<&-",
        ">&-",
        "2>&-",
        "<&- >&-",
        "<&- 2>&-",
        ">&- 2>&-",
        "<&- >&- 2>&-",
    ] {
        let temporary = scratch.join("tmp");
        fs::create_dir(&temporary).unwrap();
        let expected = seen(python(case.python), close);
        for start in ["first", "later"] {
            let packed = case.edges().run(&[] as &[&str]).env("TMPDIR", &temporary);
            assert_eq!(seen(packed, close), expected, "{start} start, {close}");
        }
        fs::remove_dir_all(&temporary).unwrap();
    }
}

/// Signals, name, control group and children are those of the program alone.
fn one_process_of_its_own(case: &Case) {
    case.edges().run(&["facts"]).run().success();
    for script in ["true", "trap '' FPE SEGV USR1 RTMAX"] {
        let seen = |run: Run| after(script, run.arg("process")).run().json();
        let packed = seen(case.edges().run(&[] as &[&str]));
        let plain = seen(python(case.python));
        assert_eq!(packed["name"], json!("edges"));
        assert_eq!(packed["children"], json!([]));
        for fact in ["signals", "cgroup", "threads"] {
            assert_eq!(packed[fact], plain[fact], "{script}: {fact}");
        }
    }
}

fn restarts(case: &Case) {
    let facts = case.edges().run(&["restart", "3"]).run().json();
    assert_eq!(
        facts["executable"],
        json!(hexadecimal(
            case.edges().path.as_os_str().as_encoded_bytes()
        ))
    );
    let names = facts["environment"].as_array().unwrap();
    let foreign: Vec<_> = names
        .iter()
        .filter(|name| !["TMPDIR", "LC_CTYPE"].contains(&name.as_str().unwrap()))
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}

/// A root folder with the C library and nothing else: no /proc, no /dev, no /etc/passwd.
const BARE_ROOT: &str = r#"
    set -e
    program=$1; shift
    mount -t tmpfs none /mnt
    mkdir -p /mnt/tmp /mnt/app
    cp "$program" /mnt/app/edges
    for library in /lib64/ld-linux-x86-64.so.2 $(ldconfig -p | sed -n 's/.*x86-64.*=> *\(.*\/lib\(c\|m\|dl\|pthread\|util\|rt\)\.so\.[0-9]*\)$/\1/p'); do
        mkdir -p "/mnt$(dirname $library)"
        cp -L "$library" "/mnt$library"
    done
    exec chroot /mnt env -i "$@" 2>&1
"#;

#[test]
fn a_root_without_proc_dev_and_passwd() {
    // `env` is not in there: the program is started by chroot itself.
    let script = BARE_ROOT.replace("env -i ", "");
    for arguments in [["facts", ""], ["restart", "2"]] {
        let Some(run) = arena(&script) else { return };
        let run = run
            .arg(&Case::any().edges().path)
            .arg("/app/edges")
            .args(arguments[..1 + usize::from(!arguments[1].is_empty())].as_ref())
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let facts = run.run().json();
        assert_eq!(facts["executable"], json!(hexadecimal(b"/app/edges")));
        assert_eq!(facts["home"], json!("~"));
    }
}

/// However the path to it is written.
#[test]
fn without_proc() {
    let program = Case::any().edges();
    let folder = program.path.parent().unwrap();
    for name in [program.path.as_path(), Path::new("./edges")] {
        let Some(run) =
            arena("mount -t tmpfs none /proc && cd \"$1\" && shift && exec env -i \"$@\"")
        else {
            return;
        };
        let temporary = format!("TMPDIR={}", program.temporary().display());
        let run = run.arg(folder).arg(temporary).arg(name).arg("facts").run();
        assert_eq!(
            run.json()["executable"],
            json!(hexadecimal(program.path.as_os_str().as_encoded_bytes()))
        );
    }
}

/// A user whom /etc/passwd does not know, and who has no HOME.
#[test]
fn a_user_without_a_name() {
    let Some(run) = arena(
        "mount -t tmpfs -o mode=755 none /mnt && cp \"$1\" /mnt/edges && mount -t tmpfs -o mode=1777 none /tmp && \
         exec env -i /usr/bin/setpriv --reuid 54321 --regid 54321 --clear-groups /mnt/edges facts",
    ) else {
        return;
    };
    let facts = run.arg(&Case::any().edges().path).run().json();
    assert_eq!(facts["home"], json!("~"));
    let meipass = facts["meipass"].as_str().unwrap();
    assert!(meipass.starts_with("/tmp/pack-54321/"), "{meipass}");
}

#[test]
fn no_locale() {
    for (variable, locale) in [
        ("LC_ALL", "C"),
        ("LC_ALL", "POSIX"),
        ("LC_ALL", "C.UTF-8"),
        ("LC_ALL", "xx_YY.UTF-8"),
        ("LC_CTYPE", "C"),
        ("LANG", "C.UTF-8"),
        ("LANG", ""),
    ] {
        let run = |run: Run| {
            run.arg("facts")
                .arg(bytes(b"\xff\xfe\xc3\xa9"))
                .env(variable, locale)
                .run()
                .json()
        };
        let (packed, plain) = (run(edges()), run(python(Case::any().python)));
        for fact in ["argv", "encodings", "locale"] {
            assert_eq!(packed[fact], plain[fact], "{variable}={locale}: {fact}");
        }
    }
}

/// Where `python` runs, so does a packed program; where `python` refuses recursion, it does, too.
#[test]
fn little_stack_and_few_descriptors() {
    let scratch = Scratch::new();
    for limit in [
        "ulimit -s 64",
        "ulimit -s 128",
        "ulimit -n 64",
        "ulimit -n 16",
    ] {
        for action in ["facts", "recurse"] {
            let plain = after(limit, python(Case::any().python).arg(action)).run();
            plain.success();
            let temporary = scratch.join("tmp");
            fs::create_dir(&temporary).unwrap();
            for _ in ["first", "later"] {
                let packed = edges().arg(action).env("TMPDIR", &temporary);
                after(limit, packed).run().success();
            }
            fs::remove_dir_all(&temporary).unwrap();
        }
    }
}

#[test]
fn a_name_that_is_not_utf8() {
    let scratch = Scratch::new();
    let name = scratch.path().join(bytes(b"n\xffme \xe9"));
    fs::copy(&Case::any().edges().path, &name).unwrap();
    for arguments in [["facts"].as_slice(), &["restart", "1"]] {
        let run = Run::new(&name)
            .args(arguments)
            .env("TMPDIR", Case::any().edges().temporary());
        assert_eq!(
            run.run().json()["executable"],
            json!(hexadecimal(name.as_os_str().as_encoded_bytes()))
        );
    }
}

#[test]
fn a_current_folder_that_is_gone() {
    let scratch = Scratch::new();
    let gone = scratch.join("gone");
    fs::create_dir(&gone).unwrap();
    let run = after("rmdir ../gone", edges().arg("facts")).cwd(&gone);
    run.env("PATH", "/usr/bin:/bin").run().success();
}

/// `execve` with no arguments at all: not even a name.
#[test]
fn no_name() {
    let call = "import ctypes, sys; none = (ctypes.c_char_p * 1)(None); \
                ctypes.CDLL(None).execve(sys.argv[1].encode(), none, none)";
    let run = Run::new(&Case::any().python.base)
        .args(&["-I", "-c", call])
        .arg(&Case::any().edges().path);
    // The program itself was reached, and misses its argument. It may not have had a TMPDIR.
    run.run()
        .code(1)
        .stderr_has("edges.py")
        .stderr_has("IndexError");
}

#[test]
fn signals_end_it_as_they_end_python() {
    for (name, number) in [
        ("SIGTERM", 15),
        ("SIGKILL", 9),
        ("SIGSEGV", 11),
        ("SIGINT", 2),
    ] {
        let limit = "ulimit -c 0";
        let die = |run: Run| after(limit, run.args(&["die", name])).run();
        die(edges()).killed_by(number);
        die(python(Case::any().python)).killed_by(number);
    }
}

/// systemd's variables speak of this very process, and the sockets stay where they are.
#[test]
fn service_activation() {
    let scratch = Scratch::new();
    let socket = scratch.write("socket", "handed over");
    let script = format!(
        "exec 3<'{}'; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web NOTIFY_SOCKET=@/notify",
        socket.display()
    );
    for _ in ["first", "later"] {
        let seen = after(&script, edges().arg("activation")).run().json();
        assert_eq!(seen["text"], json!("handed over"));
        assert_eq!(seen["LISTEN_PID"], json!(seen["pid"].to_string()));
        assert_eq!(seen["LISTEN_FDS"], json!("1"));
        assert_eq!(seen["LISTEN_FDNAMES"], json!("web"));
        assert_eq!(seen["NOTIFY_SOCKET"], json!("@/notify"));
    }
}

/// What it has not imported yet it finds, whatever became of its file.
#[test]
fn the_executable_goes_away_while_it_runs() {
    let ways: [fn(&Path); 3] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::rename(path, path.with_extension("moved")).unwrap(),
        |path| {
            let other = path.with_extension("other");
            fs::write(&other, "another program").unwrap();
            fs::rename(&other, path).unwrap();
        },
    ];
    let program = Case::any().edges();
    for away in ways {
        let scratch = Scratch::new();
        let copy = program.copy_to(scratch.path());
        let mut running = program.run_at(&copy).arg("late").spawn();
        assert_eq!(running.line(), "ready");
        away(&copy);
        running.signal("USR1");
        running
            .finish()
            .success()
            .stdout_is("ready\n1/2 (0.0, 0.0, 1) wave sqlite3 xml.dom.minidom\n");
    }
}

/// What a server says goes to nobody when there is no stderr, not to the client whose connection has its number.
#[test]
fn a_server_without_standard_streams() {
    let scratch = Scratch::new();
    let guestbook = Program::packed("samples/guestbook", &[], Case::any());
    let run = guestbook
        .run(&[])
        .env("GUESTBOOK_DATA", scratch.join("data"));
    let server = Server::start(after("exec <&- >&- 2>&-", run));
    for _ in 0..3 {
        let answer = server.get("/").expect(200);
        assert!(!answer.text().contains("GET / "), "{}", answer.text());
    }
    let descriptors = format!("/proc/{}/fd", server.id());
    for number in 0..3 {
        let behind = fs::read_link(format!("{descriptors}/{number}")).unwrap();
        assert_eq!(behind, Path::new("/"), "descriptor {number}");
    }
    server.stop().success();
}
