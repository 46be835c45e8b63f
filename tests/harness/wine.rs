//! Programs for Windows, packed here and run under Wine (`cargo xtask wine`).

use super::{Outcome, Pack, Run, pythons, root};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{OnceLock, mpsc};

/// A system in which Wine runs, and the versions of CPython for Windows that are packed for it.
#[derive(Debug)]
pub(crate) struct Wine {
    root: PathBuf,
    /// Folder of the tests' programs in it.
    home: PathBuf,
    /// `DISPLAY`. All programs have it: the first one that needs a desktop makes it for the others, too.
    screen: String,
    /// Version and embeddable package: those that every test runs with.
    pub(crate) pythons: Vec<((u8, u8), PathBuf)>,
    /// Those that are tried once.
    pub(crate) further: Vec<((u8, u8), PathBuf)>,
}

/// Gives the commands that follow what they need to run Wine: `/proc`, seen by them alone, and another root.
const ENTER: &str = r#"mount -t proc proc "$0/proc" && exec chroot "$0" "$@""#;
/// Python under Wine wants a pipe for its output; the folder is the first argument.
const RUN: &str = r#"cd "$0" && exec wine "$@""#;
/// A screen that nobody sees, with these options; says its number, and ends with the process that started it.
const SCREEN: &str = r#"exec setpriv --pdeathsig KILL Xvfb -displayfd 1 -screen 0 1024x768x24 -nolisten tcp "$@" 2>/dev/null"#;

/// A screen of one test's own, on which a desktop of Wine's lies that draws title bars.
#[derive(Debug)]
pub(crate) struct Screen {
    display: String,
    /// The desktop's name: a program on one that is there already shows on the screen that this one has.
    desktop: String,
    /// What it shows, as `xwd` writes it.
    picture: PathBuf,
}

impl Screen {
    /// How many pixels have this colour.
    pub(crate) fn count(&self, colour: [u8; 3]) -> usize {
        let picture = fs::read(&self.picture).unwrap();
        let word = |at: usize| {
            let bytes = picture[at * 4..].first_chunk().unwrap();
            u32::from_be_bytes(*bytes) as usize
        };
        // XWDFile.h: the size of the head, the picture's, bits of a pixel, bytes of a line, colours of twelve bytes.
        let (head, width, height, line, colours) = (word(0), word(4), word(5), word(12), word(19));
        assert_eq!(word(11), 32, "bits of a pixel");
        let pixels = &picture[head + 12 * colours..][..line * height];
        let [red, green, blue] = colour;
        let lines = pixels.chunks_exact(line);
        let pixels = lines.flat_map(|line| line[..4 * width].chunks_exact(4));
        pixels
            .filter(|pixel| pixel[..3] == [blue, green, red])
            .count()
    }
}

