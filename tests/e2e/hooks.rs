//! PyInstaller hooks: of a folder that the command line names, and of a library that declares them.

use crate::harness::{Case, Pack, Program, Scratch};

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
    let build = Pack::build_script(&script, &["--additional-hooks-dir", "hooks"], Case::any())
        .arg("--distpath")
        .arg(scratch.join("dist"))
        .run();
    build
        .success()
        .stderr_has("hook-secret.py failed, line 1 of hook-secret.py: ModuleNotFoundError")
        .stderr_has("no module `missed` was found for `the hook of host`");
    assert!(!build.stderr_text().contains("unmissed"));
    Program::at(&scratch.join("dist"), Case::any())
        .run(&[])
        .run()
        .success()
        .stdout_is("without heavy 7 data hooked\n");
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
