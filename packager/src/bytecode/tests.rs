//! On every CPython 3.9 to 3.13 of this machine.
#![allow(clippy::unwrap_used)]

use super::marshal::{self, MarshalError};
use super::*;
use crate::cache::{Cache, Shelf};
use crate::facts::InterpreterFacts;
use crate::progress::Silent;
use crate::testing;
use std::path::PathBuf;
use std::process::Command;

/// Modules of many shapes: large and small, with classes, closures, sets, big numbers, other alphabets.
const MODULES: &[&str] = &[
    "abc",
    "argparse",
    "ast",
    "asyncio/base_events",
    "asyncio/tasks",
    "calendar",
    "codecs",
    "collections/__init__",
    "concurrent/futures/process",
    "configparser",
    "dataclasses",
    "datetime",
    "decimal",
    "_pydecimal",
    "difflib",
    "dis",
    "email/_header_value_parser",
    "encodings/cp1252",
    "encodings/punycode",
    "enum",
    "functools",
    "heapq",
    "html/entities",
    "http/cookies",
    "importlib/_bootstrap",
    "importlib/metadata/__init__",
    "inspect",
    "json/decoder",
    "keyword",
    "locale",
    "logging/__init__",
    "mimetypes",
    "multiprocessing/managers",
    "opcode",
    "os",
    "pickle",
    "pydoc_data/topics",
    "random",
    "re",
    "selectors",
    "shutil",
    "smtplib",
    "sre_parse",
    "ssl",
    "stat",
    "statistics",
    "string",
    "stringprep",
    "subprocess",
    "tarfile",
    "this",
    "threading",
    "token",
    "traceback",
    "turtle",
    "typing",
    "unittest/mock",
    "urllib/parse",
    "uuid",
    "weakref",
    "xml/dom/minidom",
    "zipfile",
    "zoneinfo/_zoneinfo",
];

/// Compares what `marshal.loads` makes of each canonical file with a fresh compilation, part by part.
const COMPARE: &str = r#"
import marshal, sys
FIELDS = """co_argcount co_posonlyargcount co_kwonlyargcount co_nlocals co_stacksize co_flags co_code co_names
co_varnames co_freevars co_cellvars co_filename co_name co_qualname co_firstlineno co_linetable co_lnotab
co_exceptiontable""".split()

def same(a, b, where):
    assert type(a) is type(b), (where, type(a), type(b))
    if hasattr(a, "co_code"):
        for field in FIELDS:
            assert getattr(a, field, None) == getattr(b, field, None), (where, a.co_name, field)
        same(a.co_consts, b.co_consts, where + "/" + a.co_name)
    elif isinstance(a, tuple):
        assert len(a) == len(b), (where, a, b)
        for x, y in zip(a, b):
            same(x, y, where)
    else:
        assert repr(a) == repr(b) or (isinstance(a, frozenset) and a == b), (where, a, b)

import warnings
warnings.simplefilter("ignore")
for line in open(sys.argv[1], encoding="utf-8"):
    source, canonical = line.rstrip("\n").split("\t")
    with open(source, "rb") as file:
        fresh = compile(file.read(), "lib/some where/é.py", "exec", dont_inherit=True, optimize=int(sys.argv[2]))
    with open(canonical, "rb") as file:
        same(marshal.loads(file.read()), fresh, source)
"#;

fn compiler<'a>(facts: &'a InterpreterFacts, cache: &'a Cache, optimize: u8) -> Compiler<'a> {
    Compiler {
        facts,
        optimize,
        cache,
        progress: &Silent,
    }
}

fn sources(facts: &InterpreterFacts) -> Vec<PathBuf> {
    MODULES
        .iter()
        .map(|name| facts.stdlib.join(format!("{name}.py")))
        .filter(|path| path.exists())
        .collect()
}

fn code(outcome: &Compiled) -> &[u8] {
    match outcome {
        Compiled::Code(code) => code,
        Compiled::Refused { line, message } => panic!("line {line}: {message}"),
        Compiled::Left => panic!("not compiled"),
    }
}

const NAME: &str = "lib/some where/é.py";

