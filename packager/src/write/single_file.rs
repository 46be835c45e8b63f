//! One executable with everything inside.

use super::archive::Making;
use super::{Parts, WriteError, Written, disk};
use crate::layout::{ignores_case, is_windows};
use crate::plan::BuildPlan;
use payload::Writer;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Entries are small and many.
const BUFFER: usize = 256 << 10;

/// Whether the output can go where it is to go; creates the folder for it.
pub(super) fn prepare(plan: &BuildPlan) -> Result<(), WriteError> {
    let target = plan.output();
    if target.is_dir() {
        let reason = "it is a folder, and the output is a file";
        return Err(WriteError::InTheWay {
            path: target,
            reason,
            replaceable: false,
        });
    }
    disk::create_folder(&plan.dist_dir)
}

pub(super) fn write(parts: Parts<'_>, making: &Making<'_>) -> Result<Written, WriteError> {
    let plan = parts.plan;
    let target = plan.output();
    let failed = |source| WriteError::Write {
        path: target.clone(),
        source,
    };
    // Removed when dropped, also by an interrupted build.
    let mut file = tempfile::Builder::new()
        .prefix(&format!(".{}.", plan.name))
        .suffix(".partial")
        .tempfile_in(&plan.dist_dir)
        .map_err(failed)?;
    let mut written = write_executable(parts, making, file.as_file_mut(), &target)?;
    sign(plan, file.path(), &target, &mut written)?;
    disk::make_executable(file.path()).map_err(failed)?;
    let replaced = |error: tempfile::PersistError| WriteError::Replace {
        path: target.clone(),
        source: error.error,
    };
    file.persist(&target).map_err(replaced)?;
    written.executable = target;
    Ok(written)
}

/// Signs the finished executable at `file`, if it is to be: the signature covers the payload.
pub(super) fn sign(
    plan: &BuildPlan,
    file: &Path,
    name: &Path,
    written: &mut Written,
) -> Result<(), WriteError> {
    let Some(signing) = &plan.signing else {
        return Ok(());
    };
    let size = || {
        std::fs::metadata(file)
            .map(|metadata| metadata.len())
            .unwrap_or_default()
    };
    let before = size();
    let title = plan.brand.title.as_ref().unwrap_or(&plan.name);
    crate::sign::sign(file, name, title, signing)?;
    written.size += size().saturating_sub(before);
    Ok(())
}

/// Writes the executable of either kind of bundle to `file`, which messages call `name`.
pub(super) fn write_executable(
    parts: Parts<'_>,
    making: &Making<'_>,
    file: &mut File,
    name: &Path,
) -> Result<Written, WriteError> {
    let failed = |source| WriteError::Write {
        path: name.to_owned(),
        source,
    };
    let buffer = BufWriter::with_capacity(BUFFER, file);
    let mut writer = Writer::new(buffer, &parts.kit.bootloader).map_err(failed)?;
    if !ignores_case(&parts.plan.target) {
        writer.allow_case_collisions();
    }
    if !is_windows(&parts.plan.target) {
        writer.allow_windows_names();
    }
    let totals = making.add_all(&mut writer, name, parts.items)?;
    for module in parts.modules {
        writer.add_module(module);
    }
    let (mut buffer, summary) = writer
        .finish(parts.program)
        .map_err(|error| WriteError::archive(name, error))?;
    buffer.flush().map_err(failed)?;
    Ok(Written {
        executable: name.to_owned(),
        folder: None,
        size: summary.prefix_length + summary.payload_length + totals.external,
        uncompressed: totals.uncompressed,
        summary,
    })
}
