//! What `pre_find_module_path` and `pre_safe_import_module` hooks say: where a module is, before it is looked for.

use super::Hooks;
use crate::graph::ModuleGraph;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What the hooks of one module say.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
pub(crate) struct Before {
    /// `search_dirs`, where a hook has changed it: the folders that it is looked for in. Without any it is left out.
    search: Option<Vec<PathBuf>>,
    /// `append_package_path`: further folders of its submodules.
    #[serde(default)]
    package_path: Vec<PathBuf>,
    /// `add_runtime_module`, `add_runtime_package`: what is made at run time.
    #[serde(default)]
    made: Vec<String>,
    /// `add_alias_module`: another name, and the module that it stands for.
    #[serde(default)]
    aliases: Vec<(String, String)>,
}

/// The modules that `graph` misses, and the packages around them that are not there either.
pub(super) fn missing(graph: &ModuleGraph) -> BTreeSet<String> {
    let missing = graph.missing.iter().flat_map(|missing| {
        let ends = missing.name.match_indices('.').map(|(at, _)| at);
        let ends = ends.chain([missing.name.len()]);
        ends.map(|end| missing.name[..end].to_owned())
    });
    missing
        .filter(|name| !graph.modules.contains_key(name))
        .collect()
}

impl Hooks {
    fn before(&self) -> impl Iterator<Item = &Before> {
        self.by_module
            .values()
            .filter_map(|hook| hook.before.as_ref())
    }

    /// The folders that `module` is to be looked for in, if a hook says so.
    pub(crate) fn search(&self, module: &str) -> Option<&[PathBuf]> {
        self.of(module)?.before.as_ref()?.search.as_deref()
    }

    /// Further folders of the submodules of `package`.
    pub(crate) fn package_path(&self, package: &str) -> &[PathBuf] {
        let before = self.of(package).and_then(|hook| hook.before.as_ref());
        before.map_or(&[], |before| &before.package_path)
    }

    /// Modules that are left out.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = &str> {
        let all = self.by_module.iter();
        let is_left_out = |module: &str| self.search(module).is_some_and(<[PathBuf]>::is_empty);
        all.map(|(module, _)| module.as_str())
            .filter(move |module| is_left_out(module))
    }

    /// Whether `module`, or a package around it, is made at run time.
    pub(crate) fn makes(&self, module: &str) -> bool {
        let mut made = self.before().flat_map(|before| &before.made);
        made.any(|made| is_in(module, made).is_some())
    }

    /// The module that `module` is another name of.
    pub(crate) fn real(&self, module: &str) -> Option<String> {
        let mut aliases = self.before().flat_map(|before| &before.aliases);
        aliases.find_map(|(alias, real)| Some(format!("{real}{}", is_in(module, alias)?)))
    }
}

/// What follows the name of `package` in that of `module`, where this is the package or lies in it.
fn is_in<'m>(module: &'m str, package: &str) -> Option<&'m str> {
    let rest = module.strip_prefix(package)?;
    (rest.is_empty() || rest.starts_with('.')).then_some(rest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_hooks_say_of_modules() {
        let answer = r#"[
            {"module": "gone", "before": {"search": []}},
            {"module": "moved", "before": {"search": ["/x"], "package_path": ["/y"]}},
            {"module": "six", "before": {"made": ["six.moves"], "aliases": [["tf.keras", "keras.api"]]}},
            {"module": "plain"}
        ]"#;
        let all: Vec<super::super::Hook> = serde_json::from_str(answer).unwrap();
        let by_module = all.into_iter().map(|hook| (hook.module.clone(), hook));
        let hooks = Hooks {
            by_module: by_module.collect(),
            ..Hooks::default()
        };
        assert_eq!(hooks.left_out().collect::<Vec<_>>(), ["gone"]);
        assert_eq!(hooks.search("moved").unwrap(), [PathBuf::from("/x")]);
        assert_eq!(hooks.package_path("moved"), [PathBuf::from("/y")]);
        assert!(hooks.search("plain").is_none() && hooks.package_path("plain").is_empty());
        assert!(hooks.makes("six.moves.urllib") && !hooks.makes("six.movesome"));
        assert_eq!(hooks.real("tf.keras.layers").unwrap(), "keras.api.layers");
        assert_eq!(hooks.real("tf.kerastic"), None);
    }
}
