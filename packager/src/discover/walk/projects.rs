//! Distributions that are installed editable: their modules lie in the project's folder, and no list of files names them.

use super::Walk;
use super::reach::{TESTS, Wish};
use crate::discover::finder::{Found, module_file};
use crate::graph::Origin;
use crate::installed::Distribution;
use std::path::Path;

impl Walk<'_> {
    /// Takes the packages and modules of `distribution` whole, as an ordinary installation of it would be.
    pub(super) fn take_project(&mut self, distribution: &Distribution, project: &Path) {
        let mut names = distribution.announced();
        names.extend(self.finder.mapped_below(project));
        for name in names {
            self.take_below(&name, project);
        }
    }

    /// Takes `name` where it lies below `project`; of a namespace package those parts that do.
    fn take_below(&mut self, name: &str, project: &Path) {
        let Some(found) = self.finder.find(name) else {
            return;
        };
        if found.origin != Origin::App {
            return;
        }
        if lies_below(&found, project) {
            self.want(name, &Wish::setting("an editable installation", true));
            self.take_package_whole(name);
        } else if module_file(&found.kind).is_none() {
            for part in self.finder.submodules(&found) {
                if !TESTS.contains(&part.as_str()) {
                    self.take_below(&format!("{name}.{part}"), project);
                }
            }
        }
    }
}

fn lies_below(found: &Found, project: &Path) -> bool {
    module_file(&found.kind).is_some_and(|file| file.starts_with(project))
}
