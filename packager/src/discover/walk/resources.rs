//! Files of the application's packages that its sources read as resources: `files("pkg") / "data" / "words"`.

use super::reach::Wish;
use super::{Scope, Walk};
use crate::discover::evidence::Named;
use crate::discover::finder::module_file;
use crate::graph::{DataHint, ImportSite, Origin};
use std::path::{Path, PathBuf};

/// Where paths are meant from.
struct Base {
    /// A file in the folder, whose place in the bundle is that of the folder.
    file: PathBuf,
    /// What lies between the folder and the package, `/`-separated.
    below: String,
}

impl Walk<'_> {
    /// The paths of a file, as seen from each package whose resources it reads. To read them is to import the package.
    pub(super) fn note_resources(&mut self, path: &Path, scope: &Scope, named: &Named) {
        for (package, line) in &named.packages {
            let Some(base) = self.base(path, package) else {
                continue;
            };
            let site = ImportSite {
                importer: scope.importer.clone(),
                line: *line,
                optional: true,
            };
            let wish = Wish {
                site,
                ..Wish::setting("", true)
            };
            self.want(package, &wish);
            let of_another = base.file != path;
            let hints = named.paths.iter().map(|evidence| DataHint {
                file: base.file.clone(),
                line: evidence.line,
                named_by: of_another.then(|| (path.to_owned(), evidence.line)),
                path: format!("{}{}", base.below, evidence.path),
                folder: evidence.folder,
                relative: false,
            });
            self.graph.data.extend(hints);
        }
    }

    /// Where the resources of `package` lie, one of the application's own, which the file at `path` reads. A namespace has no
    /// file: it is seen from the package around it, and without one from that which reads it.
    fn base(&mut self, path: &Path, package: &str) -> Option<Base> {
        let found = self.finder.find(package)?;
        if found.origin != Origin::App || !found.is_package() {
            return None;
        }
        if let Some(file) = module_file(&found.kind) {
            return Some(Base {
                file: file.to_owned(),
                below: String::new(),
            });
        }
        let Some((parent, last)) = package.rsplit_once('.') else {
            return Some(Base {
                file: path.to_owned(),
                below: format!("{package}/"),
            });
        };
        let mut base = self.base(path, parent)?;
        base.below = format!("{}{last}/", base.below);
        Some(base)
    }
}
