//! Inputs as bytes: thousands of them are read at each start, so nothing is parsed.

use super::facet::{Facet, Hash, Inputs, Kind, Proof};
use super::stamp::{Stamp, Time};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

impl Inputs {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.seen.len() * 160);
        number(&mut out, self.made.len() as u64);
        for path in &self.made {
            encode_path(&mut out, path);
        }
        number(&mut out, self.seen.len() as u64);
        for (path, facet) in &self.seen {
            encode_path(&mut out, path);
            encode_facet(&mut out, facet);
        }
        out
    }

    /// From bytes; `None` when they are none of [`Inputs::encode`].
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let made = (0..reader.number()?)
            .map(|_| reader.path())
            .collect::<Option<_>>()?;
        let seen = (0..reader.number()?)
            .map(|_| Some((reader.path()?, reader.facet()?)))
            .collect::<Option<_>>()?;
        reader.0.is_empty().then_some(Self { seen, made })
    }
}

fn number(out: &mut Vec<u8>, number: u64) {
    out.extend(number.to_le_bytes());
}

fn encode_path(out: &mut Vec<u8>, path: &Path) {
    let bytes = path.as_os_str().as_bytes();
    number(out, bytes.len() as u64);
    out.extend(bytes);
}

fn encode_facet(out: &mut Vec<u8>, facet: &Facet) {
    match facet {
        Facet::File(stamp, proof) => {
            out.push(0);
            out.extend(stamp.encode());
            match proof {
                Proof::Stamp => out.push(0),
                Proof::Content(hash) => {
                    out.push(1);
                    out.extend(hash);
                }
                Proof::Nothing => out.push(2),
            }
        }
        Facet::Folder(stamp, names, settled) => {
            out.push(1);
            out.extend(stamp.encode());
            out.extend(names);
            out.push(u8::from(*settled));
        }
        Facet::Kind(kind) => out.extend([2, *kind as u8]),
        Facet::Target(None) => out.push(3),
        Facet::Target(Some(target)) => {
            out.push(4);
            encode_path(out, target);
        }
    }
}

/// What is left to be read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn number(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes().map(|[byte]| byte)
    }

    fn path(&mut self) -> Option<PathBuf> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(OsString::from_vec(bytes.to_vec()).into())
    }

    fn time(&mut self) -> Option<Time> {
        let [seconds, nanoseconds] = [self.bytes()?, self.bytes()?];
        Some((i64::from_le_bytes(seconds), i64::from_le_bytes(nanoseconds)))
    }

    fn stamp(&mut self) -> Option<Stamp> {
        Some(Stamp {
            device: self.number()?,
            inode: self.number()?,
            size: self.number()?,
            mode: self.number()?,
            modified: self.time()?,
            changed: self.time()?,
        })
    }

    fn facet(&mut self) -> Option<Facet> {
        Some(match self.byte()? {
            0 => Facet::File(self.stamp()?, self.proof()?),
            1 => Facet::Folder(
                self.stamp()?,
                self.bytes::<{ size_of::<Hash>() }>()?,
                self.byte()? == 1,
            ),
            2 => Facet::Kind(self.kind()?),
            3 => Facet::Target(None),
            4 => Facet::Target(Some(self.path()?)),
            _ => return None,
        })
    }

    fn proof(&mut self) -> Option<Proof> {
        match self.byte()? {
            0 => Some(Proof::Stamp),
            1 => self.bytes().map(Proof::Content),
            2 => Some(Proof::Nothing),
            _ => None,
        }
    }

    fn kind(&mut self) -> Option<Kind> {
        let byte = self.byte()?;
        [Kind::Absent, Kind::File, Kind::Folder, Kind::Other]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn inputs() -> Inputs {
        let stamp = Stamp {
            device: 1,
            inode: u64::MAX,
            size: 3,
            mode: 4,
            modified: (-5, 999_999_999),
            changed: (6, 0),
        };
        let facets = [
            Facet::File(stamp, Proof::Stamp),
            Facet::File(stamp, Proof::Content([7; 32])),
            Facet::File(stamp, Proof::Nothing),
            Facet::Folder(stamp, [8; 32], true),
            Facet::Folder(stamp, [8; 32], false),
            Facet::Kind(Kind::Absent),
            Facet::Kind(Kind::Other),
            Facet::Target(None),
            Facet::Target(Some("/somewhere/else".into())),
        ];
        let path = PathBuf::from(OsString::from_vec(b"/no/\xFFunicode".to_vec()));
        Inputs {
            seen: facets
                .into_iter()
                .map(|facet| (path.clone(), facet))
                .collect(),
            made: [PathBuf::from("/dist"), PathBuf::from("/dist/app")].into(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Inputs::decode(&inputs().encode()).unwrap(), inputs());
    }

    #[test]
    fn what_is_cut_off_or_goes_on_is_refused() {
        let bytes = inputs().encode();
        for length in 0..bytes.len() {
            assert_eq!(Inputs::decode(&bytes[..length]), None, "{length}");
        }
        assert_eq!(Inputs::decode(&[&bytes[..], &[0]].concat()), None);
    }
}
