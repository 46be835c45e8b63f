//! Responses compressed for clients that ask for it: an exchange around another.
//!
//! A response that is complete when it is sent is compressed as a whole and has its new length; of one that comes in
//! pieces each is sent when the application gives it. Off unless wanted: who sends secrets and what an attacker chose in one page
//! tells how much they have in common by its length (BREACH).

mod encoder;
mod policy;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use payload::Wsgi;

use super::codings;
use super::exchange::{Exchange, FilePart, Gone, LATER, Pace, ReceiveError, Request, ResponseHead};
use encoder::{CODINGS, Encoder};
use policy::Fate;

/// Compresses as the settings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compression {
    /// Bytes of a body that are worth it.
    least: u64,
}

impl Compression {
    /// As `settings` say; `None` when they say no.
    pub(crate) fn of(settings: &Wsgi) -> Option<Self> {
        settings.compress.then_some(Self {
            least: settings.compress_min_size,
        })
    }

    /// What compresses the response to `request` on its way to `exchange`.
    pub(crate) fn around(
        self,
        request: &Request<'_>,
        exchange: Arc<dyn Exchange>,
    ) -> Arc<dyn Exchange> {
        let accepted = codings::accepted(&request.fields, CODINGS);
        Arc::new(Compressing {
            inner: exchange,
            coding: accepted.first().copied(),
            head_only: request.method == b"HEAD",
            least: self.least,
            encoder: Mutex::default(),
        })
    }
}

struct Compressing {
    inner: Arc<dyn Exchange>,
    /// What the client takes.
    coding: Option<&'static str>,
    head_only: bool,
    least: u64,
    /// Of a body that is compressed piece by piece.
    encoder: Mutex<Option<Encoder>>,
}

impl Compressing {
    fn fate(&self, head: &ResponseHead) -> Fate {
        policy::fate(head, self.coding.is_some(), self.least)
    }

    fn encoder(&self) -> MutexGuard<'_, Option<Encoder>> {
        self.encoder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // Nothing is left to do for the client when memory is out, or the encoder at odds with what was promised.
    fn encode(&self, encoder: &mut Encoder, data: &[u8], complete: bool) -> Result<Vec<u8>, Gone> {
        encoder.encode(data, complete).map_err(|_| {
            self.inner.abort();
            Gone
        })
    }

    fn whole(
        &self,
        head: &ResponseHead,
        (coding, body): (&str, &[u8]),
        encoder: &mut Encoder,
    ) -> Result<usize, Gone> {
        let encoded = self.encode(encoder, body, true)?;
        let (head, data) = if encoded.len() < body.len() {
            let head = policy::compressed(head, coding, Some(encoded.len()));
            (head, &encoded[..])
        } else {
            (policy::varying(head), body)
        };
        let pace = if data.len() <= LATER {
            Pace::Later
        } else {
            Pace::Wait
        };
        self.inner.respond(&head, data, true, pace)?;
        Ok(body.len())
    }

    fn begin(
        &self,
        head: &ResponseHead,
        body: &[u8],
        complete: bool,
        length: Option<u64>,
    ) -> Result<usize, Gone> {
        let coding = self.coding.unwrap_or_default();
        if self.head_only {
            let head = policy::compressed(head, coding, None);
            return self.inner.respond(&head, &[], true, Pace::Later);
        }
        let mut encoder = Encoder::new(coding, length).map_err(|_| {
            self.inner.abort();
            Gone
        })?;
        if complete {
            return self.whole(head, (coding, body), &mut encoder);
        }
        let encoded = self.encode(&mut encoder, body, false)?;
        *self.encoder() = Some(encoder);
        let head = policy::compressed(head, coding, None);
        self.inner.respond(&head, &encoded, false, Pace::Wait)?;
        Ok(body.len())
    }
}

impl Exchange for Compressing {
    fn receive(&self) -> Result<Bytes, ReceiveError> {
        self.inner.receive()
    }

    fn transforms(&self, head: Option<&ResponseHead>) -> bool {
        match head {
            Some(head) => matches!(self.fate(head), Fate::Compressed { .. }),
            None => self.encoder().is_some(),
        }
    }

    fn respond(
        &self,
        head: &ResponseHead,
        body: &[u8],
        complete: bool,
        pace: Pace,
    ) -> Result<usize, Gone> {
        match self.fate(head) {
            Fate::Same => self.inner.respond(head, body, complete, pace),
            Fate::Varies => self
                .inner
                .respond(&policy::varying(head), body, complete, pace),
            Fate::Compressed { length } => self.begin(head, body, complete, length),
        }
    }

    fn send(&self, data: &[u8], complete: bool, pace: Pace) -> Result<usize, Gone> {
        let mut place = self.encoder();
        let Some(encoder) = &mut *place else {
            drop(place);
            return self.inner.send(data, complete, pace);
        };
        let encoded = self.encode(encoder, data, complete)?;
        if complete {
            *place = None;
        }
        drop(place);
        self.inner.send(&encoded, complete, Pace::Wait)?;
        Ok(data.len())
    }

    fn takes_file(&self, head: &ResponseHead) -> bool {
        !self.transforms(Some(head)) && self.inner.takes_file(head)
    }

    fn respond_file(
        &self,
        head: &ResponseHead,
        body: FilePart,
        complete: bool,
    ) -> Result<usize, Gone> {
        match self.fate(head) {
            Fate::Varies => self
                .inner
                .respond_file(&policy::varying(head), body, complete),
            _ => self.inner.respond_file(head, body, complete),
        }
    }

    fn finish(&self) {
        let encoder = self.encoder().take();
        match encoder.map(|mut encoder| self.encode(&mut encoder, &[], true)) {
            None => self.inner.finish(),
            Some(Ok(end)) => drop(self.inner.send(&end, true, Pace::Later)),
            Some(Err(Gone)) => {}
        }
    }

    fn abort(&self) {
        self.inner.abort();
    }

    fn close(&self) {
        self.inner.close();
    }

    fn time_out(&self) {
        self.inner.time_out();
    }
}
