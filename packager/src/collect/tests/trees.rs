//! Collections of small trees made for the purpose.

use super::*;
use crate::development::Development;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// An application, a standard library and an environment of a few files.
struct Project {
    folder: tempfile::TempDir,
    plan: BuildPlan,
    facts: InterpreterFacts,
}

const SITE: &str = "venv/lib/python3.11/site-packages";

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        testing::tree(
            &root,
            &[
                ("std/os.py", ""),
                ("std/json/__init__.py", ""),
                ("std/LICENSE.txt", ""),
            ],
        );
        testing::tree(
            &root,
            &[("app/app.py", ""), ("venv/lib/libpython3.11.so.1.0", "")],
        );
        let site = root.join(SITE);
        std::fs::create_dir_all(&site).unwrap();
        testing::tree(&root, files);
        let mut facts = testing::facts();
        facts.base_executable = std::env::current_exe().unwrap();
        facts.libpython = Some(root.join("venv/lib/libpython3.11.so.1.0"));
        facts.stdlib = root.join("std");
        facts.prefix = root.join("venv");
        facts.sys_path = vec![facts.stdlib.clone(), site.clone()];
        facts.site_packages = vec![site];
        let plan = testing::plan(
            &root.join("app"),
            Entry::Script(root.join("app/app.py")),
            Path::new("/none"),
        );
        Self {
            folder,
            plan,
            facts,
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(path)
    }

    fn collect(&self) -> Collection {
        build(&self.plan, &self.facts).unwrap()
    }

    fn error(&self) -> String {
        let root = format!("{}/", self.path("").display());
        build(&self.plan, &self.facts)
            .unwrap_err()
            .replace(&root.replace("//", "/"), "")
    }

    fn data(&mut self, source: &str, dest: &str) {
        let source = self.path(source);
        self.plan.include.data.push(DataRule {
            source,
            dest: dest.into(),
        });
    }
}

/// What is in the bundle beside the standard library and the interpreter.
fn own(collection: &Collection) -> Vec<&str> {
    let own = collection
        .files
        .iter()
        .map(|file| file.dest.as_str())
        .filter(|dest| !dest.starts_with("lib/"));
    let mut own: Vec<&str> = own.collect();
    own.sort_unstable();
    own
}

#[test]
fn files_of_distributions() {
    let project = Project::new(&[
        ("app/app.py", "import pkg, loose"),
        (&format!("{SITE}/pkg/__init__.py"), ""),
        (&format!("{SITE}/pkg/data.json"), "{}"),
        (
            &format!("{SITE}/pkg/__pycache__/__init__.cpython-311.pyc"),
            "",
        ),
        (
            &format!("{SITE}/pkg-1.dist-info/METADATA"),
            "Name: pkg\nVersion: 1\n",
        ),
        (
            &format!("{SITE}/pkg-1.dist-info/RECORD"),
            "pkg/__init__.py,,\npkg/data.json,,\npkg/__pycache__/__init__.cpython-311.pyc,,\n../../../bin/pkg,,\n\
          ../../../share/pkg/x.txt,,\npkg-1.dist-info/METADATA,,\npkg-1.dist-info/RECORD,,\n../../../include/pkg.h,,\n",
        ),
        ("venv/bin/pkg", "#!/venv/bin/python\n"),
        ("venv/share/pkg/x.txt", ""),
        ("venv/include/pkg.h", ""),
        (&format!("{SITE}/loose/__init__.py"), ""),
        (&format!("{SITE}/loose/words.txt"), ""),
    ]);
    let collection = project.collect();
    assert_eq!(
        own(&collection),
        [
            "app.py",
            "loose/__init__.py",
            "loose/words.txt",
            "pkg-1.dist-info/METADATA",
            "pkg-1.dist-info/RECORD",
            "pkg/__init__.py",
            "pkg/data.json",
            "share/pkg/x.txt",
        ]
    );
    let whys: Vec<_> = collection
        .distributions
        .iter()
        .map(|d| format!("{} {} < {}", d.name, d.version, d.why))
        .collect();
    assert_eq!(
        whys,
        [
            "loose  < imported by __main__:1",
            "pkg 1 < imported by __main__:1"
        ]
    );
    assert_eq!(
        by_dest(&collection)["pkg/data.json"].why,
        "distribution pkg 1"
    );
}

