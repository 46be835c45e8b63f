//! Finds equal objects among tens of thousands: a table of their numbers, because the objects lie elsewhere already.

use super::{Id, Object};
use std::hash::{Hash as _, Hasher};

/// Slots of the first table; always a power of two.
const FIRST: usize = 256;

/// Numbers of objects, by what the objects are.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Open addressing, at most half full: the upper half of an object's hash, and its number.
    slots: Vec<Option<(u32, Id)>>,
    count: usize,
}

impl Index {
    /// The number of an object of `all` that equals `object`. When there is none, `object` is to become number `next`.
    pub(super) fn find_or_add(
        &mut self,
        object: &Object<'_>,
        next: Id,
        all: &[Object<'_>],
    ) -> Option<Id> {
        if self.count * 2 >= self.slots.len() {
            self.grow(all);
        }
        let hash = hash_of(object);
        let known = |id: Id| all.get(id as usize).is_some_and(|known| known == object);
        for at in probes(hash, self.slots.len()) {
            match self.slots[at] {
                None => {
                    self.slots[at] = Some((upper(hash), next));
                    self.count += 1;
                    return None;
                }
                Some((same, id)) if same == upper(hash) && known(id) => return Some(id),
                Some(_) => {}
            }
        }
        None
    }

    fn grow(&mut self, all: &[Object<'_>]) {
        let mut slots = vec![None; (self.slots.len() * 2).max(FIRST)];
        for (kept, id) in self.slots.iter().copied().flatten() {
            let Some(object) = all.get(id as usize) else {
                continue;
            };
            let free = probes(hash_of(object), slots.len()).find(|at| slots[*at].is_none());
            if let Some(free) = free {
                slots[free] = Some((kept, id));
            }
        }
        self.slots = slots;
    }
}

fn probes(hash: u64, slots: usize) -> impl Iterator<Item = usize> {
    let mask = slots.wrapping_sub(1);
    (0..slots).map(move |step| (hash as usize).wrapping_add(step) & mask)
}

fn upper(hash: u64) -> u32 {
    (hash >> 32) as u32
}

fn hash_of(object: &Object<'_>) -> u64 {
    let mut mixer = Mixer(0);
    object.hash(&mut mixer);
    mixer.finish()
}

/// Multiplies and folds, eight bytes at a time. The standard library's hasher withstands keys that are chosen to
/// collide, and costs more here than all the rest of the reading; nobody gains by slowing down a build of their own.
struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, word: u64) {
        const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
        let product = u128::from(self.0 ^ word ^ ODD) * u128::from(ODD.rotate_left(31) | 1);
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.mix(u64::from_le_bytes(last));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.mix(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.mix(number.into());
    }

    fn write_usize(&mut self, number: usize) {
        self.mix(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_objects_have_one_number_however_many_there_are() {
        let texts: Vec<String> = (0..5000).map(|number| format!("name{number}")).collect();
        let object = |text: &'static str| Object {
            tag: b'z',
            head: text.as_bytes(),
            middle: &[],
            parts: Box::default(),
        };
        let texts: Vec<&'static str> = texts.into_iter().map(|text| &*text.leak()).collect();
        let (mut index, mut all) = (Index::default(), Vec::new());
        for (number, text) in texts.iter().enumerate() {
            let next = number as Id;
            assert_eq!(index.find_or_add(&object(text), next, &all), None);
            all.push(object(text));
            assert_eq!(index.find_or_add(&object(text), next + 1, &all), Some(next));
        }
        for (number, text) in texts.iter().enumerate() {
            let found = index.find_or_add(&object(text), 9999, &all);
            assert_eq!(found, Some(number as Id));
        }
        let other = Object {
            tag: b'Z',
            ..object(texts[0])
        };
        assert_eq!(index.find_or_add(&other, 9999, &all), None);
    }
}