impl Wine {
    /// Wine, where it is set up; says that the test was skipped where it is not. In CI that is a failure.
    pub(crate) fn find() -> Option<&'static Self> {
        static FOUND: OnceLock<Option<Wine>> = OnceLock::new();
        let found = FOUND.get_or_init(Self::start).as_ref();
        if found.is_none() {
            let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
            assert!(
                !in_ci && std::env::var_os("PACK_REQUIRE_WINE").is_none(),
                "Wine is not set up: `cargo xtask wine` does that"
            );
            eprintln!("skipped: Wine is not set up (`cargo xtask wine` does that, for root)");
        }
        found
    }

    fn start() -> Option<Self> {
        let folder = root().join("target/wine");
        if !folder.join("ready").exists() || !super::is_root() {
            return None;
        }
        let home = PathBuf::from(format!("/tests/{}", std::process::id()));
        fn at(folder: &Path, version: (u8, u8)) -> ((u8, u8), PathBuf) {
            let name = format!("python/{}.{}", version.0, version.1);
            (version, folder.join(name))
        }
        let mut wine = Self {
            pythons: [(3, 11), (3, 13)]
                .map(|version| at(&folder, version))
                .into(),
            further: [(3, 9), (3, 10), (3, 12)]
                .map(|version| at(&folder, version))
                .into(),
            root: folder.join("root"),
            home,
            screen: String::new(),
        };
        for old in fs::read_dir(wine.root.join("tests"))
            .into_iter()
            .flatten()
            .flatten()
        {
            if !Path::new("/proc").join(old.file_name()).exists() {
                fs::remove_dir_all(old.path()).ok();
            }
        }
        fs::create_dir_all(wine.inside("")).unwrap();
        wine.screen = wine.start_screen(&[]);
        wine.start_its_own();
        Some(wine)
    }

    /// Wine's own processes start with the first program, hold its streams open, and end soon after the last one; the
    /// desktop is one more, which the first program with a window starts. Here those programs have no streams, and one of
    /// them waits for input until the tests end.
    fn start_its_own(&self) {
        let start = |words: &[&str]| {
            let mut command = self.enter();
            command.args(words).envs(environment());
            command.env("DISPLAY", &self.screen);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let mut first = start(&["wine", "cmd"]);
        let first = first.stdin(Stdio::piped()).spawn().unwrap();
        // Those that follow would start them, too, as long as it has not.
        for words in [
            &["wine", "cmd", "/c", "exit"] as &[&str],
            &["wine", "rundll32", "user32.dll,GetDesktopWindow"],
        ] {
            let status = start(words).stdin(Stdio::null()).status();
            assert!(status.is_ok_and(|it| it.success()), "{words:?} failed");
        }
        std::mem::forget(first); // its input is closed by this process's end
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", ENTER]);
        command.arg(&self.root);
        command
    }

    /// From a thread that stays: what ends with its parent ends with the thread that started it.
    fn start_screen(&self, options: &[&str]) -> String {
        let mut command = self.enter();
        command.args(["sh", "-c", SCREEN, "sh"]).args(options);
        command.envs(environment());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut screen = command.spawn().unwrap();
            let mut number = String::new();
            let mut said = BufReader::new(screen.stdout.take().unwrap());
            said.read_line(&mut number).unwrap();
            sender.send(number).unwrap();
            screen.wait().unwrap();
        });
        let number = receiver.recv().unwrap();
        assert!(!number.is_empty(), "Xvfb did not start");
        format!(":{}", number.trim())
    }

    /// A screen for the test `name`.
    pub(crate) fn screen(&self, name: &str) -> Screen {
        let folder = format!("screen-{name}");
        fs::create_dir(self.inside(&folder)).unwrap();
        let there = self.home.join(&folder);
        Screen {
            display: self.start_screen(&["-fbdir", there.to_str().unwrap()]),
            desktop: format!("{name}-{}", std::process::id()),
            picture: self.inside(&folder).join("Xvfb_screen0"),
        }
    }

    /// A run of a program of the tests' folder on a screen's desktop, which has its output.
    pub(crate) fn run_on(&self, screen: &Screen, program: &str, arguments: &[&str]) -> Run {
        let desktop = format!("/desktop={},800x600", screen.desktop);
        let program = self.outside(program);
        let words = [&[desktop.as_str(), &program], arguments].concat();
        self.wine("explorer", &words)
            .env("DISPLAY", &screen.display)
    }

    /// A path of the tests' folder, as this system has it.
    pub(crate) fn inside(&self, path: &str) -> PathBuf {
        let home = self.home.strip_prefix("/").unwrap();
        self.root.join(home).join(path)
    }

    /// The same for programs under Wine.
    pub(crate) fn outside(&self, path: &str) -> String {
        format!("Z:{}/{path}", self.home.display()).replace('/', "\\")
    }

    /// A folder on the drive C:, and what it is called there: others may not change it, which holds for none on Z:.
    pub(crate) fn on_c(&self, name: &str) -> (PathBuf, String) {
        let unique = format!("{}-{name}", std::process::id());
        let path = self.root.join("root/.wine/drive_c").join(&unique);
        fs::create_dir_all(&path).unwrap();
        (path, format!("C:\\{unique}"))
    }

    /// Packs `script` under a name of its own with a Python for Windows into the tests' folder, and returns the file's
    /// name.
    pub(crate) fn packed(
        &self,
        name: &str,
        script: &str,
        version: (u8, u8),
        options: &[&str],
    ) -> String {
        self.packed_on_path(name, script, version, options, "/usr/bin:/bin")
    }

    /// The same with these folders on PATH, behind that of the Python that compiles.
    pub(crate) fn packed_on_path(
        &self,
        name: &str,
        script: &str,
        version: (u8, u8),
        options: &[&str],
        path: &str,
    ) -> String {
        self.packed_by(name, script, (version, self.python(version)), options, path)
    }

    /// The same with another Python of the version than the embeddable package.
    pub(crate) fn packed_with(
        &self,
        name: &str,
        script: &str,
        python: ((u8, u8), &Path),
        options: &[&str],
    ) -> String {
        self.packed_by(name, script, python, options, "/usr/bin:/bin")
    }

    fn packed_by(
        &self,
        name: &str,
        script: &str,
        (version, python): ((u8, u8), &Path),
        options: &[&str],
        path: &str,
    ) -> String {
        let name = format!("{name}-{}{}", version.0, version.1);
        let host = pythons().iter().find(|python| python.version == version);
        let host = host.unwrap_or_else(|| panic!("no CPython {version:?} here that compiles"));
        let path = format!("{}:{path}", host.base.parent().unwrap().display());
        let build = self.build(&name, script, python, options);
        build.env("PATH", path).with_network().run().success();
        format!("{name}.exe")
    }

    /// The same where no Python can be found that compiles for `python`, with what was said.
    pub(crate) fn packed_alone(
        &self,
        name: &str,
        script: &str,
        python: &Path,
        options: &[&str],
    ) -> (String, Outcome) {
        let nowhere = self.inside("").join("none");
        let build = self.build(name, script, python, options);
        let outcome = build.env("PATH", &nowhere).env("HOME", &nowhere).run();
        outcome.success();
        (format!("{name}.exe"), outcome)
    }

    fn build(&self, name: &str, script: &str, python: &Path, options: &[&str]) -> Run {
        let target = ["--target", "x86_64-pc-windows-gnu", "--name", name];
        Pack::run(&["build", "--noconfirm"])
            .args(&target)
            .args(options)
            .arg("--python")
            .arg(python)
            .arg("--distpath")
            .arg(self.inside(""))
            .arg(root().join("tests/programs/windows").join(script))
    }

    /// The embeddable package of a version.
    pub(crate) fn python(&self, version: (u8, u8)) -> &Path {
        let mut all = self.pythons.iter().chain(&self.further);
        let found = all.find(|(known, _)| *known == version);
        found.map(|(_, folder)| folder.as_path()).unwrap()
    }

    /// Distributions for Windows.
    pub(crate) fn site_packages(&self, (major, minor): (u8, u8)) -> PathBuf {
        root().join(format!("target/wine/site-packages/{major}.{minor}"))
    }

    /// PyQt6 for CPython 3.11.
    pub(crate) fn with_qt(&self) -> PathBuf {
        root().join("target/wine/site-packages/3.11-qt")
    }

    /// An installation of CPython 3.13, which has Tk.
    pub(crate) fn with_tk(&self) -> PathBuf {
        root().join("target/wine/python/3.13-tk")
    }

    /// `%LOCALAPPDATA%` of the programs.
    pub(crate) fn local_data(&self) -> PathBuf {
        self.root
            .join("root/.wine/drive_c/users/root/AppData/Local")
    }

    /// A run of a program of the tests' folder, in that folder.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Run {
        self.wine(&format!("./{program}"), arguments)
    }

    fn wine(&self, program: &str, arguments: &[&str]) -> Run {
        let mut run = Run::new("unshare")
            .args(&["--mount", "--propagation", "private", "sh", "-c", ENTER])
            .arg(&self.root)
            .args(&["sh", "-c", RUN])
            .arg(&self.home)
            .arg(program)
            .args(arguments)
            .env("DISPLAY", &self.screen)
            .seconds(120);
        for (name, value) in environment() {
            run = run.env(name, value);
        }
        run
    }
}

fn environment() -> [(&'static str, &'static str); 5] {
    [
        ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", "/root"),
        ("LANG", "C.UTF-8"),
        ("WINEDEBUG", "-all"),
        ("XDG_RUNTIME_DIR", "/tmp"),
    ]
}

impl Outcome {
    /// What it wrote to stdout, its line ends as on Unix.
    pub(crate) fn lines(&self) -> String {
        self.stdout_text().replace("\r\n", "\n")
    }
}
