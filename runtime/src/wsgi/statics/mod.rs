//! Files that are served without the application: folders by URL prefix.
//!
//! - `path` finds the folder and the name in it that a request means, and refuses what could lead elsewhere.
//! - `accept` chooses between a file and what lies compressed beside it.
//! - `conditional` and `range` say which answer a client wants (RFC 9110, sections 13 and 14).
//!
//! Nothing here waits or knows Python; the transport sends an [`Answer`]'s file a piece at a time.

mod accept;
mod conditional;
mod path;
mod range;

use std::borrow::Cow;
use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use platform::beneath::Folder;

use super::exchange::{FilePart, Request, ResponseHead};
use conditional::{Condition, Validators};
use range::Wanted;

/// The folders that are served.
#[derive(Debug)]
pub(crate) struct Statics {
    folders: Vec<(Vec<u8>, Folder)>,
    max_age: u32,
}

/// What a request for a file is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Status and fields, with the length of the body.
    pub head: ResponseHead,
    /// The body.
    pub body: Body,
}

/// Where a body comes from.
#[derive(Debug)]
pub(crate) enum Body {
    /// Here.
    Text(&'static [u8]),
    /// A part of a file.
    File(FilePart),
}

/// A folder that cannot be served.
#[derive(Debug)]
pub(crate) struct NoFolder {
    folder: String,
    error: io::Error,
}

impl std::fmt::Display for NoFolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { folder, error } = self;
        write!(
            f,
            "cannot serve the folder `{folder}`: {error}; `static` is URL prefix = folder"
        )
    }
}

impl Statics {
    /// Serves each of `folders`, URL prefix and folder; clients may keep files for `max_age` seconds.
    ///
    /// # Errors
    /// The first folder that is not there.
    pub(crate) fn new(folders: &[(String, String)], max_age: u32) -> Result<Self, NoFolder> {
        let open = |(prefix, folder): &(String, String)| {
            let opened = Folder::open(Path::new(folder)).map_err(|error| NoFolder {
                folder: folder.clone(),
                error,
            });
            Ok((prefix.trim_end_matches('/').as_bytes().to_vec(), opened?))
        };
        let mut folders = folders.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        // The longest prefix that fits is meant.
        folders.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Ok(Self { folders, max_age })
    }