fn check(facts: &InterpreterFacts, optimize: u8) {
    let cache = Cache::none();
    let compiler = compiler(facts, &cache, optimize);
    let sources = sources(facts);
    let texts: Vec<Vec<u8>> = sources
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    let fresh: Vec<Job<'_>> = texts
        .iter()
        .map(|text| (SourceModule::Text(text), NAME, Shelf::Interpreter))
        .collect();
    let installed: Vec<Job<'_>> = sources
        .iter()
        .map(|path| (SourceModule::File(path), NAME, Shelf::Interpreter))
        .collect();
    let (fresh, counts) = compiler.compile(&fresh).unwrap();
    assert_eq!(counts.compiled, sources.len());
    let (installed, counts) = compiler.compile(&installed).unwrap();
    if optimize == 0 {
        assert!(counts.installed > sources.len() / 2, "{counts:?}");
    }

    let folder = tempfile::tempdir().unwrap();
    let mut list = String::new();
    for (number, source) in sources.iter().enumerate() {
        assert!(
            code(&fresh[number]) == code(&installed[number]),
            "{} differs",
            source.display()
        );
        let file = folder.path().join(number.to_string());
        std::fs::write(&file, code(&fresh[number])).unwrap();
        list.push_str(&format!("{}\t{}\n", source.display(), file.display()));
    }
    let list_file = folder.path().join("list");
    std::fs::write(&list_file, list).unwrap();
    let output = Command::new(&facts.executable)
        .args(["-I", "-S", "-c", COMPARE])
        .arg(&list_file)
        .arg(optimize.to_string())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn canonical_code_is_the_same_code_under_another_name() {
    for (_, python) in testing::pythons() {
        let facts = InterpreterFacts::ask(&python).unwrap();
        check(&facts, 0);
    }
    check(&newest(), 2);
}

fn newest() -> InterpreterFacts {
    InterpreterFacts::ask(&testing::pythons().pop().unwrap().1).unwrap()
}

fn compile_text(facts: &InterpreterFacts, cache: &Cache, text: &[u8]) -> (Compiled, Counts) {
    let jobs = [(SourceModule::Text(text), "app.py", Shelf::App)];
    let (mut outcomes, counts) = compiler(facts, cache, 0).compile(&jobs).unwrap();
    (outcomes.remove(0), counts)
}

#[test]
fn a_source_that_does_not_compile_is_an_outcome() {
    let facts = newest();
    let cache = Cache::none();
    for (text, line) in [
        (&b"x = 1\nprint 'two'\n"[..], 2),
        (b"# coding: nothing-like-it\n", 0),
        (b"x = '\xff'\n", 1),
        (b"a\0b", 0),
        (&b"(".repeat(5000), 1),
    ] {
        match compile_text(&facts, &cache, text).0 {
            Compiled::Refused {
                line: found,
                message,
            } => {
                assert!(line == 0 || found == line, "{found}: {message}");
                assert!(!message.is_empty());
            }
            _ => panic!("{:?} compiled", String::from_utf8_lossy(text)),
        }
    }
    // The worker goes on after each of them.
    assert!(matches!(
        compile_text(&facts, &cache, b"x = 1").0,
        Compiled::Code(_)
    ));
}

#[test]
fn compiled_code_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let facts = newest();
    let open = || Cache::open(Some(folder.path()), "x", "y", false);
    let cache = open();
    let (first, counts) = compile_text(&facts, &cache, b"x = {'a', 'b'}");
    assert_eq!((counts.compiled, counts.cached), (1, 0));
    assert_eq!(cache.finish(), None);
    let (second, counts) = compile_text(&facts, &open(), b"x = {'a', 'b'}");
    assert_eq!((counts.compiled, counts.cached), (0, 1));
    assert_eq!(first, second);
}

#[test]
fn an_interpreter_that_is_none_is_an_error() {
    let facts = InterpreterFacts {
        executable: "/bin/false".into(),
        ..newest()
    };
    let cache = Cache::none();
    let jobs = [(SourceModule::Text(b"x = 1"), "app.py", Shelf::App)];
    let error = compiler(&facts, &cache, 0).compile(&jobs).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("`/bin/false` failed while compiling `app.py`"),
        "{error}"
    );
}

