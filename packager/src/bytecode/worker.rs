//! One process of the target interpreter that compiles, and how it is spoken to.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const SCRIPT: &str = include_str!("compile_worker.py");
/// No code object of a source file that a person wrote is larger; a length beyond it is a broken answer.
const MAX_ANSWER: u32 = 1 << 30;

/// What the interpreter said of a source.
#[derive(Debug)]
pub(super) enum Answer {
    /// Marshalled code.
    Code(Vec<u8>),
    /// It does not compile.
    Refused {
        /// 1-based line, 0 when none is known.
        line: u32,
        /// CPython's words.
        message: String,
    },
}

/// A running process; ends when dropped.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    requests: Option<BufWriter<ChildStdin>>,
    answers: ChildStdout,
    complaints: File,
}

impl Worker {
    /// Starts `python` without its site, its environment and its user's settings.
    pub(super) fn start(python: &Path) -> io::Result<Self> {
        let complaints = tempfile::tempfile()?;
        let mut child = Command::new(python)
            .args(["-I", "-S", "-W", "ignore", "-c", SCRIPT])
            .env_clear()
            // Ctrl-C is for us: a process that it ends would look like one that failed.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(complaints.try_clone()?)
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (requests, answers) = pipes.ok_or_else(|| io::Error::other("no pipe to it"))?;
        Ok(Self {
            child,
            requests: Some(BufWriter::new(requests)),
            answers,
            complaints,
        })
    }

    /// Compiles `source` under the name `name`.
    pub(super) fn compile(
        &mut self,
        name: &str,
        source: &[u8],
        optimize: u8,
    ) -> io::Result<Answer> {
        let too_large = |_| io::Error::other("the source is larger than 4 GiB");
        let requests = self
            .requests
            .as_mut()
            .ok_or_else(|| io::Error::other("it has ended"))?;
        requests.write_all(&u32::try_from(name.len()).map_err(too_large)?.to_le_bytes())?;
        requests.write_all(
            &u32::try_from(source.len())
                .map_err(too_large)?
                .to_le_bytes(),
        )?;
        requests.write_all(&[optimize])?;
        requests.write_all(name.as_bytes())?;
        requests.write_all(source)?;
        requests.flush()?;

        let mut head = [0; 5];
        self.answers.read_exact(&mut head)?;
        let [status, length @ ..] = head;
        let length = u32::from_le_bytes(length);
        if length > MAX_ANSWER {
            return Err(io::Error::other("its answer is not one"));
        }
        let mut body = vec![0; length as usize];
        self.answers.read_exact(&mut body)?;
        match (status, body.split_first_chunk::<4>()) {
            (0, _) => Ok(Answer::Code(body)),
            (1, Some((line, message))) => Ok(Answer::Refused {
                line: u32::from_le_bytes(*line),
                message: String::from_utf8_lossy(message).into_owned(),
            }),
            _ => Err(io::Error::other("its answer is not one")),
        }
    }

    /// What it wrote to stderr, for the message about its end.
    pub(super) fn complaints(mut self) -> String {
        drop(self.requests.take());
        let _ = self.child.wait();
        let mut text = String::new();
        let _ = self.complaints.seek(SeekFrom::Start(0));
        let _ = self.complaints.read_to_string(&mut text);
        text.trim().to_owned()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The end of its input is the end of its loop; killed all the same, because an error may have left it in the middle.
        drop(self.requests.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
