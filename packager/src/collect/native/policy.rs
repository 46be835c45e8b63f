//! Libraries that every target has, in the manner of the manylinux policies (PEP 600) and of PyInstaller's and
//! AppImage's lists: they belong to the kernel, the C library, the graphics driver, the display or the sound server, and
//! a copy from another machine does harm.

/// SONAMEs, without what follows `.so`.
const GUARANTEED: [&str; 47] = [
    // glibc: all of it has to match the loader that runs. libcrypt left glibc and is bundled.
    "libc",
    "libm",
    "libdl",
    "librt",
    "libpthread",
    "libutil",
    "libresolv",
    "libanl",
    "libnsl",
    "libmvec",
    "libthread_db",
    "libBrokenLocale",
    "libnss_compat",
    "libnss_db",
    "libnss_dns",
    "libnss_files",
    "libnss_hesiod",
    "linux-vdso",
    // OpenGL, Vulkan and what talks to the kernel's graphics: the driver's own.
    "libGL",
    "libEGL",
    "libGLX",
    "libOpenGL",
    "libGLESv1_CM",
    "libGLESv2",
    "libGLdispatch",
    "libgbm",
    "libdrm",
    "libglapi",
    "libvulkan",
    "libcuda",
    // The display: the client side of protocols that drivers load too.
    "libX11",
    "libX11-xcb",
    "libxcb",
    "libxcb-dri2",
    "libxcb-dri3",
    "libxcb-glx",
    "libxcb-present",
    "libxcb-sync",
    "libXext",
    "libXrender",
    "libICE",
    "libSM",
    "libwayland-client",
    "libwayland-egl",
    // Sound: the library and the server of a system belong together.
    "libasound",
    "libjack",
    "libpipewire-0.3",
];

/// Beginnings of SONAMEs: loaders, and families whose members come with the kernel's drivers.
const GUARANTEED_FAMILIES: [&str; 5] =
    ["ld-linux", "ld64.so", "libdrm_", "libnvidia-", "libnvcuvid"];

/// Whether the target has `soname` by itself.
pub(super) fn is_guaranteed(soname: &str) -> bool {
    let stem = soname.split_once(".so").map_or(soname, |(stem, _)| stem);
    // The old libnsl is glibc's; the new one is a library like any other.
    if stem == "libnsl" && soname != "libnsl.so.1" {
        return false;
    }
    GUARANTEED.contains(&stem)
        || GUARANTEED_FAMILIES
            .iter()
            .any(|family| soname.starts_with(family))
}

/// Whether the library at `dest` wants `soname` for the looks of the desktop it runs on. Qt's plug-in for GTK does, and does
/// without where there is no GTK; one from another machine would not find its themes, loaders and settings.
pub(super) fn is_of_desktop(dest: &str, soname: &str) -> bool {
    dest.contains("/platformthemes/")
        && ["libgtk-", "libgdk-"]
            .iter()
            .any(|gtk| soname.starts_with(gtk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guaranteed_and_not() {
        for soname in [
            "libc.so.6",
            "ld-linux-x86-64.so.2",
            "libGL.so.1",
            "libnsl.so.1",
            "libdrm_amdgpu.so.1",
        ] {
            assert!(is_guaranteed(soname), "{soname}");
        }
        for soname in [
            "libz.so.1",
            "libstdc++.so.6",
            "libgcc_s.so.1",
            "libnsl.so.2",
            "libcrypt.so.1",
            "libxcb-cursor.so.0",
        ] {
            assert!(!is_guaranteed(soname), "{soname}");
        }
    }

    #[test]
    fn a_theme_of_the_desktop_is_left_to_it() {
        let plugin = "PyQt6/Qt6/plugins/platformthemes/libqgtk3.so";
        assert!(is_of_desktop(plugin, "libgtk-3.so.0"));
        assert!(!is_of_desktop(plugin, "libQt6Gui.so.6"));
        assert!(!is_of_desktop("wx/_core.so", "libgtk-3.so.0"));
    }
}
