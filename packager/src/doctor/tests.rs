#![allow(clippy::unwrap_used)]
use super::sources::icon_calls;
use super::*;
use crate::brand::version::{Facts, VersionInfo};
use crate::brand::{Branding, brand, manifest};
use crate::icon::{parse_ico, tests::ico};
use crate::pe::tests::executable;

fn bare() -> Vec<u8> {
    executable(&[(".text", 0x1000, 0x200)], &[])
}

fn listed(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let Finding {
            topic,
            verdict,
            text,
            advice,
        } = finding;
        let advice = match advice.as_str() {
            "" => String::new(),
            advice => format!(" => {advice}"),
        };
        format!("{topic:?} {verdict:?}: {text}{advice}\n")
    };
    findings.iter().map(line).collect()
}

#[test]
fn a_bare_executable_lacks_everything() {
    insta::assert_snapshot!(listed(&examine(&bare(), None)), @r"
    Explorer Trouble: it has no icon: Explorer shows that of any program => `--icon FILE` with an .ico, .png or .svg
    Taskbar Note: it is not packed by `pack`: whether it sets an AppUserModelID cannot be seen
    Properties Trouble: it has no version information: the task manager shows the file's name, and Properties nothing => `pack build` puts it in
    Start Trouble: it has no manifest: windows are blurred on sharp screens, controls are those of 1995, paths end at 260 characters => `pack build` puts one in
    Start Note: a console window opens when it is double-clicked
    Signature Note: it is not signed: Windows warns of an unknown publisher when it was downloaded => `pack build --sign FILE` signs it
    ");
}

#[test]
fn a_branded_one_is_in_order() {
    let icon = crate::icon::Source::parse(&ico(&[256])).unwrap();
    let branding = Branding {
        icons: vec![icon.complete(crate::icon::Choice::First).unwrap().icon],
        version: Some(VersionInfo::of(&Facts {
            name: "guestbook",
            version: Some("1.4.0"),
            company: Some("Example"),
            ..Facts::default()
        })),
        manifest: Some(manifest::default(manifest::Rights::default())),
        windowed: true,
        ..Branding::default()
    };
    let exe = brand(&bare(), &branding).unwrap().file;
    let inside = Inside {
        id: "com.example.guestbook".into(),
        toolkit: Some("Qt"),
        files: vec!["app.py".into(), "assets/app.ico".into()],
        sources: vec![OwnSource {
            path: "app.py".into(),
            text: "app.setWindowIcon(QIcon(str(Path(__file__).parent / 'assets' / 'app.ico')))\n"
                .into(),
        }],
        ..Inside::default()
    };
    insta::assert_snapshot!(listed(&examine(&exe, Some(&inside))), @r"
    Explorer Good: Explorer shows the icon `IDI_ICON1`: 16, 20, 24, 32, 40, 48, 64, 96, 128, 256 pixels
    Explorer Note: Explorer keeps icons by path => If Explorer still shows another icon, it remembers the one that this path had before: give the file another name or run `ie4uinit.exe -show`
    Window Good: app.py:1: `setWindowIcon` names `assets/app.ico`, which is in the program
    Taskbar Good: its windows are grouped under its own name and icon, by the AppUserModelID `com.example.guestbook`
    Properties Good: the task manager calls it `guestbook`; Properties say version 1.4.0 (1.4.0.0), by Example
    Start Good: it starts with the rights of its user
    Start Good: no console opens beside it
    Signature Note: it is not signed: Windows warns of an unknown publisher when it was downloaded => `pack build --sign FILE` signs it
    ");
    // An icon that lacks sizes.
    let branding = Branding {
        icons: vec![parse_ico(&ico(&[32])).unwrap()],
        ..branding
    };
    let exe = brand(&bare(), &branding).unwrap().file;
    let text = listed(&examine(&exe, Some(&inside)));
    assert!(
        text.contains(
            "Explorer Trouble: the icon lacks 16, 20, 24, 40, 48, 64, 96, 128, 256 pixels"
        ),
        "{text}"
    );
}

/// `line call file anchored` of each call.
fn calls(text: &str) -> Vec<String> {
    let shown = |call: &sources::IconCall| {
        let file = call.file.as_deref().unwrap_or("?");
        let anchored = if call.anchored { " anchored" } else { "" };
        format!("{} {} {file}{anchored}", call.line, call.call)
    };
    icon_calls(text).iter().map(shown).collect()
}

#[test]
fn icons_are_found_however_they_are_named() {
    let check = |text: &str, expect: &[&str]| assert_eq!(calls(text), expect, "{text}");
    check(
        "app.setWindowIcon(QIcon('a.ico'))",
        &["1 setWindowIcon a.ico"],
    );
    check(
        "\nroot.iconbitmap(default='assets\\\\a.ico')",
        &["2 iconbitmap assets/a.ico"],
    );
    check(
        "root.iconphoto(True, tk.PhotoImage(file='a.png'))",
        &["1 iconphoto a.png"],
    );
    check(
        "img = tk.PhotoImage(file='a.png')\nroot.iconphoto(True, img)",
        &["2 iconphoto a.png"],
    );
    check(
        "class W:\n  def f(self):\n    self.icon = QIcon('a.svg')\n    self.setWindowIcon(self.icon)",
        &["4 setWindowIcon a.svg"],
    );
    check(
        "w.setWindowIcon(QIcon(str(Path(__file__).parent / 'x' / 'a.ico')))",
        &["1 setWindowIcon x/a.ico anchored"],
    );
    check(
        "w.setWindowIcon(QIcon(os.path.join(sys._MEIPASS, 'a.ico')))",
        &["1 setWindowIcon a.ico anchored"],
    );
    check(
        "HERE = Path(__file__).parent\nw.setWindowIcon(QIcon((HERE / 'a.ico').as_posix()))",
        &["2 setWindowIcon a.ico anchored"],
    );
    check(
        "w.setWindowIcon(QIcon(resource('a.ico')))",
        &["1 setWindowIcon a.ico anchored"],
    );
    check(
        "w.setWindowIcon(QIcon(f'{base}/a.ico'))",
        &["1 setWindowIcon /a.ico anchored"],
    );
    check(
        "w.setWindowIcon(QIcon(':/a.png'))",
        &["1 setWindowIcon :/a.png"],
    );
    check(
        "w.setWindowIcon(style.standardIcon(3))",
        &["1 setWindowIcon ? anchored"],
    );
    check("root.iconbitmap()", &[]);
    check(
        "x = x + x\nw.setWindowIcon(x)",
        &["2 setWindowIcon ? anchored"],
    );
    check("def broken(", &[]);
    // A circle of many names ends, too.
    let many = format!("x = f({})\nw.setWindowIcon(x)", "x, ".repeat(200));
    assert_eq!(calls(&many).len(), 1);
}

#[test]
fn what_the_program_lacks_is_named() {
    let inside = |text: &str| Inside {
        id: "app".into(),
        files: vec!["app.py".into(), "assets/app.ico".into(), "logo.png".into()],
        sources: vec![OwnSource {
            path: "app.py".into(),
            text: text.to_owned(),
        }],
        ..Inside::default()
    };
    let check = |text: &str| {
        listed(&window::examine(&inside(text), true))
            .trim_end()
            .to_owned()
    };
    insta::assert_snapshot!(check("w.setWindowIcon(QIcon(resource('gone/a.ico')))"), @"Window Trouble: app.py:1: `setWindowIcon` names `gone/a.ico`, which is not in the program => `--add-data gone/a.ico:gone` puts it in");
    insta::assert_snapshot!(check("w.setWindowIcon(QIcon('assets/app.ico'))"), @r#"Window Trouble: app.py:1: `setWindowIcon` names `assets/app.ico`, which is in the program, but is looked for in the folder that it is started from => name it from the source: `Path(__file__).parent / "assets/app.ico"`"#);
    insta::assert_snapshot!(check("w.setWindowIcon(QIcon('C:/Users/me/app.ico'))"), @r#"Window Trouble: app.py:1: `setWindowIcon` names `C:/Users/me/app.ico`, a place on one machine alone => name it from the source: `Path(__file__).parent / "app.ico"`"#);
    insta::assert_snapshot!(check("w.setWindowIcon(QIcon(':/app.png'))"), @"Window Note: app.py:1: `setWindowIcon` names `:/app.png`, a Qt resource: it must be in a module that `pyrcc` or `rcc` has made");
    insta::assert_snapshot!(check("root.iconbitmap(resource('logo.png'))"), @"Window Trouble: app.py:1: `iconbitmap` names `logo.png`: on Windows Tk takes .ico files there, and no others => `pack icon FILE -o NEW.ico` makes one");
    insta::assert_snapshot!(check("ctypes.windll.shell32.SetCurrentProcessExplicitAppUserModelID('a.b')"), @"Taskbar Note: app.py:1 sets an AppUserModelID of its own, which counts from then on => `--app-id` sets it before Python starts; the call can go");
    assert_eq!(check("w.setWindowIcon(icon)"), "");
    let silent = Inside {
        toolkit: Some("Tk"),
        ..inside("import tkinter")
    };
    insta::assert_snapshot!(listed(&window::examine(&silent, true)), @"Window Note: no source sets an icon for the window, which then has the executable's");
    insta::assert_snapshot!(listed(&window::examine(&silent, false)), @"Window Note: no source sets an icon for the window: Tk decides what it shows => set one in the program: `app.setWindowIcon(QIcon(…))` for Qt, `root.iconbitmap(default=…)` for Tk");
    // A program for Linux has no icon of its own, and its window may.
    let text = listed(&examine(
        b"\x7fELF",
        Some(&inside("w.setWindowIcon(QIcon(resource('logo.png')))")),
    ));
    assert!(
        text.contains("not for Windows") && text.contains("Window Good"),
        "{text}"
    );
}
