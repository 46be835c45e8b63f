//! What traces say together, for a build that leaves out the rest.

use super::{FORMAT, Trace, VERSION, system};
use crate::facts::InterpreterFacts;
use crate::graph::ModuleGraph;
use crate::inputs;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Files that were used, by distribution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence(BTreeMap<String, BTreeSet<String>>);

/// Why a trace cannot be built by.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// It cannot be read.
    #[error("cannot read the trace `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is something else, or cut off.
    #[error("`{}` is no trace: {reason}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Of another `pack`.
    #[error("the trace `{}` has version {found} of the format, and this `pack` reads version {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: u64,
    },
    /// Made elsewhere.
    #[error("the trace `{}` was made with {found}, and the program is built with {expected}", path.display())]
    Elsewhere {
        /// The file.
        path: PathBuf,
        /// The system or the Python of the trace.
        found: String,
        /// That of the build.
        expected: String,
    },
    /// A distribution is another one now.
    #[error("the trace `{}` was made with {found}, and {now} is to be packed", path.display())]
    Distribution {
        /// The file.
        path: PathBuf,
        /// What the trace knows of it.
        found: String,
        /// Name and version.
        now: String,
    },
}

impl TraceError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Read { .. } | Self::Foreign { .. } => {
                "`pack trace APP` writes one; name that file with `--slim`".into()
            }
            _ => "trace the application again: `pack trace APP`".into(),
        }
    }
}

impl Evidence {
    /// Reads traces, and checks that they are about what is packed.
    ///
    /// # Errors
    /// When one of them is no trace, or one of another environment.
    pub fn read(
        paths: &[PathBuf],
        target: &str,
        facts: &InterpreterFacts,
        graph: &ModuleGraph,
    ) -> Result<Self, TraceError> {
        let mut evidence = Self::default();
        for path in paths {
            let json = inputs::read(path).map_err(|source| TraceError::Read {
                path: path.clone(),
                source,
            })?;
            let trace = parse(path, &json)?;
            check_place(path, &trace, target, facts)?;
            check_distributions(path, &trace, graph)?;
            for (name, used) in trace.distributions {
                evidence.0.entry(name).or_default().extend(used.used);
            }
        }
        Ok(evidence)
    }

    /// Whether a trace knows of this use.
    pub(crate) fn has(&self, distribution: &str, dest: &str) -> bool {
        self.0
            .get(distribution)
            .is_some_and(|used| used.contains(dest))
    }
}

fn parse(path: &Path, json: &[u8]) -> Result<Trace, TraceError> {
    let foreign = |reason: String| TraceError::Foreign {
        path: path.to_owned(),
        reason,
    };
    let value: serde_json::Value =
        serde_json::from_slice(json).map_err(|error| foreign(error.to_string()))?;
    if value["format"] != FORMAT {
        return Err(foreign(format!("nothing in it says `{FORMAT}`")));
    }
    match value["version"].as_u64() {
        Some(version) if version == u64::from(VERSION) => {}
        Some(found) => {
            return Err(TraceError::Version {
                path: path.to_owned(),
                found,
            });
        }
        None => return Err(foreign("it has no version".into())),
    }
    serde_json::from_value(value).map_err(|error| foreign(error.to_string()))
}

fn check_place(
    path: &Path,
    trace: &Trace,
    target: &str,
    facts: &InterpreterFacts,
) -> Result<(), TraceError> {
    let elsewhere = |found: String, expected: String| TraceError::Elsewhere {
        path: path.to_owned(),
        found,
        expected,
    };
    let expected = system(target);
    if trace.system != expected {
        return Err(elsewhere(trace.system.clone(), expected));
    }
    let expected = format!("{}.{}", facts.version.0, facts.version.1);
    if trace.python != expected {
        let named = |version: &str| format!("Python {version}");
        return Err(elsewhere(named(&trace.python), named(&expected)));
    }
    Ok(())
}

/// What is packed must be what was traced. A project that is installed editable changes all the time, and is not slimmed;
/// files of no distribution neither.
fn check_distributions(path: &Path, trace: &Trace, graph: &ModuleGraph) -> Result<(), TraceError> {
    let distributions = graph.distributions.iter().map(|taken| &taken.distribution);
    for distribution in distributions.filter(|one| one.metadata.is_some() && one.project.is_none())
    {
        let traced = trace.distributions.get(&distribution.name);
        let found = match traced {
            Some(traced) if traced.version == distribution.version => continue,
            Some(traced) => format!("{} {}", distribution.name, traced.version),
            None => format!("no {}", distribution.name),
        };
        return Err(TraceError::Distribution {
            path: path.to_owned(),
            found,
            now: distribution.label(),
        });
    }
    Ok(())
}
