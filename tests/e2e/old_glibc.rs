//! Systems with an older glibc, each in a folder: what is packed there runs there and here, and what was packed for a later
//! one says so. Debian 11 has 2.31 and a Python of its own; Ubuntu 18.04 has 2.27, which is older than that of Alma 8 and
//! its kin (2.28), and compiles one.

use crate::harness::{
    Case, Pack, Python, Run, Server, copy_tree, kept_folder, mount_namespace, pythons, root,
    runs_folder,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// An old system with a virtual environment at /opt/venv.
struct System {
    folder: PathBuf,
    /// Minor version of its glibc, the major one being 2.
    glibc: u32,
    /// The least glibc that what is packed there needs.
    needs: &'static str,
    /// Of its Python.
    python: &'static str,
}

/// A mirror of Ubuntu's.
const UBUNTU: &str = "http://archive.ubuntu.com/ubuntu";

/// Made once, and kept for later runs.
fn debian_11() -> &'static System {
    static MADE: OnceLock<System> = OnceLock::new();
    MADE.get_or_init(|| System {
        folder: made("debian-11", |folder| {
            debootstrap(
                folder,
                &["--include=python3-venv,libpython3.9"],
                "bullseye",
                &[],
            );
            let status = within(folder, "python3 -m venv --without-pip /opt/venv").run();
            status.success();
        }),
        glibc: 31,
        needs: "2.29",
        python: "3.9",
    })
}

/// As above.
fn ubuntu_18_04() -> &'static System {
    const TOOLS: &str = "--include=gcc,make,libc6-dev,zlib1g-dev,libffi-dev,libssl-dev,libsqlite3-dev,\
        ca-certificates,wget,xz-utils";
    // Its own Python is 3.6.
    const SOURCE: &str = "pool/main/p/python3.10/python3.10_3.10.12.orig.tar.xz";
    const SUM: &str = "afb74bf19130e7a47d10312c8f5e784f24e0527981eab68e20546cfb865830b8";
    const COMPILE: &str = "cd /opt && wget -q \"$1\" && echo \"$2  $(ls python3.10_*.xz)\" | sha256sum -c && \
        tar -xf python3.10_*.xz && cd Python-3.10.12 && \
        ./configure -q --prefix=/opt/python --enable-shared LDFLAGS=-Wl,-rpath,/opt/python/lib && \
        make -s -j2 && make -s install && /opt/python/bin/python3 -m venv --without-pip /opt/venv";
    static MADE: OnceLock<System> = OnceLock::new();
    MADE.get_or_init(|| System {
        folder: made("ubuntu-18.04", |folder| {
            // Debian has no keys of Ubuntu's. What is compiled there runs here too, so its sources are compared.
            let unsigned = "--no-check-gpg";
            debootstrap(folder, &[unsigned, TOOLS], "bionic", &[UBUNTU]);
            // Names are resolved as here.
            fs::copy("/etc/resolv.conf", folder.join("etc/resolv.conf")).unwrap();
            let compile = within(folder, COMPILE)
                .arg(format!("{UBUNTU}/{SOURCE}"))
                .arg(SUM);
            compile.seconds(1800).run().success();
        }),
        glibc: 27,
        needs: "2.27",
        python: "3.10",
    })
}

/// The folder `name`, where `make` has made a system.
fn made(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let folder = kept_folder().join(name);
    if !folder.join("ready").exists() {
        fs::remove_dir_all(&folder).ok();
        make(&folder);
        fs::write(folder.join("ready"), "").unwrap();
    }
    folder
}

fn debootstrap(folder: &Path, options: &[&str], suite: &str, mirror: &[&str]) {
    Run::new("debootstrap")
        .arg("--variant=minbase")
        .args(options)
        .arg(suite)
        .arg(folder)
        .args(mirror)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .seconds(600)
        .run()
        .success();
}

/// `sh -c SCRIPT sh ARGUMENT…` in that system.
fn within(system: &Path, script: &str) -> Run {
    mount_namespace(
        "mount -t proc none \"$1/proc\" && root=$1 && shift && exec chroot \"$root\" /bin/sh -c \"$@\"",
    )
    .arg(system)
    .args(&[script, "sh"])
    .env("HOME", "/root")
}

