//! `target/dist/pack`, alone: no kits beside it, no Rust, another folder.

use crate::harness::{Case, Run, Scratch, root};
use std::fs;
use std::path::PathBuf;

/// `cargo xtask test` names it in PACK_DIST.
pub(crate) fn dist() -> Option<PathBuf> {
    let dist = std::env::var_os("PACK_DIST").map(PathBuf::from);
    if dist.is_none() {
        eprintln!("skipped: PACK_DIST names no `pack`; `cargo xtask test` builds it");
    }
    dist
}

#[test]
fn a_copied_pack_packs() {
    let Some(dist) = dist() else { return };
    let scratch = Scratch::new();
    let pack = scratch.join("bin/my pack");
    fs::create_dir(scratch.join("bin")).unwrap();
    fs::copy(dist, &pack).unwrap();
    let script = root().join("samples/hello/hello.py");
    let build = Run::new(&pack)
        .args(&["build", "--python"])
        .arg(Case::any().python.with_flask())
        .arg(&script);
    build
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", scratch.path())
        .cwd(scratch.path())
        .seconds(300)
        .run()
        .success();
    let hello = Run::new(scratch.join("dist/hello")).env("TMPDIR", scratch.path());
    hello.run().success().stdout_is("Hello, world!\n");
    // It is a packed file itself: a ZIP archive that `verify` knows.
    Run::new(&pack).args(&["--version"]).run().success();
}