    /// The answer to a request for a file; `None` when it is for the application: no prefix fits, or the one that fits
    /// everything has no such file.
    pub(crate) fn answer(&self, request: &Request<'_>) -> Option<Answer> {
        let path = &*request.target.path;
        let fits = |prefix: &[u8]| {
            let rest = path.strip_prefix(prefix)?;
            rest.strip_prefix(b"/")
        };
        let (prefix, folder, rest) = self
            .folders
            .iter()
            .find_map(|(prefix, folder)| Some((prefix, folder, fits(prefix)?)))?;
        let missing = || (!prefix.is_empty()).then(|| refusal(404, "Not Found", b"not found\n"));
        if !matches!(request.method, b"GET" | b"HEAD") {
            let mut answer = refusal(
                405,
                "Method Not Allowed",
                b"only GET and HEAD are allowed\n",
            );
            answer.head.push(b"Allow", b"GET, HEAD");
            return (!prefix.is_empty()).then_some(answer);
        }
        let Some(name) = path::name(rest, request.target.raw) else {
            return missing();
        };
        match self.file(folder, name, request) {
            Ok(answer) => Some(answer),
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing(),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Some(refusal(403, "Forbidden", b"the file cannot be read\n"))
            }
            Err(_) => Some(refusal(
                500,
                "Internal Server Error",
                b"the file cannot be read\n",
            )),
        }
    }

    fn file(&self, folder: &Folder, name: &Path, request: &Request<'_>) -> io::Result<Answer> {
        let fields = &request.fields;
        let (file, encoding) = accept::choose(folder, name, fields)?;
        let data = file.metadata()?;
        let validators = Validators::new(modified(&data), data.len(), encoding);
        let mut head = vec![
            field("ETag", validators.etag.clone()),
            field("Last-Modified", validators.date.clone()),
            field("Cache-Control", self.cache_control()),
            field("Vary", "Accept-Encoding"),
        ];
        match conditional::check(&validators, fields) {
            Condition::Unmodified => return Ok(answer(304, "Not Modified", head, Body::Text(b""))),
            Condition::Failed => {
                return Ok(refusal(
                    412,
                    "Precondition Failed",
                    b"the file is another one\n",
                ));
            }
            Condition::Holds => {}
        }
        head.push(field("Content-Type", content_type(name)));
        head.push(field("X-Content-Type-Options", "nosniff"));
        head.push(field("Accept-Ranges", "bytes"));
        head.extend(encoding.map(|encoding| field("Content-Encoding", encoding)));
        let size = data.len();
        // Only GET knows parts (RFC 9110, section 14.2).
        let wanted = match request.method {
            b"GET" => range::wanted(&validators, fields, size),
            _ => Wanted::All,
        };
        Ok(match wanted {
            Wanted::All => {
                head.push(field("Content-Length", size.to_string()));
                let part = FilePart {
                    file,
                    offset: 0,
                    length: size,
                };
                answer(200, "OK", head, Body::File(part))
            }
            Wanted::Part { first, last } => {
                let length = last - first + 1;
                head.push(field("Content-Length", length.to_string()));
                head.push(field(
                    "Content-Range",
                    format!("bytes {first}-{last}/{size}"),
                ));
                let part = FilePart {
                    file,
                    offset: first,
                    length,
                };
                answer(206, "Partial Content", head, Body::File(part))
            }
            Wanted::Nothing => {
                let mut answer = refusal(
                    416,
                    "Range Not Satisfiable",
                    b"the file does not have that part\n",
                );
                let range = format!("bytes */{size}");
                answer.head.push(b"Content-Range", range.as_bytes());
                answer
            }
        })
    }

    fn cache_control(&self) -> String {
        match self.max_age {
            0 => "no-cache".into(),
            seconds => format!("public, max-age={seconds}"),
        }
    }
}

/// Nanoseconds since 1970.
fn modified(data: &Metadata) -> u128 {
    let since = data
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_nanos())
}

/// By the name; a text is UTF-8.
fn content_type(name: &Path) -> String {
    let guess = mime_guess::from_path(name).first_or_octet_stream();
    let is_text = guess.type_() == mime_guess::mime::TEXT
        || matches!(guess.subtype().as_str(), "javascript" | "json");
    match is_text && guess.get_param("charset").is_none() {
        true => format!("{guess}; charset=utf-8"),
        false => guess.to_string(),
    }
}

/// A name and a value.
type Field = (&'static str, Cow<'static, str>);

fn field(name: &'static str, value: impl Into<Cow<'static, str>>) -> Field {
    (name, value.into())
}

fn answer(status: u16, reason: &str, fields: Vec<Field>, body: Body) -> Answer {
    let mut head = ResponseHead::new(status, reason.as_bytes());
    for (name, value) in &fields {
        head.push(name.as_bytes(), value.as_bytes());
    }
    Answer { head, body }
}

fn refusal(status: u16, reason: &str, text: &'static [u8]) -> Answer {
    let fields = vec![
        field("Content-Type", "text/plain; charset=utf-8"),
        field("Content-Length", text.len().to_string()),
    ];
    answer(status, reason, fields, Body::Text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types() {
        let check = |name: &str, kind: &str| assert_eq!(content_type(Path::new(name)), kind);
        check("a.css", "text/css; charset=utf-8");
        check("a.b.HTML", "text/html; charset=utf-8");
        check("a.js", "text/javascript; charset=utf-8");
        check("a.json", "application/json; charset=utf-8");
        check("a.png", "image/png");
        check("a.svg", "image/svg+xml");
        check("a.woff2", "font/woff2");
        check("a.wasm", "application/wasm");
        check("LICENSE", "application/octet-stream");
    }
}
