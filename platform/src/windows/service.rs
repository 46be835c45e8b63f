//! Telling a service manager how far this process is. On Windows nobody asks.

/// On Unix, tells the service manager.
pub fn notify(_: &str) {}
