//! Programs with Tk, on a machine that has none.

use crate::harness::{Case, Pack, Scratch, arena, root};
use std::fs;

/// Hides what the machine has of Tcl's scripts.
const HIDE: &str = r#"for folder in /usr/share/tcltk /usr/lib/tcltk /usr/lib/tcl8.6 /usr/share/tcl8.6; do
    if [ -d "$folder" ]; then mount -t tmpfs none "$folder" || exit 99; fi
done
exec env -i "$@""#;

on_every_python!(both: tcl_finds_its_scripts);

fn tcl_finds_its_scripts(case: &Case) {
    let Some(run) = arena(HIDE) else { return };
    let scratch = Scratch::new();
    let script = scratch.path().join("tk.py");
    fs::copy(root().join("tests/programs/tk.py"), &script).unwrap();
    let program = Pack::script(&script, &[], *case);
    // Of another Tcl, which the program is not to take and its children are to have.
    let others = ["TCL_LIBRARY=/no/tcl", "TK_LIBRARY=/no/tk"];
    let temporary = format!("TMPDIR={}", program.temporary().display());
    let outcome = run
        .args(&others)
        .args(&["PATH=/usr/bin:/bin", &temporary])
        .arg(&program.path)
        .run();
    outcome
        .success()
        .stdout_is("True\nTrue 1970\n01\n['/no/tcl', '/no/tk']\n['/no/tcl', '/no/tk']\n");
}
