//! Distributions, whole: what RECORD lists, at the same place relative to the packed prefix.

use super::CollectError;
use super::bundle::{Bundle, Owner};
use super::development::Leaving;
use crate::collection::{CollectedDistribution, CollectedFile, FileRole, FileSource};
use crate::development::Development;
use crate::elf::ElfFile;
use crate::graph::{ModuleGraph, ReachedDistribution};
use crate::inputs;
use crate::installed::{Distribution, DistributionFiles, EGG_INFO};
use payload::ArchivePath;
use platform::path::normal;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Begins the reason of every file of a distribution.
pub(super) const WHY: &str = "distribution ";

/// A file of a distribution that was looked at.
pub(super) struct Item {
    pub(super) path: PathBuf,
    /// Where it goes.
    pub(super) dest: String,
    /// Below site-packages, where modules are.
    pub(super) inside: bool,
    executable: bool,
    pub(super) size: u64,
}

pub(super) fn collect(
    bundle: &mut Bundle<'_>,
    graph: &ModuleGraph,
    keep: &BTreeSet<Development>,
) -> Result<Vec<CollectedDistribution>, CollectError> {
    let found: Vec<Vec<Item>> = graph
        .distributions
        .par_iter()
        .map(|taken| {
            let caches = keep.contains(&Development::BytecodeCaches);
            items(&taken.distribution, caches)
        })
        .collect::<Result<_, _>>()?;
    let leaving = Leaving::new(graph, keep);
    let mut distributions = Vec::new();
    for (taken, mut items) in graph.distributions.iter().zip(found) {
        bundle.leave_behind(leaving.take(taken, &mut items));
        distributions.push(place(bundle, taken, items));
    }
    for taken in &graph.metadata {
        let items = items(&taken.distribution, false)?;
        distributions.push(place(bundle, taken, items));
    }
    Ok(distributions)
}

fn place(
    bundle: &mut Bundle<'_>,
    taken: &ReachedDistribution,
    items: Vec<Item>,
) -> CollectedDistribution {
    let distribution = &taken.distribution;
    let why = format!("{WHY}{}", distribution.label());
    let mut size = 0;
    for Item {
        path,
        dest,
        inside,
        executable,
        size: length,
    } in items
    {
        if inside && bundle.is_left_out(&dest) {
            continue;
        }
        let dest = match ArchivePath::new(dest) {
            Ok(dest) => dest,
            Err(error) => {
                bundle.warn(format!("a file of {why} is left out: {error}"));
                continue;
            }
        };
        if bundle.leaves_out(&dest) {
            continue;
        }
        size += length;
        let source = FileSource::Path(path.clone());
        bundle.add(CollectedFile {
            dest: dest.clone(),
            source,
            role: FileRole::Data,
            executable,
            why: why.clone(),
        });
        if inside {
            bundle.add_module_file(Owner::ThirdParty, dest.as_str(), &path, &dest);
        }
    }
    CollectedDistribution {
        name: distribution.name.clone(),
        version: distribution.version.clone(),
        why: taken.reason.to_string(),
        size,
    }
}

/// The files of a distribution, with its `caches` of bytecode or without. RECORD lists these though they come and go: they
/// are no input of a build that has no use for them.
fn items(distribution: &Distribution, caches: bool) -> Result<Vec<Item>, CollectError> {
    let is_wanted = |file: &str| caches || !is_cache(file);
    match &distribution.files {
        DistributionFiles::Recorded(files) => {
            let files = files.par_iter().filter(|file| is_wanted(file));
            let found = files.map(|file| recorded(distribution, file));
            found.filter_map(Result::transpose).collect()
        }
        DistributionFiles::Roots(roots) => {
            let roots = roots.iter().chain(&distribution.metadata);
            let found = roots
                .flat_map(|root| inputs::walk(root, true, |_| true))
                .flatten();
            let files = found
                .filter(|found| found.kind.is_file())
                .map(|found| found.path);
            Ok(files
                .filter(|path| is_wanted(&path.to_string_lossy()))
                .filter_map(|path| below_root(distribution, path))
                .collect())
        }
    }
}

