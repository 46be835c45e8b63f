//! From a layout to files on disk.
