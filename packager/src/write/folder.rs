//! An executable with its files in a folder beside it: `dist/NAME/NAME` and `dist/NAME/CONTENTS/…`.

use super::archive::{Keep, Making};
use super::{Parts, WriteError, Written, disk, single_file};
use crate::plan::BuildPlan;
use payload::Payload;
use std::fs::{DirEntry, File};
use std::path::Path;

/// Whether the output can go where it is to go; creates the folder for it.
pub(super) fn prepare(plan: &BuildPlan) -> Result<(), WriteError> {
    check_replaceable(plan, &plan.output())?;
    disk::create_folder(&plan.dist_dir)
}

pub(super) fn write(parts: Parts<'_>, making: &Making<'_>) -> Result<Written, WriteError> {
    let plan = parts.plan;
    let target = plan.output();
    check_names(&parts)?;
    let failed = |source| WriteError::CreateFolder {
        path: target.clone(),
        source,
    };
    // Removed when dropped, also by an interrupted build.
    let partial = tempfile::Builder::new()
        .prefix(&format!(".{}.partial-", plan.name))
        .tempdir_in(&plan.dist_dir)
        .map_err(failed)?;
    let executable = partial.path().join(plan.file_name());
    let contents = partial.path().join(&plan.contents_directory);
    let in_place = target.join(plan.file_name());

    let made = |source| WriteError::Write {
        path: in_place.clone(),
        source,
    };
    std::fs::create_dir_all(&contents).map_err(made)?;
    let mut file = File::create_new(&executable).map_err(made)?;
    let making = Making {
        folder: Some(&contents),
        ..*making
    };
    let mut written = single_file::write_executable(parts, &making, &mut file, &in_place)
        .map_err(|error| in_terms_of(&target, partial.path(), error))?;
    drop(file);
    single_file::sign(plan, &executable, &in_place, &mut written)?;
    disk::make_executable(&executable).map_err(made)?;
    // A temporary folder is its owner's alone; what users start is everyone's who may see its parent.
    disk::make_executable(partial.path()).map_err(made)?;
    disk::swap(partial.path(), &target)?;
    // It is in its place and no longer to be removed.
    let _ = partial.keep();
    Ok(Written {
        executable: in_place,
        folder: Some(target),
        ..written
    })
}

/// The failure, naming the place a file was to have instead of the temporary one.
fn in_terms_of(target: &Path, partial: &Path, error: WriteError) -> WriteError {
    match error {
        WriteError::Write { path, source } => {
            let path = path
                .strip_prefix(partial)
                .map(|rest| target.join(rest))
                .unwrap_or(path);
            WriteError::Write { path, source }
        }
        other => other,
    }
}

/// The executable needs its name for itself: the contents directory cannot have it, nor, where the files lie right beside
/// the executable, one of them or a folder.
fn check_names(parts: &Parts<'_>) -> Result<(), WriteError> {
    let plan = parts.plan;
    let name = plan.file_name();
    let mut external = parts
        .items
        .iter()
        .filter(|item| item.keep == Keep::External);
    let taken = match plan.contents_directory.as_str() {
        "." => external.any(|item| item.path.split('/').next() == Some(&name)),
        contents => Path::new(contents).starts_with(&name),
    };
    if taken {
        return Err(WriteError::NameTaken { name });
    }
    Ok(())
}

/// A folder that an earlier build made, or an empty one, may be replaced; anything else only with `--noconfirm`.
fn check_replaceable(plan: &BuildPlan, target: &Path) -> Result<(), WriteError> {
    let Ok(metadata) = std::fs::symlink_metadata(target) else {
        return Ok(());
    };
    let in_the_way = |reason, replaceable| {
        Err(WriteError::InTheWay {
            path: target.to_owned(),
            reason,
            replaceable,
        })
    };
    if !metadata.is_dir() {
        return in_the_way("it is a file, and the output is a folder", false);
    }
    if plan.noconfirm || is_ours(plan, target) {
        return Ok(());
    }
    in_the_way(
        "the folder holds something that `pack build` did not make",
        true,
    )
}

/// Holds nothing but a packed program and its contents directory, or nothing at all.
fn is_ours(plan: &BuildPlan, folder: &Path) -> bool {
    let Ok(items) = std::fs::read_dir(folder) else {
        return false;
    };
    let Ok(items) = items.collect::<Result<Vec<DirEntry>, _>>() else {
        return false;
    };
    let is = |item: &DirEntry, name: &str| item.file_name().to_str() == Some(name);
    let name = plan.file_name();
    let executable = items.iter().find(|item| is(item, &name));
    let contents = executable.and_then(|item| packed_contents_directory(&item.path()));
    items.is_empty()
        || contents.is_some_and(|contents| {
            contents == "."
                || items
                    .iter()
                    .all(|item| is(item, &name) || is(item, &contents))
        })
}

/// The contents directory that the packed program `executable` names.
fn packed_contents_directory(executable: &Path) -> Option<String> {
    let bytes = platform::MappedFile::open(executable).ok()?;
    Payload::locate(&bytes)
        .ok()?
        .program()
        .ok()?
        .contents_directory
}
