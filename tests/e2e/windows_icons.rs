//! The icon in the title bar of Windows programs whose sources set none.

use crate::harness::Wine;
use std::fs;
use std::time::{Duration, Instant};

/// Nothing else on the screen has it.
const COLOUR: [u8; 3] = [0xc0, 0x08, 0x80];
const DRAWING: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16"><path fill="#c00880" d="M0 0h16v16H0z"/></svg>"##;

#[test]
fn a_plain_window_has_the_icon_of_its_windows_program() {
    let Some(wine) = Wine::find() else { return };
    let icon = wine.inside("plain.svg");
    fs::write(&icon, DRAWING).unwrap();
    let options = ["--windowed", "--icon", icon.to_str().unwrap()];
    let program = wine.packed("plain", "window.py", (3, 13), &options);
    let screen = wine.screen("plain");
    assert_eq!(screen.count(COLOUR), 0);
    let names = ["plain.ready", "plain.go-on"];
    let [ready, go_on] = names.map(|name| wine.outside(name));
    let running = wine.run_on(&screen, &program, &[&ready, &go_on]).spawn();
    let said = wait_for(|| fs::read_to_string(wine.inside(names[0])).ok());
    // A small icon has 256 pixels; the edges may be mixed with what lies behind.
    let mut seen = 0;
    let is_shown = wait_for(|| {
        seen = screen.count(COLOUR);
        (seen >= 100).then_some(())
    });
    fs::write(wine.inside(names[1]), "").unwrap();
    running.finish();
    // Of a class without an icon; one with an icon keeps it, and a window in a window is left alone.
    assert_eq!(
        said.as_deref().map(str::trim),
        Some("True True True [0, 0]")
    );
    assert!(is_shown.is_some(), "{seen} pixels have the icon's colour");
}

fn wait_for<T>(mut there: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        match there() {
            None if begun.elapsed() < Duration::from_secs(90) => {
                std::thread::sleep(Duration::from_millis(50));
            }
            found => return found,
        }
    }
}
