//! The frozen-module table: modules that CPython imports before any importer of ours can be there (`encodings` and what
//! it needs), given to it as code in memory, so that it looks for no file at all.

use super::config::{FrozenModule, StartError};
use std::ffi::{c_char, c_int, c_void};

/// `struct _frozen` up to 3.10: a negative size marks a package.
#[repr(C)]
#[derive(Clone, Copy)]
struct Frozen39 {
    name: *const c_char,
    code: *const u8,
    size: c_int,
}

/// `struct _frozen` of 3.11 and 3.12.
#[repr(C)]
struct Frozen311 {
    name: *const c_char,
    code: *const u8,
    size: c_int,
    is_package: c_int,
    get_code: *const c_void,
}

/// `struct _frozen` from 3.13 on.
#[repr(C)]
struct Frozen313 {
    name: *const c_char,
    code: *const u8,
    size: c_int,
    is_package: c_int,
}

// Documented since 1.x: "another program may change this pointer" (C API docs, Importing Modules).
#[cfg(unix)]
fn pointer() -> Result<*mut *const c_void, StartError> {
    unsafe extern "C" {
        static mut PyImport_FrozenModules: *const c_void;
    }
    Ok(&raw mut PyImport_FrozenModules)
}

#[cfg(windows)]
fn pointer() -> Result<*mut *const c_void, StartError> {
    let found = super::beyond::symbol(c"PyImport_FrozenModules");
    let found = found.ok_or_else(|| StartError("it has no table of frozen modules".into()))?;
    Ok(found.cast())
}

/// Adds `modules` to the table. Called before the interpreter is started.
pub(crate) fn install(minor: u32, modules: &[FrozenModule]) -> Result<(), StartError> {
    let mut rows = Vec::with_capacity(modules.len());
    for (name, code, package) in modules {
        let size =
            c_int::try_from(code.len()).map_err(|_| StartError("a module is too large".into()))?;
        rows.push((
            name.clone().into_raw().cast_const(),
            code.as_ptr(),
            size,
            *package,
        ));
    }
    let pointer = pointer()?;
    let table = match minor {
        ..=10 => table_39(&rows, pointer),
        11 | 12 => leak(rows.iter().map(row_311).collect(), row_311(&END)),
        _ => leak(rows.iter().map(row_313).collect(), row_313(&END)),
    };
    // SAFETY: the interpreter is not started, so nobody reads the pointer; the table and all that it points at are
    // leaked or lie in the mapped executable.
    unsafe { *pointer = table };
    Ok(())
}

type Row = (*const c_char, *const u8, c_int, bool);

const END: Row = (std::ptr::null(), std::ptr::null(), 0, false);

/// Up to 3.10 the table holds CPython's own frozen modules, the import system among them: ours go in front of them.
fn table_39(rows: &[Row], pointer: *mut *const c_void) -> *const c_void {
    let mut table: Vec<Frozen39> = rows
        .iter()
        .map(|&(name, code, size, package)| Frozen39 {
            name,
            code,
            size: if package { -size } else { size },
        })
        .collect();
    // SAFETY: the pointer was set by CPython's static data to a table that a row without a name ends.
    unsafe {
        let mut own = (*pointer).cast::<Frozen39>();
        while !own.is_null() && !(*own).name.is_null() {
            table.push(*own);
            own = own.add(1);
        }
    }
    leak(
        table,
        Frozen39 {
            name: std::ptr::null(),
            code: std::ptr::null(),
            size: 0,
        },
    )
}

fn row_311(&(name, code, size, package): &Row) -> Frozen311 {
    Frozen311 {
        name,
        code,
        size,
        is_package: c_int::from(package),
        get_code: std::ptr::null(),
    }
}

fn row_313(&(name, code, size, package): &Row) -> Frozen313 {
    Frozen313 {
        name,
        code,
        size,
        is_package: c_int::from(package),
    }
}

fn leak<T>(mut table: Vec<T>, end: T) -> *const c_void {
    table.push(end);
    table.leak().as_ptr().cast()
}
