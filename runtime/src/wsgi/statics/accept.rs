//! Between a file and what lies compressed beside it: `app.js`, `app.js.br`, `app.js.zst`, `app.js.gz`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use platform::beneath::Folder;

use crate::wsgi::codings;
use crate::wsgi::exchange::Fields;

/// Content codings, the one that we like best first, and the ends of their files.
const CODINGS: [(&str, &str); 3] = [("br", ".br"), ("zstd", ".zst"), ("gzip", ".gz")];

/// Opens what the client gets of `name`, with its coding.
pub(super) fn choose(
    folder: &Folder,
    name: &Path,
    fields: &Fields<'_>,
) -> io::Result<(File, Option<&'static str>)> {
    // What is not there uncompressed is not there: `app.js.br` alone is a file of its own.
    let plain = folder.file(name)?;
    for coding in codings::accepted(fields, CODINGS.map(|(coding, _)| coding)) {
        let end = CODINGS.iter().find(|(known, _)| *known == coding);
        let mut name = name.as_os_str().to_owned();
        name.push(end.map_or("", |(_, end)| end));
        if let Ok(file) = folder.file(&PathBuf::from(name)) {
            return Ok((file, Some(coding)));
        }
    }
    Ok((plain, None))
}
