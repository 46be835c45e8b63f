//! Whole outputs, with a bootloader that is none and a real interpreter.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::collection::{
    CollectedFile, CollectedInterpreter, CollectedModule, FileSource, ModuleCode,
};
use crate::layout::LayoutError;
use crate::plan::{Entry, Exclude, Include, UnpackPolicy};
use crate::progress::{Silent, Stage};
use payload::{ArchivePath, Method, Payload};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

struct Fixture {
    root: tempfile::TempDir,
    facts: InterpreterFacts,
    plan: BuildPlan,
    collection: Collection,
    kit: Kit,
}

fn path(text: &str) -> ArchivePath {
    ArchivePath::new(text).unwrap()
}

impl Fixture {
    /// A script, a package, a distribution's files, a few modules of the standard library.
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let facts = InterpreterFacts::ask(&crate::testing::pythons().pop().unwrap().1).unwrap();
        crate::testing::tree(
            root.path(),
            &[
                ("app.py", "import guest\nprint('hello')\n"),
                ("guest/__init__.py", "x = {'a', 'b', 'c'}\n"),
                ("data.txt", "data\n"),
            ],
        );
        let mut fixture = Self {
            plan: plan(root.path(), &facts),
            root,
            facts,
            collection: Collection::default(),
            kit: Kit {
                triple: "x86_64-unknown-linux-gnu".into(),
                folder: None,
                origin: "the test".into(),
                bootloader: b"\x7fELF bootloader".to_vec(),
                runtime: b"\x7fELF runtime".to_vec(),
                serverless: b"\x7fELF serverless".to_vec(),
                python: vec![("pack_runtime/__init__.py".into(), b"y = 1\n".to_vec())],
                glibc: None,
            },
        };
        fixture.add("app.py", "app.py", FileRole::Data);
        fixture.add("guest/__init__.py", "guest/__init__.py", FileRole::Data);
        fixture.add("data.txt", "assets/data.txt", FileRole::Data);
        fixture.add_module("[script] app.py", "app.py", "app.py");
        fixture.add_module("guest", "guest/__init__.py", "guest/__init__.py");
        for name in ["os", "json/decoder", "re", "abc"] {
            let source = fixture.facts.stdlib.join(format!("{name}.py"));
            if source.exists() {
                let dest = format!("{}/{name}.py", layout::stdlib(&fixture.facts));
                fixture.add(source.to_str().unwrap(), &dest, FileRole::StdlibSource);
                fixture.add_module(&name.replace('/', "."), source.to_str().unwrap(), &dest);
            }
        }
        let library = fixture.facts.libpython.clone().unwrap();
        fixture.add(
            library.to_str().unwrap(),
            "lib/libpython.so",
            FileRole::Native,
        );
        fixture.collection.interpreter = CollectedInterpreter {
            library: Some(path("lib/libpython.so")),
            ..CollectedInterpreter::default()
        };
        fixture
    }

    fn add(&mut self, source: &str, dest: &str, role: FileRole) {
        self.collection.files.push(CollectedFile {
            dest: path(dest),
            source: FileSource::Path(self.root.path().join(source)),
            role,
            executable: false,
            why: String::new(),
        });
    }

    fn add_module(&mut self, name: &str, source: &str, dest: &str) {
        self.collection.modules.push(CollectedModule {
            name: name.into(),
            package: dest.ends_with("__init__.py"),
            dest: path(dest),
            code: ModuleCode::Source(self.root.path().join(source)),
            needs: Vec::new(),
            reached: true,
        });
    }

    fn write(&self) -> Result<Output, WriteError> {
        output(
            &self.plan,
            &self.facts,
            &self.collection,
            &self.kit,
            b"{}",
            &Silent,
        )
    }

    fn dist(&self, name: &str) -> PathBuf {
        self.plan.dist_dir.join(name)
    }

    /// Names in the folder of the output.
    fn listing(&self) -> Vec<String> {
        let items = std::fs::read_dir(&self.plan.dist_dir).into_iter().flatten();
        let mut names: Vec<String> = items
            .map(|item| item.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn plan(root: &Path, facts: &InterpreterFacts) -> BuildPlan {
    BuildPlan {
        name: "demo".into(),
        version: Some("1.0".into()),
        id: "com.example.demo".into(),
        root: root.to_owned(),
        entry: Entry::Script(root.join("app.py")),
        commands: vec![("manage".into(), Entry::Module("guest".into()))],
        python: facts.executable.clone(),
        python_reason: String::new(),
        paths: vec![root.to_owned()],
        include: Include::default(),
        exclude: Exclude::default(),
        runtime_hooks: Vec::new(),
        mode: BundleMode::OneFile,
        unpack: UnpackPolicy::Reuse,
        runtime_tmpdir: None,
        optimize: 0,
        compression: 3,
        max_glibc: None,
        windowed: false,
        windowed_traceback: true,
        brand: Default::default(),
        signing: None,
        dist_dir: root.join("dist"),
        contents_directory: "_internal".into(),
        target: "x86_64-unknown-linux-gnu".into(),
        requirements: None,
        site_packages: Vec::new(),
        cache_dir: Some(root.join("cache")),
        clean: false,
        noconfirm: false,
    }
}

#[test]
fn one_file_holds_everything() {
    let fixture = Fixture::new();
    let made = fixture.write().unwrap();
    assert_eq!(made.executable, fixture.dist("demo"));
    let bytes = std::fs::read(&made.executable).unwrap();
    assert_eq!(bytes.len() as u64, made.size);
    assert_eq!(
        std::fs::metadata(&made.executable)
            .unwrap()
            .permissions()
            .mode()
            & 0o700,
        0o700
    );
    let payload = Payload::locate(&bytes).unwrap();
    payload.verify(2).unwrap();
    payload.verify_contents(2).unwrap();

    let app = payload.find("app.py").unwrap().unwrap();
    assert_eq!((app.placement, app.mode), (Placement::File, 0o644));
    let script = payload.module("[script] app.py").unwrap().unwrap();
    assert_eq!((script.file, script.source), ("app.py", Some(app.index)));
    let os = payload.module("os").unwrap().unwrap();
    assert_eq!(
        payload.entry(os.code.unwrap()).unwrap().method,
        Method::Stored
    );
    assert_eq!(
        payload.entry(os.source.unwrap()).unwrap().placement,
        Placement::Memory
    );
    assert!(payload.module("pack_runtime").unwrap().unwrap().package);
    let library = payload.find("lib/libpython.so").unwrap().unwrap();
    let original = std::fs::metadata(fixture.facts.libpython.as_ref().unwrap()).unwrap();
    assert!(library.size < original.len(), "its debug symbols are gone");
    let program = payload.program().unwrap();
    assert_eq!(
        program.entries[0].target,
        payload::Target::Script("app.py".into())
    );
    assert_eq!(program.contents_directory, None);
    assert_eq!(fixture.listing(), ["demo"]);
}

#[test]
fn sources_that_nothing_compiles_here_go_in_as_they_are() {
    let mut fixture = Fixture::new();
    fixture.facts.uncompiled = true;
    fixture.facts.executable = "/none/python.exe".into();
    // A module whose file is not in the bundle.
    let guest = path("guest/__init__.py");
    fixture.collection.files.retain(|file| file.dest != guest);
    let made = fixture.write().unwrap();
    let bytes = std::fs::read(&made.executable).unwrap();
    let payload = Payload::locate(&bytes).unwrap();
    let check = |name: &str, file: &str, expected: &[u8]| {
        let module = payload.module(name).unwrap().unwrap();
        assert_eq!(module.code, None, "{name}");
        let source = payload.entry(module.source.unwrap()).unwrap();
        assert_eq!(source.path, file);
        assert_eq!(*source.verified().unwrap(), *expected, "{name}");
    };
    check(
        "[script] app.py",
        "app.py",
        b"import guest\nprint('hello')\n",
    );
    check("guest", ".pack/code/guest.py", b"x = {'a', 'b', 'c'}\n");
    let kit = format!(
        "{}/pack_runtime/__init__.py",
        layout::stdlib(&fixture.facts)
    );
    check("pack_runtime", &kit, b"y = 1\n");
    assert!(made.bytecode.left >= 3 && made.bytecode.compiled == 0);
    let told = made.warnings.iter().any(|line| line.contains("as sources"));
    assert!(told, "{:?}", made.warnings);
}

#[test]
fn programs_that_serve_nothing_carry_no_server() {
    let mut fixture = Fixture::new();
    let carried = |fixture: &Fixture| {
        let bytes = std::fs::read(fixture.write().unwrap().executable).unwrap();
        let payload = Payload::locate(&bytes).unwrap();
        let library = payload.find("lib/libpack_runtime.so").unwrap().unwrap();
        library.verified().unwrap().into_owned()
    };
    assert_eq!(carried(&fixture), fixture.kit.serverless);
    let site = || Entry::Wsgi(payload::Wsgi::default());
    fixture.plan.commands.push(("serve".into(), site()));
    assert_eq!(carried(&fixture), fixture.kit.runtime);
    fixture.plan.commands.clear();
    fixture.plan.entry = site();
    assert_eq!(carried(&fixture), fixture.kit.runtime);
}

#[test]
fn same_inputs_same_bytes() {
    let mut fixture = Fixture::new();
    let first = std::fs::read(fixture.write().unwrap().executable).unwrap();
    // From the cache.
    assert!(first == std::fs::read(fixture.write().unwrap().executable).unwrap());
    // Without it, in another order, with bytecode compiled instead of installed and files of another age.
    fixture.plan.cache_dir = None;
    fixture.collection.files.reverse();
    fixture.collection.modules.reverse();
    std::fs::write(
        fixture.root.path().join("app.py"),
        "import guest\nprint('hello')\n",
    )
    .unwrap();
    let os = fixture.root.path().join("copy_of_os.py");
    std::fs::copy(fixture.facts.stdlib.join("os.py"), &os).unwrap();
    let module = fixture
        .collection
        .modules
        .iter_mut()
        .find(|module| module.name == "os")
        .unwrap();
    module.code = ModuleCode::Source(os);
    assert!(first == std::fs::read(fixture.write().unwrap().executable).unwrap());
}

#[test]
fn a_second_build_takes_from_the_cache() {
    let fixture = Fixture::new();
    let first = fixture.write().unwrap();
    assert!(first.bytecode.compiled >= 3, "{:?}", first.bytecode);
    let second = fixture.write().unwrap();
    assert_eq!(second.bytecode.compiled, 0);
    assert_eq!(second.bytecode.cached, first.bytecode.compiled);
    assert_eq!(second.content_hash, first.content_hash);
    assert!(second.warnings.is_empty(), "{:?}", second.warnings);
}

#[test]
fn a_file_that_is_known_and_one_that_has_changed_are_packed_as_they_are() {
    let fixture = Fixture::new();
    let data = fixture.root.path().join("data.txt");
    let build = |content: &str| {
        fs_err::write(&data, content).unwrap();
        // Older than a tick of the clock: its stamp stands for it.
        std::thread::sleep(std::time::Duration::from_millis(25));
        let mut outputs = (0..2).map(|_| {
            let output = fixture.write().unwrap();
            std::fs::read(output.executable).unwrap()
        });
        let (first, second) = (outputs.next().unwrap(), outputs.next().unwrap());
        assert!(first == second, "out of the cache it is another one");
        let payload = Payload::locate(&first).unwrap();
        let entries = payload.entries().map(Result::unwrap);
        let mut entries = entries.filter(|entry| entry.path == "assets/data.txt");
        let packed = entries.next().unwrap().verified().unwrap().into_owned();
        assert_eq!(packed, content.as_bytes());
    };
    build(&"one ".repeat(1000));
    build(&"two ".repeat(1000));
}

/// Its hash is known, and that is not enough.
#[test]
fn a_file_that_is_known_is_stored_when_it_is_to_be() {
    let mut fixture = Fixture::new();
    let content = "one ".repeat(1000);
    fs_err::write(fixture.root.path().join("data.txt"), &content).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(25));
    let check = |fixture: &Fixture, method| {
        let bytes = std::fs::read(fixture.write().unwrap().executable).unwrap();
        let payload = Payload::locate(&bytes).unwrap();
        let entry = payload.find("assets/data.txt").unwrap().unwrap();
        assert_eq!(entry.method, method);
        assert_eq!(*entry.verified().unwrap(), *content.as_bytes());
    };
    check(&fixture, Method::Zstd);
    fixture.collection.interpreter.library = Some(path("assets/data.txt"));
    check(&fixture, Method::Stored);
    fixture.collection.interpreter.library = Some(path("lib/libpython.so"));
    check(&fixture, Method::Zstd);
}

#[test]
fn one_folder_has_its_files_beside_it() {
    let mut fixture = Fixture::new();
    fixture.plan.mode = BundleMode::OneDir;
    let made = fixture.write().unwrap();
    let folder = fixture.dist("demo");
    assert_eq!(made.executable, folder.join("demo"));
    assert_eq!(
        std::fs::read(folder.join("_internal/assets/data.txt")).unwrap(),
        b"data\n"
    );
    assert!(
        !folder
            .join("_internal")
            .join(layout::stdlib(&fixture.facts))
            .exists()
    );
    let bytes = std::fs::read(&made.executable).unwrap();
    let payload = Payload::locate(&bytes).unwrap();
    payload.verify(2).unwrap();
    let mut external = 0;
    for entry in payload.entries().map(Result::unwrap) {
        assert_eq!(
            entry.method == Method::External,
            entry.placement != Placement::Memory,
            "{}",
            entry.path
        );
        if entry.method == Method::External {
            let content = std::fs::read(folder.join("_internal").join(entry.path)).unwrap();
            entry.check(&content).unwrap();
            external += content.len() as u64;
        }
    }
    assert_eq!(made.size, bytes.len() as u64 + external);
    assert_eq!(
        payload.program().unwrap().contents_directory.as_deref(),
        Some("_internal")
    );
    // Its own output is replaced without a question.
    fixture.write().unwrap();
    assert_eq!(fixture.listing(), ["demo"]);
}

/// Numbers that no compression makes smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = std::iter::repeat_with(&mut next)
        .take(length / 8 + 1)
        .flatten()
        .collect();
    bytes.truncate(length);
    bytes
}

