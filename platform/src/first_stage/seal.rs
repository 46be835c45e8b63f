//! What the first stage knows about the executable that it is part of.

/// The section that holds the [`Seal`].
pub const SECTION: &str = ".pack.seal";

/// The type of the program header that is to be `PT_INTERP` once the first stage has run. In the range that is left to
/// operating systems; the kernel ignores it.
pub const SEALED_INTERPRETER: u32 = 0x6070_6163;

/// Room for this many ranges: four segments, one of them in two parts around the seal.
pub const RANGES: usize = 8;

/// Bytes of the image, by addresses as of the file (before it is moved to where it is loaded).
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub start: u64,
    /// How many.
    pub length: u64,
}

/// All integers little-endian, as the machine's.
///
/// | offset | size | field      | meaning                                                              |
/// |      0 |    8 | stage      | the first stage's entry, from the seal's own address; by the linker  |
/// |      8 |    8 | entry      | the C library's entry                                                |
/// |     16 |    8 | wanted     | the program header of type [`SEALED_INTERPRETER`]                    |
/// |     24 |   16 | path       | the dynamic linker's path, with its NUL                              |
/// |     40 |   16 | headers    | ELF header and program headers                                       |
/// |     56 |  128 | image      | everything else that is mapped from the file, but for the seal       |
/// |    184 |   24 | sums       | [`checksum`]s: of the 184 bytes above, the headers, the image        |
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seal {
    /// See above.
    pub stage: u64,
    /// See above.
    pub entry: u64,
    /// See above.
    pub wanted: u64,
    /// See above.
    pub path: Range,
    /// See above.
    pub headers: Range,
    /// See above.
    pub image: [Range; RANGES],
    /// See above.
    pub sums: [u64; 3],
}

impl Seal {
    /// Bytes of a seal.
    pub const SIZE: usize = size_of::<Self>();
    /// Bytes of it that its own sum covers.
    pub const COVERED: usize = Self::SIZE - 3 * 8;

    /// As it stands in the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let range = |range: &Range| [range.start, range.length];
        let words = [self.stage, self.entry, self.wanted]
            .into_iter()
            .chain(range(&self.path))
            .chain(range(&self.headers))
            .chain(self.image.iter().flat_map(range))
            .chain(self.sums);
        words.flat_map(u64::to_le_bytes).collect()
    }
}

/// Odd, so that multiplying by it loses nothing.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// The checksum of `bytes`, on top of `sum`.
#[must_use]
pub fn checksum(sum: u64, bytes: &[u8]) -> u64 {
    // SAFETY: a slice's bytes.
    unsafe { self::sum(sum, bytes.as_ptr(), bytes.len()) }
}

/// A checksum of `length` bytes from `start`, on top of `sum`, eight bytes and four chains at a time. Each step is a
/// bijection of its chain, so that a change within eight bytes cannot go unnoticed.
///
/// It runs before the executable is relocated: no call, no table, no check that could panic.
///
/// # Safety
/// The bytes are readable.
#[inline(always)]
#[must_use]
pub(super) unsafe fn sum(sum: u64, start: *const u8, length: usize) -> u64 {
    let mut chains = [sum, FACTOR, !FACTOR, !sum];
    let mut at = start;
    let mut left = length;
    // SAFETY: within the range, as `left` counts.
    unsafe {
        while left >= 32 {
            let words: [u64; 4] = at.cast::<[u64; 4]>().read_unaligned();
            chains[0] = step(chains[0], words[0]);
            chains[1] = step(chains[1], words[1]);
            chains[2] = step(chains[2], words[2]);
            chains[3] = step(chains[3], words[3]);
            at = at.wrapping_add(32);
            left = left.wrapping_sub(32);
        }
        while left > 0 {
            chains[0] = step(chains[0], at.read() as u64);
            at = at.wrapping_add(1);
            left = left.wrapping_sub(1);
        }
    }
    let sum = step(chains[0], length as u64);
    step(step(step(sum, chains[1]), chains[2]), chains[3])
}

#[inline(always)]
fn step(chain: u64, word: u64) -> u64 {
    // The rotation brings the upper bits back down, which a product alone leaves behind.
    (chain ^ word).wrapping_mul(FACTOR).rotate_left(29)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(bytes: &[u8]) -> u64 {
        checksum(7, bytes)
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes: Vec<u8> = (0..203_u32).map(|at| ((at * at) >> 3) as u8).collect();
        let whole = sum(&bytes);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(sum(&damaged), whole, "bit {bit}");
        }
    }

    #[test]
    fn length_counts() {
        assert_ne!(sum(&[0; 32]), sum(&[0; 64]));
        assert_ne!(sum(&[]), sum(&[0]));
    }

    #[test]
    fn the_seal_has_the_layout_that_is_documented() {
        let seal = Seal {
            stage: 1,
            sums: [2, 3, 4],
            ..Seal::default()
        };
        let bytes = seal.to_bytes();
        assert_eq!(bytes.len(), Seal::SIZE);
        assert_eq!(bytes[0], 1);
        assert_eq!(bytes[Seal::COVERED], 2);
        assert_eq!(Seal::COVERED, 184);
    }
}
