//! Checking a payload.

use crate::digest::blake3;
use crate::entry::Method;
use crate::index::{CHUNK, FLAG_CASE_FOLDED, FLAG_WINDOWS};
use crate::path::{PathError, check, check_windows};
use crate::prefix;
use crate::read::range;
use crate::{Entry, FormatError, Payload};
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

impl Payload<'_> {
    /// Checks every byte of the file from its first to the footer's last, with `threads` threads, and that the index
    /// makes sense. After it, what entries' [`Entry::content`] returns can be trusted.
    ///
    /// # Errors
    /// What is damaged: `Prefix`, `Tail`, `Damaged` (the entry) or `DamagedArchive`; `Index`, `Name` or `Collision` for
    /// an index that contradicts itself.
    pub fn verify(&self, threads: usize) -> Result<(), FormatError> {
        self.verify_with(threads, &|_| {})
    }

    /// As [`Payload::verify`]; calls `checked` with the length of each piece that was found right.
    ///
    /// # Errors
    /// As [`Payload::verify`].
    pub fn verify_with(
        &self,
        threads: usize,
        checked: &(dyn Fn(u64) + Sync),
    ) -> Result<(), FormatError> {
        self.verify_index()?;
        self.verify_structure()?;
        // The prefix is the longest piece: first.
        let pieces = self.chunks.len() + 1;
        in_parallel(threads, pieces, |piece| {
            match piece.checked_sub(1) {
                None if prefix::hash(self.prefix) == self.footer.prefix_hash => {}
                None => return Err(FormatError::Prefix),
                Some(chunk) => self.verify_chunk(chunk)?,
            }
            checked(CHUNK);
            Ok(())
        })
    }

    /// Checks the index alone, which costs much less than [`Payload::verify`]. After it, names, sizes and hashes can be
    /// trusted, and contents that were obtained by [`Entry::verified`].
    ///
    /// # Errors
    /// As [`Payload::verify`].
    pub fn verify_index(&self) -> Result<(), FormatError> {
        let tail = self.tail().ok_or(FormatError::Tail)?;
        if blake3(tail) == self.footer.tail_hash {
            Ok(())
        } else {
            Err(FormatError::Tail)
        }
    }

    /// Checks what [`Payload::verify_index`] takes on trust from the packer that wrote the index: order, names,
    /// references, collisions.
    ///
    /// # Errors
    /// `Index`, `Name`, `Collision`, `Program`.
    pub fn verify_structure(&self) -> Result<(), FormatError> {
        in_order(
            self.index
                .entries
                .iter()
                .map(|record| self.index.name(record)),
        )?;
        in_order(
            self.index
                .modules
                .iter()
                .map(|record| self.index.name(record)),
        )?;
        self.verify_paths()?;
        self.verify_places()?;
        self.verify_external()?;
        self.verify_names()
    }

    /// No two entries share bytes of the archive: what all of them decompress to is bounded by the size of the file.
    fn verify_places(&self) -> Result<(), FormatError> {
        let place = |entry: Entry<'_>| (entry.data_offset, entry.stored.len() as u64);
        let mut places = self
            .entries()
            .map(|entry| entry.map(place))
            .collect::<Result<Vec<_>, _>>()?;
        places.retain(|(_, length)| *length > 0);
        places.sort_unstable();
        let overlap =
            |pair: &[(u64, u64)]| matches!(pair, [(at, length), (next, _)] if at + length > *next);
        if places.windows(2).any(overlap) {
            return Err(FormatError::Index("two entries share bytes of the archive"));
        }
        Ok(())
    }

    /// Each hash of external content is that of one entry.
    fn verify_external(&self) -> Result<(), FormatError> {
        let mut places = Vec::new();
        for entry in self.entries() {
            let entry = entry?;
            if !entry.chunks.is_empty() {
                places.push((entry.data_offset, entry.chunks.len() as u64));
            }
        }
        places.sort_unstable();
        let after = places.iter().try_fold(0, |next, (start, count)| {
            (*start == next).then_some(next + count)
        });
        if after == Some(self.external.len() as u64) {
            return Ok(());
        }
        Err(FormatError::Index(
            "hashes of external files are not those of its entries",
        ))
    }

    /// Whatever settings and modules lead to lies in the bundle.
    fn verify_paths(&self) -> Result<(), FormatError> {
        self.program()?
            .paths()
            // Settings of a program without an interpreter, say, are those of one that cannot start.
            .filter(|path| !path.is_empty())
            .try_for_each(in_bundle)?;
        (0..self.module_count()).try_for_each(|number| {
            let module = self.module_at(number)?;
            module
                .preload()
                .chain(module.needs())
                .try_for_each(in_bundle)
        })
    }

    /// Decompresses every entry and checks its size and its SHA-256, external ones excepted.
    ///
    /// # Errors
    /// `Content` or `Damaged`, naming the entry.
    pub fn verify_contents(&self, threads: usize) -> Result<(), FormatError> {
        in_parallel(threads, self.len(), |index| {
            let entry = self.entry(index as u32)?;
            match entry.method {
                Method::External => Ok(()),
                _ => entry
                    .copy_to(&mut std::io::sink(), crate::Check::Hash)
                    .map(drop)
                    .map_err(only_format),
            }
        })
    }

    fn verify_chunk(&self, chunk: usize) -> Result<(), FormatError> {
        let offset = chunk as u64 * CHUNK;
        let length = CHUNK.min(self.footer.tail_offset.saturating_sub(offset));
        let intact = range(self.bytes, offset, length)
            .zip(self.chunks.get(chunk))
            .is_some_and(|(bytes, hash)| blake3(bytes) == *hash);
        if intact {
            Ok(())
        } else {
            Err(self.blame(offset, length))
        }
    }

    /// The entry that is damaged in a stretch of the archive whose hash does not match.
    fn blame(&self, offset: u64, length: u64) -> FormatError {
        let touches = |entry: &Entry<'_>| {
            entry.data_offset < offset + length
                && entry.data_offset + entry.stored.len() as u64 > offset
        };
        self.entries()
            .filter_map(Result::ok)
            .filter(touches)
            // A piece at a time: an entry may be larger than memory.
            .find_map(|entry| {
                let checked = entry.copy_to(&mut std::io::sink(), crate::Check::Hash);
                checked.map_err(only_format).err()
            })
            .unwrap_or(FormatError::DamagedArchive {
                offset: self.footer.prefix_length + offset,
            })
    }

    /// No path is another one's folder, nor (when the payload says so) the same but for case.
    fn verify_names(&self) -> Result<(), FormatError> {
        let names = self
            .entries()
            .map(|entry| entry.map(|entry| entry.path))
            .collect::<Result<Vec<_>, _>>()?;
        if self.index.flags & FLAG_WINDOWS != 0 {
            for name in &names {
                check_windows(name).map_err(|reason| path_error(name, reason))?;
            }
        }
        let fold = self.index.flags & FLAG_CASE_FOLDED != 0;
        match collision(&names, fold) {
            Some((first, second)) => Err(FormatError::Collision { first, second }),
            None => Ok(()),
        }
    }
}