/// Larger than what is held in memory: read, compressed and written in stretches.
#[test]
fn large_files_come_back_whole() {
    const LENGTH: usize = 70_000_001;
    let mut fixture = Fixture::new();
    let text: Vec<u8> = b"0123456789abcdef\n"
        .iter()
        .copied()
        .cycle()
        .take(LENGTH)
        .collect();
    for (name, content) in [("text.bin", text), ("noise.bin", noise(LENGTH))] {
        std::fs::write(fixture.root.path().join(name), content).unwrap();
        fixture.add(name, name, FileRole::Data);
    }
    let made = fixture.write().unwrap();
    let bytes = std::fs::read(&made.executable).unwrap();
    let payload = Payload::locate(&bytes).unwrap();
    payload.verify(2).unwrap();
    payload.verify_contents(2).unwrap();
    for (name, method) in [("text.bin", Method::Zstd), ("noise.bin", Method::Stored)] {
        let entry = payload.find(name).unwrap().unwrap();
        assert_eq!(
            (entry.method, entry.size),
            (method, LENGTH as u64),
            "{name}"
        );
        let source = std::fs::read(fixture.root.path().join(name)).unwrap();
        entry.check(&source).unwrap();
    }
    // From the cache, and without one.
    assert!(bytes == std::fs::read(fixture.write().unwrap().executable).unwrap());
    fixture.plan.cache_dir = None;
    assert!(bytes == std::fs::read(fixture.write().unwrap().executable).unwrap());
    assert_eq!(fixture.listing(), ["demo"]);

    fixture.plan.mode = BundleMode::OneDir;
    std::fs::remove_file(fixture.dist("demo")).unwrap();
    let made = fixture.write().unwrap();
    let bytes = std::fs::read(&made.executable).unwrap();
    assert!(made.size > 2 * LENGTH as u64);
    for name in ["text.bin", "noise.bin"] {
        let entry = Payload::locate(&bytes)
            .unwrap()
            .find(name)
            .unwrap()
            .unwrap();
        let beside = std::fs::read(fixture.dist("demo/_internal").join(name)).unwrap();
        entry.check(&beside).unwrap();
    }
}

