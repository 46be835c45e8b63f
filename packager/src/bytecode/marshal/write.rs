//! Writing a stream.

use super::{FLAG_REF, Id, Object, Objects};

impl Objects<'_> {
    /// `root` and everything in it, with references where an object occurs again.
    pub(super) fn write(&self, root: Id, capacity: usize) -> Vec<u8> {
        let mut writer = Writer {
            objects: self,
            occurs: vec![0; self.all.len()],
            number: vec![None; self.all.len()],
            next: 0,
            out: Vec::with_capacity(capacity),
        };
        writer.count(root);
        writer.object(root);
        writer.out
    }
}

struct Writer<'o, 'a> {
    objects: &'o Objects<'a>,
    occurs: Vec<u8>,
    number: Vec<Option<u32>>,
    next: u32,
    out: Vec<u8>,
}

impl Writer<'_, '_> {
    fn count(&mut self, id: Id) {
        let occurs = &mut self.occurs[id as usize];
        *occurs = occurs.saturating_add(1);
        if *occurs == 1 {
            for part in &self.objects.get(id).parts {
                self.count(*part);
            }
        }
    }

    fn object(&mut self, id: Id) {
        let object = self.objects.get(id);
        if let Some(number) = self.number[id as usize] {
            self.out.push(b'r');
            self.out.extend(number.to_le_bytes());
            return;
        }
        let mut tag = object.tag;
        if self.occurs[id as usize] > 1 && worth_a_reference(object) {
            tag |= FLAG_REF;
            self.number[id as usize] = Some(self.next);
            self.next += 1;
        }
        self.out.push(tag);
        self.head(object);
        let before = if object.tag == b'c' {
            self.objects.layout.objects_before
        } else {
            object.parts.len()
        };
        for (place, part) in object.parts.iter().enumerate() {
            if place == before {
                self.out.extend(object.middle);
            }
            self.object(*part);
        }
    }

    fn head(&mut self, object: &Object<'_>) {
        match object.tag {
            b'z' | b'Z' => self.out.push(object.head.len() as u8),
            b'a' | b'A' | b'u' => self.out.extend((object.head.len() as u32).to_le_bytes()),
            b')' => self.out.push(object.parts.len() as u8),
            b'(' | b'[' | b'<' | b'>' => self.out.extend((object.parts.len() as u32).to_le_bytes()),
            _ => {}
        }
        self.out.extend(object.head);
    }
}

/// Singletons have none in CPython either, and small numbers and empty tuples are shared by the interpreter.
fn worth_a_reference(object: &Object<'_>) -> bool {
    match object.tag {
        b'0' | b'N' | b'F' | b'T' | b'S' | b'.' | b'i' => false,
        b'(' | b')' => !object.parts.is_empty(),
        _ => true,
    }
}
