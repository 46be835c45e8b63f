//! Starts CPython in this process: isolated, with every path given, so that it looks for nothing.
//!
//! One binary serves all versions. From 3.14 on, options are set by name (`PyInitConfig`, PEP 741). Before that they are
//! fields of `PyConfig`, whose layout is fixed within a minor version and differs between them: [`Layout`] holds the
//! offsets, taken from each version's `cpython/initconfig.h` and compared with it by `tests/layout.rs`.

use super::beyond::{self, beyond};
use super::frozen;
use super::object::Attached;
use layout::Layout;
use platform::handoff::Start;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::{Path, PathBuf};

mod layout;

/// Why CPython did not start.
#[derive(Debug)]
pub(crate) struct StartError(pub(crate) String);

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot start Python: {}", self.0)
    }
}

/// What the interpreter is to know.
pub(crate) struct Settings<'a> {
    /// The executable and the directory of unpacked files.
    pub(crate) start: &'a Start,
    /// `sys._stdlib_dir`, relative to the directory.
    pub(crate) stdlib: &'a str,
    /// `sys.path`.
    pub(crate) search_paths: &'a [PathBuf],
    /// Bytecode optimisation level.
    pub(crate) optimize: u8,
    /// Modules needed before the importer is there.
    pub(crate) bootstrap: &'a [FrozenModule],
    /// Text is UTF-8 whatever the locale says (PEP 540).
    pub(crate) utf8_mode: bool,
    /// Whether there is to be a GIL; of use to free-threaded builds only.
    pub(crate) gil: Gil,
}

/// The GIL of a free-threaded build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gil {
    /// None, until an extension module is imported that does not say that it can do without.
    ///
    /// Not `enable_gil = 0`: that keeps the GIL off whatever is imported, and such a module runs unprotected.
    WhenNeeded,
    /// As in any other build.
    On,
}

/// A module needed before the importer is there: its name, marshalled code, whether it is a package.
pub(crate) type FrozenModule = (CString, &'static [u8], bool);

/// `sizeof(PyConfig)` is 448 in 3.13, the largest of them.
const CONFIG_WORDS: usize = 64;

/// `PyStatus`, the same in every version.
#[repr(C)]
struct PyStatus {
    kind: c_int,
    function: *const c_char,
    message: *const c_char,
    exit_code: c_int,
}

/// `PyPreConfig`, the same from 3.8 to 3.13.
#[repr(C)]
struct PyPreConfig {
    config_init: c_int,
    parse_argv: c_int,
    isolated: c_int,
    use_environment: c_int,
    configure_locale: c_int,
    coerce_c_locale: c_int,
    coerce_c_locale_warn: c_int,
    #[cfg(windows)]
    legacy_windows_fs_encoding: c_int,
    utf8_mode: c_int,
    dev_mode: c_int,
    allocator: c_int,
}

// Beyond the limited API, and exported by every CPython from 3.8 on (docs: "Python Initialization Configuration").
beyond! {
    fn PyPreConfig_InitIsolatedConfig(config: *mut PyPreConfig);
    fn Py_PreInitialize(config: *const PyPreConfig) -> PyStatus;
    fn PyConfig_InitIsolatedConfig(config: *mut c_void);
    fn PyConfig_Clear(config: *mut c_void);
    fn PyWideStringList_Append(list: *mut c_void, item: *const Wide) -> PyStatus;
    fn Py_InitializeFromConfig(config: *const c_void) -> PyStatus;
}

#[cfg(unix)]
beyond! {
    fn PyConfig_SetBytesString(
        config: *mut c_void,
        field: *mut c_void,
        value: *const c_char,
    ) -> PyStatus;
    fn Py_DecodeLocale(text: *const c_char, size: *mut usize) -> *mut Wide;
    fn PyMem_RawFree(block: *mut c_void);
}

#[cfg(windows)]
beyond! {
    fn PyConfig_SetString(
        config: *mut c_void,
        field: *mut c_void,
        value: *const Wide,
    ) -> PyStatus;
}

/// `wchar_t`
#[cfg(unix)]
type Wide = i32;
#[cfg(windows)]
type Wide = u16;

/// A path as it is handed to CPython: bytes of the locale on Unix, UTF-16 on Windows; a zero ends both.
#[cfg(unix)]
type Text = CString;
#[cfg(windows)]
type Text = Vec<u16>;

fn version() -> Option<&'static str> {
    // SAFETY: returns a constant NUL-terminated string, and may be called before the interpreter is started.
    unsafe { CStr::from_ptr(pyo3_ffi::Py_GetVersion()) }
        .to_str()
        .ok()
}