#[test]
fn what_others_made_is_not_replaced() {
    let mut fixture = Fixture::new();
    let check = |fixture: &Fixture, expected: bool| {
        let error = fixture.write().unwrap_err();
        assert!(
            matches!(error, WriteError::InTheWay { replaceable, .. } if replaceable == expected),
            "{error}"
        );
        assert!(error.hint().is_some());
        assert_eq!(fixture.listing(), ["demo"]);
    };
    crate::testing::tree(&fixture.plan.dist_dir, &[("demo/precious.txt", "mine")]);
    check(&fixture, false);
    fixture.plan.mode = BundleMode::OneDir;
    check(&fixture, true);
    // Something added to an output of ours.
    std::fs::remove_file(fixture.dist("demo/precious.txt")).unwrap();
    fixture.write().unwrap();
    std::fs::write(fixture.dist("demo/notes.txt"), "mine").unwrap();
    check(&fixture, true);
    fixture.plan.noconfirm = true;
    fixture.write().unwrap();
    assert!(!fixture.dist("demo/notes.txt").exists());
    std::fs::remove_dir_all(fixture.dist("demo")).unwrap();
    std::fs::write(fixture.dist("demo"), "a file").unwrap();
    check(&fixture, false);
}

#[test]
fn the_executable_has_its_name_for_itself() {
    let mut fixture = Fixture::new();
    fixture.plan.mode = BundleMode::OneDir;
    fixture.plan.contents_directory = "demo".into();
    assert!(matches!(
        fixture.write().unwrap_err(),
        WriteError::NameTaken { .. }
    ));
    fixture.plan.contents_directory = ".".into();
    let made = fixture.write().unwrap();
    assert!(made.executable.with_file_name("app.py").exists());
    fixture.plan.name = "guest".into();
    assert!(matches!(
        fixture.write().unwrap_err(),
        WriteError::NameTaken { .. }
    ));
}