/// Tests of libraries stay behind, but where they are imported, or the library is asked for by a setting.
#[test]
fn tests_of_distributions() {
    let mut project = Project::new(&[
        ("app/app.py", "import pkg, pkg.used.tests.support"),
        (&format!("{SITE}/pkg/__init__.py"), ""),
        (&format!("{SITE}/pkg/tests/test_a.py"), ""),
        (&format!("{SITE}/pkg/test/client.py"), ""),
        (&format!("{SITE}/pkg/part/test/test_b.py"), ""),
        (&format!("{SITE}/pkg/part/test/data.txt"), ""),
        (&format!("{SITE}/pkg/used/tests/support.py"), ""),
        (&format!("{SITE}/pkg/used/tests/data.txt"), ""),
        (
            &format!("{SITE}/pkg-1.dist-info/METADATA"),
            "Name: pkg\nVersion: 1\n",
        ),
        (
            &format!("{SITE}/pkg-1.dist-info/RECORD"),
            "pkg/__init__.py,,\npkg/tests/test_a.py,,\npkg/test/client.py,,\npkg/used/tests/support.py,,\n\
             pkg/used/tests/data.txt,,\npkg/part/test/test_b.py,,\npkg/part/test/data.txt,,\n",
        ),
    ]);
    let collection = project.collect();
    let kept = [
        "app.py",
        "pkg/__init__.py",
        "pkg/test/client.py",
        "pkg/used/tests/data.txt",
        "pkg/used/tests/support.py",
    ];
    assert_eq!(own(&collection), kept);
    let graph = crate::graph::ModuleGraph::default();
    let record = crate::record::Record::new(&graph, &collection);
    let left: Vec<_> = record.left_out.values().flatten().collect();
    assert_eq!(left, ["pkg/part/test/", "pkg/tests/"]);
    project.plan.include.development = [Development::Tests].into();
    assert_eq!(own(&project.collect()).len(), kept.len() + 3);
    project.plan.include.development.clear();
    project.plan.include.distributions = vec!["pkg".into()];
    project.plan.entry = Entry::Script(project.path("app/other.py"));
    testing::tree(&project.path("app"), &[("other.py", "")]);
    assert!(own(&project.collect()).contains(&"pkg/tests/test_a.py"));
}

/// A project with one distribution, `name`, of `files`; the application imports `pkg`.
fn of_one_distribution(name: &str, files: &[(&str, &str)]) -> Project {
    let installed: Vec<(String, &str)> = files
        .iter()
        .map(|(path, content)| (format!("{SITE}/{path}"), *content))
        .collect();
    let record: String = files
        .iter()
        .map(|(path, _)| format!("{path},,\n"))
        .collect();
    let info = format!("{SITE}/{}-1.dist-info", name.replace('-', "_"));
    let metadata = format!("Name: {name}\nVersion: 1\n");
    let (of_metadata, of_record) = (format!("{info}/METADATA"), format!("{info}/RECORD"));
    let mut all: Vec<(&str, &str)> = installed
        .iter()
        .map(|(path, content)| (path.as_str(), *content))
        .collect();
    all.extend([
        ("app/app.py", "import pkg"),
        (of_metadata.as_str(), metadata.as_str()),
        (of_record.as_str(), record.as_str()),
    ]);
    Project::new(&all)
}

const DEVELOPMENT: [(&str, &str); 12] = [
    ("pkg/__init__.py", ""),
    ("pkg/_core.pyx", ""),
    ("pkg/include/pkg.h", ""),
    ("pkg/lib/libpkg.a", "!<arch>\n"),
    ("pkg/grammar.a", "no archive"),
    ("pkg/part.pyi", ""),
    ("pkg/pkg.pdb", "Microsoft C/C++ MSF 7.00"),
    ("pkg/protein.pdb", "HEADER"),
    ("pkg/py.typed", ""),
    ("pkg/__pycache__/__init__.cpython-311.pyc", ""),
    ("pkg-1.dist-info/licenses/license.h", ""),
    ("../../../include/pkg/pkg.h", ""),
];

/// Stubs, headers, static libraries and symbols stay behind.
#[test]
fn what_serves_developers() {
    let mut project = of_one_distribution("pkg", &DEVELOPMENT);
    let collection = project.collect();
    let kept = [
        "app.py",
        "pkg-1.dist-info/licenses/license.h",
        "pkg/__init__.py",
        "pkg/grammar.a",
        "pkg/protein.pdb",
        "pkg/py.typed",
    ];
    assert_eq!(own(&collection), kept);
    let behind: Vec<_> = collection
        .stayed_behind()
        .iter()
        .map(|behind| (behind.kind.word(), behind.files, behind.size))
        .collect();
    assert_eq!(
        behind,
        [
            ("stubs", 1, 0),
            ("sources", 3, 0),
            ("static-libraries", 1, 8),
            ("debug-symbols", 1, 24)
        ]
    );
    project.plan.include.development = Development::ALL.into();
    let all = project.collect();
    assert_eq!(own(&all).len(), DEVELOPMENT.len() + 1);
    assert!(by_dest(&all).contains_key("include/pkg/pkg.h") && all.left_out.is_empty());
    // A setting that names the distribution wants all of it.
    project.plan.include.development.clear();
    project.plan.include.distributions = vec!["pkg".into()];
    assert_eq!(own(&project.collect()).len(), DEVELOPMENT.len());
}

/// RECORD lists caches of bytecode, which are often removed: nobody misses them.
#[test]
fn caches_of_bytecode_may_be_gone() {
    let mut project = of_one_distribution("pkg", &DEVELOPMENT);
    std::fs::remove_dir_all(project.path(&format!("{SITE}/pkg/__pycache__"))).unwrap();
    let kept = own(&project.collect()).len();
    project.plan.include.development = [Development::BytecodeCaches].into();
    assert_eq!(own(&project.collect()).len(), kept);
}

