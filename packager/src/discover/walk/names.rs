//! From texts of the application's own sources to the modules that they name, and to all that an application of Django
//! consists of.

use super::reach::Wish;
use super::{Scope, Walk};
use crate::discover::finder::{Found, module_file};
use crate::discover::names::{Named, Names};
use crate::graph::{DataHint, ImportSite, Origin};
use std::path::Path;
use std::sync::Arc;

/// Folders of an application of Django that hold no modules (`django.core.management`, `django.template.loaders`).
const DATA: [&str; 6] = ["templates", "jinja2", "static", "locale", "fixtures", "sql"];

/// Packages of an application whose modules Django finds by listing their folder; they need no `__init__.py`.
const LISTED: [&str; 3] = ["management.commands", "migrations", "templatetags"];

impl Walk<'_> {
    /// Reaches what the texts of a file name: modules of the application, and of others where the file is Django's
    /// settings.
    pub(super) fn follow_names(&mut self, path: &Path, scope: &Scope, names: &Names) {
        if scope.origin != Origin::App {
            return;
        }
        for named in &names.modules {
            self.follow_name(scope, named, names.settings);
        }
        for app in &names.apps {
            self.install_app(path, scope, app);
        }
    }

    fn follow_name(&mut self, scope: &Scope, named: &Named, settings: bool) {
        let Some((name, found)) = self.longest(&named.name) else {
            return;
        };
        let is_meant = match found.origin {
            Origin::App => name != scope.importer,
            Origin::ThirdParty => settings,
            Origin::Stdlib => settings && name.contains('.'),
        };
        if is_meant {
            self.want(&name, &wish(scope, named));
        }
    }

    /// Takes the package of an application whole, with its data: Django finds everything in it by listing folders.
    fn install_app(&mut self, path: &Path, scope: &Scope, app: &Named) {
        let Some((name, found)) = self.longest(&app.name) else {
            return;
        };
        if self.want(&name, &wish(scope, app)).is_none() || found.origin != Origin::App {
            return;
        }
        // `polls` of `polls.apps.PollsConfig`.
        let package = match (found.is_package(), name.rsplit_once('.')) {
            (true, _) => name,
            (false, Some((package, _))) => package.to_owned(),
            (false, None) => return,
        };
        self.take_package_whole(&package);
        for listed in LISTED {
            self.take_package_whole(&format!("{package}.{listed}"));
        }
        let folder = self.finder.find(&package);
        let folder = folder.and_then(|found| module_file(&found.kind).map(Path::to_owned));
        let hints = folder.into_iter().flat_map(|file| {
            DATA.map(|data| DataHint {
                file: file.clone(),
                named_by: Some((path.to_owned(), app.line)),
                line: 0,
                path: data.to_owned(),
                folder: true,
                relative: false,
            })
        });
        self.graph.data.extend(hints);
    }

    /// The longest beginning of `name` that is a module.
    fn longest(&mut self, name: &str) -> Option<(String, Arc<Found>)> {
        let mut name = name;
        loop {
            if let Some(found) = self.finder.find(name) {
                return Some((name.to_owned(), found));
            }
            name = name.rsplit_once('.')?.0;
        }
    }
}

fn wish(scope: &Scope, named: &Named) -> Wish {
    Wish {
        site: ImportSite {
            importer: scope.importer.clone(),
            line: named.line,
            optional: true,
        },
        asker: scope.origin.clone(),
        note_missing: false,
        whole: false,
        certain: false,
    }
}