#[test]
fn a_failed_build_leaves_the_previous_output() {
    for mode in [BundleMode::OneFile, BundleMode::OneDir] {
        let mut fixture = Fixture::new();
        fixture.plan.mode = mode;
        let before = std::fs::read(fixture.write().unwrap().executable).unwrap();
        fixture.add("missing.bin", "missing.bin", FileRole::Data);
        let error = fixture.write().unwrap_err();
        assert!(matches!(error, WriteError::Read { .. }), "{error}");
        assert_eq!(fixture.listing(), ["demo"]);
        let executable = match mode {
            BundleMode::OneFile => fixture.dist("demo"),
            BundleMode::OneDir => fixture.dist("demo/demo"),
        };
        assert!(before == std::fs::read(executable).unwrap());
    }
}

/// Interrupts the build when it has got some way.
struct Impatient;

impl Progress for Impatient {
    fn start(&self, _: Stage, _: u64) {}
    fn advance(&self, stage: Stage, _: u64) {
        if stage == Stage::Compress {
            std::panic::resume_unwind(Box::new(crate::interrupt::Interrupted));
        }
    }
    fn finish(&self, _: Stage) {}
    fn note(&self, _: &str) {}
}

#[test]
fn an_interrupted_build_leaves_nothing() {
    for mode in [BundleMode::OneFile, BundleMode::OneDir] {
        let mut fixture = Fixture::new();
        fixture.plan.mode = mode;
        let Fixture {
            plan,
            facts,
            collection,
            kit,
            ..
        } = &fixture;
        let result =
            crate::interrupt::catch(|| output(plan, facts, collection, kit, b"{}", &Impatient));
        assert!(result.is_err());
        assert_eq!(fixture.listing(), [""; 0]);
    }
}

