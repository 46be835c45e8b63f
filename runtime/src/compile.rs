//! Modules that were packed as sources, because nothing on the machine of the packer compiles for this interpreter: they are
//! compiled when they are imported, and their code is kept with the program's unpacked files for later starts.

use std::borrow::Cow;

use payload::{ContentDigest, Entry, FormatError, Module};
use platform::path::native;
use unpack::Origin;

use crate::embed::{Attached, Owned, PyResult, Raised};
use crate::importer::{Bundle, lookup};

/// A module's source, and what its code is known by.
struct Source<'a> {
    entry: Entry<'a>,
    origin: Origin,
}

fn source<'a>(bundle: &'a Bundle, module: &Module<'a>) -> Result<Option<Source<'a>>, FormatError> {
    let Some(index) = module.source else {
        return Ok(None);
    };
    let entry = bundle.payload.entry(index)?;
    // The interpreter is one of the contents.
    let contents = bundle.payload.content_hash();
    let made_of = [contents.as_slice(), entry.sha256, module.name.as_bytes()];
    let origin = ContentDigest::of(&made_of.concat()).sha256;
    Ok(Some(Source { entry, origin }))
}

/// Marshalled code that an earlier start has made of a module; `None` where there is no source, and nothing was made of it.
pub(crate) fn kept(bundle: &Bundle, module: &Module<'_>) -> Result<Option<Vec<u8>>, FormatError> {
    let source = source(bundle, module)?;
    Ok(source.and_then(|source| bundle.derived.get(&source.origin)))
}

/// The code of a module that the bundle has the source of.
pub(crate) fn code<'py>(
    py: Attached<'py>,
    bundle: &Bundle,
    module: &Module<'_>,
) -> PyResult<'py, Owned<'py>> {
    let no_code = || Raised::import_error(py, &format!("`{}` has no code", module.name));
    let source = lookup(py, source(bundle, module))?.ok_or_else(no_code)?;
    if let Some(kept) = bundle.derived.get(&source.origin)
        && let Ok(code) = py.unmarshal(&kept)
    {
        return Ok(code);
    }
    let code = compile(py, bundle, module, &source)?;
    let marshalled = py.import(c"marshal")?.call_method(c"dumps", &[&code])?;
    if let Some(bytes) = marshalled.as_bytes() {
        bundle.derived.keep(&source.origin, bytes);
    }
    Ok(code)
}

/// As the import system does it: the level of optimisation is the interpreter's.
fn compile<'py>(
    py: Attached<'py>,
    bundle: &Bundle,
    module: &Module<'_>,
    source: &Source<'_>,
) -> PyResult<'py, Owned<'py>> {
    let text = py.bytes(&content(py, bundle, &source.entry)?)?;
    let file = native(&bundle.meipass.join(module.file));
    let file = py.path(file.as_os_str())?;
    let (mode, no_flags, nothing_inherited) = (py.text("exec")?, py.int(0)?, py.bool(true)?);
    let arguments = [&text, &file, &mode, &no_flags, &nothing_inherited];
    py.import(c"builtins")?.call_method(c"compile", &arguments)
}

/// The source, whose bytes were verified with the executable; in a one-folder bundle it lies beside it, and is now.
fn content<'py, 'a>(
    py: Attached<'py>,
    bundle: &Bundle,
    entry: &Entry<'a>,
) -> PyResult<'py, Cow<'a, [u8]>> {
    match entry.content() {
        Err(FormatError::External { .. }) => {
            let path = native(&bundle.meipass.join(entry.path));
            let unreadable = |error| {
                Raised::import_error(py, &format!("cannot read `{}`: {error}", path.display()))
            };
            let content = std::fs::read(&path).map_err(unreadable)?;
            lookup(py, entry.check(&content))?;
            Ok(Cow::Owned(content))
        }
        content => lookup(py, content),
    }
}