/// Whether the loaded library was built without a GIL (PEP 703), which its version says.
pub(super) fn free_threaded() -> bool {
    version().is_some_and(|version| version.contains("free-threading"))
}

/// The interpreter's minor version: 11 of 3.11.
pub(crate) fn minor_version() -> Option<u32> {
    version()?
        .strip_prefix("3.")?
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// Starts CPython; this thread then holds the GIL.
pub(crate) fn start(settings: &Settings<'_>) -> Result<Attached<'static>, StartError> {
    let minor = minor_version().ok_or_else(|| StartError("its version is not known".into()))?;
    frozen::install(minor, settings.bootstrap)?;
    match Layout::of(minor, free_threaded()) {
        Some(layout) => start_by_layout(settings, &layout)?,
        None if minor >= 14 => start_by_name(settings)?,
        None => return Err(StartError(format!("version 3.{minor} is not supported"))),
    }
    // SAFETY: the thread that starts the interpreter is attached to it, until `finalize`.
    Ok(unsafe { Attached::assume() })
}

fn start_by_layout(settings: &Settings<'_>, layout: &Layout) -> Result<(), StartError> {
    pre_initialize(settings.utf8_mode)?;
    let mut config = Config {
        words: [0; CONFIG_WORDS],
    };
    // SAFETY: the buffer is larger than `PyConfig` of any version that has a layout, and aligned as it is.
    unsafe { PyConfig_InitIsolatedConfig(config.pointer(0)) };
    config.set_int(layout.install_signal_handlers, 1);
    config.set_int(layout.parse_argv, 0);
    config.set_int(layout.site_import, 0);
    config.set_int(layout.write_bytecode, 0);
    config.set_int(layout.optimization_level, c_int::from(settings.optimize));
    config.set_int(layout.pathconfig_warnings, 0);
    if let (Some(field), Gil::On) = (layout.enable_gil, settings.gil) {
        config.set_int(field, 1);
    }
    let executable = c_string(&settings.start.executable)?;
    for field in [
        layout.program_name,
        layout.executable,
        layout.base_executable,
    ] {
        config.set_string(field, &executable)?;
    }
    let home = c_string(&settings.start.meipass)?;
    for field in [
        layout.prefix,
        layout.base_prefix,
        layout.exec_prefix,
        layout.base_exec_prefix,
    ] {
        config.set_string(field, &home)?;
    }
    if let Some(field) = layout.stdlib_dir {
        config.set_string(
            field,
            &c_string(&settings.start.meipass.join(settings.stdlib))?,
        )?;
    }
    config.set_int(layout.search_paths_set, 1);
    for path in settings.search_paths {
        config.append(layout.search_paths, &c_string(path)?)?;
    }
    // SAFETY: the configuration was made by `PyConfig_InitIsolatedConfig` and filled by CPython's own setters.
    check(unsafe { Py_InitializeFromConfig(config.pointer(0)) })
}

fn pre_initialize(utf8_mode: bool) -> Result<(), StartError> {
    let mut config = std::mem::MaybeUninit::<PyPreConfig>::zeroed();
    // SAFETY: fills the whole structure, whose layout is the same in all versions that come this way.
    let mut config = unsafe {
        PyPreConfig_InitIsolatedConfig(config.as_mut_ptr());
        config.assume_init()
    };
    // The user's locale counts, as it does for `python`. Where it says nothing, text is UTF-8 (PEP 540) rather than ASCII,
    // also for the C library and the program's children (PEP 538): Qt and Ansible ask for it.
    config.configure_locale = 1;
    config.coerce_c_locale = 1;
    config.utf8_mode = c_int::from(utf8_mode);
    // SAFETY: a structure made by `PyPreConfig_InitIsolatedConfig`.
    check(unsafe { Py_PreInitialize(&raw const config) })
}

#[cfg(unix)]
fn c_string(path: &Path) -> Result<Text, StartError> {
    use std::os::unix::ffi::OsStrExt as _;
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| StartError("a path holds a NUL byte".into()))
}

#[cfg(windows)]
fn c_string(path: &Path) -> Result<Text, StartError> {
    use std::os::windows::ffi::OsStrExt as _;
    // The parts that are ours have `/` between them.
    let native: PathBuf = path.components().collect();
    let text: Text = native.as_os_str().encode_wide().chain([0]).collect();
    match text.iter().position(|unit| *unit == 0) {
        Some(end) if end + 1 == text.len() => Ok(text),
        _ => Err(StartError("a path holds a zero".into())),
    }
}

fn check(status: PyStatus) -> Result<(), StartError> {
    // `PyStatus_Exception`, whose kinds are 0 ok, 1 error, 2 exit.
    if status.kind == 0 {
        return Ok(());
    }
    if status.message.is_null() {
        return Err(StartError("no reason was given".into()));
    }
    // SAFETY: a constant or still allocated NUL-terminated string of CPython's.
    Err(StartError(
        unsafe { CStr::from_ptr(status.message) }
            .to_string_lossy()
            .into_owned(),
    ))
}

/// A `PyConfig`, its layout known by offsets alone. What it allocated is freed at the end.
struct Config {
    words: [u64; CONFIG_WORDS],
}

impl Config {
    fn pointer(&mut self, offset: usize) -> *mut c_void {
        debug_assert!(offset < CONFIG_WORDS * 8);
        (&raw mut self.words)
            .cast::<u8>()
            .wrapping_add(offset)
            .cast()
    }

    fn set_int(&mut self, offset: usize, value: c_int) {
        // SAFETY: the layout says that an int lies there, inside the buffer.
        unsafe { self.pointer(offset).cast::<c_int>().write(value) };
    }

    #[cfg(windows)]
    fn set_string(&mut self, offset: usize, value: &Text) -> Result<(), StartError> {
        let (config, field) = (self.pointer(0), self.pointer(offset));
        // SAFETY: the layout says that a `wchar_t *` lies there; CPython copies the value, which a zero ends.
        check(unsafe { PyConfig_SetString(config, field, value.as_ptr()) })
    }

    #[cfg(windows)]
    fn append(&mut self, offset: usize, value: &Text) -> Result<(), StartError> {
        // SAFETY: the layout says that a `PyWideStringList` lies there; the item, which a zero ends, is copied.
        check(unsafe { PyWideStringList_Append(self.pointer(offset), value.as_ptr()) })
    }

    #[cfg(unix)]
    fn set_string(&mut self, offset: usize, value: &Text) -> Result<(), StartError> {
        let (config, field) = (self.pointer(0), self.pointer(offset));
        // SAFETY: the layout says that a `wchar_t *` lies there; CPython copies and decodes the NUL-terminated value.
        check(unsafe { PyConfig_SetBytesString(config, field, value.as_ptr()) })
    }

    #[cfg(unix)]
    fn append(&mut self, offset: usize, value: &Text) -> Result<(), StartError> {
        // SAFETY: NUL-terminated; decoding works from `Py_PreInitialize` on.
        let wide = unsafe { Py_DecodeLocale(value.as_ptr(), std::ptr::null_mut()) };
        if wide.is_null() {
            return Err(StartError("a path cannot be decoded".into()));
        }
        // SAFETY: the layout says that a `PyWideStringList` lies there; the item is copied.
        let status = unsafe { PyWideStringList_Append(self.pointer(offset), wide) };
        // SAFETY: allocated by `Py_DecodeLocale`, which asks for this function to free it.
        unsafe { PyMem_RawFree(wide.cast()) };
        check(status)
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        // SAFETY: made by `PyConfig_InitIsolatedConfig`, and not used after this.
        unsafe { PyConfig_Clear(self.pointer(0)) };
    }
}

/// The functions of PEP 741, which older versions do not have: looked up by name.
struct ByName {
    create: unsafe extern "C" fn() -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void),
    set_int: unsafe extern "C" fn(*mut c_void, *const c_char, i64) -> c_int,
    set_string: unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> c_int,
    set_list:
        unsafe extern "C" fn(*mut c_void, *const c_char, usize, *const *const c_char) -> c_int,
    error: unsafe extern "C" fn(*mut c_void, *mut *const c_char) -> c_int,
    initialize: unsafe extern "C" fn(*mut c_void) -> c_int,
}