#[test]
fn installed_bytecode_is_taken_only_when_it_is_current() {
    let folder = tempfile::tempdir().unwrap();
    let facts = newest();
    let source = folder.path().join("m.py");
    std::fs::write(&source, "x = 1\n").unwrap();
    let status = Command::new(&facts.executable)
        .args(["-m", "compileall", "-q"])
        .arg(folder.path())
        .status()
        .unwrap();
    assert!(status.success());
    let cache = Cache::none();
    let compile = |optimize| {
        let jobs = [(SourceModule::File(&source), "m.py", Shelf::App)];
        compiler(&facts, &cache, optimize).compile(&jobs).unwrap()
    };
    assert_eq!(compile(0).1.installed, 1);
    // Another level has another file.
    assert_eq!(compile(1).1.installed, 0);
    let before = compile(0).0;
    std::fs::write(&source, "x = 12\n").unwrap();
    let (after, counts) = compile(0);
    assert_eq!(counts.compiled, 1);
    assert_ne!(before, after);
    // Damaged bytecode is compiled anew.
    let pyc = std::fs::read_dir(folder.path().join("__pycache__"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::write(&source, "x = 1\n").unwrap();
    std::fs::write(&pyc, b"noise").unwrap();
    assert_eq!(compile(0).0, before);
}

#[test]
fn order_of_sets_and_marks_of_references_do_not_matter() {
    let facts = newest();
    let texts: [&[u8]; 1] =
        [b"def f(x):\n    return x in {'one', 'two', 'three', 4, 5.5, None, ('a', 'b')}\n"];
    let dump = "import marshal,sys;sys.stdout.buffer.write(marshal.dumps(compile(sys.stdin.buffer.read(),'a','exec'),int(sys.argv[1])))";
    let mut seen = std::collections::HashSet::new();
    for (seed, version) in [("0", "4"), ("1", "4"), ("2", "4"), ("3", "3"), ("4", "2")] {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("x.py");
        std::fs::write(&input, texts[0]).unwrap();
        let output = Command::new(&facts.executable)
            .args(["-c", dump, version])
            .env("PYTHONHASHSEED", seed)
            .stdin(std::fs::File::open(&input).unwrap())
            .output()
            .unwrap();
        seen.insert(marshal::canonical(&output.stdout, facts.version, "app.py").unwrap());
    }
    assert_eq!(seen.len(), 1);
}

#[test]
fn damaged_streams_are_errors() {
    let facts = newest();
    let Compiled::Code(code) = compile_text(
        &facts,
        &Cache::none(),
        b"def f(a, b=2): return {a, b, (1, 2)}",
    )
    .0
    else {
        panic!("it compiles")
    };
    for length in 0..code.len() {
        assert!(marshal::canonical(&code[..length], facts.version, "a").is_err());
    }
    for at in 0..code.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff, b'(', b'c', b'r', b'>'] {
            let mut code = code.clone();
            code[at] = value;
            let _ = marshal::canonical(&code, facts.version, "a");
        }
    }
    assert_eq!(
        marshal::canonical(b"N", facts.version, "a"),
        Err(MarshalError::NotCode)
    );
    assert_eq!(
        marshal::canonical(b"r\0\0\0\0", facts.version, "a"),
        Err(MarshalError::BadReference)
    );
    let deep = b")\x01".repeat(100_000);
    assert_eq!(
        marshal::canonical(&deep, facts.version, "a"),
        Err(MarshalError::TooDeep)
    );
    assert_eq!(
        marshal::canonical(b"(\xff\xff\xff\x7f", facts.version, "a"),
        Err(MarshalError::Truncated)
    );
    // Whatever is canonical stays as it is.
    assert_eq!(
        marshal::canonical(&code, facts.version, "app.py").unwrap(),
        code
    );
}

/// The same inputs give the same result, whatever an earlier build has compiled.
#[test]
fn where_nothing_compiles_sources_are_left_and_bytecode_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(Some(folder.path()), "i", "a", false);
    let mut facts = newest();
    let source = folder.path().join("module.py");
    fs_err::write(&source, "x = 1\n").unwrap();
    let compiled = folder.path().join("compiled.pyc");
    let of_os = facts.stdlib.join("os.py");
    let script = "import py_compile, sys; py_compile.compile(sys.argv[1], cfile=sys.argv[2])";
    let status = Command::new(&facts.executable)
        .args(["-I", "-c", script])
        .args([&of_os, &compiled])
        .status();
    assert!(status.unwrap().success());
    let jobs = [
        (SourceModule::File(source.as_path()), NAME, Shelf::App),
        (SourceModule::Text(b"x = 2"), NAME, Shelf::App),
        (SourceModule::Bytecode(compiled.as_path()), NAME, Shelf::App),
    ];
    let (outcomes, counts) = compiler(&facts, &cache, 0).compile(&jobs).unwrap();
    assert_eq!((counts.compiled, counts.left), (2, 0));
    facts.uncompiled = true;
    facts.executable = "/none/python.exe".into();
    let (left, counts) = compiler(&facts, &cache, 0).compile(&jobs).unwrap();
    assert_eq!(left[..2], [Compiled::Left, Compiled::Left]);
    assert_eq!(left[2], outcomes[2]);
    assert_eq!((counts.installed, counts.left), (1, 2));
}
