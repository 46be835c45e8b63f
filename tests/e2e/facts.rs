//! What a packed program finds in `sys`, in `__file__` and in its main module.

use crate::harness::{Case, Program, Run, root};
use serde_json::{Value, json};
use std::path::Path;

on_every_python!(both: attributes, main_module);

fn attributes(case: &Case) {
    let program = case.probe();
    let facts = program.run(&["facts"]).cwd("/tmp").run().json();
    let bundle = facts["meipass"].as_str().unwrap();
    let (major, minor) = case.python.version;
    let inside = |path: &str| json!(format!("{bundle}/{path}"));
    let stdlib = |path: &str| inside(&format!("lib/python{major}.{minor}/{path}"));

    assert_eq!(facts["frozen"], json!(true));
    assert!(
        Path::new(bundle).is_absolute() && Path::new(bundle).is_dir(),
        "{bundle}"
    );
    assert_eq!(facts["executable"], json!(program.path));
    assert_eq!(facts["argv0"], json!(program.path));
    assert_eq!(facts["prefixes"], json!([bundle, bundle, bundle, bundle]));
    assert_eq!(facts["version"][0], json!(major));
    assert_eq!(facts["version"][1], json!(minor));
    assert_eq!(facts["pack"], json!(true));
    assert_eq!(facts["cwd"], json!("/tmp"));

    assert_eq!(facts["main_name"], json!("__main__"));
    assert_eq!(facts["main_file"], inside("probe.py"));
    assert_eq!(facts["main_spec"], json!(true));
    assert_eq!(facts["main_is_loaded"], json!(true));
    assert_eq!(facts["package_file"], inside("shapes/__init__.py"));
    assert_eq!(facts["package_path"], json!([inside("shapes")]));
    assert_eq!(facts["leaf_file"], inside("shapes/deep/leaf.py"));
    assert_eq!(facts["stdlib_module_file"], stdlib("textwrap.py"));
    assert_eq!(facts["stdlib_package_file"], stdlib("json/__init__.py"));
    check_isolation(&facts, bundle);
}

/// Nothing of the machine's Python, nor of the folder the program happens to be started in.
fn check_isolation(facts: &Value, bundle: &str) {
    assert_eq!(
        facts["flags"],
        json!({"isolated": 1, "ignore_environment": 1, "no_user_site": 1})
    );
    let outside = facts["path"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|path| !path.as_str().unwrap().starts_with(bundle));
    assert_eq!(outside.count(), 0, "{}", facts["path"]);
    assert_eq!(facts["encodings"][0], json!("utf-8"));
    assert_eq!(
        facts["encodings"][1].as_str().unwrap().to_lowercase(),
        "utf-8"
    );
}

/// The script sees what it sees under `python semantics.py`.
fn main_module(case: &Case) {
    let folder = root().join("tests/programs/semantics");
    let packed = Program::packed("tests/programs/semantics", &["semantics.py"], *case)
        .run(&[])
        .run()
        .json();
    let plain = Run::new(&case.python.base)
        .args(&["-B", "semantics.py"])
        .cwd(folder)
        .run()
        .json();
    assert_eq!(packed, plain);
}
