//! The icon in the title bar of Windows programs whose sources set none: of Win32, Tk and Qt.

use crate::harness::Wine;
use std::fs;
use std::time::{Duration, Instant};

/// Nothing else on the screen has it.
const COLOUR: [u8; 3] = [0xc0, 0x08, 0x80];
/// Of the icon that a program gives to its second window.
const OWN: [u8; 3] = [0x00, 0xc0, 0x20];
/// A small icon has 256 pixels; the edges may be mixed with what lies behind.
const MOST: usize = 100;
const DRAWING: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16"><path fill="#c00880" d="M0 0h16v16H0z"/></svg>"##;

#[test]
fn a_plain_window_has_the_icon_of_its_windows_program() {
    let Some(wine) = Wine::find() else { return };
    let options = ["--windowed", "--icon", &drawn(wine, "plain")];
    let program = wine.packed("plain", "window.py", (3, 13), &options);
    let screen = wine.screen("plain");
    assert_eq!(screen.count(COLOUR), 0);
    let names = ["plain.ready", "plain.go-on"];
    let [ready, go_on] = names.map(|name| wine.outside(name));
    let running = wine.run_on(&screen, &program, &[&ready, &go_on]).spawn();
    let said = wait_for(|| fs::read_to_string(wine.inside(names[0])).ok());
    let mut seen = 0;
    let is_shown = wait_for(|| {
        seen = screen.count(COLOUR);
        (seen >= MOST).then_some(())
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

#[test]
fn a_tk_window_has_the_icon_of_its_windows_program() {
    let Some(wine) = Wine::find() else { return };
    let name = "tk-window";
    let icon = drawn(wine, name);
    let options = ["--windowed", "--icon", &icon];
    let python = wine.with_tk();
    let program = wine.packed_with(name, "tk_window.py", ((3, 13), &python), &options);
    show_both_icons(wine, name, &program);
}

#[test]
fn a_qt_window_has_the_icon_of_its_windows_program() {
    let Some(wine) = Wine::find() else { return };
    let name = "qt-window";
    let icon = drawn(wine, name);
    let site = wine.with_qt();
    let site = site.to_str().unwrap();
    let options = ["--windowed", "--icon", &icon, "--site-packages", site];
    let program = wine.packed(name, "qt_window.py", (3, 11), &options);
    show_both_icons(wine, name, &program);
}

/// The program's icon, as a file.
fn drawn(wine: &Wine, name: &str) -> String {
    let icon = wine.inside(&format!("{name}.svg"));
    fs::write(&icon, DRAWING).unwrap();
    icon.into_os_string().into_string().unwrap()
}

/// A window without an icon has the executable's, and one that has an icon keeps it.
fn show_both_icons(wine: &Wine, name: &str, program: &str) {
    let screen = wine.screen(name);
    let told = format!("{name}.go-on");
    let go_on = wine.outside(&told);
    let running = wine.run_on(&screen, program, &[&go_on]).spawn();
    let mut seen = [0; 2];
    let is_shown = wait_for(|| {
        seen = [COLOUR, OWN].map(|colour| screen.count(colour));
        seen.iter().all(|count| *count >= MOST).then_some(())
    });
    fs::write(wine.inside(&told), "").unwrap();
    running.finish();
    assert!(
        is_shown.is_some(),
        "{seen:?} pixels have the icons' colours"
    );
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
