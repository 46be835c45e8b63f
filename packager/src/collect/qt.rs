//! Which module's import asks for a file of a Qt wheel (PyQt6, PySide6 and their predecessors).
//!
//! Qt opens plug-ins, translations and QML by itself, and a wheel holds those of all its modules: hundreds of megabytes, of
//! which a program of widgets uses a tenth. Qt's documentation says which module loads which type of plug-in
//! (doc.qt.io, "Deploying Plugins").

use std::collections::HashSet;

/// Whose import asks for a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// This module's.
    Module(String),
    /// Nobody's: a tool or an input of developers.
    Nobody,
}

/// Bindings, with the folder of Qt itself in each.
const BINDINGS: [(&str, &str); 4] = [
    ("PyQt6", "Qt6"),
    ("PySide6", "Qt"),
    ("PyQt5", "Qt5"),
    ("PySide2", "Qt"),
];

/// Types of plug-ins, by the module whose libraries load them.
const PLUGINS: [(&str, &[&str]); 17] = [
    (
        "QtGui",
        &[
            "egldeviceintegrations",
            "generic",
            "iconengines",
            "imageformats",
            "platforminputcontexts",
            "platforms",
            "platformthemes",
            "wayland-decoration-client",
            "wayland-graphics-integration-client",
            "wayland-shell-integration",
            "xcbglintegrations",
        ],
    ),
    ("QtWidgets", &["styles"]),
    (
        "QtNetwork",
        &["bearer", "networkaccess", "networkinformation", "tls"],
    ),
    ("QtSql", &["sqldrivers"]),
    ("QtPrintSupport", &["printsupport"]),
    (
        "QtMultimedia",
        &[
            "audio",
            "mediaservice",
            "multimedia",
            "playlistformats",
            "video",
        ],
    ),
    ("QtPositioning", &["position"]),
    ("QtLocation", &["geoservices"]),
    ("QtSensors", &["sensorgestures", "sensors"]),
    ("QtSerialBus", &["canbus"]),
    ("QtTextToSpeech", &["texttospeech"]),
    ("QtWebView", &["webview"]),
    ("QtDesigner", &["designer"]),
    ("QtHelp", &["help"]),
    (
        "QtQml",
        &[
            "qmllint",
            "qmlls",
            "qmltooling",
            "scenegraph",
            "virtualkeyboard",
        ],
    ),
    (
        "Qt3DCore",
        &[
            "geometryloaders",
            "renderers",
            "renderplugins",
            "sceneparsers",
        ],
    ),
    ("QtQuick3D", &["assetimporters"]),
];

/// Beginnings of translations' names, by the module whose texts they are; all others are `QtCore`'s.
const TRANSLATIONS: [(&str, &str); 9] = [
    ("assistant_", "QtDesigner"),
    ("designer_", "QtDesigner"),
    ("linguist_", "QtDesigner"),
    ("qt_help_", "QtHelp"),
    ("qtdeclarative_", "QtQml"),
    ("qtlocation_", "QtLocation"),
    ("qtmultimedia_", "QtMultimedia"),
    ("qtwebengine", "QtWebEngineCore"),
    ("qtwebsockets_", "QtWebSockets"),
];

/// Whose import asks for the file at `dest`; `None` when it is of no Qt wheel, or like any file of a package.
pub(super) fn asked_by(dest: &str) -> Option<Owner> {
    let (binding, rest) = dest.split_once('/')?;
    let (_, qt) = BINDINGS.iter().find(|(name, _)| *name == binding)?;
    let module = |name: &str| Some(Owner::Module(format!("{binding}.{name}")));
    let Some(rest) = rest
        .strip_prefix(qt)
        .and_then(|rest| rest.strip_prefix('/'))
    else {
        return of_developers(rest).then_some(Owner::Nobody);
    };
    let (folder, below) = rest.split_once('/')?;
    match folder {
        "plugins" => plugin(below).map_or(Some(Owner::Nobody), module),
        "qml" => module("QtQml"),
        "translations" => module(translation(below)),
        "resources" => module("QtWebEngineCore"),
        "libexec" if below.starts_with("QtWebEngine") => module("QtWebEngineCore"),
        "qsci" => module("Qsci"),
        // Libraries that some module or plug-in needs come with it; what is left serves other tools.
        _ => Some(Owner::Nobody),
    }
}

/// Whether a module is one of a binding's.
pub(super) fn is_of_binding(module: &str) -> bool {
    let binding = module.split_once('.').map(|(binding, _)| binding);
    binding.is_some_and(|binding| BINDINGS.iter().any(|(name, _)| *name == binding))
}

/// Whether a module makes windows of forms, which name widgets of any module.
pub(super) fn reads_forms(module: &str) -> bool {
    let part = module.split('.').nth(1);
    is_of_binding(module)
        && part.is_some_and(|part| ["uic", "QtUiTools", "loadUiType"].contains(&part))
}

/// `PyQt6.QtGui` of `PyQt6/Qt6/lib/libQt6Gui.so.6`.
pub(super) fn module_of(library: &str) -> Option<String> {
    let (binding, rest) = library.split_once('/')?;
    let (_, qt) = BINDINGS.iter().find(|(name, _)| *name == binding)?;
    let name = rest.strip_prefix(qt)?.strip_prefix("/lib/libQt")?;
    let name = name.trim_start_matches(|c: char| c.is_ascii_digit());
    let (name, _) = name.split_once(".so")?;
    Some(format!("{binding}.Qt{name}"))
}

