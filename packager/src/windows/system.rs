//! Libraries that every Windows 10 has.
//!
//! A library counts when it is part of all desktop editions since version 1607 and Microsoft documents functions of it for
//! programs. The Visual C++ runtime (`vcruntime140`, `msvcp140`, `vcomp140`, `concrt140`) is none of them: Windows has it
//! when some program has installed it.

/// Names without `.dll`, in lower case.
const LIBRARIES: [&str; 150] = [
    "activeds",
    "advapi32",
    "authz",
    "avicap32",
    "avifil32",
    "avrt",
    "bcrypt",
    "bcryptprimitives",
    "bluetoothapis",
    "bthprops.cpl",
    "cabinet",
    "cfgmgr32",
    "clusapi",
    "combase",
    "comctl32",
    "comdlg32",
    "coremessaging",
    "credui",
    "crypt32",
    "cryptbase",
    "cryptnet",
    "cryptsp",
    "cryptui",
    "d2d1",
    "d3d10",
    "d3d10_1",
    "d3d11",
    "d3d12",
    "d3d9",
    "d3dcompiler_47",
    "dbgeng",
    "dbghelp",
    "dcomp",
    "ddraw",
    "devobj",
    "dhcpcsvc",
    "dinput8",
    "dnsapi",
    "dsound",
    "dsrole",
    "dwmapi",
    "dwrite",
    "dxgi",
    "dxva2",
    "esent",
    "evr",
    "faultrep",
    "fltlib",
    "fwpuclnt",
    "gdi32",
    "gdi32full",
    "gdiplus",
    "glu32",
    "hid",
    "hlink",
    "httpapi",
    "icmui",
    "imagehlp",
    "imm32",
    "inetcomm",
    "iphlpapi",
    "kernel32",
    "kernelbase",
    "ksuser",
    "ktmw32",
    "loadperf",
    "lz32",
    "magnification",
    "mf",
    "mfplat",
    "mfreadwrite",
    "mlang",
    "mpr",
    "mprapi",
    "msacm32",
    "mscms",
    "mscoree",
    "msdrm",
    "msi",
    "msimg32",
    "msvcrt",
    "msvfw32",
    "mswsock",
    "ncrypt",
    "ndfapi",
    "netapi32",
    "newdev",
    "normaliz",
    "ntdll",
    "ntdsapi",
    "odbc32",
    "odbccp32",
    "ole32",
    "oleacc",
    "oleaut32",
    "oledlg",
    "opengl32",
    "p2p",
    "pdh",
    "powrprof",
    "propsys",
    "psapi",
    "quartz",
    "rasapi32",
    "rasdlg",
    "resutils",
    "rpcrt4",
    "rstrtmgr",
    "rtm",
    "samcli",
    "samlib",
    "secur32",
    "security",
    "setupapi",
    "shcore",
    "shell32",
    "shfolder",
    "shlwapi",
    "snmpapi",
    "srvcli",
    "sspicli",
    "tapi32",
    "tbs",
    "tdh",
    "traffic",
    "uiautomationcore",
    "ucrtbase",
    "urlmon",
    "user32",
    "userenv",
    "usp10",
    "uxtheme",
    "version",
    "virtdisk",
    "wer",
    "wevtapi",
    "win32u",
    "winbio",
    "windowscodecs",
    "winhttp",
    "wininet",
    "winmm",
    "winscard",
    "winspool.drv",
    "wintrust",
    "wlanapi",
    "wldap32",
    "ws2_32",
    "wtsapi32",
    "xinput1_4",
];

/// More of them, whose names are no list's.
const ALSO: [&str; 6] = [
    "mfcore",
    "wsock32",
    "xinput9_1_0",
    "xmllite",
    "xolehlp",
    "windows.storage",
];

/// Beginnings of names that are no files but contracts, which the loader resolves.
const CONTRACTS: [&str; 2] = ["api-ms-win-", "ext-ms-"];

/// Whether Windows has the library `name` by itself.
#[must_use]
pub fn is_guaranteed(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let stem = name.strip_suffix(".dll").unwrap_or(&name);
    LIBRARIES.contains(&stem)
        || ALSO.contains(&stem)
        || CONTRACTS.iter().any(|contract| stem.starts_with(contract))
}

/// Whether `name` is CPython's own library: the bootloader has loaded it before anything else.
#[must_use]
pub fn is_python(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let number = name
        .strip_prefix("python3")
        .and_then(|rest| rest.strip_suffix(".dll"));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_windows_has_and_what_programs_bring() {
        for name in [
            "KERNEL32.dll",
            "api-ms-win-crt-heap-l1-1-0.dll",
            "WS2_32.dll",
            "winspool.drv",
        ] {
            assert!(is_guaranteed(name), "{name}");
        }
        for name in [
            "VCRUNTIME140.dll",
            "MSVCP140.dll",
            "libcrypto-3.dll",
            "python311.dll",
        ] {
            assert!(!is_guaranteed(name), "{name}");
        }
    }

    #[test]
    fn the_interpreters_own() {
        assert!(is_python("python3.dll") && is_python("PYTHON313.dll"));
        assert!(!is_python("python3-helper.dll") && !is_python("pythoncom313.dll"));
    }
}
