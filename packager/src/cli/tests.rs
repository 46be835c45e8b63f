#![allow(clippy::unwrap_used)]

use super::*;

fn help(name: &str, long: bool) -> String {
    // As on a terminal of this width, whatever the one is that the tests run in.
    let mut command = command().term_width(100);
    command.build();
    let command = command.find_subcommand_mut(name).unwrap();
    let help = if long {
        command.render_long_help()
    } else {
        command.render_help()
    };
    help.to_string()
}

#[test]
fn the_command_line_is_consistent() {
    command().debug_assert();
}

#[test]
fn build_help() {
    insta::assert_snapshot!(help("build", false), @r"
    Pack an application

    Usage: pack build [OPTIONS] [SCRIPT|DIR]

    Arguments:
      [SCRIPT|DIR]  A script, or the folder of a project [default: the current folder]

    Options:
      -h, --help  Print help (see more with '--help')

    Application:
      -n, --name <NAME>            Name of the executable
          --app-version <VERSION>  Version of the application
          --app-id <ID>            Identity of the application, such as com.example.guestbook
      -i, --icon <FILE>            Icon: .ico, .png, .svg or an .exe that has one (Windows)
      -w, --windowed               The program opens no console (Windows) [alias: --noconsole]
      -c, --console                The program has a console [default] [alias: --nowindowed]

    WSGI server:
          --wsgi <MODULE:CALLABLE>      Serve this WSGI application, such as site.wsgi:application
          --bind <HOST:PORT>            Address to listen on [default: 127.0.0.1:8000]
          --threads <N>                 Python threads per interpreter [default: 4]
          --processes <N>               Worker processes [default: 1]
          --gil <MODE>                  GIL: shared, per-interpreter or free [default: shared]
          --interpreters <N>            Interpreters per process, with a GIL each [default: 2]
          --switch-interval <SECONDS>   How often the GIL changes hands, or `auto`
          --graceful-timeout <SECONDS>  How long a stop waits for requests under way [default: 30]
          --access-log                  Write a line per request to stderr
          --no-access-log               Turn --access-log off
          --admin <HOST:PORT>           Serve metrics and a live page there
          --admin-token <TOKEN>         What clients of it must know

    What goes in:
          --add-data <SRC:DEST>
              Put a file, a folder or a glob into folder DEST of the bundle
          --add-binary <SRC:DEST>
              Like --add-data, for native libraries: what they need comes along
          --hidden-import <MODULE>
              A module that no `import` in the source names [alias: --hiddenimport]
          --collect-submodules <PACKAGE>
              All submodules of a package
          --collect-all <PACKAGE>
              A package or distribution that no import reaches, with all its files
          --collect-data <PACKAGE>
              The same: distributions are always taken whole [alias: --collect-datas]
          --collect-binaries <PACKAGE>
              The same
          --copy-metadata <PACKAGE>
              The same: its metadata comes with its files
          --recursive-copy-metadata <PACKAGE>
              The same: what it requires comes along
      -p, --paths <DIR>
              A further folder to find modules in
          --additional-hooks-dir <DIR>
              A folder of PyInstaller hooks
          --keep <KIND>
              What libraries do without: tests, stubs, sources, static-libraries, debug-symbols
          --stdlib <EXTENT>
              used: leave out what of the standard library nothing can want; whole [default: used]
          --exclude-module <MODULE>
              Leave out a module and its submodules [alias: --exclude]
          --exclude-distribution <NAME>
              Leave out a distribution
          --exclude-library <SONAME>
              Leave a native library to the target system
          --slim <TRACE>
              Leave out what no trace of `pack trace` has used and no import reaches
          --runtime-hook <FILE>
              A script that runs before the entry point

    Output:
      -F, --onefile                    One executable with everything inside [default]
      -D, --onedir                     A folder: an executable, and its files beside it
          --distpath <DIR>             Where the result goes [default: ./dist]
          --contents-directory <NAME>  The files' folder beside a --onedir executable [default:
                                       _internal]
          --unpack <POLICY>            reuse: unpack once, for all later runs; each: for each run alone
                                       [default: reuse]
          --runtime-tmpdir <DIR>       Where the program unpacks itself, on the machine it runs on
          --optimize <LEVEL>           Bytecode optimisation: 0, 1 (no asserts) or 2 (no docstrings)
                                       [default: 0]
          --compression-level <LEVEL>  zstd level, 1 (quick) to 22 (small) [default: 6]
          --max-glibc <VERSION>        Fail when the result needs a later glibc, such as 2.28
          --sbom <FILE>                Write a list of what is inside (not supported yet)

    Building:
          --python <INTERPRETER>  The Python to pack: a path, a virtual environment, or a name such as
                                  python3.12
          --target <TRIPLE>       The system the program is for [default: this one]
          --site-packages <DIR>   Folder with the distributions for another target
          --requirements <FILE>   The distributions to pack: requirements.txt, pyproject.toml, uv.lock
                                  or pylock.toml
          --workpath <DIR>        Where compiled and compressed files are kept between builds
          --clean                 Forget what earlier builds have compiled and compressed
          --dry-run               List what would go in, and why, and build nothing
          --no-cache              Neither read nor write the cache of compiled and compressed files
      -y, --noconfirm             Replace what is in the way of a one-folder program
          --log-level <LEVEL>     As PyInstaller has it: DEBUG is -v, ERROR is -q

    Messages:
      -q, --quiet            Print errors only
      -v, --verbose          Print how and why
          --format <FORMAT>  text, or json for programs: on stdout, everything else on stderr [default:
                             text] [possible values: text, json]

    Examples:
      pack build app.py --name report --add-data assets:assets
      pack build --wsgi site.wsgi:application --bind 0.0.0.0:8000 --threads 8
      pack build --onedir --python .venv
    ");
}

