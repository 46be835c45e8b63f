//! Distributions of which only the metadata is taken: code reads it, and nothing imports their modules.

use super::{Depth, Scope, Walk};
use crate::discover::metadata::{MetadataRead, Whose};
use crate::graph::{ImportSite, Origin, Reason};
use crate::installed::Distribution;

impl Walk<'_> {
    /// Takes the metadata that a file reads.
    pub(super) fn take_metadata(&mut self, scope: &Scope, reads: &[MetadataRead]) {
        if scope.origin == Origin::Stdlib {
            return;
        }
        for read in reads {
            let name = match &read.whose {
                Whose::Named(name) => name,
                // That of a script is `__main__`.
                _ if scope.depth == Depth::Script => continue,
                Whose::Module => &scope.importer,
                Whose::Package => &scope.package,
            };
            self.take_metadata_of(name, scope, read);
        }
    }

    fn take_metadata_of(&mut self, name: &str, scope: &Scope, read: &MetadataRead) {
        let is_own = scope.origin == Origin::App;
        let site = ImportSite {
            importer: scope.importer.clone(),
            line: read.line,
            optional: read.optional,
        };
        match self.takings.named(name) {
            Some(distribution) if is_own || !self.is_unwanted(&distribution) => {
                let reason = Reason::MetadataReadBy(site);
                self.takings
                    .take_metadata(&distribution, read.recursive, &reason);
            }
            None if is_own && !read.optional => self.graph.warnings.push(format!(
                "`{site}` reads the metadata of `{name}`, which is not installed (`pip install {name}`, if it is needed)"
            )),
            _ => {}
        }
    }

    /// Whether its modules are left out: a library that finds the metadata takes them for installed.
    fn is_unwanted(&self, distribution: &Distribution) -> bool {
        let mut modules = distribution.top_level().into_iter();
        self.takings.is_mere_tool(distribution) || modules.any(|name| self.is_left_out(&name))
    }
}
