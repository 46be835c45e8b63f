//! What a client is sent on a stream.

use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};

use super::super::patience::Patience;
use super::load::Ticket;
use super::{block, respond};
use crate::wsgi::exchange::{Gone, Pace, ResponseHead};

/// Bytes of a response that may wait for the client's room, so that what is small takes no thread until then.
const AHEAD: usize = 16 * 1024;

/// What it is sent.
pub(super) struct Output {
    pub respond: Option<SendResponse<Bytes>>,
    // From the head on.
    pub stream: Option<SendStream<Bytes>>,
    pub status: Option<u16>,
    pub bytes: u64,
    // Given away before the client had room for it.
    ahead: usize,
    pub complete: bool,
    pub gone: bool,
    /// Answered in the place of the application.
    pub late: bool,
    pub ticket: Option<Ticket>,
    patience: Patience,
}

impl Output {
    /// Before the head.
    pub(super) fn new(respond: SendResponse<Bytes>, ticket: Ticket) -> Self {
        Self {
            respond: Some(respond),
            stream: None,
            status: None,
            bytes: 0,
            ahead: 0,
            complete: false,
            gone: false,
            late: false,
            ticket: Some(ticket),
            patience: Patience::default(),
        }
    }

    /// Sends more of the body, waiting for room up to `limit` where `pace` lets it; how much was taken.
    ///
    /// # Errors
    /// The client takes no more.
    pub(super) fn write(
        &mut self,
        data: &[u8],
        complete: bool,
        (pace, limit): (Pace, Duration),
    ) -> Result<usize, Gone> {
        let mut taken = 0;
        while taken < data.len() {
            let rest = &data[taken..];
            let wanted = rest.len();
            let room = match (pace, self.room(wanted)) {
                (Pace::Later, _) => Some(Some(wanted)),
                (_, Some(room @ 1..)) => Some(Some(room)),
                (Pace::Now, Some(_)) => return Ok(taken),
                (Pace::Wait, Some(_)) => {
                    let begun = Instant::now();
                    let left = self.patience.left(limit);
                    let room = block::wait(left, |context| self.poll_room(context));
                    self.patience.waited(begun.elapsed());
                    room
                }
                (_, None) => Some(None),
            };
            let room = match room {
                Some(Some(room)) => room.min(wanted),
                Some(None) => {
                    self.gone = true;
                    return Err(Gone);
                }
                None => {
                    self.reset(Reason::CANCEL);
                    return Err(Gone);
                }
            };
            taken += room;
            self.patience.moved(room as u64);
            let end = complete && taken == data.len();
            self.data(Bytes::copy_from_slice(&rest[..room]), end)?;
        }
        if complete && data.is_empty() && !self.complete {
            self.data(Bytes::new(), true)?;
        }
        Ok(taken)
    }

    pub(super) fn head(&mut self, head: &ResponseHead, end: bool) -> Result<(), Gone> {
        let mut respond = self.respond.take().ok_or(Gone)?;
        self.status = Some(head.status);
        match respond.send_response(respond::head(head), end) {
            Ok(stream) => {
                self.stream = Some(stream);
                self.complete = end;
                Ok(())
            }
            Err(_) => {
                self.gone = true;
                Err(Gone)
            }
        }
    }

    pub(super) fn data(&mut self, data: Bytes, end: bool) -> Result<(), Gone> {
        let stream = self.stream.as_mut().ok_or(Gone)?;
        let length = data.len() as u64;
        if stream.send_data(data, end).is_err() {
            self.gone = true;
            return Err(Gone);
        }
        self.bytes += length;
        self.complete |= end;
        Ok(())
    }

    // For how much of `wanted` there is room now, with the client or until it has; None when it takes no more.
    fn room(&mut self, wanted: usize) -> Option<usize> {
        let stream = self.stream.as_mut()?;
        stream.reserve_capacity(wanted);
        match stream.capacity() {
            0 => {
                let room = wanted.min(AHEAD - self.ahead);
                self.ahead += room;
                Some(room)
            }
            room => {
                self.ahead = 0;
                Some(room)
            }
        }
    }

    // For how much the client has room.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<Option<usize>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(None);
        };
        loop {
            let room = stream.capacity();
            if room > 0 {
                self.ahead = 0;
                return Poll::Ready(Some(room));
            }
            match ready!(stream.poll_capacity(context)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(None),
            }
        }
    }

    // What was sent and is not on its way yet is lost: there is no telling a client of the end behind it.
    pub(super) fn reset(&mut self, reason: Reason) {
        match (&mut self.stream, &mut self.respond) {
            (Some(stream), _) => stream.send_reset(reason),
            (None, Some(respond)) => respond.send_reset(reason),
            (None, None) => {}
        }
        self.gone = true;
    }
}
