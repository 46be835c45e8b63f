//! Where a process begins.

/// Makes `$main`, a function from nothing to an exit status, the function that the C library starts the process with.
///
/// Rust's own start-up code does not run then: it would catch signals, ignore one and open files, before and without
/// regard to what the program is to inherit. The file must say `#![no_main]`. The executable also gets the
/// [first stage](crate::first_stage).
#[macro_export]
macro_rules! entry_point {
    ($main:path) => {
        // Nothing calls it: sealing makes it the entry point of the file.
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        #[used]
        static FIRST_STAGE: unsafe extern "C" fn() -> ! = $crate::first_stage::enter;

        /// Called by the C library.
        // SAFETY: the one definition of this name, with the signature that the C library calls it by.
        #[unsafe(no_mangle)]
        pub extern "C" fn main(
            _: ::std::ffi::c_int,
            _: *const *const ::std::ffi::c_char,
        ) -> ::std::ffi::c_int {
            $main()
        }
    };
}
