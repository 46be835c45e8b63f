//! Distributions that nothing imports and that belong to the application all the same: plug-ins, and what is found by a
//! name that stands in no import.

use super::{Depth, Scope, Walk};
use crate::graph::{Origin, Reason};

/// Groups whose entry points are no plug-ins of a running program: they are read by tools that install, build or pack.
const OF_TOOLS: [&str; 4] = [
    "console_scripts",
    "gui_scripts",
    "egg_info.writers",
    "pyinstaller40",
];

/// What a module looks for by a name that it hands to a function which imports nothing.
///
/// `zoneinfo` reads `tzdata` as resources where the system has no time zones.
const COMPANIONS: [(&str, &str); 1] = [("zoneinfo", "tzdata")];

impl Walk<'_> {
    /// Takes what plugs into a file that reads the entry points of `groups`.
    pub(super) fn take_plugins(&mut self, scope: &Scope, groups: &[String]) {
        if groups.is_empty() || scope.origin == Origin::Stdlib {
            return;
        }
        let is_own = scope.origin == Origin::App && scope.depth != Depth::Scanned;
        for group in groups.iter().filter(|group| is_of_program(group)) {
            for plugin in self.takings.declaring(group) {
                // As with imports: what the application itself asks for is never a mere tool.
                let unwanted = !is_own && self.takings.is_mere_tool(&plugin);
                if unwanted || self.takings.is_excluded(&plugin) {
                    continue;
                }
                let reason = Reason::PlugIn {
                    group: group.clone(),
                    host: scope.importer.clone(),
                };
                self.take(plugin, &[], reason);
            }
        }
    }

    /// Takes what the module `name` looks for without importing it, where it is installed.
    pub(super) fn take_companions(&mut self, name: &str) {
        let companions = COMPANIONS.iter().filter(|(module, _)| *module == name);
        for (module, companion) in companions {
            if let Some(distribution) = self.takings.named(companion) {
                self.take(distribution, &[], Reason::LookedFor((*module).to_owned()));
            }
        }
    }
}

fn is_of_program(group: &str) -> bool {
    !OF_TOOLS.contains(&group)
        && !group.starts_with("distutils.")
        && !group.starts_with("setuptools.")
}
