//! Files that wait in the executable are there for whoever looks for them.

use crate::harness::{Outcome, Scratch, Shelf, arena, temporary_folder};
use serde_json::{Value, json};

/// Runs `statements`, in a directory where nothing has been asked for yet; they end with a value in `said`.
fn said(statements: &str) -> Value {
    run(statements).json()
}

fn run(statements: &str) -> Outcome {
    let temporary = temporary_folder();
    let whole = format!(
        "import json, os, sys\nbundle = sys._MEIPASS\nshelf_folder = bundle + '/shelf'\n{statements}\nprint(json.dumps(said))"
    );
    Shelf::reused()
        .run(&temporary, &whole)
        .run()
        .listing(temporary)
}

fn check(statements: &str, expected: Value) {
    let outcome = run(statements);
    if outcome.json() != expected {
        outcome.fail(&format!("{statements}\nexpected {expected}"));
    }
}

#[test]
fn opening() {
    let line = json!("\"\"\"Functions for other processes, and one that fails.\"\"\"\n");
    for open in [
        "open(shelf_folder + '/books.py')",
        "open(os.fsencode(shelf_folder + '/books.py'))",
        "__import__('pathlib').Path(shelf_folder, 'books.py').open()",
        "__import__('io').FileIO(shelf_folder + '/deep/../books.py')",
        "__import__('codecs').open(shelf_folder + '/books.py', encoding='utf-8')",
        "os.fdopen(os.open(shelf_folder + '/books.py', os.O_RDONLY))",
        "os.chdir(bundle) or open('shelf/books.py')",
        "os.chdir(shelf_folder) or open('books.py')",
        "os.chdir(bundle + '/shelf/deep') or open('../books.py')",
        "os.chdir('/') or open(os.path.relpath(shelf_folder + '/books.py'))",
        "open(bundle + '/../' + os.path.basename(bundle) + '/shelf/books.py')",
    ] {
        // The package's own import brings its folder, and none of its sources but what makes it a package.
        let statements = format!(
            "import shelf.deep\nfile = {open}\nsaid = file.readline()\nsaid = said if isinstance(said, str) else said.decode()"
        );
        check(&statements, line.clone());
    }
}

#[test]
fn listing() {
    let names = json!(["__init__.py", "__main__.py", "books.py", "deep", "parts"]);
    for list in [
        "os.listdir(shelf_folder)",
        "[name.decode() for name in os.listdir(os.fsencode(shelf_folder))]",
        "[entry.name for entry in os.scandir(shelf_folder)]",
        "(lambda found: found[1] + found[2])(next(os.walk(shelf_folder)))",
        "[os.path.basename(path) for path in __import__('glob').glob(bundle + '/she*f/*')]",
        "[path.name for path in __import__('pathlib').Path(shelf_folder).iterdir()]",
        "[path.name for path in __import__('importlib.resources').resources.files('shelf').iterdir()]",
        "os.chdir(shelf_folder) or os.listdir()",
        "os.chdir(shelf_folder) or os.listdir('.')",
        "os.listdir(os.open(shelf_folder, os.O_RDONLY))",
        "(lambda found: found[1] + found[2])(next(os.fwalk(shelf_folder)))",
    ] {
        let statements = format!(
            "import shelf\nos.path.isdir(shelf_folder) or os.listdir(bundle)\nsaid = sorted({list})"
        );
        check(&statements, names.clone());
    }
    check(
        "said = sorted(os.path.relpath(os.path.join(folder, name), shelf_folder) for folder, _, names in os.walk(shelf_folder)\n  \
         for name in names if not name.endswith('.so'))",
        json!([
            "__init__.py",
            "__main__.py",
            "books.py",
            "deep/__init__.py",
            "deep/inner.py",
            "deep/list.txt",
            "parts/__init__.py"
        ]),
    );
    check(
        "import pathlib\nsaid = [len(list(pathlib.Path(bundle).glob('shelf/**/*.so'))), len(list(pathlib.Path(bundle).rglob('inner.py')))]",
        json!([16, 1]),
    );
    check(
        "import shutil, tempfile\nwith tempfile.TemporaryDirectory() as folder:\n    \
         shutil.copytree(shelf_folder, folder + '/copy')\n    said = sorted(os.listdir(folder + '/copy'))",
        names,
    );
}