/// What the code of a library deals with is there.
#[test]
fn what_serves_developers_and_the_library_reads() {
    let left = |name: &str, code: &str| {
        let mut files = DEVELOPMENT;
        files[0].1 = code;
        let collection = of_one_distribution(name, &files).collect();
        let behind = collection.stayed_behind();
        behind
            .iter()
            .map(|found| found.kind.word())
            .collect::<Vec<_>>()
    };
    let all = left("pkg", "x = 'py.typed', 'other.h'");
    assert_eq!(
        all,
        ["stubs", "sources", "static-libraries", "debug-symbols"]
    );
    let lazy = "__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)";
    assert_eq!(left("pkg", lazy), all[1..]);
    let reads = "open(here / 'include/pkg.h')";
    assert_eq!(left("pkg", reads), [all[0], all[2], all[3]]);
    // `numpy.f2py` names headers, and compiles extension modules only.
    assert_eq!(left("numpy", reads), all);
    // Others read stubs, or compile at run time.
    assert_eq!(left("jedi", ""), all[1..]);
    assert_eq!(left("cupy-cuda12x", ""), [all[0], all[3]]);
}

#[test]
fn a_file_that_record_lists_and_nobody_has() {
    let project = Project::new(&[
        ("app/app.py", "import pkg"),
        (&format!("{SITE}/pkg/__init__.py"), ""),
        (
            &format!("{SITE}/pkg-1.dist-info/METADATA"),
            "Name: pkg\nVersion: 1\n",
        ),
        (
            &format!("{SITE}/pkg-1.dist-info/RECORD"),
            "pkg/__init__.py,,\npkg/gone.txt,,\n",
        ),
    ]);
    assert_eq!(
        project.error(),
        format!(
            "distribution `pkg 1` lists `{SITE}/pkg/gone.txt`, which is missing on disk; install it again (`pip install \
             --force-reinstall pkg==1`)"
        )
    );
}

/// Debian's packages have moved scripts and data out of `dist-packages`, and their RECORD does not know.
#[test]
fn files_that_debian_has_moved() {
    const DEBIAN: &str = "usr/lib/python3/dist-packages";
    let mut project = Project::new(&[
        ("app/app.py", "import pkg"),
        (&format!("{DEBIAN}/pkg/__init__.py"), ""),
        (
            &format!("{DEBIAN}/pkg-1.dist-info/METADATA"),
            "Name: pkg\nVersion: 1\n",
        ),
        (
            &format!("{DEBIAN}/pkg-1.dist-info/RECORD"),
            "../scripts/pkg,,\n../../../share/pkg/x.txt,,\nscripts-3.10/pkg,,\npkg/cacert.pem,,\npkg/__init__.py,,\n",
        ),
    ]);
    let site = project.path(DEBIAN);
    project.facts.sys_path[1].clone_from(&site);
    project.facts.site_packages = vec![site.clone()];
    assert_eq!(own(&project.collect()), ["app.py", "pkg/__init__.py"]);
    std::fs::remove_file(site.join("pkg/__init__.py")).unwrap();
    std::fs::write(site.join("pkg/part.py"), "").unwrap();
    std::fs::write(project.path("app/app.py"), "import pkg.part").unwrap();
    let record = site.join("pkg-1.dist-info/RECORD");
    std::fs::write(record, "pkg/part.py,,\npkg/gone.py,,\n").unwrap();
    assert!(
        project.error().contains("lists `"),
        "its own files must be there"
    );
}

#[test]
fn what_is_excluded_is_left_out_of_everything() {
    let mut project = Project::new(&[
        ("app/app.py", "import pkg.part, json"),
        (&format!("{SITE}/pkg/__init__.py"), ""),
        (&format!("{SITE}/pkg/part.py"), ""),
        (&format!("{SITE}/pkg/heavy/__init__.py"), ""),
        (&format!("{SITE}/pkg/heavy/model.bin"), ""),
        (&format!("{SITE}/pkg/heavyweight.py"), ""),
        (
            &format!("{SITE}/pkg-1.dist-info/METADATA"),
            "Name: pkg\nVersion: 1\n",
        ),
        (
            &format!("{SITE}/pkg-1.dist-info/RECORD"),
            "pkg/__init__.py,,\npkg/part.py,,\npkg/heavy/__init__.py,,\npkg/heavy/model.bin,,\npkg/heavyweight.py,,\n",
        ),
    ]);
    project.plan.exclude.modules = vec!["pkg.heavy".into(), "json".into()];
    let collection = project.collect();
    assert_eq!(
        own(&collection),
        [
            "app.py",
            "pkg/__init__.py",
            "pkg/heavyweight.py",
            "pkg/part.py"
        ]
    );
    assert!(
        module(&collection, "json").is_none() && module(&collection, "pkg.heavyweight").is_some()
    );
    project.plan.exclude.distributions = vec!["Pkg".into()];
    assert_eq!(own(&project.collect()), ["app.py"]);
}

#[test]
fn data_rules() {
    let mut project = Project::new(&[
        ("app/one.txt", ""),
        ("app/assets/a.png", ""),
        ("app/assets/deep/b.png", ""),
        ("app/assets/.hidden", ""),
        ("app/x/1.csv", ""),
        ("app/x/2.csv", ""),
        ("app/x/3.txt", ""),
    ]);
    project.data("app/one.txt", ".");
    project.data("app/assets", "pictures");
    project.data("app/x/*.csv", "./tables/");
    let collection = project.collect();
    assert_eq!(
        own(&collection),
        [
            "app.py",
            "one.txt",
            "pictures/.hidden",
            "pictures/a.png",
            "pictures/deep/b.png",
            "tables/1.csv",
            "tables/2.csv"
        ]
    );
    assert_eq!(by_dest(&collection)["one.txt"].why, "--add-data one.txt:.");
    project.data("app/x/*.ods", "tables");
    assert_eq!(
        project.error(),
        "`app/x/*.ods:tables` of --add-data names no file or folder"
    );
    project.plan.include.data.clear();
    project.data("app/one.txt", "../up");
    assert!(
        project
            .error()
            .contains("of --add-data is none inside a bundle"),
        "{}",
        project.error()
    );
    project.plan.include.data.clear();
    project.data("app/x/1.csv", "t");
    std::fs::create_dir(project.path("app/y")).unwrap();
    std::fs::write(project.path("app/y/1.csv"), "other").unwrap();
    project.data("app/y/1.csv", "t");
    assert!(
        project
            .error()
            .starts_with("`t/1.csv` is to be both `app/x/1.csv` (--add-data "),
        "{}",
        project.error()
    );
}

