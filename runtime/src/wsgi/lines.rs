//! Reading bytes and lines from pieces that arrive one after the other: what a file object does, without Python.

use bytes::{Buf, Bytes, BytesMut};

/// A buffer over a source of pieces.
#[derive(Debug, Default)]
pub(crate) struct Lines<E> {
    piece: Bytes,
    ended: Option<Result<(), E>>,
}

impl<E: Clone> Lines<E> {
    /// At the beginning of a source.
    pub(crate) fn new() -> Self {
        Self {
            piece: Bytes::new(),
            ended: None,
        }
    }

    /// Up to `limit` bytes; fewer only at the end. `None` reads all.
    ///
    /// # Errors
    /// The source's, from then on always.
    pub(crate) fn read(
        &mut self,
        limit: Option<usize>,
        source: &mut impl FnMut() -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        let limit = limit.unwrap_or(usize::MAX);
        if limit == 0 {
            return Ok(Bytes::new());
        }
        self.take_until(source, |gathered, piece| {
            let wanted = limit - gathered;
            if piece.len() >= wanted {
                Some(wanted)
            } else {
                None
            }
        })
    }

    /// A line with its `\n`, or what is there at the end, or `limit` bytes of a longer one.
    ///
    /// # Errors
    /// As [`Lines::read`].
    pub(crate) fn line(
        &mut self,
        limit: Option<usize>,
        source: &mut impl FnMut() -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        let limit = limit.unwrap_or(usize::MAX);
        if limit == 0 {
            return Ok(Bytes::new());
        }
        self.take_until(source, |gathered, piece| {
            let wanted = limit - gathered;
            let window = &piece[..piece.len().min(wanted)];
            let line = window
                .iter()
                .position(|&byte| byte == b'\n')
                .map(|position| position + 1);
            line.or((piece.len() >= wanted).then_some(wanted))
        })
    }

    // Gathers pieces until `found` says how much of the present one completes the result. One piece is not copied.
    fn take_until(
        &mut self,
        source: &mut impl FnMut() -> Result<Bytes, E>,
        found: impl Fn(usize, &[u8]) -> Option<usize>,
    ) -> Result<Bytes, E> {
        let mut gathered = BytesMut::new();
        loop {
            if let Some(end) = found(gathered.len(), &self.piece) {
                if gathered.is_empty() {
                    return Ok(self.piece.split_to(end));
                }
                gathered.extend_from_slice(&self.piece[..end]);
                self.piece.advance(end);
                return Ok(gathered.freeze());
            }
            let piece = std::mem::take(&mut self.piece);
            if !self.fill(source)? {
                if gathered.is_empty() {
                    return Ok(piece);
                }
                gathered.extend_from_slice(&piece);
                return Ok(gathered.freeze());
            }
            gathered.extend_from_slice(&piece);
        }
    }

    fn fill(&mut self, source: &mut impl FnMut() -> Result<Bytes, E>) -> Result<bool, E> {
        if self.ended.is_none() {
            match source() {
                Ok(piece) if piece.is_empty() => self.ended = Some(Ok(())),
                Ok(piece) => self.piece = piece,
                Err(error) => self.ended = Some(Err(error)),
            }
        }
        match &self.ended {
            None => Ok(true),
            Some(Ok(())) => Ok(false),
            Some(Err(error)) => Err(error.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn pieces(pieces: &'static [&'static str]) -> impl FnMut() -> Result<Bytes, ()> {
        let mut pieces = pieces.iter();
        move || match pieces.next() {
            Some(&"!") => Err(()),
            Some(piece) => Ok(Bytes::from_static(piece.as_bytes())),
            None => Ok(Bytes::new()),
        }
    }

    #[test]
    fn reads_what_was_asked_for() {
        let (mut lines, mut source) = (Lines::new(), pieces(&["ab", "cdef", "g"]));
        let mut read = |limit| lines.read(limit, &mut source).unwrap();
        assert_eq!(read(Some(0)), "");
        assert_eq!(read(Some(3)), "abc");
        assert_eq!(read(Some(1)), "d");
        assert_eq!(read(None), "efg");
        assert_eq!(read(None), "");
        assert_eq!(read(Some(4)), "");
    }

    #[test]
    fn reads_lines() {
        let (mut lines, mut source) = (Lines::new(), pieces(&["a\nb", "c", "\n\n", "end"]));
        let mut line = |limit| lines.line(limit, &mut source).unwrap();
        assert_eq!(line(None), "a\n");
        assert_eq!(line(Some(2)), "bc");
        assert_eq!(line(Some(9)), "\n");
        assert_eq!(line(Some(1)), "\n");
        assert_eq!(line(None), "end");
        assert_eq!(line(None), "");
    }

    #[test]
    fn an_error_stays() {
        let (mut lines, mut source) = (Lines::new(), pieces(&["ab", "!"]));
        assert_eq!(lines.read(Some(1), &mut source).unwrap(), "a");
        assert_eq!(lines.read(None, &mut source), Err(()));
        assert_eq!(lines.read(None, &mut source), Err(()));
    }
}
