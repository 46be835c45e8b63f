//! What a program can start: a script, a module, a function, one of several commands; and what runs before it.

use crate::harness::{Case, Pack, Program, Run, Scratch};

on_every_python!(onefile: module, function, commands_and_hooks);

fn packed(scratch: &Scratch, settings: &str, case: &Case) -> Program {
    scratch.write("app/tool/__init__.py", "");
    scratch.write(
        "app/tool/__main__.py",
        "import sys\nprint(__name__, __package__, __spec__.name, sys.argv[1:])\n",
    );
    scratch.write("app/tool/cli.py", "import sys\n\n\nclass Group:\n    @staticmethod\n    def main():\n        print(__name__, sys.argv[1:])\n        return 9\n");
    scratch.write(
        "app/main.py",
        "import sys\nprint('main', sys.argv[1:], sys.hooked)\n",
    );
    scratch.write("app/hook.py", "import sys\nsys.hooked = __name__\n");
    scratch.write("app/pack.toml", settings);
    let home = scratch.join("built");
    Pack::build(*case)
        .arg("--distpath")
        .arg(home.join("dist"))
        .cwd(scratch.join("app"))
        .run()
        .success();
    Program::at(&home.join("dist"), *case)
}

/// As `python -m tool`.
fn module(case: &Case) {
    let scratch = Scratch::new();
    let program = packed(&scratch, "[app]\nname = \"m\"\nentry = \"tool\"\n", case);
    program
        .run(&["a"])
        .run()
        .success()
        .stdout_is("__main__ tool tool.__main__ ['a']\n");
}

/// As a console script: what the function returns is the exit status.
fn function(case: &Case) {
    let scratch = Scratch::new();
    let program = packed(
        &scratch,
        "[app]\nname = \"f\"\nentry = \"tool.cli:Group.main\"\n",
        case,
    );
    program
        .run(&["a"])
        .run()
        .code(9)
        .stdout_is("tool.cli ['a']\n")
        .stderr_is("");
}

fn commands_and_hooks(case: &Case) {
    let scratch = Scratch::new();
    let settings = "[app]\nname = \"c\"\nentry = \"main.py\"\n[commands]\ntool = \"tool\"\ncall = \"tool.cli:Group.main\"\n\
                    [bundle]\nruntime-hooks = [\"hook.py\"]\n";
    let program = packed(&scratch, settings, case);
    program
        .run(&["x"])
        .run()
        .success()
        .stdout_is("main ['x'] __main__\n");
    program
        .run(&["tool", "x"])
        .run()
        .success()
        .stdout_is("__main__ tool tool.__main__ ['x']\n");
    program
        .run(&["call"])
        .run()
        .code(9)
        .stdout_is("tool.cli []\n");
    // Only the first argument selects.
    program
        .run(&["x", "tool"])
        .run()
        .success()
        .stdout_is("main ['x', 'tool'] __main__\n");
    let link = scratch.join("tool");
    std::os::unix::fs::symlink(&program.path, &link).unwrap();
    Run::new(link)
        .env("TMPDIR", program.temporary())
        .run()
        .success()
        .stdout_is("main [] __main__\n");
}