#[test]
fn data_that_the_sources_name() {
    let project = Project::new(&[
        (
            "app/app.py",
            "import pkg.views\nHERE = Path(__file__).parent\nopen(HERE / 'state.db')\nopen(HERE / '.env')\nQIcon('icons/a.ico')\n\
          os.path.join(HERE, 'words')\nHERE / 'pkg'\n'none.txt'\n",
        ),
        ("app/state.db", ""),
        ("app/.env", ""),
        ("app/icons/a.ico", ""),
        ("app/icons/unnamed.ico", ""),
        ("app/words/en.txt", ""),
        ("app/words/.cache", ""),
        ("app/pkg/__init__.py", ""),
        ("app/pkg/views.py", "app = Flask(__name__)"),
        ("app/pkg/templates/x.html", ""),
        ("app/pkg/static/x.css", ""),
        ("app/pkg/other/x.txt", ""),
    ]);
    let collection = project.collect();
    assert_eq!(
        own(&collection),
        [
            "app.py",
            "icons/a.ico",
            "pkg/__init__.py",
            "pkg/static/x.css",
            "pkg/templates/x.html",
            "pkg/views.py",
            "words/en.txt",
        ]
    );
    assert_eq!(
        by_dest(&collection)["pkg/templates/x.html"].why,
        "named at pkg/views.py:1"
    );
    let warnings = &collection.warnings;
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    assert!(warnings[0].starts_with("`state.db` is left out, though app.py:3 names it"));
    let relative = "app.py:5 opens `icons/a.ico` in the working directory";
    let instead = "write `Path(__file__).parent / \"icons/a.ico\"` to open it";
    let tells = |warning: &&String| warning.starts_with(relative) && warning.ends_with(instead);
    assert_eq!(warnings.iter().filter(tells).count(), 1, "{warnings:?}");
}

/// Of a folder that the sources merely name, links to elsewhere are not followed into strangers' files; of one that was asked
/// for, they are.
#[test]
fn links_that_lead_out() {
    use std::os::unix::fs::symlink;
    let mut project = Project::new(&[
        ("app/app.py", "os.path.join(HERE, 'words')\n"),
        ("app/words/en.txt", ""),
        ("app/more/de.txt", ""),
        ("home/key", "secret"),
    ]);
    symlink(project.path("home"), project.path("app/words/home")).unwrap();
    symlink(
        project.path("app/more/de.txt"),
        project.path("app/words/de.txt"),
    )
    .unwrap();
    let collection = project.collect();
    assert_eq!(own(&collection), ["app.py", "words/de.txt", "words/en.txt"]);
    assert_eq!(collection.warnings.len(), 1, "{:?}", collection.warnings);
    assert!(collection.warnings[0].starts_with("`words/home/key` is left out"));
    project.data("app/words", "words");
    assert!(own(&project.collect()).contains(&"words/home/key"));
}

#[test]
fn names_that_cannot_be_in_a_bundle() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    for (name, reason) in [
        (&b"a\nb"[..], "control character"),
        (b"a\x1b[2J", "control character"),
        (b"a\\b", "backslash"),
        (b"a:b", "colon"),
        (b"a\xff", "is not Unicode"),
    ] {
        let mut project = Project::new(&[("app/data/x", "")]);
        let name = project.path("app/data").join(OsStr::from_bytes(name));
        std::fs::write(&name, "").unwrap();
        project.data("app/data", "data");
        let text = format!("{name:?}");
        assert!(
            project.error().contains(reason),
            "{text}: {}",
            project.error()
        );
    }
}

#[test]
fn scripts_and_modules_of_the_same_name() {
    let mut project = Project::new(&[
        ("app/app.py", "import tool"),
        ("app/tool.py", "import app"),
        ("app/sub/app.py", ""),
        ("hooks/app.py", ""),
    ]);
    project
        .plan
        .commands
        .push(("sub".into(), Entry::Script(project.path("app/sub/app.py"))));
    project
        .plan
        .runtime_hooks
        .push(project.path("hooks/app.py"));
    let collection = project.collect();
    assert_eq!(
        own(&collection),
        ["app.py", "runtime_hooks/0_app.py", "sub/app.py", "tool.py"]
    );
    let script = |path: &str| collection.script(&project.path(path)).unwrap().to_string();
    assert_eq!(script("app/app.py"), "app.py");
    assert_eq!(script("app/sub/app.py"), "sub/app.py");
    assert_eq!(script("hooks/app.py"), "runtime_hooks/0_app.py");
    assert!(module(&collection, "app").is_some() && module(&collection, "tool").is_some());
}

