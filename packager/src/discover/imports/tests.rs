#![allow(clippy::unwrap_used)]
use super::*;

fn parse(source: &str) -> Imports {
    parse_bytes(source.as_bytes()).unwrap()
}

fn parse_bytes(source: &[u8]) -> Result<Imports, SyntaxProblem> {
    let target = Target {
        version: (3, 11, 2),
        platform: "linux".into(),
        os_name: "posix".into(),
    };
    read(
        source,
        Reading {
            target: &target,
            own: true,
            script: false,
        },
    )
}

/// One line per import: `line [?][()] name`, `?` for optional, `()` for local to a function.
#[track_caller]
fn check(source: &str, expected: &[&str]) {
    let found: Vec<String> = parse(source).imports.iter().map(shown).collect();
    assert_eq!(found, expected, "{source}");
}

fn shown(import: &Import) -> String {
    let name = match &import.what {
        What::Module(name) => name.clone(),
        What::From {
            level,
            module,
            names,
        } => {
            format!(
                "{}{module}: {}",
                ".".repeat(usize::try_from(*level).unwrap()),
                names.join(", ")
            )
        }
        What::Beginning { level, prefix } => {
            format!("{}{prefix}…", ".".repeat(usize::try_from(*level).unwrap()))
        }
    };
    let marks = [("?", import.optional), ("()", import.local)];
    let marks: String = marks
        .iter()
        .filter(|(_, set)| *set)
        .map(|(mark, _)| *mark)
        .collect();
    format!("{} {marks}{name}", import.line)
}

#[test]
fn statements() {
    check("import a, b.c as d", &["1 a", "1 b.c"]);
    check("from a.b import c, d as e", &["1 a.b: c, d"]);
    check(
        "from . import x\nfrom ..y import z\nfrom q import *",
        &["1 .: x", "2 ..y: z", "3 q: *"],
    );
    check("from __future__ import annotations", &[]);
    check(
        "def f():\n    import a\nclass C:\n    import b\nasync def g():\n    for x in y:\n        import c",
        &["2 ()a", "4 b", "7 ()c"],
    );
}

#[test]
fn optional() {
    check(
        "try:\n    import a\nexcept ImportError:\n    import b\nelse:\n    import c\nfinally:\n    import d",
        &["2 ?a", "4 ?b", "6 ?c", "8 d"],
    );
    check(
        "try:\n    import a\nexcept (OSError, builtins.ModuleNotFoundError):\n    a = None",
        &["2 ?a"],
    );
    check("try:\n    import a\nexcept KeyError:\n    pass", &["2 a"]);
    check("try:\n    import a\nexcept:\n    pass", &["2 ?a"]);
    check(
        "with suppress(ImportError):\n    import a\nwith open(x):\n    import b",
        &["2 ?a", "4 b"],
    );
    check(
        "if x:\n    import a\nelse:\n    import b",
        &["2 ?a", "4 ?b"],
    );
    check("match x:\n    case 1:\n        import a", &["3 ?a"]);
}

#[test]
fn conditions_of_the_target() {
    check(
        "if TYPE_CHECKING:\n    import a\nelse:\n    import b",
        &["4 b"],
    );
    check("if not typing.TYPE_CHECKING:\n    import a", &["2 a"]);
    check(
        "if sys.platform == 'win32':\n    import a\nelif sys.version_info >= (3, 8):\n    import b\nelse:\n    import c",
        &["4 b"],
    );
    check(
        "if x:\n    import a\nelif TYPE_CHECKING:\n    import b\nelse:\n    import c",
        &["2 ?a", "6 ?c"],
    );
}

#[test]
fn calls() {
    check("importlib.import_module('a.b')", &["1 a.b"]);
    check(
        "import_module('.x', __package__)\nimport_module('..x.y', 'p.q')",
        &["1 .: x", "2 p.x.y"],
    );
    check("__import__('a')\nx.__import__('b')", &["1 a"]);
    check(
        "if importlib.util.find_spec('a'):\n    import a",
        &["1 ?a", "2 ?a"],
    );
    check(
        "def f(x=import_module('a')):\n    return [import_module(name), import_module('b')]",
        &["1 ()a", "2 ()b"],
    );
    check("import_module('not a name')\nimport_module(f'{x}.y')", &[]);
    check(
        "_import_module(f'words_{x}')\nfind_spec('a.b.' + x)\nimport_module('.' + x, __package__)",
        &["1 ?words_…", "2 ?a.b.…", "3 ?.…"],
    );
    check("import_module('abc' + x)\nimport_module('a b.' + x)", &[]);
}

#[test]
fn exports() {
    assert_eq!(
        parse("__all__ = ['a', 'b']\n__all__ += ('c',)\ndef f():\n    __all__ = ['d']").exports,
        ["a", "b", "c"]
    );
}

#[test]
fn errors_have_a_position() {
    let target = Target {
        version: (3, 9, 0),
        platform: "linux".into(),
        os_name: "posix".into(),
    };
    let reading = Reading {
        target: &target,
        own: true,
        script: false,
    };
    let problem = read(b"import a\n\nx = = 1\n", reading).unwrap_err();
    assert_eq!((problem.line, problem.column), (3, 5));
    let problem = read(b"match x:\n    case 1:\n        pass\n", reading).unwrap_err();
    assert_eq!((problem.line, problem.column), (1, 1));
    assert!(problem.message.contains("3.9"), "{}", problem.message);
    let other = read(
        b"import a\nx = = 1\nimport b\n",
        Reading {
            own: false,
            ..reading
        },
    )
    .unwrap();
    assert_eq!(
        other.imports.iter().map(shown).collect::<Vec<_>>(),
        ["1 a", "3 b"]
    );
}

/// As CPython 3.9 to 3.13 import it.
#[test]
fn bytes_that_are_no_utf8_may_stand_in_comments_only() {
    let found = parse_bytes(b"# comm\xe9nt\nimport json # \xe9\n").unwrap();
    assert_eq!(found.imports.len(), 1);
    for refused in [&b"import a\n\n'\xe9'"[..], b"# \xe9\n\n\xe9 = 1"] {
        let problem = parse_bytes(refused).unwrap_err();
        assert_eq!(problem.line, 3, "{problem:?}");
        assert!(problem.message.contains("\\xe9"), "{problem:?}");
    }
}