#[test]
fn a_full_disk_and_an_unwritable_place_are_clear_errors() {
    let mut fixture = Fixture::new();
    fixture.plan.dist_dir = "/dev/full/dist".into();
    let error = fixture.write().unwrap_err();
    assert!(matches!(error, WriteError::CreateFolder { .. }), "{error}");
    fixture.plan.dist_dir = "/proc/dist".into();
    assert!(matches!(
        fixture.write().unwrap_err(),
        WriteError::CreateFolder { .. }
    ));
    let full = io_error(libc_enospc());
    assert!(full.hint().unwrap().contains("make room"));
}

fn libc_enospc() -> i32 {
    28
}

fn io_error(code: i32) -> WriteError {
    WriteError::Write {
        path: "x".into(),
        source: std::io::Error::from_raw_os_error(code),
    }
}

#[test]
fn a_script_that_does_not_compile_is_named_with_its_line() {
    let fixture = Fixture::new();
    std::fs::write(fixture.root.path().join("app.py"), "x = 1\nprint 'two'\n").unwrap();
    let error = fixture.write().unwrap_err().to_string();
    assert!(error.contains("app.py:2: "), "{error}");
    assert_eq!(fixture.listing(), [""; 0]);
}

#[test]
fn what_is_installed_and_does_not_compile_is_left_out() {
    let mut fixture = Fixture::new();
    crate::testing::tree(
        fixture.root.path(),
        &[
            ("site/old.py", "print 'two'\n"),
            ("site/older.py", "exec 'x'\n"),
        ],
    );
    fixture
        .facts
        .site_packages
        .push(fixture.root.path().join("site"));
    fixture.add("site/old.py", "old.py", FileRole::Data);
    fixture.add_module("old", "site/old.py", "old.py");
    fixture.add_module("older", "site/older.py", "older.py");
    fixture.collection.modules.last_mut().unwrap().reached = false;
    let made = fixture.write().unwrap();
    assert_eq!(made.warnings.len(), 1, "{:?}", made.warnings);
    assert!(made.warnings[0].contains("`old` cannot be imported"));
    let bytes = std::fs::read(made.executable).unwrap();
    assert!(
        Payload::locate(&bytes)
            .unwrap()
            .module("old")
            .unwrap()
            .is_none()
    );
}

