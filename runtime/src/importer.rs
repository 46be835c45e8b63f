//! The module `_pack`: what `pack_runtime.importer` asks of the executable. Lookups are binary searches in the mapped
//! index; code is unmarshalled from mapped memory.

use std::collections::HashSet;
use std::ffi::CStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use payload::{Entry, FormatError, Method, Module, Payload, Placement};
use platform::Library;
use platform::library::Visibility;
use unpack::{Demand, Derived};

use crate::compile;
use crate::embed::{Arguments, Attached, Callable, Capsule, Owned, PyResult, Raised};

/// What the functions of `_pack` work on.
#[derive(Clone)]
pub(crate) struct Bundle {
    pub(crate) payload: Payload<'static>,
    /// The directory of unpacked files.
    pub(crate) meipass: PathBuf,
    /// Files that are written when they are needed.
    pub(crate) demand: Arc<Demand>,
    /// Code of modules that the program compiles itself.
    pub(crate) derived: Arc<Derived>,
    /// Folders of the bundle that hold top-level modules, beside its root.
    pub(crate) roots: Vec<String>,
    /// Extension modules that turn the GIL of a free-threaded interpreter on, as far as it is known.
    pub(crate) need_gil: Vec<String>,
}

struct State {
    bundle: Bundle,
    /// Libraries loaded already, by path in the bundle.
    loaded: Mutex<HashSet<&'static str>>,
}

/// Puts `_pack` into `sys.modules` and the importer in front of all others. The importer turns away the extension modules
/// in `refused`, which this interpreter cannot load.
pub(crate) fn install<'py>(
    py: Attached<'py>,
    bundle: &Bundle,
    refused: &[String],
) -> PyResult<'py, ()> {
    let natives = py.add_module(c"_pack")?;
    let state = State {
        bundle: bundle.clone(),
        loaded: Mutex::default(),
    };
    let capsule = Capsule::new(py, state)?;
    let add = |name: &CStr, function: Owned<'py>| natives.set_attr(name, &function);
    add(Find::NAME, capsule.function::<Find>()?)?;
    add(Code::NAME, capsule.function::<Code>()?)?;
    add(Source::NAME, capsule.function::<Source>()?)?;
    add(FileData::NAME, capsule.function::<FileData>()?)?;
    add(Preload::NAME, capsule.function::<Preload>()?)?;
    add(Below::NAME, capsule.function::<Below>()?)?;
    add(Listing::NAME, capsule.function::<Listing>()?)?;
    add(Unpack::NAME, capsule.function::<Unpack>()?)?;
    add(Hush::NAME, capsule.function::<Hush>()?)?;
    add(Ensure::NAME, capsule.function::<Ensure>()?)?;
    #[cfg(windows)]
    add(Show::NAME, capsule.function::<Show>()?)?;
    #[cfg(windows)]
    add(c"has_icon", py.bool(platform::icon::is_there())?)?;
    add(IsFolder::NAME, capsule.function::<IsFolder>()?)?;
    add(c"meipass", py.path(bundle.meipass.as_os_str())?)?;
    add(c"roots", texts(py, &bundle.roots)?)?;
    add(c"need_gil", texts(py, &bundle.need_gil)?)?;
    add(c"refused", texts(py, refused)?)?;
    add(c"turned_away", py.list(&[])?)?;

    let importer = load_module(
        py,
        bundle,
        "pack_runtime.importer",
        c"pack_runtime.importer",
    )?;
    importer.call_method(c"install", &[])?;
    Ok(())
}

fn texts<'py>(py: Attached<'py>, texts: &[String]) -> PyResult<'py, Owned<'py>> {
    let list = py.list(&[])?;
    texts
        .iter()
        .try_for_each(|text| list.append(&py.text(text)?))?;
    Ok(list)
}

/// Runs a module of the index before there is an importer that could.
fn load_module<'py>(
    py: Attached<'py>,
    bundle: &Bundle,
    name: &str,
    c_name: &CStr,
) -> PyResult<'py, Owned<'py>> {
    let missing = || Raised::import_error(py, &format!("the program holds no module `{name}`"));
    let module = lookup(py, bundle.payload.module(name))?.ok_or_else(missing)?;
    let code = code(py, bundle, &module)?;
    // Tracebacks and warnings leave frames of the import machinery out, which CPython knows by this name.
    let machinery = py.text("<frozen importlib._bootstrap_external>")?;
    py.import(c"_imp")?
        .call_method(c"_fix_co_filename", &[&code, &machinery])?;
    let object = py.add_module(c_name)?;
    // `exec` adds the builtins to a namespace that lacks them; evaluating it here has to.
    object.set_attr(c"__builtins__", &py.import(c"builtins")?)?;
    py.evaluate(&code, &object.attr(c"__dict__")?)?;
    Ok(object)
}

