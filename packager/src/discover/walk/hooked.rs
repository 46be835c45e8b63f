//! What PyInstaller hooks say about modules.

use super::Walk;
use super::reach::Wish;
use crate::graph::Origin;

impl Walk<'_> {
    /// Reaches the modules that the hook of `module` names, but those of distributions that are taken: they are whole.
    pub(super) fn follow_hook(&mut self, module: &str) {
        let hooks = self.hooks;
        let Some(hook) = hooks.of(module) else {
            return;
        };
        for name in &hook.imports {
            let wish = Wish {
                asker: Origin::ThirdParty,
                ..Wish::setting(&hook.reason(), true)
            };
            let Some(found) = self.finder.find(name) else {
                self.miss(name, wish, hook.quiet);
                continue;
            };
            let owner = self.owner(name, &found);
            if owner.is_some_and(|owner| self.takings.has(&owner)) {
                continue;
            }
            self.want(name, &wish);
        }
    }

    /// `warn_on_missing_hiddenimports`: hooks that name modules of many versions turn it off.
    fn miss(&mut self, name: &str, mut wish: Wish, quiet: bool) {
        if !quiet {
            wish.site.optional = false;
            self.note_missing(name, &wish);
        }
    }
}