#[test]
fn editable_packages_bring_their_data() {
    let mut project = Project::new(&[
        ("app/app.py", "import pkg"),
        ("project/src/pkg/__init__.py", ""),
        ("project/src/pkg/late.py", ""),
        ("project/src/pkg/data/x.json", ""),
        ("project/src/pkg/.secret", ""),
        (
            &format!("{SITE}/pkg-1.dist-info/METADATA"),
            "Name: pkg\nVersion: 1\n",
        ),
        (
            &format!("{SITE}/pkg-1.dist-info/RECORD"),
            "__editable__.pkg-1.pth,,\npkg-1.dist-info/METADATA,,\n",
        ),
    ]);
    let url = format!(
        r#"{{"url": "file://{}", "dir_info": {{"editable": true}}}}"#,
        project.path("project").display()
    );
    std::fs::write(
        project.path(SITE).join("pkg-1.dist-info/direct_url.json"),
        url,
    )
    .unwrap();
    project.facts.sys_path.push(project.path("project/src"));
    assert_eq!(
        own(&project.collect()),
        [
            "app.py",
            "pkg-1.dist-info/METADATA",
            "pkg/__init__.py",
            "pkg/data/x.json",
            "pkg/late.py"
        ]
    );
}

/// `--collect-data pkg` of packages that lie beside the script.
#[test]
fn own_packages_bring_their_data_when_they_are_asked() {
    let mut project = Project::new(&[
        ("app/app.py", ""),
        ("app/pkg/__init__.py", ""),
        ("app/pkg/late.py", ""),
        ("app/pkg/data/a.txt", ""),
        ("app/pkg/.secret", ""),
        ("app/pkg/__pycache__/late.cpython-311.pyc", ""),
        ("app/pkg/.git/config", ""),
        ("app/assets/b.txt", ""),
        ("app/other/__init__.py", ""),
        ("app/other/c.txt", ""),
    ]);
    assert_eq!(own(&project.collect()), ["app.py"]);
    project.plan.include.distributions = vec!["pkg".into(), "assets".into()];
    let collection = project.collect();
    assert_eq!(
        own(&collection),
        [
            "app.py",
            "assets/b.txt",
            "pkg/__init__.py",
            "pkg/data/a.txt",
            "pkg/late.py"
        ]
    );
    assert_eq!(
        by_dest(&collection)["pkg/data/a.txt"].why,
        "data of the package pkg"
    );
}

/// `importlib.resources` and its like look in the package that the source names, not beside the source.
#[test]
fn resources_of_own_packages_that_a_source_names() {
    let project = Project::new(&[
        (
            "app/app.py",
            "files('pkg').joinpath('data/a.txt').read_text()\nread_text('pkg.more', 'b.txt')\nimport tool",
        ),
        (
            "app/tool.py",
            "root = files('assets')\n(root / 'words').read_text()",
        ),
        ("app/pkg/__init__.py", ""),
        ("app/pkg/data/a.txt", ""),
        ("app/pkg/data/unnamed.txt", ""),
        ("app/pkg/more/b.txt", ""),
        ("app/assets/words", ""),
    ]);
    let collection = project.collect();
    assert_eq!(
        own(&collection),
        [
            "app.py",
            "assets/words",
            "pkg/__init__.py",
            "pkg/data/a.txt",
            "pkg/more/b.txt",
            "tool.py"
        ]
    );
    assert_eq!(collection.warnings, [""; 0]);
    assert!(
        by_dest(&collection)["pkg/data/a.txt"]
            .why
            .ends_with("app.py:1"),
        "{}",
        by_dest(&collection)["pkg/data/a.txt"].why
    );
}

/// Compiles shared libraries: `(output, needed libraries, linker flags)`; false without a C compiler.
fn compile(folder: &Path, libraries: &[(&str, &[&str], &str)]) -> bool {
    if Command::new("cc").arg("--version").output().is_err() {
        return false;
    }
    for (output, needed, flags) in libraries {
        let path = folder.join(output);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let mut command = Command::new("cc");
        command
            .args(["-shared", "-nostdlib", "-xc", "/dev/null", "-xnone", "-o"])
            .arg(&path);
        command.arg(format!(
            "-Wl,-soname,{name},--no-as-needed,--allow-shlib-undefined"
        ));
        command.args(needed.iter().map(|needed| folder.join(needed)));
        if !flags.is_empty() {
            command.arg(flags);
        }
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    true
}

#[test]
fn libraries_of_the_system_that_a_source_loads_by_name_are_told() {
    let source = "from ctypes import CDLL\nCDLL('libc.so.6')\nCDLL('libnone.so.1')\nCDLL('libtheirs.so.1')\n\
                  CDLL('libtheirs.so.1')\nCDLL('libours.so.1')\n";
    let mut project = Project::new(&[("app/app.py", source)]);
    let libraries = ["venv/lib/libtheirs.so.1", "venv/lib/libours.so.1"];
    if !compile(
        &project.path(""),
        &libraries.map(|path| (path, &[][..], "")),
    ) {
        return;
    }
    project.plan.include.binaries.push(DataRule {
        source: project.path("venv/lib/libours.so.1"),
        dest: ".".into(),
    });
    let warnings = project.collect().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0]
            .starts_with("app.py:4 loads `libtheirs.so.1` of the system, which stays behind"),
        "{warnings:?}"
    );
}

