//! Files brought to what the payload says.

use crate::error::Restore;
use crate::progress::Progress;
use crate::record::Record;
use payload::{Check, Entry, FormatError, Method, Payload, Placement};
use platform::{Directory, FileStamp};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Work below this many bytes is done before another thread has started.
const WORTH_A_THREAD: u64 = 16 << 20;
/// More threads than these wait for the disk.
const MAX_THREADS: u64 = 8;

/// How many threads hash or write `bytes` best.
pub(crate) fn threads_for(bytes: u64) -> usize {
    let wanted = (bytes / WORTH_A_THREAD).clamp(1, MAX_THREADS);
    if wanted == 1 {
        // How many processors there are stands in files (of cgroups), and most of what is asked for is small.
        return 1;
    }
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    processors.min(usize::try_from(wanted).unwrap_or(1))
}

/// The entries that must be files when the program starts.
pub(crate) fn files<'a>(
    payload: &Payload<'a>,
) -> impl Iterator<Item = Result<Entry<'a>, FormatError>> + use<'a> {
    payload.entries().filter(|entry| match entry {
        Ok(entry) => entry.placement == Placement::File && entry.method != Method::External,
        Err(_) => true,
    })
}

/// Brings every file of `payload` that must be there at the start to what the payload says, in parallel, and returns
/// their stamps in the order of the entries.
pub(crate) fn all(
    directory: &Directory,
    payload: &Payload<'_>,
    record: &Record,
    progress: &Progress,
) -> Result<Vec<(u32, FileStamp)>, Restore> {
    let entries = files(payload).collect::<Result<Vec<_>, _>>()?;
    progress.expect(entries.iter().map(|entry| entry.size).sum());
    make_folders(directory, &entries)?;
    let mut stamps = in_parallel(&entries, |entry| file(directory, entry, record, progress))?;
    stamps.sort_by_key(|(index, _)| *index);
    Ok(stamps)
}

/// Does `work` for each of `entries`, on several threads where that is worth it.
pub(crate) fn in_parallel<E: Send>(
    entries: &[Entry<'_>],
    work: impl Fn(&Entry<'_>) -> Result<FileStamp, E> + Sync,
) -> Result<Vec<(u32, FileStamp)>, E> {
    // The large ones first, so that no thread starts one when all others are done.
    let mut order: Vec<&Entry<'_>> = entries.iter().collect();
    order.sort_by_key(|entry| std::cmp::Reverse(entry.size));
    let bytes = entries.iter().map(|entry| entry.size).sum();
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        while let Some(entry) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((entry.index, work(entry)?));
        }
        Ok::<_, E>(done)
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads_for(bytes).min(entries.len()))
            .map(|_| scope.spawn(take))
            .collect();
        let mut stamps = take()?;
        for other in others {
            let done = other.join();
            stamps.extend(done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(stamps)
    })
}

fn make_folders(directory: &Directory, entries: &[Entry<'_>]) -> Result<(), Restore> {
    let folders = entries
        .iter()
        .filter_map(|entry| entry.path.rsplit_once('/'));
    let folders: BTreeSet<&str> = folders.map(|(folder, _)| folder).collect();
    // The innermost alone: what leads to them is made on the way.
    let mut folders = folders.into_iter().peekable();
    while let Some(folder) = folders.next() {
        let leads_to = |next: &&str| {
            next.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        if folders.peek().is_none_or(|next| !leads_to(next)) {
            directory.make_parents(&format!("{folder}/"))?;
        }
    }
    Ok(())
}

/// Brings one file to what the payload says, in its place: for a directory that nobody relies on yet.
fn file(
    directory: &Directory,
    entry: &Entry<'_>,
    record: &Record,
    progress: &Progress,
) -> Result<FileStamp, Restore> {
    if let Ok(stamp) = directory.stamp(entry.path) {
        if record.file(entry.index) == Some(&stamp) || is_intact(directory, entry, &stamp) {
            progress.advance(entry.size);
            return Ok(stamp);
        }
        directory.remove(entry.path)?;
    }
    let file = directory.create_file(entry.path, entry.mode | 0o600)?;
    copy(
        entry,
        Counted {
            file: &file,
            progress,
        },
    )?;
    Ok(directory.finished(file, entry.path)?)
}

/// Writes the content of `entry` to `file`.
pub(crate) fn fill(mut file: &File, entry: &Entry<'_>) -> Result<(), Restore> {
    copy(entry, &mut file)
}

/// The payload was verified whole before: the content is what was packed when it decompresses to its size.
fn copy(entry: &Entry<'_>, mut out: impl Write) -> Result<(), Restore> {
    entry.copy_to(&mut out, Check::Size)?;
    Ok(())
}

/// A file that tells what was written to it.
struct Counted<'a> {
    file: &'a File,
    progress: &'a Progress,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.progress.advance(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Whether the file on disk, of this stamp, has the content that was packed.
pub(crate) fn is_intact(directory: &Directory, entry: &Entry<'_>, stamp: &FileStamp) -> bool {
    stamp.is_file()
        && stamp.size == entry.size
        // The rest is the umask's of whoever unpacked it.
        && stamp.serves_owner_as(entry.mode | 0o600)
        && directory
            .open_file(entry.path)
            .is_ok_and(|mut file| entry.matches(&mut file).unwrap_or(false))
}
