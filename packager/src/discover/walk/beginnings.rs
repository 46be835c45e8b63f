//! Modules of which only the beginning of the name stands in the source: `import_module(f"plugins.{name}")`.

use super::reach::{TESTS, Wish};
use super::{Scope, Walk};
use crate::discover::imports;
use crate::graph::{ImportSite, Origin};

impl Walk<'_> {
    /// Reaches what the application's own code may mean. Somebody else's code means modules of its own distribution,
    /// which is whole, or other distributions.
    pub(super) fn follow_beginning(&mut self, scope: &Scope, level: u32, prefix: &str, line: u32) {
        match scope.origin {
            Origin::Stdlib => {}
            Origin::ThirdParty if level == 0 => self.scan_beginning(scope, prefix, line),
            Origin::ThirdParty => {}
            Origin::App => {
                for name in self.beginning_with(scope, level, prefix) {
                    self.want(&name, &wish(scope, line));
                }
            }
        }
    }

    /// Takes the distributions with top-level modules whose names begin with `prefix`.
    pub(super) fn scan_beginning(&mut self, scope: &Scope, prefix: &str, line: u32) {
        if prefix.contains('.') {
            return;
        }
        for name in self.finder.top_level(prefix) {
            if let Some(found) = self.finder.find(&name) {
                self.take_owner(&name, &found, &wish(scope, line));
            }
        }
    }

    /// The modules that `prefix` is a beginning of: top-level ones, or the direct submodules of a package, tests left out.
    fn beginning_with(&mut self, scope: &Scope, level: u32, prefix: &str) -> Vec<String> {
        let (package, stem) = prefix.rsplit_once('.').unwrap_or(("", prefix));
        let base = match usize::try_from(level).unwrap_or(usize::MAX) {
            0 if package.is_empty() => return self.finder.top_level(stem),
            0 => Some(package.to_owned()),
            level => imports::absolute(&scope.package, level, package),
        };
        let Some(base) = base else {
            return Vec::new();
        };
        let Some(found) = self.finder.find(&base) else {
            return Vec::new();
        };
        // The distribution of somebody else's package goes in whole.
        if found.origin == Origin::ThirdParty {
            return vec![base];
        }
        let names = self.finder.submodules(&found).into_iter();
        names
            .filter(|name| name.starts_with(stem) && !TESTS.contains(&name.as_str()))
            .map(|name| format!("{base}.{name}"))
            .collect()
    }
}

fn wish(scope: &Scope, line: u32) -> Wish {
    Wish {
        site: ImportSite {
            importer: scope.importer.clone(),
            line,
            optional: true,
        },
        asker: scope.origin.clone(),
        note_missing: false,
        whole: false,
        certain: false,
    }
}