#[test]
fn libraries_are_loaded_in_the_order_of_their_needs() {
    let mut project = Project::new(&[
        ("app/app.py", "import pkg.ext"),
        (&format!("{SITE}/pkg/__init__.py"), ""),
    ]);
    let built = compile(
        &project.path(SITE),
        &[
            ("pkg/libs/libdeep.so.1", &[], ""),
            ("pkg/libs/libplain.so.1", &["pkg/libs/libdeep.so.1"], ""),
            (
                "pkg/libs/libled.so.1",
                &["pkg/libs/libdeep.so.1"],
                "-Wl,-rpath,$ORIGIN",
            ),
            (
                "pkg/ext.cpython-311-x86_64-linux-gnu.so",
                &["pkg/libs/libled.so.1", "pkg/libs/libplain.so.1"],
                "-Wl,-rpath,$ORIGIN/none",
            ),
            (
                "pkg/led.abi3.so",
                &["pkg/libs/libled.so.1"],
                "-Wl,-rpath,${ORIGIN}/libs",
            ),
            ("pkg/libs/libgone.so.1", &[], ""),
            ("pkg/lost.so", &["pkg/libs/libgone.so.1"], ""),
        ],
    );
    if !built {
        return;
    }
    std::fs::remove_file(project.path(SITE).join("pkg/libs/libgone.so.1")).unwrap();
    let collection = project.collect();
    let preload = |name: &str| {
        let ModuleCode::Extension { preload } = &module(&collection, name).unwrap().code else {
            panic!("{name}")
        };
        preload.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        preload("pkg.ext"),
        [
            "pkg/libs/libdeep.so.1",
            "pkg/libs/libled.so.1",
            "pkg/libs/libplain.so.1"
        ]
    );
    assert!(preload("pkg.led").is_empty());
    assert_eq!(
        by_dest(&collection)["pkg/libs/libled.so.1"].role,
        FileRole::Native
    );
    let warning = &collection.warnings[0];
    assert!(
        warning.starts_with("`pkg/lost.so` needs `libgone.so.1`, which was not found"),
        "{warning}"
    );
    project.plan.exclude.libraries.push("libgone.so.1".into());
    assert!(project.collect().warnings.is_empty());
}

