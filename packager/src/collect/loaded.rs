//! Libraries of the system that the application loads by name with `ctypes`. They are no file of anybody's, so nothing
//! brings them along: the machine that the program runs on must have them.

use super::application::shown;
use super::bundle::Bundle;
use super::native::LibraryGraph;
use crate::graph::ModuleGraph;
use crate::plan::BuildPlan;
use std::collections::HashSet;

/// Tells of those that this machine has and not every other.
pub(super) fn tell(
    bundle: &mut Bundle<'_>,
    plan: &BuildPlan,
    graph: &ModuleGraph,
    libraries: &LibraryGraph,
) {
    let mut told = HashSet::new();
    for (file, library) in &graph.libraries {
        let Some(soname) = libraries.left_to_target(&library.name, library.searched) else {
            continue;
        };
        if told.insert(soname.clone()) {
            bundle.warn(format!(
                "{}:{} loads `{soname}` of the system, which stays behind: the target must have it, unless `--add-binary` \
                 brings it along",
                shown(plan, file),
                library.line,
            ));
        }
    }
}
