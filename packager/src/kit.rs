//! Kits: what one target needs besides the application, built ahead of time.