#[test]
fn programs_and_files_for_other_machines() {
    let project = Project::new(&[
        ("app/app.py", "import pkg"),
        (&format!("{SITE}/pkg/__init__.py"), ""),
        (&format!("{SITE}/pkg/run.sh"), "#!/bin/sh\n"),
    ]);
    let site = project.path(SITE).join("pkg");
    std::fs::copy("/bin/true", site.join("tool")).unwrap();
    let mut foreign = std::fs::read("/bin/true").unwrap();
    // `e_machine`: 40 is 32-bit ARM.
    foreign[18] = 40;
    std::fs::write(site.join("arm.so"), foreign).unwrap();
    std::fs::set_permissions(site.join("run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let collection = project.collect();
    let files = by_dest(&collection);
    assert_eq!(
        (files["pkg/tool"].role, files["pkg/tool"].executable),
        (FileRole::Program, true)
    );
    assert_eq!(
        (files["pkg/run.sh"].role, files["pkg/run.sh"].executable),
        (FileRole::Data, true)
    );
    assert_eq!(files["pkg/arm.so"].role, FileRole::Data);
}

#[test]
fn a_folder_of_vendored_distributions_is_a_site_folder() {
    let mut project = Project::new(&[
        ("app/app.py", "import pkg, own"),
        ("app/own.py", ""),
        ("app/vendor/pkg/__init__.py", "print 'two'"),
        ("app/vendor/pkg/data.txt", ""),
        (
            "app/vendor/pkg-1.dist-info/METADATA",
            "Name: pkg\nVersion: 1\n",
        ),
        (
            "app/vendor/pkg-1.dist-info/RECORD",
            "pkg/__init__.py,,\npkg/data.txt,,\npkg-1.dist-info/METADATA,,\n../../bin/pkg,,\n",
        ),
    ]);
    project.plan.paths = vec![project.path("app"), project.path("app/vendor")];
    assert_eq!(
        own(&project.collect()),
        [
            "app.py",
            "own.py",
            "pkg-1.dist-info/METADATA",
            "pkg/__init__.py",
            "pkg/data.txt"
        ]
    );
}

#[test]
fn what_no_trace_has_used_is_left_out() {
    let mut project = Project::new(&[
        ("app/app.py", "import pkg.reached"),
        (&format!("{SITE}/pkg/__init__.py"), ""),
        (&format!("{SITE}/pkg/reached.py"), ""),
        (&format!("{SITE}/pkg/idle.py"), ""),
        (&format!("{SITE}/pkg/lazy/__init__.py"), ""),
        (&format!("{SITE}/pkg/lazy/used.py"), ""),
        (&format!("{SITE}/pkg/lazy/idle.py"), ""),
        (&format!("{SITE}/pkg/LICENSE"), ""),
        (&format!("{SITE}/pkg/read.txt"), ""),
        (&format!("{SITE}/pkg/idle.txt"), "four"),
        (
            &format!("{SITE}/pkg-1.dist-info/METADATA"),
            "Name: pkg\nVersion: 1\n",
        ),
        (
            &format!("{SITE}/pkg-1.dist-info/RECORD"),
            "pkg/__init__.py,,\npkg/reached.py,,\npkg/idle.py,,\npkg/lazy/__init__.py,,\npkg/lazy/used.py,,\n\
             pkg/lazy/idle.py,,\npkg/LICENSE,,\npkg/read.txt,,\npkg/idle.txt,,\npkg-1.dist-info/METADATA,,\n",
        ),
        (&format!("{SITE}/loose/__init__.py"), ""),
    ]);
    let system = crate::trace::Environment::read(&project.facts);
    let used = ["pkg/lazy/used.py", "pkg/read.txt"].map(|name| project.path(SITE).join(name));
    let trace = project.path("trace.json");
    std::fs::write(&trace, system.trace(&used.into()).to_json()).unwrap();
    project.plan.exclude.slim = vec![trace];
    let collection = project.collect();
    assert_eq!(
        own(&collection),
        [
            "app.py",
            "pkg-1.dist-info/METADATA",
            "pkg/LICENSE",
            "pkg/__init__.py",
            "pkg/lazy/__init__.py",
            "pkg/lazy/used.py",
            "pkg/reached.py",
            "pkg/read.txt",
        ]
    );
    let left: Vec<_> = collection.left_out();
    let left: Vec<_> = left
        .iter()
        .map(|(file, size)| (file.as_str(), *size))
        .collect();
    assert_eq!(
        left,
        [
            ("pkg/idle.py", 0),
            ("pkg/idle.txt", 4),
            ("pkg/lazy/idle.py", 0)
        ]
    );
    assert!(
        !collection
            .modules
            .iter()
            .any(|module| module.name == "pkg.idle")
    );
    // Asked for by a setting, it stays whole.
    project.plan.include.distributions = vec!["pkg".into()];
    assert!(project.collect().left_out.is_empty());
}

#[test]
fn modules_of_qt_that_nothing_imports_stay_behind() {
    const FILES: [&str; 6] = [
        "PyQt6/Qt6/plugins/sqldrivers/libqsqlite.so",
        "PyQt6/Qt6/translations/qtbase_de.qm",
        "PyQt6/QtBluetooth.abi3.so",
        "PyQt6/QtCore.abi3.so",
        "PyQt6/QtCore.pyi",
        "PyQt6/__init__.py",
    ];
    let named = FILES.map(|file| (format!("{SITE}/{file}"), ""));
    let info = format!("{SITE}/pyqt6-6.dist-info");
    let record = FILES.map(|file| format!("{file},,\n")).concat();
    let (metadata, list) = (format!("{info}/METADATA"), format!("{info}/RECORD"));
    let mut files: Vec<(&str, &str)> = named
        .iter()
        .map(|(path, text)| (path.as_str(), *text))
        .collect();
    files.extend([
        ("app/app.py", "import PyQt6.QtCore"),
        (metadata.as_str(), "Name: PyQt6\nVersion: 6\n"),
        (list.as_str(), record.as_str()),
    ]);
    let mut project = Project::new(&files);
    let of_qt = |collection: &Collection| -> Vec<String> {
        let files = own(collection)
            .into_iter()
            .filter(|file| file.starts_with("PyQt6/"));
        files.map(str::to_owned).collect()
    };
    let collection = project.collect();
    assert_eq!(
        of_qt(&collection),
        [
            "PyQt6/Qt6/translations/qtbase_de.qm",
            "PyQt6/QtCore.abi3.so",
            "PyQt6/__init__.py"
        ]
    );
    // The summary tells of what the user has asked to leave out.
    assert!(collection.left_out().is_empty());
    // Forms name widgets of any module.
    testing::tree(&project.path(SITE), &[("PyQt6/uic/__init__.py", "")]);
    std::fs::write(project.path("app/app.py"), "import PyQt6.QtCore, PyQt6.uic").unwrap();
    // With `uic`, and without the stub.
    assert_eq!(of_qt(&project.collect()).len(), FILES.len());
    std::fs::write(project.path("app/app.py"), "import PyQt6.QtCore").unwrap();
    project.plan.include.distributions = vec!["pyqt6".into()];
    assert_eq!(of_qt(&project.collect()), FILES);
}

/// matplotlib imports Qt in a module that it loads by a name made at run time; qtpy has a module for each of Qt's.
#[test]
fn modules_of_qt_that_a_bundled_file_imports_come_along() {
    const QT: [&str; 5] = [
        "PyQt6/QtCore.abi3.so",
        "PyQt6/QtSql.abi3.so",
        "PyQt6/QtSvg.abi3.so",
        "PyQt6/QtWidgets.abi3.so",
        "PyQt6/__init__.py",
    ];
    let record = QT.map(|file| format!("{file},,\n")).concat();
    let qt = QT.map(|file| (file, ""));
    let files = [
        ("pyqt6-6.dist-info/METADATA", "Name: PyQt6\nVersion: 6\n"),
        ("pyqt6-6.dist-info/RECORD", record.as_str()),
        ("plot/__init__.py", "import PyQt6.QtCore"),
        (
            "plot/backend.py",
            "def load():\n    from PyQt6 import QtWidgets, QtSvg",
        ),
        ("plot-1.dist-info/METADATA", "Name: plot\nVersion: 1\n"),
        (
            "plot-1.dist-info/RECORD",
            "plot/__init__.py,,\nplot/backend.py,,\n",
        ),
        ("pass/__init__.py", ""),
        ("pass/QtSql.py", "from PyQt6.QtSql import *"),
        ("pass-1.dist-info/METADATA", "Name: pass\nVersion: 1\n"),
        (
            "pass-1.dist-info/RECORD",
            "pass/__init__.py,,\npass/QtSql.py,,\n",
        ),
    ];
    let files = files.iter().copied().chain(qt);
    let files: Vec<_> = files
        .map(|(path, text)| (format!("{SITE}/{path}"), text))
        .collect();
    let mut files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), *text))
        .collect();
    files.push(("app/app.py", "import plot\n__import__('pass')"));
    let collection = Project::new(&files).collect();
    let found = own(&collection).into_iter();
    let found: Vec<_> = found.filter(|file| file.starts_with("PyQt6/")).collect();
    let expected: Vec<_> = QT
        .into_iter()
        .filter(|file| !file.contains("Sql"))
        .collect();
    assert_eq!(found, expected);
}