pub(crate) fn lookup<'py, T>(
    py: Attached<'py>,
    result: Result<T, FormatError>,
) -> PyResult<'py, T> {
    result.map_err(|error| Raised::import_error(py, &error.to_string()))
}

fn code<'py>(py: Attached<'py>, bundle: &Bundle, module: &Module<'_>) -> PyResult<'py, Owned<'py>> {
    let Some(index) = module.code else {
        return compile::code(py, bundle, module);
    };
    let entry = lookup(py, bundle.payload.entry(index))?;
    py.unmarshal(&lookup(py, entry.content())?)
}

/// Has the code of modules that CPython has imported from their files at hand for later starts, which give it to CPython.
pub(crate) fn keep<'py>(py: Attached<'py>, bundle: &Bundle, names: &[String]) -> PyResult<'py, ()> {
    for name in names {
        if let Some(module) = lookup(py, bundle.payload.module(name))? {
            code(py, bundle, &module)?;
        }
    }
    Ok(())
}

/// As `importer.py` names them: 1 package, 2 extension, 4 with files that it needs.
fn flags(module: &Module<'_>) -> i64 {
    i64::from(module.package)
        | i64::from(module.extension) << 1
        | i64::from(module.needs().next().is_some()) << 2
}

/// Whether programs may see an entry as a file in memory: bytecode and the format's own entries are none.
fn is_memory_file(entry: &Entry<'_>) -> bool {
    entry.placement == Placement::Memory && !entry.path.starts_with(payload::RESERVED)
}

/// Whether an entry's content can be had without its file.
fn is_readable(entry: &Entry<'_>) -> bool {
    is_memory_file(entry)
        || (entry.placement == Placement::Demand && entry.method != Method::External)
}

/// Names directly in a folder that stay in the executable, folders among them.
fn memory_names<'a>(payload: &Payload<'a>, folder: &str) -> Result<Vec<&'a str>, FormatError> {
    let prefix = if folder.is_empty() {
        String::new()
    } else {
        format!("{folder}/")
    };
    let mut names: Vec<&str> = Vec::new();
    for entry in payload.entries_from(&prefix)? {
        let entry = entry?;
        let Some(rest) = entry.path.strip_prefix(&prefix) else {
            break;
        };
        if is_memory_file(&entry) {
            names.push(rest.split('/').next().unwrap_or(rest));
        }
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Defines a function of `_pack` that takes one argument.
macro_rules! native {
    ($(#[$doc:meta])* $type:ident, $name:literal, |$py:ident, $state:ident, $argument:ident| $body:expr) => {
        $(#[$doc])*
        struct $type;

        impl Callable for $type {
            type State = State;
            const NAME: &'static CStr = $name;
            const DOC: &'static CStr = c"";

            fn call<'py>(
                $py: Attached<'py>,
                $state: &State,
                arguments: Arguments<'_, 'py>,
            ) -> PyResult<'py, Owned<'py>> {
                let $argument = arguments.required(0, c"argument")?;
                $body
            }
        }
    };
}

impl State {
    fn module<'py>(&self, py: Attached<'py>, index: &Owned<'py>) -> PyResult<'py, Module<'static>> {
        let index = u32::try_from(index.to_i64()?).unwrap_or(u32::MAX);
        lookup(py, self.bundle.payload.module_at(index))
    }

    fn content<'py>(&self, py: Attached<'py>, entry: &Entry<'_>) -> PyResult<'py, Owned<'py>> {
        if is_readable(entry) {
            py.bytes(&lookup(py, entry.content())?)
        } else {
            Ok(py.none())
        }
    }

    /// Writes the files that a module needs, where they are not there yet, and for a package its own file and its folders.
    fn unpack<'py>(&self, py: Attached<'py>, module: &Module<'static>) -> PyResult<'py, ()> {
        let demand = &self.bundle.demand;
        let folder = self.folder(module);
        let own = folder.map(|_| module.file);
        let made = folder.map_or(Ok(()), |folder| demand.folder(folder));
        let made = made.and_then(|()| demand.files(module.needs().chain(own)));
        made.map_err(|error| Raised::import_error(py, &error.to_string()))
    }

    /// The folder of a package, unless it is the standard library's, for which nobody looks.
    fn folder(&self, module: &Module<'static>) -> Option<&'static str> {
        let is_below = |root: &String| module.file.starts_with(root.as_str());
        let is_looked_for = module.package && !self.bundle.roots.iter().any(is_below);
        let (folder, _) = module.file.rsplit_once('/')?;
        is_looked_for.then_some(folder)
    }

    fn preload(&self, module: &Module<'static>) -> Result<(), String> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        for path in module.preload() {
            if !loaded.contains(path) {
                Library::open(&self.bundle.meipass.join(path), Visibility::Local)
                    .map_err(|error| format!("`{}` needs a library: {error}", module.name))?;
                loaded.insert(path);
            }
        }
        Ok(())
    }
}

