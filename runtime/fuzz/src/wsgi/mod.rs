//! The modules of the server that need neither Python nor sockets, where they expect each other.

#[path = "../../../src/wsgi/environ.rs"]
pub(crate) mod environ;
#[path = "../../../src/wsgi/exchange.rs"]
pub(crate) mod exchange;
#[path = "../../../src/wsgi/forwarded.rs"]
pub(crate) mod forwarded;
#[path = "../../../src/wsgi/heading.rs"]
pub(crate) mod heading;
pub(crate) mod statics;
#[path = "../../../src/wsgi/target.rs"]
pub(crate) mod target;
pub(crate) mod transport;
