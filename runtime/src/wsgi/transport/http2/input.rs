//! What a client sends on a stream.

use std::time::Instant;

use bytes::Bytes;
use h2::RecvStream;

use super::super::Limits;
use super::super::patience::{Patience, Waiter};
use super::block;
use super::load::Room;
use crate::wsgi::exchange::ReceiveError;

/// What the client sends.
pub(super) struct Input {
    // None when nobody wants any more of it.
    pub stream: Option<RecvStream>,
    pub gathered: Bytes,
    /// For what is gathered.
    pub room: Option<Room>,
    /// Its thread waits for a client that has paused.
    pub waiter: Option<Waiter>,
    pub received: u64,
    pub ended: bool,
    pub failure: Option<ReceiveError>,
    /// The client waits for a 100 before it sends the body.
    pub expects: bool,
    pub patience: Patience,
}

impl Input {
    /// Nothing of it has arrived, or there is nothing.
    pub(super) fn new(stream: RecvStream, expects: bool) -> Self {
        Self {
            ended: stream.is_end_stream(),
            stream: Some(stream),
            gathered: Bytes::new(),
            room: None,
            waiter: None,
            received: 0,
            failure: None,
            expects,
            patience: Patience::default(),
        }
    }

    /// The bytes of a body that is here as a whole.
    pub(super) fn length(&self) -> Option<usize> {
        let is_whole = self.ended && self.failure.is_none() && !self.gathered.is_empty();
        is_whole.then_some(self.gathered.len())
    }

    /// The next piece, empty at the end; waits for it.
    ///
    /// # Errors
    /// See [`ReceiveError`].
    pub(super) fn next(&mut self, limits: &Limits) -> Result<Bytes, ReceiveError> {
        self.room = None;
        if !self.gathered.is_empty() {
            return Ok(std::mem::take(&mut self.gathered));
        }
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.ended {
            return Ok(Bytes::new());
        }
        let stream = self.stream.as_mut().ok_or(ReceiveError::CutOff)?;
        loop {
            let left = self.patience.left(limits.receive_timeout);
            let begun = Instant::now();
            let received = block::wait(left, |context| stream.poll_data(context));
            self.patience.waited(begun.elapsed());
            match received {
                None => return Err(ReceiveError::TimedOut),
                Some(None) => {
                    self.ended = true;
                    return Ok(Bytes::new());
                }
                Some(Some(Err(_))) => return Err(ReceiveError::CutOff),
                Some(Some(Ok(piece))) => {
                    // Room for the client to send more: the application takes this.
                    let _ = stream.flow_control().release_capacity(piece.len());
                    self.received += piece.len() as u64;
                    self.patience.moved(piece.len() as u64);
                    if self.received > limits.head.body {
                        return Err(ReceiveError::TooLarge);
                    }
                    if !piece.is_empty() {
                        return Ok(piece);
                    }
                }
            }
        }
    }
}
