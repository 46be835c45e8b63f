//! Every setting, once: its name in pack.toml, its environment variable, its options, its kind and its help.
//!
//! The command line, the `PACK_*` variables, `pack.toml` and the `--help` are all made from this table, so they cannot
//! disagree.

use super::value::Kind;
use std::sync::LazyLock;

/// One setting of a build.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Its name in pack.toml: `table.key`.
    pub key: &'static str,
    /// What a value of it looks like.
    pub kind: Kind,
    /// The options that set it.
    pub flags: &'static [Flag],
    /// The heading it stands under in `--help`.
    pub heading: &'static str,
    /// One line for `-h`, without a full stop.
    pub help: &'static str,
    /// What `--help` adds; may be empty.
    pub more: &'static str,
}

/// One option of the command line.
#[derive(Debug, Clone)]
pub struct Flag {
    /// Without its dashes.
    pub long: &'static str,
    /// One letter.
    pub short: Option<char>,
    /// Other spellings, as PyInstaller has them.
    pub aliases: &'static [&'static str],
    /// What follows it.
    pub takes: Takes,
    /// Help of its own, where a setting has several options; empty for the setting's.
    pub help: &'static str,
}

/// What follows an option.
#[derive(Debug, Clone)]
pub enum Takes {
    /// A value, called this in the help.
    Value(&'static str),
    /// Nothing: the option stands for this value.
    Nothing(&'static str),
}

impl Setting {
    /// Its environment variable: `PACK_` and the key, where `app` and `bundle` are left out.
    ///
    /// `app.name` is `PACK_NAME`, `wsgi.threads` is `PACK_WSGI_THREADS`.
    #[must_use]
    pub fn variable(&self) -> String {
        let short = self
            .key
            .strip_prefix("app.")
            .or_else(|| self.key.strip_prefix("bundle."));
        let name = short.unwrap_or(self.key);
        format!(
            "PACK_{}",
            name.replace(['.', '-'], "_").to_ascii_uppercase()
        )
    }

    /// Can a variable hold it?
    #[must_use]
    pub fn in_environment(&self) -> bool {
        !matches!(self.kind, Kind::Table)
    }
}

/// The setting called `key`.
#[must_use]
pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

const APPLICATION: &str = "Application";
/// Of the settings of the server that many programs need.
pub const SERVER: &str = "WSGI server";
/// Settings of the server that few programs need; not in the short help.
pub(super) const SERVER_DETAILS: &str = "WSGI server: limits and life cycle";
/// Not in the short help either.
pub(super) const WINDOWS: &str = "Windows executables";
const CONTENTS: &str = "What goes in";
const OUTPUT: &str = "Output";
const BUILD: &str = "Building";

/// An option with a value.
const fn option(long: &'static str, value: &'static str) -> Flag {
    Flag {
        long,
        short: None,
        aliases: &[],
        takes: Takes::Value(value),
        help: "",
    }
}

/// An option that stands for `value`.
const fn switch(long: &'static str, value: &'static str, help: &'static str) -> Flag {
    Flag {
        long,
        short: None,
        aliases: &[],
        takes: Takes::Nothing(value),
        help,
    }
}

impl Flag {
    const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }
}

/// All settings. Order is that of `--help`.
pub static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    let (before, after): (Vec<_>, Vec<_>) = {
        let split = OWN.iter().position(|setting| setting.key == "wsgi.static");
        let (before, after) = OWN.split_at(split.unwrap_or(OWN.len()));
        (before.to_vec(), after.to_vec())
    };
    let server = payload::wsgi::SETTINGS.iter().map(of_server);
    before.into_iter().chain(server).chain(after).collect()
});

