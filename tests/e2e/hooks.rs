//! PyInstaller hooks: of a folder that the command line names, and of a library that declares them.

use crate::harness::{Case, Outcome, Pack, Program, Scratch};
use std::path::Path;

const APP: &str = "\
import importlib, pathlib, sys
import host, quiet
secret = importlib.import_module(''.join(['sec', 'ret']))
data = pathlib.Path(sys._MEIPASS, 'extra/words.txt').read_text()
print(host.seen, secret.VALUE, data, sys.hooked)
";

const HOST: &str = "\
try:
    import heavy
except ImportError:
    seen = 'without heavy'
else:
    seen = 'with heavy'
";

const HOOK: &str = "\
import os
from PyInstaller.compat import is_linux
from PyInstaller.utils.hooks import collect_data_files, get_module_file_attribute, is_module_satisfies, logger
hiddenimports = ['secret', 'missed'] if is_linux else []
excludedimports = ['heavy']
folder = os.path.dirname(get_module_file_attribute('host'))
assert not is_module_satisfies('no-such-distribution>=1')

def hook(hook_api):
    hook_api.add_datas([(os.path.join(folder, 'word*.txt'), 'extra')])
";

/// Builds `script` with the hooks in `hooks`.
fn build_with_hooks(scratch: &Scratch, script: &Path) -> Outcome {
    Pack::build_script(script, &["--additional-hooks-dir", "hooks"], Case::any())
        .arg("--distpath")
        .arg(scratch.join("dist"))
        .run()
}

fn built(scratch: &Scratch) -> Program {
    Program::at(&scratch.join("dist"), Case::any())
}

#[test]
fn hooks_of_a_folder() {
    let scratch = Scratch::new();
    let script = scratch.write("app.py", APP);
    scratch.write("host.py", HOST);
    scratch.write("heavy.py", "");
    scratch.write("secret.py", "VALUE = 7");
    scratch.write("words.txt", "data");
    scratch.write("hooks/hook-host.py", HOOK);
    scratch.write("hooks/hook-secret.py", "import no_such_module");
    scratch.write(
        "hooks/hook-quiet.py",
        "hiddenimports = ['unmissed']\nwarn_on_missing_hiddenimports = False\nmodule_collection_mode = 'py'\n",
    );
    scratch.write("quiet.py", "");
    scratch.write(
        "hooks/hook-absent.py",
        "raise SystemExit('this module is not used')",
    );
    scratch.write(
        "hooks/rthooks.dat",
        "{'secret': ['before.py'], 'absent': ['never.py']}",
    );
    scratch.write(
        "hooks/rthooks/before.py",
        "import sys; sys.hooked = 'hooked'",
    );
    let build = build_with_hooks(&scratch, &script);
    build
        .success()
        .stderr_has("hook-secret.py failed, line 1 of hook-secret.py: ModuleNotFoundError")
        .stderr_has("no module `missed` was found for `the hook of host`");
    assert!(!build.stderr_text().contains("unmissed"));
    built(&scratch)
        .run(&[])
        .run()
        .success()
        .stdout_is("without heavy 7 data hooked\n");
}

/// `excludedimports` names a module, however an import leads to it.
#[test]
fn hooks_that_exclude_what_is_imported_from_a_package() {
    let scratch = Scratch::new();
    let script = scratch.write("app.py", "import host\nprint(host.seen)\n");
    scratch.write(
        "host/__init__.py",
        "\
seen = []
try:
    from . import big
except ImportError:
    seen.append('no big')
try:
    from other import heavy
except ImportError:
    seen.append('no heavy')
from other import light
seen.append(light.NAME)
",
    );
    scratch.write("host/big.py", "");
    scratch.write("other/__init__.py", "");
    scratch.write("other/heavy.py", "");
    scratch.write("other/light.py", "NAME = 'light'\n");
    scratch.write(
        "hooks/hook-host.py",
        "excludedimports = ['host.big', 'other.heavy']\n",
    );
    build_with_hooks(&scratch, &script).success();
    built(&scratch)
        .run(&[])
        .run()
        .success()
        .stdout_is("['no big', 'no heavy', 'light']\n");
}

/// `datas` gives folders, and hooks take them for names of files: what cannot be is left out, and the rest goes in.
#[test]
fn hooks_that_ask_for_a_folder_where_a_file_is() {
    let scratch = Scratch::new();
    let script = scratch.write("app.py", "import host\nprint(host.version, host.words)\n");
    scratch.write(
        "vendor/host/__init__.py",
        "import pathlib\nhere = pathlib.Path(__file__).parent\nversion = (here / 'VERSION').read_text()\n\
         words = (here / 'words/a.txt').read_text()\n",
    );
    scratch.write("vendor/host/VERSION", "1.0");
    scratch.write("vendor/host/words/a.txt", "a");
    scratch.write(
        "vendor/host-1.dist-info/METADATA",
        "Name: host\nVersion: 1\n",
    );
    scratch.write(
        "vendor/host-1.dist-info/RECORD",
        "host/__init__.py,,\nhost/VERSION,,\nhost/words/a.txt,,\n",
    );
    scratch.write("words", "a file");
    scratch.write(
        "hooks/hook-host.py",
        "import os\nfrom PyInstaller.utils.hooks import get_module_file_attribute\n\
         here = os.path.dirname(get_module_file_attribute('host'))\n\
         top = os.path.dirname(os.path.dirname(here))\n\
         datas = [(os.path.join(here, 'VERSION'), './host/VERSION'), (os.path.join(top, 'words'), 'host')]\n",
    );
    let options = ["--additional-hooks-dir", "hooks", "--paths", "vendor"];
    Pack::build_script(&script, &options, Case::any())
        .arg("--distpath")
        .arg(scratch.join("dist"))
        .run()
        .success()
        .stderr_has("the hook of host asks for `host/VERSION/VERSION`, which is left out: `host/VERSION` is a file")
        .stderr_has("the hook of host asks for `host/words`, which is left out: `host/words` is a folder");
    built(&scratch)
        .run(&[])
        .run()
        .success()
        .stdout_is("1.0 a\n");
}