/// Whether the file at `dest` serves none of `modules`. Libraries do not say whom they serve: they are, and stay where
/// something that is kept needs them.
pub(super) fn is_idle(dest: &str, modules: &HashSet<String>) -> bool {
    match asked_by(dest) {
        Some(Owner::Nobody) => true,
        Some(Owner::Module(module)) => !modules.contains(&module),
        None => binding_file(dest)
            .is_some_and(|module| dest.ends_with(".pyi") || !modules.contains(&module)),
    }
}

/// `PyQt6.QtGui` of `PyQt6/QtGui.abi3.so` and `PyQt6/QtGui.pyi`.
fn binding_file(dest: &str) -> Option<String> {
    let (binding, file) = dest.split_once('/')?;
    let name = file.split('.').next()?;
    let is_module = BINDINGS.iter().any(|(known, _)| *known == binding)
        && name.starts_with("Qt")
        && (file.ends_with(".so") || file.ends_with(".pyi"));
    (is_module && !file.contains('/')).then(|| format!("{binding}.{name}"))
}

fn plugin(below: &str) -> Option<&'static str> {
    let (kind, name) = below.split_once('/')?;
    if name.starts_with("libqpdf") {
        return Some("QtPdf");
    }
    // The keyboard on the screen is made of QML, and so are the libraries that it brings.
    if name.contains("virtualkeyboard") {
        return Some("QtQml");
    }
    let of = |(_, kinds): &&(&str, &[&str])| kinds.contains(&kind);
    PLUGINS.iter().find(of).map(|(module, _)| *module)
}

fn translation(below: &str) -> &'static str {
    let of = |(start, _): &&(&str, &str)| below.starts_with(start);
    TRANSLATIONS
        .iter()
        .find(of)
        .map_or("QtCore", |(_, module)| *module)
}

/// Beside the bindings' modules lie the descriptions that further bindings are made from, and Qt's own tools.
fn of_developers(rest: &str) -> bool {
    const FOLDERS: [&str; 7] = [
        "bindings",
        "doc",
        "glue",
        "include",
        "lupdate",
        "metatypes",
        "typesystems",
    ];
    const TOOLS: [&str; 16] = [
        "assistant",
        "balsam",
        "balsamui",
        "designer",
        "linguist",
        "lrelease",
        "lupdate",
        "qmlcachegen",
        "qmlformat",
        "qmlimportscanner",
        "qmllint",
        "qmlls",
        "qmltyperegistrar",
        "qsb",
        "svgtoqml",
        "uic",
    ];
    match rest.split_once('/') {
        Some((folder, below)) => FOLDERS.contains(&folder) && !below.ends_with(".so"),
        None => TOOLS.contains(&rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_asked_for_by_the_modules_that_use_them() {
        let check = |dest: &str, expected: Option<&str>| {
            let expected = expected.map(|module| match module {
                "" => Owner::Nobody,
                module => Owner::Module(module.to_owned()),
            });
            assert_eq!(asked_by(dest), expected, "{dest}");
        };
        check(
            "PyQt6/Qt6/plugins/platforms/libqxcb.so",
            Some("PyQt6.QtGui"),
        );
        check(
            "PyQt6/Qt6/plugins/sqldrivers/libqsqlite.so",
            Some("PyQt6.QtSql"),
        );
        check(
            "PyQt6/Qt6/plugins/imageformats/libqpdf.so",
            Some("PyQt6.QtPdf"),
        );
        check(
            "PyQt6/Qt6/plugins/platforminputcontexts/libqtvirtualkeyboardplugin.so",
            Some("PyQt6.QtQml"),
        );
        check("PyQt6/Qt6/translations/qtbase_de.qm", Some("PyQt6.QtCore"));
        check(
            "PyQt6/Qt6/translations/qtdeclarative_de.qm",
            Some("PyQt6.QtQml"),
        );
        check("PySide6/Qt/qml/QtQuick/qmldir", Some("PySide6.QtQml"));
        check("PySide6/Qt/lib/libQt6Nobody.so.6", Some(""));
        check("PySide6/designer", Some(""));
        check("PyQt6/bindings/QtCore/qobject.sip", Some(""));
        check("PyQt6/uic/widget-plugins/qscintilla.txt", None);
        check("numpy/core/x.dat", None);
    }

    #[test]
    fn files_of_modules_that_nothing_imports_are_idle() {
        let modules = HashSet::from(["PyQt6.QtCore".to_owned(), "PyQt6.QtGui".to_owned()]);
        for dest in [
            "PyQt6/QtBluetooth.abi3.so",
            "PyQt6/QtGui.pyi",
            "PyQt6/Qt6/lib/libQt6Bluetooth.so.6",
            "PyQt6/Qt6/plugins/sqldrivers/libqsqlite.so",
            "PyQt6/Qt6/qml/QtQuick/qmldir",
            "PyQt6/bindings/QtCore/qobject.sip",
        ] {
            assert!(is_idle(dest, &modules), "{dest}");
        }
        for dest in [
            "PyQt6/QtGui.abi3.so",
            "PyQt6/__init__.py",
            "PyQt6/sip.cpython-313-x86_64-linux-gnu.so",
            "PyQt6/Qt6/plugins/platforms/libqxcb.so",
            "PyQt6/Qt6/translations/qtbase_de.qm",
            "PyQt6/uic/__init__.py",
            "numpy/QtX.so",
        ] {
            assert!(!is_idle(dest, &modules), "{dest}");
        }
        let library = module_of("PySide6/Qt/lib/libQt6OpenGLWidgets.so.6");
        assert_eq!(library.as_deref(), Some("PySide6.QtOpenGLWidgets"));
        assert_eq!(module_of("PyQt6/Qt6/lib/libicudata.so.73"), None);
        assert!(reads_forms("PyQt6.uic.Loader") && !reads_forms("PyQt6.QtCore"));
    }
}