/// A setting that the packed program's own command line has, too.
fn of_server(setting: &payload::wsgi::Setting) -> Setting {
    let kept = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let flags = match setting.kind {
        payload::wsgi::Kind::Truth => vec![
            switch(setting.name, "true", setting.help),
            switch(
                kept(format!("no-{}", setting.name)),
                "false",
                kept(format!("Turn --{} off", setting.name)),
            ),
        ],
        _ => vec![option(setting.name, setting.value)],
    };
    let default = setting.show(&payload::Wsgi::default());
    let help = match default {
        Some(default) => kept(format!("{} [default: {default}]", setting.help)),
        None => setting.help,
    };
    Setting {
        key: kept(format!("wsgi.{}", setting.name)),
        kind: Kind::of_server(setting.kind),
        // Made once in a process, like the table that they are a part of.
        flags: Vec::leak(flags),
        heading: if EVERYDAY.contains(&setting.name) {
            SERVER
        } else {
            SERVER_DETAILS
        },
        help,
        more: "",
    }
}

/// Settings of the server that stand in the short help.
const EVERYDAY: [&str; 9] = [
    "threads",
    "processes",
    "gil",
    "interpreters",
    "switch-interval",
    "graceful-timeout",
    "access-log",
    "admin",
    "admin-token",
];

