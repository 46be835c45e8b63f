//! Where the fields of `PyConfig` lie, by minor version and system.

/// Offsets of `PyConfig`'s fields, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) install_signal_handlers: usize,
    pub(super) parse_argv: usize,
    pub(super) site_import: usize,
    pub(super) write_bytecode: usize,
    pub(super) optimization_level: usize,
    pub(super) pathconfig_warnings: usize,
    pub(super) program_name: usize,
    pub(super) search_paths_set: usize,
    pub(super) search_paths: usize,
    pub(super) executable: usize,
    pub(super) base_executable: usize,
    pub(super) prefix: usize,
    pub(super) base_prefix: usize,
    pub(super) exec_prefix: usize,
    pub(super) base_exec_prefix: usize,
    pub(super) stdlib_dir: Option<usize>,
    /// Free-threaded builds alone have it.
    pub(super) enable_gil: Option<usize>,
}

impl Layout {
    /// Of the system that this is compiled for.
    pub(super) fn of(minor: u32, free_threaded: bool) -> Option<Self> {
        if cfg!(windows) {
            Self::on_windows(minor, free_threaded)
        } else {
            Self::on_unix(minor, free_threaded)
        }
    }

    pub(super) fn on_unix(minor: u32, free_threaded: bool) -> Option<Self> {
        let layout = Self::from_offsets;
        Some(match minor {
            9 => layout([16, 88, 152, 176, 168, 224, 112, 248, 256, 288], None),
            10 => layout([16, 80, 152, 180, 172, 232, 240, 272, 280, 312], None),
            11 => layout([16, 96, 168, 196, 188, 256, 264, 296, 304, 344], Some(320)),
            12 => layout([16, 104, 176, 204, 196, 268, 272, 304, 312, 352], Some(328)),
            // `enable_gil` takes the place of `pathconfig_warnings`, which moves into what was padding.
            13 if free_threaded => Self {
                enable_gil: Some(272),
                ..layout([16, 104, 176, 204, 196, 276, 280, 312, 320, 360], Some(336))
            },
            13 => layout([16, 104, 176, 204, 196, 272, 280, 312, 320, 360], Some(336)),
            _ => return None,
        })
    }

    /// `wchar_t` and `long` are smaller there, and one field more tells how streams behave.
    pub(super) fn on_windows(minor: u32, free_threaded: bool) -> Option<Self> {
        let layout = Self::from_offsets;
        Some(match minor {
            9 => layout([16, 80, 144, 168, 160, 224, 104, 248, 256, 288], None),
            10 => layout([16, 80, 152, 180, 172, 240, 248, 280, 288, 320], None),
            11 => layout([16, 96, 168, 196, 188, 264, 272, 304, 312, 352], Some(328)),
            12 => layout([16, 96, 168, 196, 188, 268, 272, 304, 312, 352], Some(328)),
            13 if free_threaded => Self {
                enable_gil: Some(272),
                ..layout([16, 96, 168, 196, 188, 276, 280, 312, 320, 360], Some(336))
            },
            13 => layout([16, 96, 168, 196, 188, 272, 280, 312, 320, 360], Some(336)),
            _ => return None,
        })
    }

    fn from_offsets(
        [
            signals,
            argv,
            site,
            bytecode,
            optimization,
            warnings,
            name,
            set,
            paths,
            prefix,
        ]: [usize; 10],
        stdlib: Option<usize>,
    ) -> Self {
        Self {
            install_signal_handlers: signals,
            parse_argv: argv,
            site_import: site,
            write_bytecode: bytecode,
            optimization_level: optimization,
            pathconfig_warnings: warnings,
            program_name: name,
            search_paths_set: set,
            search_paths: paths,
            // These six follow each other in every version.
            executable: prefix - 16,
            base_executable: prefix - 8,
            prefix,
            base_prefix: prefix + 8,
            exec_prefix: prefix + 16,
            base_exec_prefix: prefix + 24,
            stdlib_dir: stdlib,
            enable_gil: None,
        }
    }
}