/// The library is not imported by any name that stands in a source; its hook knows what it needs.
#[test]
fn hooks_that_a_library_declares() {
    let scratch = Scratch::new();
    let script = scratch.write(
        "app.py",
        "import front, sys\nprint(front.load('back' + 'end'), sys._MEIPASS in front.__file__)\n",
    );
    let distribution = |name: &str, files: &[(&str, &str)]| {
        let mut record = String::new();
        for (file, text) in files {
            scratch.write(&format!("vendor/{file}"), text);
            record.push_str(&format!("{file},,\n"));
        }
        let metadata = format!("vendor/{name}-1.dist-info/METADATA");
        scratch.write(&metadata, format!("Name: {name}\nVersion: 1\n"));
        scratch.write(&format!("vendor/{name}-1.dist-info/RECORD"), record);
    };
    distribution(
        "front",
        &[
            (
                "front/__init__.py",
                "def load(name):\n    return __import__(name).NAME\n",
            ),
            (
                "front/hooks/__init__.py",
                "import os\ndef folders():\n    return [os.path.dirname(__file__)]\n",
            ),
            ("front/hooks/hook-front.py", "hiddenimports = ['backend']\n"),
            (
                "front-1.dist-info/entry_points.txt",
                "[pyinstaller40]\nhook-dirs = front.hooks:folders\n",
            ),
        ],
    );
    distribution("backend", &[("backend.py", "NAME = 'the back end'\n")]);
    Pack::script(&script, &["--paths", "vendor"], Case::any())
        .run(&[])
        .run()
        .success()
        .stdout_is("the back end True\n");
}

const KNOWING: &str = "\
import sys
import front, moved, parts.more, made.later
from front.deep import VALUE
try:
    import unwanted
except ImportError:
    unwanted = None
print(moved.WHERE, parts.more.WHERE, made.later, VALUE, unwanted)
";

/// `pre_find_module_path` and `pre_safe_import_module`: where modules are, before they are looked for.
#[test]
fn hooks_that_know_where_modules_are() {
    let scratch = Scratch::new();
    let script = scratch.write("app.py", KNOWING);
    scratch.write("elsewhere/moved.py", "WHERE = 'elsewhere'\n");
    scratch.write("parts/__init__.py", "");
    scratch.write("extra/more.py", "WHERE = 'extra'\n");
    scratch.write(
        "made/__init__.py",
        "import sys\nlater = sys.modules['made.later'] = 'made'\n",
    );
    scratch.write(
        "front/__init__.py",
        "import importlib, sys\nsys.modules['front.deep'] = importlib.import_module('.'.join(['backing', 'deep']))\n",
    );
    scratch.write("backing/__init__.py", "");
    scratch.write(
        "backing/deep.py",
        "from backing import deeper\nVALUE = 'deep'\n",
    );
    scratch.write("backing/deeper.py", "");
    scratch.write("unwanted.py", "");
    let here = "import os\nhere = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))\n";
    let before = |kind: &str, module: &str, statement: &str| {
        let hook = format!("{here}def {kind}(api):\n    {statement}\n");
        scratch.write(&format!("hooks/{kind}/hook-{module}.py"), hook);
    };
    let (find, import) = ("pre_find_module_path", "pre_safe_import_module");
    before(
        find,
        "moved",
        "api.search_dirs = [os.path.join(here, 'elsewhere')]",
    );
    before(find, "unwanted", "api.search_dirs = []");
    before(
        find,
        "parts",
        "assert api.module_name == 'parts' and api.search_dirs",
    );
    before(
        import,
        "parts",
        "api.append_package_path(os.path.join(here, 'extra'))",
    );
    before(
        import,
        "made.later",
        "api.add_runtime_module(api.module_name)",
    );
    before(
        import,
        "front.deep",
        "api.add_alias_module('backing.deep', 'front.deep')",
    );
    before(import, "backing", "api.no_such_thing()");
    // Of a module that is found only by a hook.
    scratch.write("hooks/hook-moved.py", "hiddenimports = ['absent']\n");
    let build = build_with_hooks(&scratch, &script);
    build
        .success()
        .stderr_has("hook-backing.py failed, line 4 of hook-backing.py: AttributeError")
        .stderr_has("no module `absent` was found for `the hook of moved`");
    assert!(!build.stderr_text().contains("made.later"));
    assert!(!build.stderr_text().contains("front.deep"));
    built(&scratch)
        .run(&[])
        .run()
        .success()
        .stdout_is("elsewhere extra made deep None\n");
}