/// The settings of a build itself.
static OWN: &[Setting] = &[
    Setting {
        key: "app.name",
        kind: Kind::Text,
        flags: &[option("name", "NAME").short('n')],
        heading: APPLICATION,
        help: "Name of the executable",
        more: "Default: `name` of [project] in pyproject.toml, else the script's name without its suffix, else the \
               WSGI module's first part.",
    },
    Setting {
        key: "app.version",
        kind: Kind::Text,
        flags: &[option("app-version", "VERSION")],
        heading: APPLICATION,
        help: "Version of the application",
        more: "Default: `version` of [project] in pyproject.toml.",
    },
    Setting {
        key: "app.id",
        kind: Kind::Text,
        flags: &[option("app-id", "ID")],
        heading: APPLICATION,
        help: "Identity of the application, such as com.example.guestbook",
        more: "The key of the directory it unpacks itself to, and on Windows the AppUserModelID by which windows are grouped in \
               the taskbar: at most 128 letters, digits, `.`, `_` and `-`. Default: made from the name.",
    },
    Setting {
        key: "app.entry",
        kind: Kind::Text,
        flags: &[],
        heading: APPLICATION,
        help: "What runs: a script, `package.module` or `package.module:function`",
        more: "",
    },
    Setting {
        key: "app.icon",
        kind: Kind::Icons,
        flags: &[option("icon", "FILE").short('i')],
        heading: APPLICATION,
        help: "Icon: .ico, .png, .svg or an .exe that has one (Windows)",
        more: "Sizes that Windows uses and the file lacks are made; `pack icon FILE` shows what is there. FILE.exe,NUMBER \
               names one of several. May be given several times: Explorer shows the first. NONE stands for no icon.",
    },
    Setting {
        key: "app.windowed",
        kind: Kind::Bool,
        flags: &[
            switch("windowed", "true", "The program opens no console (Windows)")
                .short('w')
                .or(&["noconsole"]),
            switch("console", "false", "The program has a console [default]")
                .short('c')
                .or(&["nowindowed"]),
        ],
        heading: APPLICATION,
        help: "The program opens no console (Windows)",
        more: "",
    },
    Setting {
        key: "app.windowed-traceback",
        kind: Kind::Bool,
        flags: &[switch("disable-windowed-traceback", "false", "")],
        heading: WINDOWS,
        help: "Show no traceback in the window of an unhandled error, only where its log is",
        more: "For programs without a console (--windowed). The log holds the traceback in any case.",
    },
    Setting {
        key: "app.title",
        kind: Kind::Text,
        flags: &[option("app-title", "TEXT")],
        heading: WINDOWS,
        help: "The name that people read in Properties and the task manager [default: app.name]",
        more: "",
    },
    Setting {
        key: "app.description",
        kind: Kind::Text,
        flags: &[option("app-description", "TEXT")],
        heading: WINDOWS,
        help: "What the program is, in place of its name in the task manager",
        more: "",
    },
    Setting {
        key: "app.company",
        kind: Kind::Text,
        flags: &[option("app-company", "TEXT")],
        heading: WINDOWS,
        help: "Who made the program",
        more: "",
    },
    Setting {
        key: "app.copyright",
        kind: Kind::Text,
        flags: &[option("app-copyright", "TEXT")],
        heading: WINDOWS,
        help: "Who has the rights to the program",
        more: "",
    },
    Setting {
        key: "windows.version-file",
        kind: Kind::Path,
        flags: &[option("version-file", "FILE")],
        heading: WINDOWS,
        help: "Version information as PyInstaller writes it, or that of an .exe",
        more: "In place of what follows from the settings. The file is read, never run.",
    },
    Setting {
        key: "windows.manifest",
        kind: Kind::Text,
        flags: &[option("manifest", "FILE or XML").short('m')],
        heading: WINDOWS,
        help: "A manifest in place of the usual one",
        more: "The usual one: the caller's rights, long paths, UTF-8, sharp on every screen, today's controls.",
    },
    Setting {
        key: "windows.resources",
        kind: Kind::Resources,
        flags: &[option("resource", "FILE[,TYPE[,NAME[,LANG]]]").short('r')],
        heading: WINDOWS,
        help: "Add a resource: a data file with TYPE and NAME, or those of an .exe or .dll",
        more: "May be given several times.",
    },
    Setting {
        key: "windows.uac-admin",
        kind: Kind::Bool,
        flags: &[switch("uac-admin", "true", "")],
        heading: WINDOWS,
        help: "Ask for an administrator's rights at the start",
        more: "",
    },
    Setting {
        key: "windows.uac-uiaccess",
        kind: Kind::Bool,
        flags: &[switch("uac-uiaccess", "true", "")],
        heading: WINDOWS,
        help: "Work the windows of programs with more rights",
        more: "Windows wants such a program signed and installed in a safe place.",
    },
    Setting {
        key: "sign.certificate",
        kind: Kind::Path,
        flags: &[option("sign", "FILE")],
        heading: WINDOWS,
        help: "Sign the executable: a PKCS #12 file (.p12, .pfx), or a certificate with --sign-key",
        more: "Needs `osslsigncode`. The key's password is taken from PACK_SIGN_PASSWORD or --sign-password-file.",
    },
    Setting {
        key: "sign.key",
        kind: Kind::Path,
        flags: &[option("sign-key", "FILE")],
        heading: WINDOWS,
        help: "The key to sign with, where it is in a file of its own",
        more: "",
    },
    Setting {
        key: "sign.password-file",
        kind: Kind::Path,
        flags: &[option("sign-password-file", "FILE")],
        heading: WINDOWS,
        help: "A file with the key's password",
        more: "",
    },
    Setting {
        key: "sign.timestamp",
        kind: Kind::Text,
        flags: &[option("sign-timestamp", "URL")],
        heading: WINDOWS,
        help: "Have the time of signing vouched for by this RFC 3161 service",
        more: "Without it the signature ends when the certificate does.",
    },
    Setting {
        key: "commands",
        kind: Kind::Table,
        flags: &[],
        heading: APPLICATION,
        help: "Further entry points by the word that selects them",
        more: "",
    },
    Setting {
        key: "wsgi.app",
        kind: Kind::Text,
        flags: &[option("wsgi", "MODULE:CALLABLE")],
        heading: SERVER,
        help: "Serve this WSGI application, such as site.wsgi:application",
        more: "A callable that ends in `()` is a factory: `guestbook:create_app()`.",
    },
    Setting {
        key: "wsgi.bind",
        kind: Kind::Addresses,
        flags: &[option("bind", "HOST:PORT")],
        heading: SERVER,
        help: "Address to listen on [default: 127.0.0.1:8000]",
        more: "Or `unix:PATH`. May be given several times. Sockets that a service manager passes take their place.",
    },
    Setting {
        key: "wsgi.static",
        kind: Kind::Table,
        flags: &[],
        heading: SERVER,
        help: "Folders served without Python, by URL prefix",
        more: "",
    },
    Setting {
        key: "include.data",
        kind: Kind::Rules,
        flags: &[option("add-data", "SRC:DEST")],
        heading: CONTENTS,
        help: "Put a file, a folder or a glob into folder DEST of the bundle",
        more: "The program finds it below `sys._MEIPASS`. `;` may stand for `:`; DEST `.` is the bundle's root. May be \
               given several times.",
    },
    Setting {
        key: "include.binaries",
        kind: Kind::Rules,
        flags: &[option("add-binary", "SRC:DEST")],
        heading: CONTENTS,
        help: "Like --add-data, for native libraries: what they need comes along",
        more: "",
    },
    Setting {
        key: "include.modules",
        kind: Kind::Names,
        flags: &[option("hidden-import", "MODULE").or(&["hiddenimport"])],
        heading: CONTENTS,
        help: "A module that no `import` in the source names",
        more: "May be given several times.",
    },
    Setting {
        key: "include.submodules",
        kind: Kind::Names,
        flags: &[option("collect-submodules", "PACKAGE")],
        heading: CONTENTS,
        help: "All submodules of a package",
        more: "",
    },
    Setting {
        key: "include.distributions",
        kind: Kind::Texts,
        flags: &[
            option("collect-all", "PACKAGE")
                .help("A package or distribution that no import reaches, with all its files"),
            option("collect-data", "PACKAGE")
                .or(&["collect-datas"])
                .help("The same: distributions are always taken whole"),
            option("collect-binaries", "PACKAGE").help("The same"),
            option("copy-metadata", "PACKAGE").help("The same: its metadata comes with its files"),
            option("recursive-copy-metadata", "PACKAGE")
                .help("The same: what it requires comes along"),
        ],
        heading: CONTENTS,
        help: "Distributions that no import reaches",
        more: "",
    },
    Setting {
        key: "include.paths",
        kind: Kind::Paths,
        flags: &[option("paths", "DIR").short('p')],
        heading: CONTENTS,
        help: "A further folder to find modules in",
        more: "Several may be separated by `:`. May be given several times.",
    },
    Setting {
        key: "include.hooks",
        kind: Kind::Paths,
        flags: &[option("additional-hooks-dir", "DIR")],
        heading: CONTENTS,
        help: "A folder of PyInstaller hooks",
        more: "Hooks that installed libraries declare, and those of pyinstaller-hooks-contrib where it is installed, are \
               honoured without it. They run in the Python that is packed. May be given several times.",
    },
    Setting {
        key: "include.development",
        kind: Kind::Texts,
        flags: &[option("keep", "KIND")],
        heading: CONTENTS,
        help: "What libraries do without: tests, stubs, sources, static-libraries, debug-symbols",
        more: "Files that serve those who develop a library stay behind where nothing in the bundle can need them; -v says how \
               much. `bytecode-caches` is a kind, too. May be given several times.",
    },
    Setting {
        key: "include.stdlib",
        kind: Kind::OneOf(&["used", "whole"]),
        flags: &[option("stdlib", "EXTENT")],
        heading: CONTENTS,
        help: "used: leave out what of the standard library nothing can want; whole [default: used]",
        more: "sqlite3 and curses stay behind where no file of the bundle names them and nothing in it runs code from elsewhere, \
               and modules that no import reaches come without their sources.",
    },
    Setting {
        key: "exclude.modules",
        kind: Kind::Names,
        flags: &[option("exclude-module", "MODULE").or(&["exclude"])],
        heading: CONTENTS,
        help: "Leave out a module and its submodules",
        more: "",
    },
    Setting {
        key: "exclude.distributions",
        kind: Kind::Texts,
        flags: &[option("exclude-distribution", "NAME")],
        heading: CONTENTS,
        help: "Leave out a distribution",
        more: "",
    },
    Setting {
        key: "exclude.libraries",
        kind: Kind::Texts,
        flags: &[option("exclude-library", "SONAME")],
        heading: CONTENTS,
        help: "Leave a native library to the target system",
        more: "",
    },
    Setting {
        key: "exclude.slim",
        kind: Kind::Paths,
        flags: &[option("slim", "TRACE")],
        heading: CONTENTS,
        help: "Leave out what no trace of `pack trace` has used and no import reaches",
        more: "Of third-party distributions, never their metadata, licences or the libraries that something needs. May be given \
               several times: what one of them has used stays.",
    },
    Setting {
        key: "bundle.runtime-hooks",
        kind: Kind::Paths,
        flags: &[option("runtime-hook", "FILE")],
        heading: CONTENTS,
        help: "A script that runs before the entry point",
        more: "May be given several times; they run in this order.",
    },
    Setting {
        key: "bundle.mode",
        kind: Kind::OneOf(&["onefile", "onedir"]),
        flags: &[
            switch(
                "onefile",
                "onefile",
                "One executable with everything inside [default]",
            )
            .short('F'),
            switch(
                "onedir",
                "onedir",
                "A folder: an executable, and its files beside it",
            )
            .short('D'),
        ],
        heading: OUTPUT,
        help: "One executable, or a folder",
        more: "",
    },
    Setting {
        key: "bundle.distpath",
        kind: Kind::Path,
        flags: &[option("distpath", "DIR")],
        heading: OUTPUT,
        help: "Where the result goes [default: ./dist]",
        more: "",
    },
    Setting {
        key: "bundle.contents-directory",
        kind: Kind::Text,
        flags: &[option("contents-directory", "NAME")],
        heading: OUTPUT,
        help: "The files' folder beside a --onedir executable [default: _internal]",
        more: "",
    },
    Setting {
        key: "bundle.unpack",
        kind: Kind::OneOf(&["reuse", "each"]),
        flags: &[option("unpack", "POLICY")],
        heading: OUTPUT,
        help: "reuse: unpack once, for all later runs; each: for each run alone [default: reuse]",
        more: "With `each`, a run's directory is removed at its end, however it ends.",
    },
    Setting {
        key: "bundle.runtime-tmpdir",
        kind: Kind::Text,
        flags: &[option("runtime-tmpdir", "DIR")],
        heading: OUTPUT,
        help: "Where the program unpacks itself, on the machine it runs on",
        more: "",
    },
    Setting {
        key: "bundle.optimize",
        kind: Kind::Integer { min: 0, max: 2 },
        flags: &[option("optimize", "LEVEL")],
        heading: OUTPUT,
        help: "Bytecode optimisation: 0, 1 (no asserts) or 2 (no docstrings) [default: 0]",
        more: "",
    },
    Setting {
        key: "bundle.compression-level",
        kind: Kind::Integer { min: 1, max: 22 },
        flags: &[option("compression-level", "LEVEL")],
        heading: OUTPUT,
        help: "zstd level, 1 (quick) to 22 (small) [default: 6]",
        more: "",
    },
    Setting {
        key: "bundle.max-glibc",
        kind: Kind::Text,
        flags: &[option("max-glibc", "VERSION")],
        heading: OUTPUT,
        help: "Fail when the result needs a later glibc, such as 2.28",
        more: "What a build needs is told at its end, with the file that needs it.",
    },
    Setting {
        key: "bundle.sbom",
        kind: Kind::Path,
        flags: &[option("sbom", "FILE")],
        heading: OUTPUT,
        help: "Write a list of what is inside (not supported yet)",
        more: "",
    },
    Setting {
        key: "bundle.python",
        kind: Kind::Text,
        flags: &[option("python", "INTERPRETER")],
        heading: BUILD,
        help: "The Python to pack: a path, a virtual environment, or a name such as python3.12",
        more: "Default: $VIRTUAL_ENV, else .venv or venv in the project, else python3 on PATH.",
    },
    Setting {
        key: "bundle.target",
        kind: Kind::Text,
        flags: &[option("target", "TRIPLE")],
        heading: BUILD,
        help: "The system the program is for [default: this one]",
        more: "",
    },
    Setting {
        key: "bundle.site-packages",
        kind: Kind::Paths,
        flags: &[option("site-packages", "DIR")],
        heading: BUILD,
        help: "Folder with the distributions for another target",
        more: "For --target of another system, whose interpreter cannot be asked: `pip install --platform win_amd64 \
               --python-version 3.13 --only-binary=:all: --target DIR -r requirements.txt` fills one.",
    },
    Setting {
        key: "bundle.requirements",
        kind: Kind::Path,
        flags: &[option("requirements", "FILE")],
        heading: BUILD,
        help: "The distributions to pack: requirements.txt, pyproject.toml, uv.lock or pylock.toml",
        more: "They are resolved for the target and installed into pack's cache by uv, else by pip, from wheels alone, and are \
               packed in the place of those that the interpreter has. --clean resolves anew.",
    },
    Setting {
        key: "bundle.workpath",
        kind: Kind::Path,
        flags: &[option("workpath", "DIR")],
        heading: BUILD,
        help: "Where compiled and compressed files are kept between builds",
        more: "Default: `pack` in the user's cache directory.",
    },
];

