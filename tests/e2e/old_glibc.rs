//! A system with glibc 2.31 (Debian 11), in a folder: what is packed there runs there and here, and what was packed for
//! a later one says so.

use crate::harness::{
    Case, Pack, Python, Run, Server, copy_tree, kept_folder, mount_namespace, pythons, root,
    runs_folder,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The system; made once, and kept for later runs.
fn debian_11() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(make)
}

fn make() -> PathBuf {
    let folder = kept_folder().join("debian-11");
    if folder.join("ready").exists() {
        return folder;
    }
    fs::remove_dir_all(&folder).ok();
    let path = "/usr/sbin:/usr/bin:/sbin:/bin";
    Run::new("debootstrap")
        .args(&[
            "--variant=minbase",
            "--include=python3-venv,libpython3.9",
            "bullseye",
        ])
        .arg(&folder)
        .env("PATH", path)
        .seconds(600)
        .run()
        .success();
    within(&folder, "python3 -m venv --without-pip /opt/venv")
        .run()
        .success();
    fs::write(folder.join("ready"), "").unwrap();
    folder
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

/// What the guestbook requires, for that system's Python 3.9, installed by a Python of this machine.
fn install_requirements(system: &Path, python: &Python) {
    let status = Command::new(python.with_flask())
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--upgrade",
            "--python-version",
            "3.9",
        ])
        .args(["--only-binary=:all:", "--target"])
        .arg(system.join("opt/venv/lib/python3.9/site-packages"))
        .arg("-r")
        .arg(root().join("samples/guestbook/requirements.txt"))
        .status();
    assert!(status.unwrap().success());
}

#[test]
#[ignore = "needs root, debootstrap, a Debian mirror and two minutes: `PACK_DIST=target/dist/pack cargo test -p packager \
            --test e2e -- --ignored old_glibc`"]
fn programs_run_on_glibc_2_31() {
    let dist =
        std::env::var_os("PACK_DIST").expect("PACK_DIST names a `pack` of `cargo xtask dist`");
    let system = debian_11();
    let work = system.join("work");
    fs::remove_dir_all(&work).ok();
    fs::create_dir(&work).unwrap();
    install_requirements(system, pythons().last().unwrap());
    copy_tree(&root().join("samples"), &work.join("samples"));
    fs::copy(root().join(dist), work.join("pack")).unwrap();

    let build = "/work/pack build --noconfirm --python /opt/venv/bin/python --distpath /work/dist";
    for command in [
        format!("cd /work/samples/hello && {build} hello.py"),
        format!("cd /work/samples/guestbook && {build}"),
    ] {
        let outcome = within(system, &command).seconds(300).run();
        let text = outcome.success().stdout_text() + &outcome.stderr_text();
        assert!(text.contains("runs with glibc 2.29 or later"), "{text}");
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
#[ignore = "as above"]
fn a_glibc_that_is_too_old_is_named() {
    let system = debian_11();
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
    if minor <= 31 {
        outcome.success();
    } else {
        outcome.code(103).stdout_is("").stderr_has(&format!(
            "error: this program needs glibc {needed} or later, this system has 2.31\n"
        ));
    }
}