/// A file that RECORD lists.
fn recorded(distribution: &Distribution, file: &str) -> Result<Option<Item>, CollectError> {
    if is_left_behind(file) {
        return Ok(None);
    }
    let path = distribution.site.join(file);
    let Some((dest, inside)) = destination(&distribution.site, file) else {
        return Ok(None);
    };
    if is_script(&dest, inside, &path) {
        return Ok(None);
    }
    match inputs::metadata(&path) {
        Ok(metadata) => Ok(metadata
            .is_file()
            .then(|| item(path, dest, inside, &metadata))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // Debian moves scripts and data elsewhere, or drops them, and leaves RECORD as it was.
            let is_module = inside && dest.ends_with(".py");
            let is_debian = distribution.site.ends_with("dist-packages");
            if is_cache(&dest) || (is_debian && !is_module) {
                return Ok(None);
            }
            Err(CollectError::MissingRecordFile {
                distribution: distribution.label(),
                file: path,
            })
        }
        Err(source) => Err(CollectError::Read { path, source }),
    }
}

fn below_root(distribution: &Distribution, path: PathBuf) -> Option<Item> {
    let dest = path
        .strip_prefix(&distribution.site)
        .ok()?
        .to_str()?
        .to_owned();
    // A bundle is one folder of many distributions: an egg's metadata gets the name that it has in such.
    let of_egg = dest.strip_prefix(EGG_INFO).and_then(|rest| {
        let egg = crate::archives::egg(&distribution.site)?;
        Some(format!("{egg}.egg-info{rest}"))
    });
    let dest = of_egg.unwrap_or(dest);
    let metadata = inputs::metadata(&path).ok()?;
    (!is_left_behind(&dest)).then(|| item(path, dest, true, &metadata))
}

fn item(path: PathBuf, dest: String, inside: bool, metadata: &std::fs::Metadata) -> Item {
    Item {
        path,
        dest,
        inside,
        executable: metadata.permissions().mode() & 0o111 != 0,
        size: metadata.len(),
    }
}

/// Whether `file` lies in a cache of bytecode.
fn is_cache(file: &str) -> bool {
    file.contains("__pycache__/")
}

/// What a packed program has no use for: what `site` reads at start, how editable installs are made, where the distribution
/// was installed from.
fn is_left_behind(file: &str) -> bool {
    let top = !file.contains('/');
    (top && (file.ends_with(".pth") || file.starts_with("__editable__")))
        || file.ends_with(".dist-info/direct_url.json")
}

/// The place of `file` (relative to `site`) in the bundle, and whether it is below site-packages.
///
/// `../../../share/x` goes to `share/x`: the prefix of an installation is three folders above its site-packages, and
/// that of a bundle is its root.
pub(super) fn destination(site: &Path, file: &str) -> Option<(String, bool)> {
    if !file.starts_with("../") && !file.starts_with('/') {
        return Some((file.to_owned(), true));
    }
    let path = normal(&site.join(file));
    if let Ok(inside) = path.strip_prefix(site) {
        return Some((inside.to_str()?.to_owned(), true));
    }
    let prefix = site.ancestors().nth(3)?;
    let below = path.strip_prefix(prefix).ok()?.to_str()?;
    // `lib64/python3.11/site-packages/x`: a second site folder of the same prefix.
    match below.split_once("/site-packages/") {
        Some((_, inside)) => Some((inside.to_owned(), true)),
        None => Some((below.to_owned(), false)),
    }
}

/// Whether it is a text in `bin/`: it names the interpreter of this machine. Real programs are kept.
fn is_script(dest: &str, inside: bool, path: &Path) -> bool {
    !inside
        && (dest.starts_with("bin/") || dest.contains("/bin/"))
        && !ElfFile::read(path).is_ok_and(|elf| elf.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let site = Path::new("/venv/lib/python3.11/site-packages");
        let check = |file: &str, expected: Option<(&str, bool)>| {
            let found = destination(site, file);
            assert_eq!(
                found
                    .as_ref()
                    .map(|(dest, inside)| (dest.as_str(), *inside)),
                expected,
                "{file}"
            );
        };
        check("flask/app.py", Some(("flask/app.py", true)));
        check("../../../share/man/x.1", Some(("share/man/x.1", false)));
        check("../../../bin/flask", Some(("bin/flask", false)));
        check("../../../include/x.h", Some(("include/x.h", false)));
        check(
            "../../../lib64/python3.11/site-packages/a/b.so",
            Some(("a/b.so", true)),
        );
        check("/venv/etc/x", Some(("etc/x", false)));
        check("../../../../outside", None);
        check("/etc/passwd", None);
    }

    #[test]
    fn left_behind() {
        for file in [
            "x-nspkg.pth",
            "__editable___x_finder.py",
            "x-1.dist-info/direct_url.json",
        ] {
            assert!(is_left_behind(file), "{file}");
        }
        for file in [
            "a/b.pyc",
            "a/x.pth",
            "x-1.dist-info/RECORD",
            "a/__init__.py",
        ] {
            assert!(!is_left_behind(file), "{file}");
        }
    }
}
