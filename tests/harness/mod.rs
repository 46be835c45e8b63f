//! What the tests share: interpreters, packed programs built once, runs that explain their failures, HTTP.

#[macro_use]
mod case;
mod files;
mod http;
mod program;
mod projects;
mod python;
mod root;
mod run;
mod shelf;
mod tools;
mod wine;

pub(crate) use case::{Case, Mode, run_case};
pub(crate) use files::{
    Scratch, copy_tree, files_below, kept_folder, listing, root, runs_folder, temporary_folder,
};
pub(crate) use http::{Answer, Server};
pub(crate) use program::{Pack, Program};
pub(crate) use projects::Projects;
pub(crate) use python::{Python, free_threaded, pythons};
pub(crate) use root::{arena, is_root, mount_namespace};
pub(crate) use run::{Outcome, Run, Running, bytes, signal};
pub(crate) use shelf::{PARTS, Shelf};
pub(crate) use tools::{python_with_pefile, shared_library, tool, tools, uv, virtualenv, words};
pub(crate) use wine::Wine;