const SQLITE: &str = "_sqlite3.cpython-311-x86_64-linux-gnu.so";

/// Whether `sqlite3` can be imported in the bundle of an application, with these files beside it.
fn brings_sqlite(app: &str, files: &[(&str, &str)], set: impl Fn(&mut Project)) -> bool {
    let extension = format!("dyn/{SQLITE}");
    let mut all = vec![
        ("app/app.py", app),
        (extension.as_str(), ""),
        ("std/sqlite3/__init__.py", "import _sqlite3"),
        ("std/shelve.py", "def open(): import dbm"),
        ("std/code.py", ""),
    ];
    all.extend(files);
    let mut project = Project::new(&all);
    project.facts.dynload = Some(project.path("dyn"));
    set(&mut project);
    let collection = project.collect();
    let modules = &collection.modules;
    let module = modules.iter().find(|module| module.name == "_sqlite3");
    let brings = match &module.unwrap().code {
        ModuleCode::Extension { .. } => true,
        ModuleCode::Text(text) => {
            assert!(text.contains("--hidden-import sqlite3"), "{text}");
            false
        }
        other => panic!("{other:?}"),
    };
    let dest = format!("lib/python3.11/lib-dynload/{SQLITE}");
    let left = collection
        .left_out
        .keys()
        .any(|place| place.as_str() == dest);
    let placed = collection
        .files
        .iter()
        .any(|file| file.dest.as_str() == dest);
    assert_eq!((placed, left), (brings, !brings));
    brings
}

#[test]
fn what_of_the_standard_library_nothing_can_want() {
    let distribution = |code: &str| {
        vec![
            (format!("{SITE}/pkg/__init__.py"), code.to_owned()),
            (
                format!("{SITE}/pkg-1.dist-info/METADATA"),
                "Name: pkg\nVersion: 1\n".to_owned(),
            ),
            (
                format!("{SITE}/pkg-1.dist-info/RECORD"),
                "pkg/__init__.py,,\npkg/other.py,,\npkg/lib.so,,\npkg/conf.json,,\n".to_owned(),
            ),
            (format!("{SITE}/pkg/other.py"), String::new()),
            (format!("{SITE}/pkg/lib.so"), String::new()),
            (format!("{SITE}/pkg/conf.json"), String::new()),
        ]
    };
    let app = |code: &str| brings_sqlite(code, &[], |_| {});
    for code in ["", "import os, json", "eval_ = 1", "import missing"] {
        assert!(!app(code), "{code}");
    }
    for code in [
        "import sqlite3",
        "def f():\n    import sqlite3",
        "import shelve",
        "NAME = 'sqlite3.dbapi2'",
        "import importlib, sys; importlib.import_module(sys.argv[1])",
        "exec(input())",
        "import subprocess, sys; subprocess.run([sys.executable, '-c', input()])",
    ] {
        assert!(app(code), "{code}");
    }
    let library = |code: &str, change: Option<(usize, &str)>| {
        let mut files = distribution(code);
        if let Some((place, content)) = change {
            content.clone_into(&mut files[place].1);
        }
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        brings_sqlite("import pkg", &files, |_| {})
    };
    assert!(!library(
        "import importlib; importlib.import_module(x)",
        None
    ));
    assert!(library("import code; code.interact()", None));
    for place in 3..6 {
        assert!(library("", Some((place, "\0sqlite3\0"))), "{place}");
    }
    assert!(brings_sqlite("", &[], |project| {
        project.plan.include.whole_stdlib = true;
    }));
    assert!(brings_sqlite("", &[], |project| {
        let tool = Entry::Module("code".into());
        project.plan.commands.push(("python".into(), tool));
    }));
    assert!(brings_sqlite("", &[], |project| {
        project.plan.include.modules.push("sqlite3".into());
    }));
}

#[test]
fn sources_of_the_standard_library() {
    let mut project = Project::new(&[("app/app.py", "import json"), ("std/code.py", "")]);
    let sources = |project: &Project| -> Vec<String> {
        let collection = project.collect();
        assert!(
            collection
                .modules
                .iter()
                .any(|module| module.name == "code")
        );
        let files = collection.files.iter().map(|file| file.dest.to_string());
        files
            .filter(|dest| dest.ends_with(".py") && dest.starts_with("lib/"))
            .collect()
    };
    let used = ["lib/python3.11/json/__init__.py", "lib/python3.11/os.py"];
    assert_eq!(sources(&project), used);
    project.facts.uncompiled = true;
    assert_eq!(sources(&project).len(), 3);
    project.facts.uncompiled = false;
    project.plan.include.whole_stdlib = true;
    assert_eq!(sources(&project).len(), 3);
}