/// Folders are looked for before they are listed, and what makes packages of them before they are taken for some.
#[test]
fn folders_of_packages() {
    check(
        "import shelf\nsaid = [os.path.isdir(shelf_folder + part) for part in ('', '/deep', '/parts', '/none')]",
        json!([true, true, true, false]),
    );
    let init = "os.path.isfile(shelf_folder + part + '/__init__.py')";
    check(
        &format!(
            "import shelf\nos.listdir(shelf_folder + '/deep')\nsaid = [{init} for part in ('', '/deep', '/parts')]"
        ),
        json!([true, true, false]),
    );
    check(
        &format!(
            "import shelf\nos.listdir(shelf_folder)\nsaid = [{init} for part in ('', '/deep', '/parts')]"
        ),
        json!([true, true, true]),
    );
    check(
        "from importlib.machinery import PathFinder\n\
         spec = PathFinder.find_spec('books', [shelf_folder + '/deep/../../shelf'])\n\
         said = [os.path.relpath(spec.origin, bundle), os.path.exists(spec.origin)]",
        json!(["shelf/books.py", true]),
    );
}

#[test]
fn resources_and_metadata() {
    check(
        "from importlib.resources import files\nimport shelf.deep\n\
         said = [files('shelf.deep').joinpath('list.txt').read_text(), (files('shelf') / 'deep' / 'list.txt').is_file(),\n    \
         files(shelf).joinpath('books.py').read_text()[:12]]",
        json!(["a list", true, "\"\"\"Functions"]),
    );
    check(
        "import pkgutil, shelf\nsaid = [pkgutil.get_data('shelf.deep', 'list.txt').decode(),\n    \
         [name for _, name, _ in pkgutil.walk_packages(shelf.__path__, 'shelf.') if 'parts.' not in name]]",
        json!([
            "a list",
            [
                "shelf.__main__",
                "shelf.books",
                "shelf.deep",
                "shelf.deep.inner",
                "shelf.parts"
            ]
        ]),
    );
    check(
        "from importlib.metadata import distribution, distributions, version\n\
         said = [version('front-one'), version('front_two'), sorted(d.metadata['Name'] for d in distributions())]",
        json!(["1.5", "1.5", ["front-one", "front-two", "shelf"]]),
    );
    check(
        "from importlib.metadata import distribution\npoints = distribution('shelf').entry_points\n\
         said = sorted([point.group, point.name, point.load().__module__] for point in points)",
        json!([
            ["console_scripts", "shelf", "shelf"],
            ["shelf.plugins", "two", "front.two"]
        ]),
    );
    check(
        "from importlib.metadata import files\nfound = files('shelf')\n\
         said = [len(found), all(file.locate().exists() for file in found),\n    \
         [file.read_text() for file in found if file.name == 'list.txt']]",
        json!([27, true, ["a list"]]),
    );
    if Shelf::version() >= (3, 10) {
        check(
            "from importlib.metadata import packages_distributions\nsaid = {name: sorted(set(found)) for name, found in\n    \
             packages_distributions().items() if name in ('shelf', 'front')}",
            json!({"shelf": ["shelf"], "front": ["front-one", "front-two"]}),
        );
    }
}

#[test]
fn namespaces_and_sources() {
    check(
        "import front.two, front.one, front\nsaid = [front.one.NAME, front.two.plug(), list(front.__path__) == [bundle + '/front'],\n    \
         getattr(front, '__file__', None)]",
        json!(["one", "two", true, null]),
    );
    check(
        "import pkgutil, front\nsaid = [name for _, name, _ in pkgutil.iter_modules(front.__path__)]",
        json!(["one", "two"]),
    );
    check(
        "import inspect, shelf.deep.inner as inner\nbefore = os.path.exists(inner.__file__)\n\
         said = [before, inspect.getsource(inner.shown), inspect.getsourcefile(inner) == inner.__file__]",
        json!([
            false,
            "def shown():\n    return \"inner\"  # the line `inspect` shows\n",
            true
        ]),
    );
    check(
        "import subprocess\nresult = subprocess.run([sys.executable, '-m', 'shelf', 'a'], capture_output=True, text=True)\n\
         said = [result.stdout, result.stderr]",
        json!(["run as __main__ ['a']\n", ""]),
    );
    check(
        "import runpy, io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()) as out:\n    \
         runpy.run_path(shelf_folder + '/__main__.py', run_name='path')\nsaid = out.getvalue().split()[:3]",
        json!(["run", "as", "path"]),
    );
    let scratch = Scratch::new();
    let fail = "import shelf.books\nshelf.books.fail('because')";
    Shelf::reused()
        .run(scratch.path(), fail)
        .run()
        .code(1)
        .stderr_has("/shelf/books.py\", line 5, in fail\n    raise ValueError(reason)  # the line a traceback shows\n");
}

