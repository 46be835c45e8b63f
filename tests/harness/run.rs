//! Runs of programs, and what is said when one goes wrong.

use super::listing;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, ErrorKind, Read, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A command to run with an environment that holds only what is named.
#[derive(Debug)]
#[must_use]
pub(crate) struct Run {
    command: Command,
    stdin: Vec<u8>,
    limit: Duration,
}

impl Run {
    /// `program`, in the folder `/`, with an empty environment and an empty standard input.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.env_clear().current_dir("/");
        Self {
            command,
            stdin: Vec::new(),
            limit: Duration::from_secs(60),
        }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args(mut self, arguments: &[impl AsRef<OsStr>]) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// With what the machine says about how packages are fetched.
    pub(crate) fn with_network(mut self) -> Self {
        let of_network = |name: &str| {
            ["PIP_", "UV_", "SSL_"]
                .iter()
                .any(|start| name.starts_with(start))
                || name.to_ascii_lowercase().ends_with("_proxy")
        };
        for (name, value) in std::env::vars().filter(|(name, _)| of_network(name)) {
            self.command.env(name, value);
        }
        self
    }

    /// Appends the program, arguments and environment of `other`.
    pub(crate) fn command_of(mut self, other: Self) -> Self {
        self.command
            .arg(other.command.get_program())
            .args(other.command.get_args());
        for (name, value) in other.command.get_envs() {
            if let Some(value) = value.filter(|_| name != "PATH") {
                self.command.env(name, value);
            }
        }
        self
    }

    pub(crate) fn no_env(mut self) -> Self {
        self.command.env_clear();
        self
    }

    pub(crate) fn cwd(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub(crate) fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = bytes.as_ref().to_vec();
        self
    }

    /// How long it may take.
    pub(crate) fn seconds(mut self, seconds: u64) -> Self {
        self.limit = Duration::from_secs(seconds);
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Outcome {
        self.spawn().finish()
    }

    /// Starts it.
    pub(crate) fn spawn(self) -> Running {
        let Self {
            mut command,
            stdin,
            limit,
        } = self;
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let described = describe(&command);
        let mut child = start(&mut command)
            .unwrap_or_else(|error| panic!("could not start {described}: {error}"));
        let mut input = child.stdin.take().unwrap();
        // Written from a thread: a program may well print before it has read everything, or never read at all.
        std::thread::spawn(move || input.write_all(&stdin).ok());
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = Reader::of(child.stderr.take().unwrap());
        Running {
            child,
            stdout: Some(stdout),
            stderr: Some(stderr),
            described,
            deadline: Instant::now() + limit,
            said: Vec::new(),
        }
    }
}

/// Starts `command`. A file just written is busy while a process that another test is starting still holds its
/// descriptor, between fork and exec.
fn start(command: &mut Command) -> std::io::Result<Child> {
    let begin = Instant::now();
    loop {
        match command.spawn() {
            Err(error)
                if error.kind() == ErrorKind::ExecutableFileBusy
                    && begin.elapsed() < Duration::from_secs(5) =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            result => return result,
        }
    }
}

/// The command as it could be typed.
fn describe(command: &Command) -> String {
    let environment = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}={:?}", name.to_string_lossy(), value?)));
    let words = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| format!("{word:?}"));
    let folder = command.get_current_dir().unwrap_or(Path::new("."));
    let parts: Vec<String> = environment.chain(words).collect();
    format!("(cd {} && env -i {})", folder.display(), parts.join(" "))
}

/// What a program says, while it is read.
#[derive(Debug)]
struct Reader {
    said: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

impl Reader {
    fn of(mut from: impl Read + Send + 'static) -> Self {
        let said = Arc::new(Mutex::new(Vec::new()));
        let ours = Arc::clone(&said);
        let thread = std::thread::spawn(move || {
            let mut piece = [0; 8192];
            loop {
                match from.read(&mut piece) {
                    Ok(length @ 1..) => ours.lock().unwrap().extend_from_slice(&piece[..length]),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Ok(0) | Err(_) => return,
                }
            }
        });
        Self { said, thread }
    }

    fn so_far(&self) -> Vec<u8> {
        self.said.lock().unwrap().clone()
    }
}

/// A program under way; killed when a test drops it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: Option<Reader>,
    described: String,
    deadline: Instant,
    said: Vec<u8>,
}

