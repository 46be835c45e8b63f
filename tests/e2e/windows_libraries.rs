//! Libraries with extension modules, data and metadata, as their wheels for Windows have them: scripts of the library battery,
//! packed from one list of requirements and run under Wine.

use super::requirements::installers;
use crate::harness::{Scratch, Wine, root};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Of those that Wine can run. Not numpy, which needs a newer C runtime than Wine's, nor psutil, which asks for what Wine
/// does not tell.
const LIBRARIES: [&str; 19] = [
    "attrs",
    "beautifulsoup4",
    "click",
    "cryptography",
    "greenlet",
    "jinja2",
    "jsonschema",
    "loguru",
    "lxml",
    "openpyxl",
    "orjson",
    "pillow",
    "pluggy",
    "pydantic",
    "python_dateutil",
    "pyyaml",
    "rich",
    "sqlalchemy",
    "tqdm",
];

/// What a script says that it needs: `# dependencies = ["pyyaml", …]`.
fn needed(script: &Path) -> Vec<String> {
    let text = fs::read_to_string(script).unwrap();
    let list = text
        .lines()
        .find_map(|line| line.strip_prefix("# dependencies = "));
    serde_json::from_str(list.unwrap()).unwrap()
}

#[test]
fn libraries_of_windows_programs_work_as_pip_installs_them() {
    let Some(wine) = Wine::find() else { return };
    let scripts = root().join("tests/libraries");
    // The versions that the battery has.
    let mut requirements = format!("-c {}\n", scripts.join("core.txt").display());
    for library in LIBRARIES {
        for distribution in needed(&scripts.join(format!("use_{library}.py"))) {
            writeln!(requirements, "{distribution}").unwrap();
        }
    }
    let scratch = Scratch::new();
    let file = scratch.join("requirements.txt");
    fs::write(&file, requirements).unwrap();
    let [with_uv, _] = installers();
    let options = ["--requirements", file.to_str().unwrap()];
    for library in LIBRARIES {
        let script = format!("../../libraries/use_{library}.py");
        let name = format!("use-{library}");
        let program = wine.packed_on_path(&name, &script, (3, 13), &options, &with_uv);
        wine.run(&program, &[]).run().success();
        fs::remove_file(wine.inside(&program)).unwrap();
    }
}
