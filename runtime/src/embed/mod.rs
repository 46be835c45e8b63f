//! The boundary to CPython: everything that knows its C API.
//!
//! One library serves CPython 3.9 to 3.14, with and without a GIL, in the main interpreter and in sub-interpreters. That
//! holds because this module
//! - calls functions of the stable ABI of 3.9 and nothing else (what is younger is looked up by name at run time),
//! - never looks inside an object: no `PyObject` fields, no macro that would, no `PyModuleDef`; reference counts go
//!   through `Py_IncRef` and `Py_DecRef`,
//! - keeps no Python object in a static: state hangs on capsules and on structs that belong to one interpreter.
//!
//! The safe types: [`Attached`] proves that the thread may call Python; [`Owned`] and [`Borrowed`] are references tied
//! to it; [`Kept`] is one that may cross threads and detached stretches; [`Raised`] is an exception as a Rust error.
// The only place of this crate that may.
#![allow(unsafe_code)]
// Exported functions are `pub` for those who load the library; no Rust code reaches them.
#![allow(unreachable_pub)]
// The server uses the rest.
#![cfg_attr(not(feature = "server"), allow(dead_code, unused_imports))]

pub(crate) mod audit;
mod beyond;
pub(crate) mod class;
mod code;
pub(crate) mod config;
mod entry;
pub(crate) mod error;
#[cfg(unix)]
mod fork;
pub(crate) mod frames;
mod frozen;
pub(crate) mod function;
pub(crate) mod gil;
pub(crate) mod make;
pub(crate) mod object;
#[cfg(feature = "server")]
mod serve;
pub(crate) mod signals;
pub(crate) mod subinterpreter;
pub(crate) mod thread;

pub(crate) use class::{Class, Instance, Method};
pub(crate) use error::{PyResult, Raised};
#[cfg(unix)]
pub(crate) use fork::fork;
pub(crate) use function::{Arguments, Callable, Capsule};
pub(crate) use object::{Attached, Kept, Owned};
pub(crate) use thread::{Interpreter, ThreadState};