impl Running {
    /// Waits for a line on its standard output; an empty line when it ended.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.as_mut().unwrap().read_line(&mut line).unwrap();
        self.said.extend_from_slice(line.as_bytes());
        line.trim_end().to_owned()
    }

    /// What stands on its standard error until now.
    pub(crate) fn stderr_so_far(&self) -> String {
        let said = self.stderr.as_ref().map(Reader::so_far);
        String::from_utf8_lossy(&said.unwrap_or_default()).into_owned()
    }

    /// Closes our end of its standard output.
    pub(crate) fn close_stdout(&mut self) {
        self.stdout = None;
    }

    /// Sends it a signal by name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        assert!(
            signal(self.id(), name),
            "could not send SIG{name} to {}",
            self.described
        );
    }

    /// As [`Running::signal`], unless it has ended.
    pub(crate) fn signal_if_alive(&mut self, name: &str) {
        if !self.ended() {
            self.signal(name);
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// It has ended.
    pub(crate) fn ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Outcome {
        let stdout = self.stdout.take().map(Reader::of);
        let mut overdue = false;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > self.deadline {
                overdue = true;
                self.child.kill().ok();
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        // What it has started may hold its pipes open for ever.
        let mut are_open = false;
        let mut collect = |reader: Reader| {
            while !overdue && !reader.thread.is_finished() && Instant::now() < self.deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
            are_open |= !reader.thread.is_finished();
            reader.so_far()
        };
        let mut said = std::mem::take(&mut self.said);
        said.extend(stdout.map(&mut collect).unwrap_or_default());
        let stderr = self.stderr.take().map(collect).unwrap_or_default();
        let outcome = Outcome {
            described: self.described.clone(),
            status,
            stdout: said,
            stderr,
            folder: None,
        };
        if overdue {
            outcome.fail("it did not end in time and was killed");
        }
        if are_open {
            outcome.fail("it ended, and others held its streams open until its time was over");
        }
        outcome
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// What a run came to. The checks explain themselves with everything known about it.
#[derive(Debug)]
pub(crate) struct Outcome {
    described: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    folder: Option<PathBuf>,
}

impl Outcome {
    /// Shows what lies in `folder` when a check fails.
    pub(crate) fn listing(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    pub(crate) fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The standard output, read as JSON, of a successful run.
    pub(crate) fn json(&self) -> serde_json::Value {
        self.success();
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| self.fail(&format!("no JSON on stdout: {error}")))
    }

    pub(crate) fn success(&self) -> &Self {
        self.code(0)
    }

    pub(crate) fn code(&self, expected: i32) -> &Self {
        if self.status.code() != Some(expected) {
            self.fail(&format!("expected exit code {expected}"));
        }
        self
    }

    /// It died of this signal, as the shell would see it.
    pub(crate) fn killed_by(&self, signal: i32) -> &Self {
        if self.status.signal() != Some(signal) {
            self.fail(&format!("expected death by signal {signal}"));
        }
        self
    }

    pub(crate) fn stdout_is(&self, expected: &str) -> &Self {
        if self.stdout != expected.as_bytes() {
            self.fail(&format!("expected on stdout: {expected:?}"));
        }
        self
    }

    pub(crate) fn stderr_is(&self, expected: &str) -> &Self {
        if self.stderr != expected.as_bytes() {
            self.fail(&format!("expected on stderr: {expected:?}"));
        }
        self
    }

    pub(crate) fn stderr_has(&self, expected: &str) -> &Self {
        if !self.stderr_text().contains(expected) {
            self.fail(&format!("expected in stderr: {expected:?}"));
        }
        self
    }

    /// Ends the test with everything known about the run.
    pub(crate) fn fail(&self, reason: &str) -> ! {
        let folder = self.folder.as_deref().map_or_else(String::new, |folder| {
            format!("files in {}:\n{}", folder.display(), listing(folder))
        });
        panic!(
            "{reason}\ncommand: {}\n{folder}status: {}\nstdout:\n{}\nstderr:\n{}\n",
            self.described,
            self.status,
            shortened(&self.stdout_text()),
            shortened(&self.stderr_text()),
        );
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(8000) {
        Some((end, _)) => format!("{}\n… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// Sends a process a signal by name, such as `TERM`; false when there is none.
pub(crate) fn signal(process: u32, name: &str) -> bool {
    let status = Command::new("kill")
        .args(["-s", name, &process.to_string()])
        .status();
    status.unwrap().success()
}

/// An argument that is not UTF-8.
pub(crate) fn bytes(raw: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(raw.to_vec())
}