impl ByName {
    // The fields' types say what each address becomes.
    #[allow(clippy::missing_transmute_annotations)]
    fn find() -> Option<Self> {
        // SAFETY: the functions have these signatures in every version that exports them (PEP 741, stable names).
        unsafe {
            Some(Self {
                create: std::mem::transmute::<*mut c_void, _>(beyond::symbol(
                    c"PyInitConfig_Create",
                )?),
                free: std::mem::transmute::<*mut c_void, _>(beyond::symbol(c"PyInitConfig_Free")?),
                set_int: std::mem::transmute::<*mut c_void, _>(beyond::symbol(
                    c"PyInitConfig_SetInt",
                )?),
                set_string: std::mem::transmute::<*mut c_void, _>(beyond::symbol(
                    c"PyInitConfig_SetStr",
                )?),
                set_list: std::mem::transmute::<*mut c_void, _>(beyond::symbol(
                    c"PyInitConfig_SetStrList",
                )?),
                error: std::mem::transmute::<*mut c_void, _>(beyond::symbol(
                    c"PyInitConfig_GetError",
                )?),
                initialize: std::mem::transmute::<*mut c_void, _>(beyond::symbol(
                    c"Py_InitializeFromInitConfig",
                )?),
            })
        }
    }
}

fn start_by_name(settings: &Settings<'_>) -> Result<(), StartError> {
    let api = ByName::find().ok_or_else(|| StartError("it has no PyInitConfig".into()))?;
    // SAFETY: takes no arguments; NULL means that there is no memory.
    let config = unsafe { (api.create)() };
    if config.is_null() {
        return Err(StartError("there is not enough memory".into()));
    }
    let result = configure_by_name(&api, config, settings);
    // SAFETY: made by `create`, and not used after this.
    unsafe { (api.free)(config) };
    result
}

