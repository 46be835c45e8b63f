//! The one printer: what people read goes through here. Data goes to stdout, the rest to stderr.

use crate::progress::{Progress, Stage, Unit};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Errors, and data that was asked for.
    Quiet,
    /// What was done, and warnings.
    #[default]
    Normal,
    /// How and why.
    Verbose,
}

/// The printer.
#[derive(Debug)]
pub struct Printer {
    level: Level,
    colours: bool,
    /// The same for stdout, which may lead elsewhere.
    data_colours: bool,
    /// Bars, when stderr is a terminal.
    bars: Option<MultiProgress>,
    running: Mutex<HashMap<Stage, Running>>,
}

/// A stage under way.
#[derive(Debug)]
struct Running {
    since: Instant,
    done: u64,
    bar: Option<ProgressBar>,
}

impl Printer {
    /// A printer for this process' stdout and stderr.
    #[must_use]
    pub fn new(level: Level) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bars = terminal && level > Level::Quiet;
        Self {
            level,
            colours: terminal && colours_wanted(),
            data_colours: std::io::stdout().is_terminal() && colours_wanted(),
            bars: bars.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr())),
            running: Mutex::default(),
        }
    }

    /// Is everything told?
    #[must_use]
    pub fn is_verbose(&self) -> bool {
        self.level == Level::Verbose
    }

    /// Prints what was asked for, on stdout. A reader who has gone away (`pack inspect | head`) is no failure.
    ///
    /// # Errors
    /// When stdout cannot be written to, such as a full disk.
    pub fn data(&self, text: &str) -> std::io::Result<()> {
        let mut stdout = std::io::stdout().lock();
        let written = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                let message = format!("cannot write to stdout: {error}");
                Err(std::io::Error::new(error.kind(), message))
            }
            _ => Ok(()),
        }
    }

    /// Says what was done.
    pub fn status(&self, line: &str) {
        if self.level >= Level::Normal {
            self.line(line);
        }
    }

    /// Says how or why: for `-v`.
    pub fn detail(&self, line: &str) {
        if self.level >= Level::Verbose {
            self.line(line);
        }
    }

    /// Says what may be wrong.
    pub fn warning(&self, line: &str) {
        if self.level >= Level::Normal {
            self.line(&format!("{} {line}", self.paint(YELLOW, "warning:")));
        }
    }

    /// Says what went wrong: the error, its causes, and what to do next.
    pub fn error(&self, error: &dyn Error, hint: Option<&str>) {
        self.clear();
        self.line(render(error, hint, self.colours).trim_end());
    }

    /// Takes away the bars of stages that will not come to their end.
    pub fn clear(&self) {
        for (_, running) in self.running().drain() {
            if let Some(bar) = running.bar {
                bar.finish_and_clear();
            }
        }
    }

    /// `text` in bold, where there are colours.
    #[must_use]
    pub fn bold(&self, text: &str) -> String {
        self.paint(BOLD, text)
    }

    /// `text` in bold, in what goes to [`Printer::data`].
    #[must_use]
    pub fn heading(&self, text: &str) -> String {
        paint(BOLD, text, self.data_colours)
    }

    fn paint(&self, style: &str, text: &str) -> String {
        paint(style, text, self.colours)
    }

    fn line(&self, line: &str) {
        let print = || {
            // Nobody is left to be told when stderr is gone.
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        };
        match &self.bars {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Stage, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bar(&self, stage: Stage, total: u64) -> Option<ProgressBar> {
        let bar = self.bars.as_ref()?.add(if total == 0 {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::new(total)
        });
        bar.set_style(style(stage.unit(), total > 0));
        bar.set_message(stage.label());
        bar.enable_steady_tick(Duration::from_millis(100));
        Some(bar)
    }
}

fn style(unit: Unit, known: bool) -> ProgressStyle {
    let template = match (unit, known) {
        (Unit::Bytes, true) => "{msg:>18} {bar:32} {decimal_bytes}/{decimal_total_bytes}",
        (Unit::Bytes, false) => "{msg:>18} {spinner} {decimal_bytes}",
        (_, true) => "{msg:>18} {bar:32} {pos}/{len}",
        (_, false) => "{msg:>18} {spinner} {pos}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Progress for Printer {
    fn start(&self, stage: Stage, total: u64) {
        crate::interrupt::check();
        let running = Running {
            since: Instant::now(),
            done: 0,
            bar: self.bar(stage, total),
        };
        self.running().insert(stage, running);
    }

    fn advance(&self, stage: Stage, by: u64) {
        crate::interrupt::check();
        if let Some(running) = self.running().get_mut(&stage) {
            running.done += by;
            if let Some(bar) = &running.bar {
                bar.set_position(running.done);
            }
        }
    }

    fn finish(&self, stage: Stage) {
        let Some(running) = self.running().remove(&stage) else {
            return;
        };
        if let Some(bar) = &running.bar {
            bar.finish_and_clear();
        }
        let count = match (running.done, stage.unit()) {
            (0, _) => String::new(),
            (done, Unit::Bytes) => format!("{}, ", size(done)),
            (done, Unit::Modules) => format!("{done} modules, "),
            (done, Unit::Files) => format!("{done} files, "),
        };
        let line = format!(
            "{}: {count}{}",
            stage.label(),
            duration(running.since.elapsed())
        );
        // On a terminal the bar has shown it.
        if self.bars.is_some() {
            self.detail(&line);
        } else {
            self.status(&line);
        }
        crate::interrupt::check();
    }

    fn note(&self, line: &str) {
        self.detail(line);
    }
}

const BOLD: &str = "1";
const RED: &str = "1;31";
const YELLOW: &str = "1;33";
const CYAN: &str = "36";

fn paint(style: &str, text: &str, colours: bool) -> String {
    if colours {
        format!("\x1b[{style}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// <https://no-color.org>: any value but the empty one turns colours off.
fn colours_wanted() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !no_color && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// An error with its causes and a hint, as the reader sees it.
#[must_use]
pub fn render(error: &dyn Error, hint: Option<&str>, colours: bool) -> String {
    let mut text = format!("{} {error}\n", paint(RED, "error:", colours));
    let mut shown = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        // Some errors repeat their cause in their own message.
        if !shown.contains(&message) {
            let _ = writeln!(text, "  {} {message}", paint(RED, "caused by:", colours));
        }
        shown = message;
        cause = error.source();
    }
    if let Some(hint) = hint {
        let _ = writeln!(text, "{} {hint}", paint(CYAN, "hint:", colours));
    }
    text
}

/// Bytes for people: `16.4 MB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss)] // one decimal is shown
    let mut scaled = bytes as f64;
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    for unit in ["kB", "MB", "GB"] {
        scaled /= 1000.0;
        if scaled < 999.95 {
            return format!("{scaled:.1} {unit}");
        }
    }
    format!("{:.1} TB", scaled / 1000.0)
}

/// A duration for people: `0.8 s`, `2 min 5 s`.
#[must_use]
pub fn duration(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// A path from where the reader stands.
#[must_use]
pub fn path(path: &Path) -> String {
    static CURRENT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let current = CURRENT.get_or_init(|| std::env::current_dir().ok());
    let path: &Path = path.strip_prefix(".").unwrap_or(path);
    let below = current
        .as_ref()
        .and_then(|current| path.strip_prefix(current).ok());
    match below {
        Some(below) if below.as_os_str().is_empty() => ".".into(),
        Some(below) => below.display().to_string(),
        None if path.as_os_str().is_empty() => ".".into(),
        None => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_from_where_the_reader_stands() {
        let current = std::env::current_dir().unwrap();
        for (shown, expected) in [
            (current.clone(), "."),
            (current.join("a/b"), "a/b"),
            (".".into(), "."),
            ("./a".into(), "a"),
            ("/".into(), "/"),
        ] {
            assert_eq!(path(&shown), expected);
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("could not collect the files of `app`")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("`_rust.so` needs `libssl.so.3`, which was not found")]
    struct Inner;

    #[test]
    fn renders_chains() {
        insta::assert_snapshot!(render(&Outer(Inner), Some("name its directory"), false), @r"
        error: could not collect the files of `app`
          caused by: `_rust.so` needs `libssl.so.3`, which was not found
        hint: name its directory
        ");
        assert!(render(&Inner, None, true).starts_with("\x1b[1;31merror:\x1b[0m "));
    }

    #[test]
    fn sizes() {
        let check = |bytes, expect: &str| assert_eq!(size(bytes), expect);
        check(0, "0 B");
        check(999, "999 B");
        check(1000, "1.0 kB");
        check(16_384_000, "16.4 MB");
        check(999_999, "1.0 MB");
        check(3_200_000_000, "3.2 GB");
    }

    #[test]
    fn durations() {
        assert_eq!(duration(Duration::from_millis(840)), "0.8 s");
        assert_eq!(duration(Duration::from_secs(125)), "2 min 5 s");
    }
}
