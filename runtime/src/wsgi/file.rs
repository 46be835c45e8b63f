//! `wsgi.file_wrapper`: an open file as a response body.

use std::ffi::CStr;
use std::sync::Arc;

use super::exchange::FilePart;
use super::host::Types;
use crate::embed::class::{Made, MethodEntry, This, method};
use crate::embed::{
    Arguments, Attached, Callable, Instance, Kept, Method, Owned, PyResult, Raised,
};

/// Blocks that a file on disk is read in: applications ask for 8 KiB by habit.
const LARGE_BLOCK: i64 = 64 * 1024;

/// The state of one wrapper.
pub(crate) struct FileWrapper {
    file: Kept,
    read: Kept,
    block: i64,
}

impl Instance for FileWrapper {
    const NAME: &'static CStr = c"pack_runtime.FileWrapper";
    const DOC: &'static CStr = c"The rest of a file, in blocks.";
    const METHODS: &'static [MethodEntry] = &[method::<Self, Close>()];
    const ITERATOR: bool = true;

    fn next<'py>(&self, py: Attached<'py>) -> PyResult<'py, Option<Owned<'py>>> {
        let block = self.read.get(py).call(&[&py.int(self.block)?])?;
        Ok(if block.truth()? { Some(block) } else { None })
    }

    fn release(self, py: Attached<'_>) {
        drop(self.read.release(py));
        drop(self.file.release(py));
    }
}

impl FileWrapper {
    /// What is left of the file, for a transport to read. `None` for what
    /// only Python can read: everything but regular files as `open(name, "rb")` gives them.
    ///
    /// # Errors
    /// What asking it raised.
    pub(crate) fn regular<'py>(&self, py: Attached<'py>) -> PyResult<'py, Option<FilePart>> {
        let file = self.file.get(py);
        let io = py.import(c"_io")?;
        let class = file.class();
        let is_class = |name| Ok(io.attr(name)?.as_ptr() == class.as_ptr());
        if !is_class(c"BufferedReader")? && !is_class(c"FileIO")? {
            return Ok(None);
        }
        // One that somebody has put there is to be called.
        let own = file.attr(c"__dict__")?;
        let is_changed = own.call_method(c"__contains__", &[&py.text("read")?])?;
        if is_changed.truth()? {
            return Ok(None);
        }
        let position = file.call_method(c"tell", &[]);
        let descriptor = file.call_method(c"fileno", &[]);
        let (Ok(position), Ok(descriptor)) = (position, descriptor) else {
            return Ok(None);
        };
        let (position, descriptor) = (position.to_i64()?, descriptor.to_i64()?);
        Ok(open(position, descriptor))
    }
}

fn open(position: i64, descriptor: i64) -> Option<FilePart> {
    let offset = u64::try_from(position).ok()?;
    let file = platform::descriptor::duplicate(i32::try_from(descriptor).ok()?).ok()?;
    let metadata = file.metadata().ok()?;
    // A regular file whose size means nothing, as in /proc, has none.
    let length = metadata
        .len()
        .checked_sub(offset)
        .filter(|&length| length > 0)?;
    metadata.is_file().then_some(FilePart {
        file,
        offset,
        length,
    })
}

struct Close;
impl Method<FileWrapper> for Close {
    const NAME: &'static CStr = c"close";
    const DOC: &'static CStr = c"Closes the file.";

    fn call<'py>(
        py: Attached<'py>,
        this: This<'_, 'py, FileWrapper>,
        _: Arguments<'_, 'py>,
    ) -> PyResult<'py, Owned<'py>> {
        match this.file.get(py).attr_opt(c"close")? {
            Some(close) => close.call(&[]),
            None => Ok(py.none()),
        }
    }
}

/// `wsgi.file_wrapper` itself.
pub(crate) struct WrapFile;

impl Callable for WrapFile {
    type State = Arc<Types>;
    const NAME: &'static CStr = c"file_wrapper";
    const DOC: &'static CStr = c"file_wrapper(filelike, block_size=8192) -> iterable of its blocks";

    fn call<'py>(
        py: Attached<'py>,
        types: &Arc<Types>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Owned<'py>> {
        arguments.expect(1, 2)?;
        let file = arguments.required(0, c"filelike")?;
        let asked = match arguments.named(1, c"block_size") {
            Some(size) if !size.is_none() => size.to_i64()?,
            _ => LARGE_BLOCK,
        };
        let read = file.attr(c"read")?;
        // A pipe is read in the blocks asked for: a larger one would hold back what has arrived.
        let on_disk = match file.attr_opt(c"seekable")? {
            Some(seekable) => seekable
                .call(&[])
                .and_then(|answer| answer.truth())
                .unwrap_or(false),
            None => false,
        };
        let block = if on_disk {
            asked.max(LARGE_BLOCK)
        } else {
            asked
        };
        if block < 1 {
            return Err(Raised::value_error(py, "block_size must be positive"));
        }
        let wrapper = FileWrapper {
            file: Owned::clone(&file).keep(),
            read: read.keep(),
            block,
        };
        types
            .file_wrapper
            .instance(py, wrapper)
            .map(Made::into_object)
    }
}