fn configure_by_name(
    api: &ByName,
    config: *mut c_void,
    settings: &Settings<'_>,
) -> Result<(), StartError> {
    let done = |result: c_int| {
        if result == 0 {
            Ok(())
        } else {
            Err(error_by_name(api, config))
        }
    };
    // SAFETY, for these three: `config` was made by `create`; names and values are NUL-terminated and copied.
    let set_int =
        // SAFETY: see above.
        |name: &CStr, value| done(unsafe { (api.set_int)(config, name.as_ptr(), value) });
    let set_string =
        // SAFETY: see above.
        |name: &CStr, value: &CStr| done(unsafe { (api.set_string)(config, name.as_ptr(), value.as_ptr()) });
    set_int(c"configure_locale", 1)?;
    set_int(c"coerce_c_locale", 1)?;
    set_int(c"utf8_mode", i64::from(settings.utf8_mode))?;
    set_int(c"install_signal_handlers", 1)?;
    set_int(c"parse_argv", 0)?;
    set_int(c"site_import", 0)?;
    set_int(c"write_bytecode", 0)?;
    set_int(c"optimization_level", i64::from(settings.optimize))?;
    set_int(c"pathconfig_warnings", 0)?;
    if settings.gil == Gil::On && free_threaded() {
        set_int(c"enable_gil", 1)?;
    }
    // This interface takes UTF-8. A path that is not is put right in `sys` after the start.
    let utf8 = |path: &Path| {
        CString::new(path.to_string_lossy().as_bytes()).map_err(|e| StartError(e.to_string()))
    };
    let executable = utf8(&settings.start.executable)?;
    for name in [c"program_name", c"executable", c"base_executable"] {
        set_string(name, &executable)?;
    }
    let home = utf8(&settings.start.meipass)?;
    for name in [
        c"prefix",
        c"base_prefix",
        c"exec_prefix",
        c"base_exec_prefix",
    ] {
        set_string(name, &home)?;
    }
    set_string(
        c"stdlib_dir",
        &utf8(&settings.start.meipass.join(settings.stdlib))?,
    )?;
    let paths = settings
        .search_paths
        .iter()
        .map(|path| utf8(path))
        .collect::<Result<Vec<_>, _>>()?;
    let pointers: Vec<*const c_char> = paths.iter().map(|path| path.as_ptr()).collect();
    let name = c"module_search_paths";
    // SAFETY: as many strings as announced, all NUL-terminated and copied.
    done(unsafe { (api.set_list)(config, name.as_ptr(), pointers.len(), pointers.as_ptr()) })?;
    // SAFETY: a complete configuration.
    done(unsafe { (api.initialize)(config) })
}