fn in_bundle(path: &str) -> Result<(), FormatError> {
    check(path).map_err(|reason| path_error(path, reason))
}

fn path_error(name: &str, reason: &'static str) -> FormatError {
    let name = name.to_owned();
    PathError { name, reason }.into()
}

/// Two of `names` that cannot both be files of one folder tree: the same (ignoring case when `fold` is set), or one is a
/// folder of the other.
pub(crate) fn collision(names: &[&str], fold: bool) -> Option<(String, String)> {
    let key = |name: &str| {
        if fold {
            name.to_lowercase()
        } else {
            name.to_owned()
        }
    };
    let mut files = HashMap::with_capacity(names.len());
    for name in names {
        if let Some(first) = files.insert(key(name), *name) {
            return Some((first.to_owned(), (*name).to_owned()));
        }
    }
    let mut seen = HashSet::new();
    for name in names {
        let folders = name.match_indices('/').map(|(at, _)| &name[..at]);
        // From the innermost: a folder that was seen has had its own folders looked at.
        for folder in folders.rev() {
            if !seen.insert(folder) {
                break;
            }
            if let Some(first) = files.get(&key(folder)) {
                return Some(((*first).to_owned(), (*name).to_owned()));
            }
        }
    }
    None
}

fn in_order<'a>(
    names: impl Iterator<Item = Result<&'a [u8], FormatError>>,
) -> Result<(), FormatError> {
    let mut last: Option<&[u8]> = None;
    for name in names {
        let name = name?;
        if last.is_some_and(|last| last >= name) {
            return Err(FormatError::Index("its names are not in order"));
        }
        last = Some(name);
    }
    Ok(())
}

fn only_format(error: crate::CopyError) -> FormatError {
    match error {
        crate::CopyError::Format(error) => error,
        crate::CopyError::Write(_) => FormatError::Index("a sink failed"),
    }
}

/// Runs `work` for `0..count` on `threads` threads; the first failure, in the order of the numbers as far as they were
/// reached, is the result.
fn in_parallel(
    threads: usize,
    count: usize,
    work: impl Fn(usize) -> Result<(), FormatError> + Sync,
) -> Result<(), FormatError> {
    let next = AtomicUsize::new(0);
    let failure: Mutex<Option<(usize, FormatError)>> = Mutex::new(None);
    let run = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return;
            }
            if let Err(error) = work(number) {
                // Nobody else needs to start on anything.
                next.store(count, Ordering::Relaxed);
                let mut failure = failure
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                if failure.as_ref().is_none_or(|(at, _)| number < *at) {
                    *failure = Some((number, error));
                }
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, 64).min(count.max(1)) {
            // Without further threads this one does all of the work.
            if std::thread::Builder::new()
                .spawn_scoped(scope, run)
                .is_err()
            {
                break;
            }
        }
        run();
    });
    match failure
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
    {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}
