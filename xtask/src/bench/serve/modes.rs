//! How a server is asked to run Python.

/// How the GIL is dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gil {
    Shared,
    /// This many interpreters, each with its own.
    PerInterpreter(u32),
    /// A free-threaded Python.
    Free,
}

/// `sys.setswitchinterval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Interval {
    /// Python's own, 5 ms.
    Default,
    Microseconds(u32),
    /// Tuned by the server.
    Auto,
}

/// Processes, threads and the GIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mode {
    pub(super) processes: u32,
    /// Of each interpreter.
    pub(super) threads: u32,
    pub(super) gil: Gil,
    pub(super) interval: Interval,
}

impl Mode {
    pub(super) const fn new(processes: u32, threads: u32) -> Self {
        Self {
            processes,
            threads,
            gil: Gil::Shared,
            interval: Interval::Default,
        }
    }

    pub(super) const fn every(self, microseconds: u32) -> Self {
        Self {
            interval: Interval::Microseconds(microseconds),
            ..self
        }
    }

    pub(super) const fn auto(self) -> Self {
        Self {
            interval: Interval::Auto,
            ..self
        }
    }

    pub(super) const fn with(self, gil: Gil) -> Self {
        Self { gil, ..self }
    }

    /// The interval in seconds, as servers' options take it.
    pub(super) fn seconds(self) -> Option<String> {
        match self.interval {
            Interval::Microseconds(microseconds) => {
                Some(format!("{}", f64::from(microseconds) / 1e6))
            }
            Interval::Default | Interval::Auto => None,
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} × {}", self.processes, self.threads)?;
        match self.gil {
            Gil::Shared => {}
            Gil::PerInterpreter(count) => write!(out, ", {count} interpreters")?,
            Gil::Free => write!(out, ", free-threaded")?,
        }
        match self.interval {
            Interval::Default => Ok(()),
            Interval::Microseconds(microseconds) => {
                write!(out, ", {} ms", f64::from(microseconds) / 1e3)
            }
            Interval::Auto => write!(out, ", auto"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_reads_as_in_the_tables() {
        let five = Mode::new(1, 5);
        assert_eq!(five.every(100).to_string(), "1 × 5, 0.1 ms");
        assert_eq!(five.every(100).seconds().as_deref(), Some("0.0001"));
        assert_eq!(five.auto().to_string(), "1 × 5, auto");
        let two = Mode::new(1, 1).with(Gil::PerInterpreter(2));
        assert_eq!(two.to_string(), "1 × 1, 2 interpreters");
        assert_eq!(five.with(Gil::Free).to_string(), "1 × 5, free-threaded");
    }
}
