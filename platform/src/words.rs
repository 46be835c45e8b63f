//! Memory of plain counters.

use std::ops::Deref;
use std::sync::atomic::AtomicU64;

/// Words of memory, all zero at first, that threads read and write. Pages take memory when they are first written.
#[derive(Debug)]
pub struct Words(Place);

#[derive(Debug)]
enum Place {
    Own(Box<[AtomicU64]>),
    Shared(&'static [AtomicU64]),
}

impl Words {
    /// Words of this process.
    #[must_use]
    pub fn private(count: usize) -> Self {
        const { assert!(align_of::<AtomicU64>() == align_of::<u64>()) };
        // Large zeroed memory comes from the system as such; writing the zeroes would touch every page.
        let zeroed = Box::into_raw(vec![0_u64; count].into_boxed_slice());
        // SAFETY: an `AtomicU64` has the size and bit patterns of a `u64`, and the same alignment (above), so this is the
        // same allocation; nobody else has the pointer.
        Self(Place::Own(unsafe {
            Box::from_raw(zeroed as *mut [AtomicU64])
        }))
    }

    /// Words that other processes see too ([`crate::shared_memory::words`]).
    #[must_use]
    pub fn shared(words: &'static [AtomicU64]) -> Self {
        Self(Place::Shared(words))
    }
}

impl Deref for Words {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        match &self.0 {
            Place::Own(words) => words,
            Place::Shared(words) => words,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    #[test]
    fn words_begin_as_zero() {
        let words = Words::private(1000);
        assert_eq!(words.len(), 1000);
        words[7].fetch_add(3, Ordering::Relaxed);
        let sum: u64 = words.iter().map(|word| word.load(Ordering::Relaxed)).sum();
        assert_eq!(sum, 3);
    }
}
