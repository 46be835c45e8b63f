//! `cargo xtask dist`: `target/dist/pack`, one file that packs programs wherever it is copied.

use crate::kits::{self, Linker};
use crate::setup::{self, megabytes, step};
use anyhow::{Context, Result};
use payload::{ContentDigest, Method, NewEntry, Placement, Program, Writer};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// zstd's level for the kits: they are compressed once and read at every build.
const LEVEL: i32 = 19;

/// Builds `pack` and the default kit and appends every built kit to it; returns the file.
///
/// # Errors
/// When something does not compile or cannot be written.
pub(crate) fn build() -> Result<PathBuf> {
    kits::build(&kits::Options::of(kits::HOST))?;
    let pack = compile()?;
    let folder = setup::target().join("dist");
    fs::create_dir_all(&folder)
        .with_context(|| format!("could not create {}", folder.display()))?;
    let (whole, fresh) = (folder.join("pack"), folder.join(".pack.new"));
    append_kits(&pack, &fresh)?;
    fs::rename(&fresh, &whole).with_context(|| format!("could not write {}", whole.display()))?;
    println!(
        "    {} {}",
        whole.display(),
        megabytes(fs::metadata(&whole)?.len())
    );
    Ok(whole)
}

/// The release `pack`, linked like the kits so that it runs where they run.
fn compile() -> Result<PathBuf> {
    let linker = Linker::best();
    step("pack, optimised");
    setup::run(linker.cargo_build(kits::HOST)?.args([
        "--package",
        "packager",
        "--bin",
        "pack",
        "--release",
    ]))?;
    let pack = setup::target().join(kits::HOST).join("release/pack");
    kits::check_needs(&pack, matches!(linker, Linker::Zig { .. }))?;
    Ok(pack)
}

/// Writes `pack` to `out` with every file below `target/kits` behind it, in the payload's format.
fn append_kits(pack: &Path, out: &Path) -> Result<()> {
    let file =
        fs::File::create(out).with_context(|| format!("could not create {}", out.display()))?;
    let prefix = fs::read(pack).with_context(|| format!("could not read {}", pack.display()))?;
    let mut writer = Writer::new(std::io::BufWriter::new(file), &prefix)?;
    let kits = setup::target().join("kits");
    for path in files_of(&kits)? {
        let content =
            fs::read(&path).with_context(|| format!("could not read {}", path.display()))?;
        let name = path
            .strip_prefix(&kits)?
            .to_str()
            .context("a kit's files have plain names")?;
        let entry = NewEntry {
            path: &format!("kits/{name}"),
            mode: fs::metadata(&path)?.permissions().mode() & 0o777,
            method: Method::Zstd,
            placement: Placement::Memory,
            digest: ContentDigest::of(&content),
        };
        writer.add(&entry, &zstd::bulk::compress(&content, LEVEL)?)?;
    }
    let program = Program {
        name: "pack".to_owned(),
        ..Program::default()
    };
    let (file, _) = writer.finish(&program)?;
    file.into_inner()
        .map_err(std::io::IntoInnerError::into_error)?
        .sync_all()?;
    fs::set_permissions(out, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// The files of all kits that are complete, sorted by path.
fn files_of(kits: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in kits::list(kits)? {
        let target = path.file_name().unwrap_or_default().to_string_lossy();
        if kits::is_complete(&path, &target) {
            files.extend(files_below(&path)?);
        } else {
            println!("    {} is left out: files are missing", path.display());
            println!("    `cargo xtask kits --target {target}` builds them");
        }
    }
    // What a build that was interrupted has not put into its place.
    let is_done = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| !name.to_string_lossy().starts_with('.'))
    };
    files.retain(is_done);
    files.sort();
    Ok(files)
}

/// Every file below `folder`.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for item in
            fs::read_dir(&folder).with_context(|| format!("could not list {}", folder.display()))?
        {
            let path = item?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    Ok(files)
}