/// What the guestbook requires, for that system's Python, installed by a Python of this machine.
fn install_requirements(system: &System, python: &Python) {
    let status = Command::new(python.with_flask())
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--upgrade",
            "--python-version",
            system.python,
        ])
        .args(["--platform", "manylinux2014_x86_64"])
        .args(["--only-binary=:all:", "--target"])
        .arg(system.folder.join(format!(
            "opt/venv/lib/python{}/site-packages",
            system.python
        )))
        .arg("-r")
        .arg(root().join("samples/guestbook/requirements.txt"))
        .status();
    assert!(status.unwrap().success());
}

#[test]
#[ignore = "needs root, debootstrap, a Debian mirror and two minutes: `PACK_DIST=target/dist/pack cargo test -p packager \
            --test e2e -- --ignored old_glibc`"]
fn programs_run_on_glibc_2_31() {
    programs_run_on(debian_11());
}

#[test]
#[ignore = "as above, with Ubuntu's mirror and the ten minutes of compiling a CPython"]
fn programs_run_on_glibc_2_27() {
    programs_run_on(ubuntu_18_04());
}

fn programs_run_on(old: &System) {
    let dist =
        std::env::var_os("PACK_DIST").expect("PACK_DIST names a `pack` of `cargo xtask dist`");
    let system = &old.folder;
    let work = system.join("work");
    fs::remove_dir_all(&work).ok();
    fs::create_dir(&work).unwrap();
    install_requirements(old, pythons().last().unwrap());
    copy_tree(&root().join("samples"), &work.join("samples"));
    fs::copy(root().join(dist), work.join("pack")).unwrap();

    let build = "/work/pack build --noconfirm --python /opt/venv/bin/python --distpath /work/dist";
    for command in [
        format!("cd /work/samples/hello && {build} hello.py"),
        format!("cd /work/samples/guestbook && {build}"),
    ] {
        let outcome = within(system, &command).seconds(300).run();
        let text = outcome.success().stdout_text() + &outcome.stderr_text();
        let needs = format!("runs with glibc {} or later", old.needs);
        assert!(text.contains(&needs), "{text}");
    }
    within(system, "env -i /work/dist/hello")
        .run()
        .success()
        .stdout_is("Hello, world!\n");
    within(system, "env -i /work/dist/guestbook manage list")
        .run()
        .success();
    // Served there, and asked from here.
    let script = "exec env -i GUESTBOOK_DATA=/work/data /work/dist/guestbook \"$@\"";
    let server = Server::start(within(system, script));
    server.get("/").expect(200);
    server.stop().success();
    // A later glibc runs it as well.
    Run::new(work.join("dist/hello"))
        .env("TMPDIR", runs_folder())
        .run()
        .success()
        .stdout_is("Hello, world!\n");
}

/// A program of this machine's own Python, where that needs a later glibc.
#[test]
#[ignore = "as for programs_run_on_glibc_2_31"]
fn glibc_2_31_is_named_where_it_is_too_old() {
    is_named_where_too_old(debian_11());
}

#[test]
#[ignore = "as for programs_run_on_glibc_2_27"]
fn glibc_2_27_is_named_where_it_is_too_old() {
    is_named_where_too_old(ubuntu_18_04());
}

fn is_named_where_too_old(old: &System) {
    let system = &old.folder;
    let case = Case::any();
    let outcome = Pack::build_script(&root().join("samples/hello/hello.py"), &[], case)
        .arg("--distpath")
        .arg(system.join("tmp/dist"))
        .run();
    let text = outcome.success().stdout_text() + &outcome.stderr_text();
    let (_, needed) = text.split_once("runs with glibc ").unwrap();
    let needed = needed.split(' ').next().unwrap();
    let minor: u32 = needed.split('.').nth(1).unwrap().parse().unwrap();
    let outcome = within(system, "env -i /tmp/dist/hello").run();
    if minor <= old.glibc {
        outcome.success();
    } else {
        outcome.code(103).stdout_is("").stderr_has(&format!(
            "error: this program needs glibc {needed} or later, this system has 2.{}\n",
            old.glibc
        ));
    }
}