fn error_by_name(api: &ByName, config: *mut c_void) -> StartError {
    let mut message = std::ptr::null();
    // SAFETY: `config` was made by `create`; the message lives as long as it does.
    unsafe {
        if (api.error)(config, &raw mut message) == 0 || message.is_null() {
            return StartError("no reason was given".into());
        }
        StartError(CStr::from_ptr(message).to_string_lossy().into_owned())
    }
}

/// Ends CPython: threads joined, `atexit` run, streams flushed. Returns whether all of that went well.
pub(crate) fn finalize(py: Attached<'_>) -> bool {
    #[cfg(unix)]
    if super::subinterpreter::finalize_partly(py) {
        return true;
    }
    #[cfg(windows)]
    let _ = py;
    // SAFETY: attached in the main thread. Whoever calls this is done with every object.
    unsafe { pyo3_ffi::Py_FinalizeEx() == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;
    use std::process::Command;

    /// The headers of every CPython installed here: minor version, whether free-threaded, include directory.
    fn headers() -> Vec<(u32, bool, PathBuf)> {
        let home = std::env::var_os("HOME")
            .map(PathBuf::from)
            .unwrap_or_default();
        let versions = std::fs::read_dir(home.join(".pyenv/versions"))
            .into_iter()
            .flatten()
            .flatten();
        let prefixes = versions
            .map(|version| version.path())
            .chain(["/usr".into(), "/usr/local".into()])
            .chain(free_threaded_prefix());
        let mut found = Vec::new();
        for prefix in prefixes {
            for minor in 9..=13 {
                for (suffix, free_threaded) in [("", false), ("t", true)] {
                    let include = prefix.join(format!("include/python3.{minor}{suffix}"));
                    if include.join("Python.h").exists() {
                        found.push((minor, free_threaded, include));
                    }
                }
            }
        }
        found
    }

    /// Of `bin/python3.13t`, which PACK_FREE_THREADED_PYTHON names.
    fn free_threaded_prefix() -> Option<PathBuf> {
        let python = std::env::var_os("PACK_FREE_THREADED_PYTHON")?;
        Some(Path::new(&python).parent()?.parent()?.to_owned())
    }

    fn fields(layout: &Layout) -> Vec<(&'static str, usize)> {
        let mut fields = vec![
            ("install_signal_handlers", layout.install_signal_handlers),
            ("parse_argv", layout.parse_argv),
            ("site_import", layout.site_import),
            ("write_bytecode", layout.write_bytecode),
            ("optimization_level", layout.optimization_level),
            ("pathconfig_warnings", layout.pathconfig_warnings),
            ("program_name", layout.program_name),
            ("module_search_paths_set", layout.search_paths_set),
            ("module_search_paths", layout.search_paths),
            ("executable", layout.executable),
            ("base_executable", layout.base_executable),
            ("prefix", layout.prefix),
            ("base_prefix", layout.base_prefix),
            ("exec_prefix", layout.exec_prefix),
            ("base_exec_prefix", layout.base_exec_prefix),
        ];
        fields.extend(layout.stdlib_dir.map(|offset| ("stdlib_dir", offset)));
        fields.extend(layout.enable_gil.map(|offset| ("enable_gil", offset)));
        fields
    }

    /// The declarations alone, as Windows compiles them: its own `pyconfig.h` is none of this system's.
    const ON_WINDOWS: &str = "#include <stddef.h>\n#include <wchar.h>\n#define MS_WINDOWS\n#define PyAPI_FUNC(x) x\n\
        typedef ptrdiff_t Py_ssize_t;\ntypedef struct object PyObject;\ntypedef struct thread PyThreadState;\n\
        typedef struct interpreter PyInterpreterState;\n";

    #[test]
    fn layouts_agree_with_the_headers_on_windows() {
        let compiler = "x86_64-w64-mingw32-gcc";
        if Command::new(compiler).arg("--version").output().is_err() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        for (minor, free_threaded, include) in headers() {
            let mut source = String::from(ON_WINDOWS);
            if free_threaded {
                source.push_str("#define Py_GIL_DISABLED 1\n");
            }
            source.push_str("#include \"cpython/initconfig.h\"\n");
            for (name, offset) in fields(&Layout::on_windows(minor, free_threaded).unwrap()) {
                writeln!(
                    source,
                    "_Static_assert(offsetof(PyConfig, {name}) == {offset}, \"{name}\");"
                )
                .unwrap();
            }
            writeln!(
                source,
                "_Static_assert(sizeof(PyConfig) <= {}, \"size\");\n\
                 _Static_assert(sizeof(PyStatus) == 32, \"PyStatus\");\n\
                 _Static_assert(offsetof(PyPreConfig, utf8_mode) == 32, \"utf8_mode\");\n\
                 _Static_assert(sizeof(PyPreConfig) == 44, \"PyPreConfig\");",
                CONFIG_WORDS * 8
            )
            .unwrap();
            check_by_compiler(compiler, folder.path(), &include, minor, &source);
        }
    }

    fn check_by_compiler(compiler: &str, folder: &Path, include: &Path, minor: u32, source: &str) {
        let file = folder.join(format!("layout{minor}.c"));
        std::fs::write(&file, source).unwrap();
        let output = Command::new(compiler)
            .arg("-fsyntax-only")
            .arg("-I")
            .arg(include)
            .arg(&file)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "3.{minor}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    #[test]
    fn layouts_agree_with_the_headers() {
        let folder = tempfile::tempdir().unwrap();
        for (minor, free_threaded, include) in headers() {
            let mut source = String::from("#include <Python.h>\n#include <stddef.h>\n");
            for (name, offset) in fields(&Layout::on_unix(minor, free_threaded).unwrap()) {
                writeln!(
                    source,
                    "_Static_assert(offsetof(PyConfig, {name}) == {offset}, \"{name}\");"
                )
                .unwrap();
            }
            writeln!(
                source,
                "_Static_assert(sizeof(PyConfig) <= {}, \"size\");",
                CONFIG_WORDS * 8
            )
            .unwrap();
            for (name, size) in [
                ("PyStatus", size_of::<PyStatus>()),
                ("PyPreConfig", size_of::<PyPreConfig>()),
            ] {
                writeln!(
                    source,
                    "_Static_assert(sizeof({name}) == {size}, \"{name}\");"
                )
                .unwrap();
            }
            check_by_compiler("cc", folder.path(), &include, minor, &source);
        }
    }
}