#[test]
fn other_help() {
    insta::assert_snapshot!(command().term_width(100).render_help().to_string(), @r"
    Turns a Python application into one executable

    Usage: pack <COMMAND>

    Commands:
      build        Pack an application
      run          Run an application without packing it
      serve        Serve a WSGI application without packing it
      trace        Run an application without packing it, and write down what it uses
      init         Write a commented pack.toml
      inspect      Show what is inside a packed program, and why
      verify       Check every hash of a packed program
      extract      Take a packed program's files out
      icon         Show what an icon holds, and write .ico files
      doctor       Explain what Explorer, the window and the taskbar show of a program
      python       Interpreters for other systems: list them, add one
      completions  Print a shell's completion script
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Examples:
      pack build app.py                    one executable, dist/app
      pack build --wsgi guestbook:app      a web application with its server
      pack serve guestbook:app             the same server, without packing
      pack init && pack build              settings in a pack.toml
      pack inspect dist/app                what is inside, and why
    ");
    insta::assert_snapshot!(help("init", false), @r"
    Write a commented pack.toml

    Usage: pack init [OPTIONS] [DIR]

    Arguments:
      [DIR]  The project's folder [default: .]

    Options:
          --kind <KIND>  What the program is, if the look would tell otherwise [possible values: script,
                         wsgi, gui]
          --force        Replace a pack.toml that is there
      -q, --quiet        Print errors only
      -v, --verbose      Print how and why
      -h, --help         Print help (see more with '--help')
    ");
    insta::assert_snapshot!(help("inspect", false), @r"
    Show what is inside a packed program, and why

    Usage: pack inspect [OPTIONS] <FILE>

    Arguments:
      <FILE>  A program that pack has made

    Options:
          --why <NAME>       Say who asked for this module, distribution or file
      -q, --quiet            Print errors only
      -v, --verbose          Print how and why
          --format <FORMAT>  text, or json for programs: on stdout, everything else on stderr [default:
                             text] [possible values: text, json]
      -h, --help             Print help (see more with '--help')
    ");
    insta::assert_snapshot!(help("verify", false), @r"
    Check every hash of a packed program

    Usage: pack verify [OPTIONS] <FILE>

    Arguments:
      <FILE>  A program that pack has made

    Options:
      -q, --quiet    Print errors only
      -v, --verbose  Print how and why
      -h, --help     Print help (see more with '--help')
    ");
    insta::assert_snapshot!(help("extract", false), @r"
    Take a packed program's files out

    Usage: pack extract [OPTIONS] <FILE> [DIR]

    Arguments:
      <FILE>  A program that pack has made
      [DIR]   A folder that does not exist yet [default: FILE's name and `-extracted`]

    Options:
          --all      Bytecode and pack's own entries too, below `.pack`
      -q, --quiet    Print errors only
      -v, --verbose  Print how and why
      -h, --help     Print help
    ");
    insta::assert_snapshot!(help("completions", false), @r"
    Print a shell's completion script

    Usage: pack completions [OPTIONS] <SHELL>

    Arguments:
      <SHELL>  The shell [possible values: bash, elvish, fish, powershell, zsh]

    Options:
      -q, --quiet    Print errors only
      -v, --verbose  Print how and why
      -h, --help     Print help

    Examples:
      pack completions bash > ~/.local/share/bash-completion/completions/pack
      pack completions zsh > ~/.zfunc/_pack
      pack completions fish > ~/.config/fish/completions/pack.fish
    ");
}

#[test]
fn long_help_names_every_setting() {
    let help = help("build", true);
    for setting in crate::configure::settings::SETTINGS
        .iter()
        .filter(|setting| !setting.flags.is_empty())
    {
        assert!(
            help.contains(&format!("[pack.toml: {}]", setting.key)),
            "{}",
            setting.key
        );
        assert!(help.contains(&setting.variable()), "{}", setting.key);
    }
}

#[test]
fn unknown_options_name_the_nearest() {
    let check = |line: &[&str]| {
        let error = command().try_get_matches_from(line).unwrap_err();
        let line: Vec<OsString> = line.iter().map(Into::into).collect();
        unknown_option(&error, &line).unwrap()
    };
    insta::assert_snapshot!(check(&["pack", "build", "--onefiel"]), @r"
    error: there is no option `--onefiel`
    hint: did you mean `--onefile`?
    ");
    insta::assert_snapshot!(check(&["pack", "build", "--hidden-imports", "x"]), @r"
    error: there is no option `--hidden-imports`
    hint: did you mean `--hidden-import`?
    ");
    insta::assert_snapshot!(check(&["pack", "build", "--frobnicate"]), @r"
    error: there is no option `--frobnicate`
    hint: see `pack build --help`
    ");
    insta::assert_snapshot!(check(&["pack", "verify", "--fast", "x"]), @r"
    error: there is no option `--fast`
    hint: see `pack verify --help`
    ");
}

#[test]
fn options_may_be_shortened_as_far_as_one_is_meant() {
    let parsed = |line: &[&str]| command().try_get_matches_from(line);
    let matches = parsed(&[
        "pack",
        "build",
        "--hidden-imp",
        "json",
        "--path=lib",
        "--clea",
    ])
    .unwrap();
    let build = matches.subcommand().unwrap().1;
    let text = |name| build.get_one::<String>(name).map(String::as_str);
    assert_eq!(
        (text("hidden-import"), text("paths")),
        (Some("json"), Some("lib"))
    );
    assert!(build.get_flag("clean"));
    // `--noconfirm`, `--noconsole`.
    assert!(parsed(&["pack", "build", "--nocon"]).is_err());
    assert!(parsed(&["pack", "verify", "--forma", "json", "x"]).is_err());
}

#[test]
fn log_levels() {
    let check = |line: &[&str], expect: Level| {
        let matches = command().try_get_matches_from(line).unwrap();
        assert_eq!(level(matches.subcommand().unwrap().1), expect, "{line:?}");
    };
    check(&["pack", "build"], Level::Normal);
    check(&["pack", "build", "-v"], Level::Verbose);
    check(&["pack", "build", "-v", "-q"], Level::Quiet);
    check(&["pack", "build", "--log-level", "DEBUG"], Level::Verbose);
    check(&["pack", "build", "--log-level=ERROR"], Level::Quiet);
    check(&["pack", "verify", "x", "-q"], Level::Quiet);
}
