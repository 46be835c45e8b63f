//! One module of the index.

/// One module that the importer knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Module<'a> {
    /// Its position in the order of names.
    pub index: u32,
    /// Dotted name, or `[script] PATH` for an entry script.
    pub name: &'a str,
    /// An `__init__`.
    pub package: bool,
    /// A shared library.
    pub extension: bool,
    /// The entry with its code: marshalled bytecode, or for an extension module the library. Below the number of entries.
    pub code: Option<u32>,
    /// The entry with its source.
    pub source: Option<u32>,
    /// `__file__`, and `co_filename`, relative to `sys._MEIPASS`; empty when it has none.
    pub file: &'a str,
    pub(crate) preload: &'a str,
    pub(crate) needs: &'a str,
}

impl<'a> Module<'a> {
    /// Paths of libraries to load before this extension module, in order.
    pub fn preload(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        paths(self.preload)
    }

    /// Paths of entries that must be files on disk before this module is executed, where they are none from the start
    /// ([`crate::Placement::Demand`]): its own library, libraries that it needs, plug-ins that these look for.
    pub fn needs(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        paths(self.needs)
    }

    /// The package this module is in; empty at the top level.
    #[must_use]
    pub fn parent(&self) -> &'a str {
        self.name.rsplit_once('.').map_or("", |(parent, _)| parent)
    }
}

fn paths(list: &str) -> impl Iterator<Item = &str> {
    list.split('\n').filter(|path| !path.is_empty())
}
