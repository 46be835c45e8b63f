//! Where a process begins.

/// Makes `$main`, a function from nothing to an exit status, the function that the C library starts the process with.
///
/// Rust's own start-up code does not run then: it would catch signals, ignore one and open files, before and without
/// regard to what the program is to inherit. The file must say `#![no_main]`.
#[macro_export]
macro_rules! entry_point {
    ($main:path) => {
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
