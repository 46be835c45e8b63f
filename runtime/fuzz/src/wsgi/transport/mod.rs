#[path = "../../../../src/wsgi/transport/chunked.rs"]
pub(crate) mod chunked;
#[path = "../../../../src/wsgi/transport/head.rs"]
pub(crate) mod head;