#[test]
fn collisions_name_both_sources() {
    let mut fixture = Fixture::new();
    // The same content is no collision.
    fixture.add("data.txt", "assets/data.txt", FileRole::Data);
    fixture.write().unwrap();
    fixture.add("app.py", "assets/data.txt", FileRole::Data);
    let error = fixture.write().unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("/data.txt`") && text.contains("/app.py`"),
        "{text}"
    );
    fixture.collection.files.pop();
    fixture.add("app.py", "assets/data.txt/below.py", FileRole::Data);
    let error = fixture.write().unwrap_err();
    assert!(
        matches!(error, WriteError::Layout(LayoutError::FileAndFolder { .. })),
        "{error}"
    );
    fixture.collection.files.pop();
    fixture.add("app.py", "Assets/DATA.txt", FileRole::Data);
    fixture.write().unwrap();
    fixture.plan.target = "x86_64-pc-windows-gnu".into();
    let error = fixture.write().unwrap_err();
    assert!(
        matches!(error, WriteError::Layout(LayoutError::Case { .. })),
        "{error}"
    );
    fixture.collection.files.pop();
    fixture.add("app.py", "lib/aux.py", FileRole::Data);
    let error = fixture.write().unwrap_err();
    assert!(
        matches!(error, WriteError::Layout(LayoutError::Windows { .. })),
        "{error}"
    );
    fixture.plan.target = "x86_64-unknown-linux-gnu".into();
    fixture.write().unwrap();
}

/// Runs a tool; false where it is not on this machine.
fn tool(program: &str, arguments: &[&str]) -> bool {
    let run = std::process::Command::new(program).args(arguments).output();
    let is_there = run.is_ok();
    assert!(
        is_there || std::env::var_os("CI").is_none(),
        "{program} is not on this machine"
    );
    run.is_ok_and(|output| output.status.success())
}

#[test]
fn an_executable_is_signed_before_it_is_put_in_its_place() {
    use crate::brand::{Branding, brand};
    use crate::sign::signature;
    let mut fixture = Fixture::new();
    let root = fixture.root.path().to_owned();
    let file = |name: &str| root.join(name).to_str().unwrap().to_owned();
    let (key, certificate) = (file("key.pem"), file("cert.pem"));
    let new = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=Demo",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ];
    if !tool("openssl", &new) || !tool("osslsigncode", &["--version"]) {
        return;
    }
    let bare = crate::pe::tests::executable(&[(".text", 0x1000, 0x200)], &[]);
    fixture.kit.bootloader = brand(&bare, &Branding::default()).unwrap().file;
    fixture.plan.signing = Some(crate::plan::Signing {
        certificate: certificate.clone().into(),
        key: Some(key.clone().into()),
        password_file: None,
        timestamp: None,
        time: None,
    });
    let signer = |made: &Output| {
        let bytes = std::fs::read(&made.executable).unwrap();
        let payload = Payload::locate(&bytes).unwrap();
        payload.verify(1).unwrap();
        let end = payload.prefix_length() + payload.payload_length();
        let mode = std::fs::metadata(&made.executable)
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o700, 0o700);
        signature::read_packed(&bytes, end).unwrap().unwrap().signer
    };
    let made = fixture.write().unwrap();
    assert_eq!(signer(&made), "CN=Demo");
    assert_eq!(
        std::fs::metadata(&made.executable).unwrap().len(),
        made.size
    );
    // What cannot be signed leaves what was there.
    let before = std::fs::read(&made.executable).unwrap();
    std::fs::write(&key, "no key").unwrap();
    let error = fixture.write().unwrap_err();
    assert!(error.to_string().contains("does not sign"), "{error}");
    assert!(std::fs::read(&made.executable).unwrap() == before);
    assert_eq!(fixture.listing(), ["demo"]);
    assert!(tool("openssl", &new));
    fixture.plan.mode = BundleMode::OneDir;
    std::fs::remove_file(&made.executable).unwrap();
    assert_eq!(signer(&fixture.write().unwrap()), "CN=Demo");
    assert_eq!(fixture.listing(), ["demo"]);
}