/// `(index, flags, file)`
fn describe<'py>(
    py: Attached<'py>,
    first: &Owned<'py>,
    module: &Module<'_>,
) -> PyResult<'py, Owned<'py>> {
    py.tuple(&[first, &py.int(flags(module))?, &py.text(module.file)?])
}

native! {
    /// `find(name)`: `(index, flags, file)` of a module, or None.
    Find, c"find", |py, state, name| {
        match lookup(py, state.bundle.payload.module(&name.to_text()?))? {
            Some(module) => describe(py, &py.int(module.index.into())?, &module),
            None => Ok(py.none()),
        }
    }
}

native! {
    /// `code(index)`: a module's code object, new.
    Code, c"code", |py, state, index| code(py, &state.bundle, &state.module(py, &index)?)
}

native! {
    /// `source(index)`: the bytes of a module's source if they stay in the executable or wait there, else None.
    Source, c"source", |py, state, index| {
        match state.module(py, &index)?.source {
            Some(entry) => state.content(py, &lookup(py, state.bundle.payload.entry(entry))?),
            None => Ok(py.none()),
        }
    }
}

native! {
    /// `entry(path)`: the bytes of a file that stays in the executable or waits there, or None.
    FileData, c"entry", |py, state, path| {
        match lookup(py, state.bundle.payload.find(&path.to_text()?))? {
            Some(entry) => state.content(py, &entry),
            None => Ok(py.none()),
        }
    }
}

native! {
    /// `preload(index)`: writes the files that an extension module needs, and loads the libraries that its search path
    /// does not lead to.
    Preload, c"preload", |py, state, index| {
        let module = state.module(py, &index)?;
        state.unpack(py, &module)?;
        state.preload(&module).map_err(|text| Raised::import_error(py, &text))?;
        Ok(py.none())
    }
}

native! {
    /// `unpack(index)`: writes the files that a module needs, and what makes a folder a package.
    Unpack, c"unpack", |py, state, index| {
        state.unpack(py, &state.module(py, &index)?)?;
        Ok(py.none())
    }
}

native! {
    /// `hush(on)`: between `hush(True)` and `hush(False)` this thread lists folders for its own ends, and no file has to be
    /// there for that.
    Hush, c"hush", |py, _state, on| {
        crate::demand::hush(on.truth()?);
        Ok(py.none())
    }
}

native! {
    /// `ensure(path)`: writes a file of the bundle that waits to be asked for.
    Ensure, c"ensure", |py, state, path| {
        let ensured = state.bundle.demand.file(&path.to_text()?);
        ensured.map_err(|error| crate::demand::raised(py, &error))?;
        Ok(py.none())
    }
}

native! {
    /// `is_folder(path)`: whether entries of any kind lie below a path of the bundle.
    IsFolder, c"is_folder", |py, state, path| {
        let prefix = format!("{}/", path.to_text()?);
        let mut entries = lookup(py, state.bundle.payload.entries_from(&prefix))?;
        let first = lookup(py, entries.next().transpose())?;
        py.bool(first.is_some_and(|entry| entry.path.starts_with(&prefix)))
    }
}

#[cfg(windows)]
native! {
    /// `show(text)`: a window with a text, until it is closed.
    Show, c"show", |py, _state, text| {
        platform::streams::show(&text.to_text()?);
        Ok(py.none())
    }
}

native! {
    /// `below(package)`: `(name, flags, file)` of the modules directly in a package.
    Below, c"below", |py, state, package| {
        let list = py.list(&[])?;
        for module in state.bundle.payload.modules_below(&package.to_text()?) {
            let module = lookup(py, module)?;
            // Entry scripts are in the table too; nobody imports them.
            if !module.name.starts_with('[') {
                list.append(&describe(py, &py.text(module.name)?, &module)?)?;
            }
        }
        Ok(list)
    }
}

native! {
    /// `listing(folder)`: names directly in a folder of the bundle that stay in the executable; folders among them.
    Listing, c"listing", |py, state, folder| {
        let list = py.list(&[])?;
        for name in lookup(py, memory_names(&state.bundle.payload, &folder.to_text()?))? {
            list.append(&py.text(name)?)?;
        }
        Ok(list)
    }
}