/// Wherever a program imports it.
#[test]
fn extension_modules() {
    check(
        "import shelf.books, threading\nsaid = []\n\
         threads = [threading.Thread(target=lambda n=n: said.append(shelf.books.part(n)[0])) for n in range(16)]\n\
         [thread.start() for thread in threads]\n[thread.join() for thread in threads]\nsaid.sort()",
        json!((0..16).collect::<Vec<_>>()),
    );
    check(
        "import shelf.books\nends = []\nfor number in range(8):\n    child = os.fork()\n    if not child:\n        \
         os._exit(shelf.books.part(number)[0] + 10)\n    ends.append(child)\n\
         said = [os.WEXITSTATUS(os.waitpid(child, 0)[1]) for child in ends]",
        json!((10..18).collect::<Vec<_>>()),
    );
    for method in ["fork", "spawn", "forkserver"] {
        check(
            &format!(
                "import multiprocessing, shelf.books\nwith multiprocessing.get_context('{method}').Pool(3) as pool:\n    \
                 said = [number for number, _ in pool.map(shelf.books.part, list(range(16)) * 2)]"
            ),
            json!((0..16).chain(0..16).collect::<Vec<_>>()),
        );
    }
    // In a child while a thread of its parent imports: no lock of ours is left behind in it. CPython's own lock of a module, or
    // of the package around it, that the thread is importing is: the child asks for others.
    let seen = said(
        "import shelf.books, shelf.parts, threading\nthread = threading.Thread(target=lambda: [shelf.books.part(n) for n in range(6)])\n\
         thread.start()\nchildren = []\nfor number in range(10):\n    child = os.fork()\n    if not child:\n        \
         os._exit(shelf.books.part(15 - number)[0])\n    children.append(child)\nthread.join()\n\
         said = [os.WEXITSTATUS(os.waitpid(child, 0)[1]) for child in children]",
    );
    assert_eq!(seen, json!((6..16).rev().collect::<Vec<_>>()));
}

/// The error of an import for which there is no room names the file; with room again it works, in the same process.
#[test]
fn a_full_disk() {
    let script = "set -e; mount -t tmpfs none /mnt; mkdir /mnt/small; cp \"$1\" /mnt/program; cd /
        mount -t tmpfs -o size=64m none /mnt/small; exec env -i TMPDIR=/mnt/small PATH=\"$PATH\" /mnt/program \"$2\"";
    let Some(start) = arena(script) else { return };
    let statements = "\
import os, sys
import shelf.books, shelf.parts.p00
filler = os.open('/mnt/small/filler', os.O_WRONLY | os.O_CREAT)
try:
    while True:
        os.write(filler, bytes(1 << 12))
except OSError:
    pass
try:
    import shelf.parts.p01
except ImportError as error:
    print(type(error).__name__, error)
try:
    open(sys._MEIPASS + '/shelf/books.py')
except OSError as error:
    print(type(error).__name__, error)
print(shelf.parts.p00.number())
os.close(filler)
os.remove('/mnt/small/filler')
import shelf.parts.p01
print(shelf.parts.p01.number(), len(open(sys._MEIPASS + '/shelf/books.py').read()) > 10)
left = [name for _, _, names in os.walk('/mnt/small') for name in names if 'part-' in name]
print(left)
";
    let outcome = start.arg(&Shelf::reused().path).arg(statements).run();
    outcome.success();
    let text = outcome.stdout_text();
    let lines: Vec<&str> = text.lines().collect();
    let told = |line: &str, kind: &str, file: &str| {
        line.starts_with(kind) && line.contains(file) && line.contains("No space left on device")
    };
    let [import, open, rest @ ..] = &lines[..] else {
        outcome.fail("no lines")
    };
    if !told(
        import,
        "ImportError cannot unpack `/mnt/small/",
        "/shelf/parts/p01.",
    ) || !told(
        open,
        "OSError cannot unpack `/mnt/small/",
        "/shelf/books.py",
    ) || rest != ["0", "1 True", "[]"]
    {
        outcome.fail("what was said of the full disk");
    }
}
