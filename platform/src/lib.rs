//! Safe wrappers over the calls into an operating system, shared by bootloader and runtime.
