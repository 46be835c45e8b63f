//! Seals a bootloader: its first stage becomes the entry point and is told what to check (`platform::first_stage`).

use anyhow::{Context, Result, ensure};
use goblin::elf::program_header::{PT_INTERP, PT_LOAD, ProgramHeader};
use goblin::elf::{Elf, header};
use platform::first_stage::{RANGES, Range, SEALED_INTERPRETER, SECTION, Seal, checksum};

/// Bytes of a program header, and where its type stands in it.
const PROGRAM_HEADER: u64 = 56;
/// Where the ELF header has the entry point.
const ENTRY: usize = 24;

/// The executable, sealed; one for a processor that has no first stage is returned as it is.
///
/// # Errors
/// When it is not an executable that is loaded where the system likes, or was linked without the first stage.
pub(super) fn sealed(mut file: Vec<u8>) -> Result<Vec<u8>> {
    let elf = Elf::parse(&file).context("it is not ELF")?;
    if elf.header.e_machine != header::EM_X86_64 {
        return Ok(file);
    }
    ensure!(
        elf.header.e_type == header::ET_DYN,
        "it is not position-independent"
    );
    let section = elf
        .section_headers
        .iter()
        .find(|section| elf.shdr_strtab.get_at(section.sh_name) == Some(SECTION))
        .with_context(|| format!("it has no section {SECTION}"))?;
    ensure!(
        section.sh_size == Seal::SIZE as u64,
        "{SECTION} has {} bytes, not {}",
        section.sh_size,
        Seal::SIZE
    );
    let at = usize::try_from(section.sh_offset)?;
    let address = section.sh_addr;
    let (wanted, interpreter) = program_header(&elf, PT_INTERP).context("no PT_INTERP")?;
    let headers = Range {
        start: 0,
        length: elf.header.e_phoff + PROGRAM_HEADER * u64::from(elf.header.e_phnum),
    };
    let mut seal = Seal {
        stage: u64::from_le_bytes(file.get(at..at + 8).context("truncated")?.try_into()?),
        entry: elf.entry,
        wanted,
        path: Range {
            start: interpreter.p_vaddr,
            length: interpreter.p_filesz,
        },
        headers,
        image: image(&elf, headers.length, address)?,
        sums: [0; 3],
    };
    let segments: Vec<_> = elf
        .program_headers
        .iter()
        .filter(|it| it.p_type == PT_LOAD)
        .cloned()
        .collect();
    let patches = [
        (
            ENTRY,
            address.wrapping_add(seal.stage).to_le_bytes().to_vec(),
        ),
        (
            usize::try_from(wanted)?,
            SEALED_INTERPRETER.to_le_bytes().to_vec(),
        ),
    ];
    for (at, bytes) in patches {
        overwrite(&mut file, at, &bytes)?;
    }
    let image_sum = sum_of(&file, &segments, &seal.image)?;
    seal.sums = [
        checksum(0, &seal.to_bytes()[..Seal::COVERED]),
        sum_of(&file, &segments, &[headers])?,
        image_sum,
    ];
    overwrite(&mut file, at, &seal.to_bytes())?;
    Ok(file)
}

/// The program header of a type and its address.
fn program_header<'elf>(elf: &'elf Elf<'_>, kind: u32) -> Option<(u64, &'elf ProgramHeader)> {
    let index = elf
        .program_headers
        .iter()
        .position(|it| it.p_type == kind)?;
    let address = elf.header.e_phoff + PROGRAM_HEADER * index as u64;
    Some((address, &elf.program_headers[index]))
}

/// What is loaded from the file, without the headers and the seal.
fn image(elf: &Elf<'_>, headers: u64, seal: u64) -> Result<[Range; RANGES]> {
    let behind_seal = seal + Seal::SIZE as u64;
    let mut ranges = Vec::new();
    for segment in elf.program_headers.iter().filter(|it| it.p_type == PT_LOAD) {
        let (start, end) = (segment.p_vaddr, segment.p_vaddr + segment.p_filesz);
        let start = if segment.p_offset == 0 {
            headers
        } else {
            start
        };
        if (start..end).contains(&seal) {
            ranges.extend([start..seal, behind_seal..end]);
        } else {
            ranges.push(start..end);
        }
    }
    ensure!(ranges.len() <= RANGES, "it has too many segments");
    let mut image = [Range::default(); RANGES];
    for (slot, range) in image.iter_mut().zip(ranges) {
        *slot = Range {
            start: range.start,
            length: range.end - range.start,
        };
    }
    Ok(image)
}

/// The sum that the first stage will find.
fn sum_of(file: &[u8], segments: &[ProgramHeader], ranges: &[Range]) -> Result<u64> {
    ranges.iter().try_fold(0, |sum_so_far, range| {
        let bytes = if range.length == 0 {
            &[]
        } else {
            let segment = segments
                .iter()
                .find(|it| it.vm_range().contains(&(range.start as usize)))
                .context("a range lies in no segment")?;
            let start = usize::try_from(range.start - segment.p_vaddr + segment.p_offset)?;
            file.get(start..start + usize::try_from(range.length)?)
                .context("truncated")?
        };
        Ok(checksum(sum_so_far, bytes))
    })
}

fn overwrite(file: &mut [u8], at: usize, bytes: &[u8]) -> Result<()> {
    file.get_mut(at..at + bytes.len())
        .context("truncated")?
        .copy_from_slice(bytes);
    Ok(())
}
