//! The console bootloader.
#![no_main]

platform::entry_point!(bootloader::start);
