//! samples/hello and the guestbook's second command print what their folders say.

use crate::harness::{Case, Pack, Program, Scratch, root};
use std::fs;

on_every_python!(both: hello);

fn hello(case: &Case) {
    let sample = root().join("samples/hello");
    let home = Scratch::new();
    Pack::build(*case)
        .arg("hello.py")
        .arg("--distpath")
        .arg(home.join("dist"))
        .cwd(&sample)
        .run()
        .success();
    let program = Program::at(&home.join("dist"), *case);
    assert_eq!(program.path.file_name().unwrap(), "hello");
    let expected = |name: &str| fs::read_to_string(sample.join(name)).unwrap();
    program
        .run(&[])
        .run()
        .success()
        .stdout_is(&expected("expected.txt"))
        .stderr_is("");
    program
        .run(&["Ada", "Grace"])
        .run()
        .success()
        .stdout_is(&expected("expected-names.txt"))
        .stderr_is("");
}

/// The README's way: in the sample's folder, with no option but the interpreter.
#[test]
fn the_guestbook_builds_from_its_folder_alone() {
    let scratch = Scratch::new();
    let folder = scratch.join("guestbook");
    crate::harness::copy_tree(&root().join("samples/guestbook"), &folder);
    let build = Pack::run(&["build", "--python"])
        .arg(Case::any().python.with_flask())
        .cwd(&folder)
        .run();
    build.success();
    assert!(
        folder.join("dist/guestbook").is_file(),
        "{}",
        build.stdout_text()
    );
}
