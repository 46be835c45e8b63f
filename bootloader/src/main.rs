//! The console bootloader.

use std::process::exit;

fn main() {
    match bootloader::run() {
        Ok(status) => platform::process::exit(status),
        Err(failure) => {
            bootloader::report(&failure);
            exit(failure.status());
        }
    }
}