/// An option of PyInstaller's that sets nothing here.
#[derive(Debug)]
pub struct Ignored {
    /// The option.
    pub flag: Flag,
    /// One line for the reader: why it changes nothing.
    pub reason: &'static str,
}

const fn ignored(flag: Flag, reason: &'static str) -> Ignored {
    Ignored { flag, reason }
}

const FOR_WINDOWS: &str = "only programs for Windows have it, and they are not supported yet";
const MACOS: &str = "only programs for macOS have it, and they are not supported yet";
const UPX: &str = "files are compressed with zstd, never with UPX";

/// Options of PyInstaller's that are accepted with a line that says why they change nothing.
pub static IGNORED: &[Ignored] = &[
    ignored(
        option("specpath", "DIR"),
        "no .spec file is written; settings are kept in pack.toml",
    ),
    ignored(
        option("splash", "IMAGE"),
        "splash screens are not supported yet",
    ),
    ignored(
        option("debug", "WHAT").short('d'),
        "use -v to see more of the build",
    ),
    ignored(
        option("python-option", "OPTION"),
        "interpreter options are not supported yet; for `O` use --optimize",
    ),
    ignored(
        switch("strip", "", "").short('s'),
        "debug symbols are always removed",
    ),
    ignored(switch("noupx", "", ""), UPX),
    ignored(option("upx-dir", "DIR"), UPX),
    ignored(option("upx-exclude", "FILE"), UPX),
    ignored(
        switch("ascii", "", "").short('a'),
        "Unicode support is part of every Python 3",
    ),
    ignored(
        switch("bootloader-ignore-signals", "", ""),
        "there is one process, which gets its signals itself",
    ),
    ignored(
        switch("no-embed-manifest", "", ""),
        "the manifest is always inside the executable",
    ),
    ignored(option("hide-console", "WHEN"), FOR_WINDOWS),
    ignored(switch("argv-emulation", "", ""), MACOS),
    ignored(option("osx-bundle-identifier", "ID"), MACOS),
    ignored(
        option("target-architecture", "ARCH").or(&["target-arch"]),
        MACOS,
    ),
    ignored(option("codesign-identity", "IDENTITY"), MACOS),
    ignored(option("osx-entitlements-file", "FILE"), MACOS),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_named_after_keys() {
        let variable = |key| find(key).map(Setting::variable);
        assert_eq!(variable("app.name").as_deref(), Some("PACK_NAME"));
        assert_eq!(
            variable("wsgi.threads").as_deref(),
            Some("PACK_WSGI_THREADS")
        );
        assert_eq!(
            variable("wsgi.switch-interval").as_deref(),
            Some("PACK_WSGI_SWITCH_INTERVAL")
        );
        assert_eq!(variable("bundle.python").as_deref(), Some("PACK_PYTHON"));
        assert_eq!(
            variable("include.data").as_deref(),
            Some("PACK_INCLUDE_DATA")
        );
    }

    #[test]
    fn names_are_unique() {
        let mut seen = std::collections::BTreeSet::new();
        for setting in SETTINGS.iter() {
            assert!(seen.insert(setting.variable()), "{}", setting.variable());
        }
        for flag in SETTINGS
            .iter()
            .flat_map(|s| s.flags)
            .chain(IGNORED.iter().map(|i| &i.flag))
        {
            for name in std::iter::once(&flag.long).chain(flag.aliases) {
                assert!(seen.insert((*name).to_owned()), "--{name}");
            }
            if let Some(short) = flag.short {
                assert!(seen.insert(format!("-{short}")), "-{short}");
            }
        }
    }
}
