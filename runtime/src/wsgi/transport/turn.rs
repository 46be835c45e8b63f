//! The exchange of one request on a connection.

use std::sync::Arc;
use std::sync::MutexGuard;
use std::time::Instant;

use bytes::Bytes;
use platform::poll::{Interest, wait_for};

use super::Phase;
use super::connection::{Connection, State};
use super::output::Delimited;
use crate::wsgi::exchange::{Exchange, FilePart, Gone, Pace, ReceiveError, ResponseHead};

/// A request that a thread has, as long as it has it: the connection may be at a later one when an application comes
/// back to what it kept.
pub(crate) struct Turn {
    connection: Arc<Connection>,
    number: u64,
    head_only: bool,
}

impl Turn {
    /// Of the request `number` on `connection`; `head_only`: nothing follows the head of the response.
    pub(crate) fn new(connection: Arc<Connection>, number: u64, head_only: bool) -> Self {
        Self {
            connection,
            number,
            head_only,
        }
    }

    fn state(&self) -> Option<MutexGuard<'_, State>> {
        let state = self.connection.state();
        state.is_running(self.number).then_some(state)
    }

    // To send to a client that is there.
    fn sending(&self) -> Result<MutexGuard<'_, State>, Gone> {
        self.state().filter(|state| !state.output.gone).ok_or(Gone)
    }

    fn cut_off(&self) -> ReceiveError {
        if self.connection.shared.phase() == Phase::Cutting {
            ReceiveError::Stopped
        } else {
            ReceiveError::CutOff
        }
    }

    fn delimited(&self, state: &State, head: &ResponseHead) -> Delimited {
        if self.head_only || matches!(head.status, 204 | 304) || head.has.length {
            Delimited::Length
        } else if state.http11() {
            Delimited::Chunks
        } else {
            Delimited::Close
        }
    }

    // The rest of what was begun, waiting for the client.
    fn send_all(&self, data: &[u8], complete: bool, mut taken: usize) -> Result<usize, Gone> {
        let connection = &*self.connection;
        let timeout = connection.shared.limits.send_timeout;
        let acknowledged = || connection.socket.acknowledged();
        while taken < data.len() {
            let mut state = self.state().ok_or(Gone)?;
            state.output.taking.begin(acknowledged);
            let left = state.output.taking.left(timeout);
            drop(state);
            let begun = Instant::now();
            let ready = wait_for(connection.socket.socket(), Interest::Write, left);
            let mut state = self.state().ok_or(Gone)?;
            let is_ready = matches!(ready, Ok(true));
            let taking = &mut state.output.taking;
            taking.waited(begun.elapsed(), acknowledged(), is_ready);
            let is_stuck = !is_ready && taking.left(timeout).is_zero();
            if ready.is_err() || is_stuck {
                state.output.gone = true;
                state.output.aborted = true;
                return Err(Gone);
            }
            if !is_ready {
                continue;
            }
            let rest = (&data[taken..], complete);
            let sent = state.output.send(&connection.socket, rest, Pace::Wait);
            taken += sent.map_err(|_| Gone)?;
        }
        Ok(taken)
    }

    fn after(&self, data: &[u8], complete: bool, pace: Pace, taken: usize) -> Result<usize, Gone> {
        let taken = if pace == Pace::Wait {
            self.send_all(data, complete, taken)?
        } else {
            taken
        };
        if pace != Pace::Later && !complete {
            // What is kept must not wait for the application's next piece.
            self.connection.arm();
        }
        Ok(taken)
    }
}

impl Exchange for Turn {
    fn receive(&self) -> Result<Bytes, ReceiveError> {
        let connection = &*self.connection;
        let limits = &connection.shared.limits;
        loop {
            let mut state = self.state().ok_or(ReceiveError::CutOff)?;
            if std::mem::take(&mut state.input.expects) && state.output.status.is_none() {
                state.output.raw(b"HTTP/1.1 100 Continue\r\n\r\n");
                let _ = state.output.flush(&connection.socket);
            }
            match state.input.next(&connection.socket, limits.head.body) {
                Ok(Some(piece)) => {
                    state.input.patience.moved(piece.len() as u64);
                    return Ok(piece);
                }
                Ok(None) => {}
                Err(ReceiveError::CutOff) => {
                    let failure = self.cut_off();
                    state.input.fail(failure.clone());
                    return Err(failure);
                }
                Err(failure) => return Err(failure),
            }
            let left = state.input.patience.left(limits.receive_timeout);
            drop(state);
            let begun = Instant::now();
            let ready = wait_for(connection.socket.socket(), Interest::Read, left);
            let mut state = self.state().ok_or(ReceiveError::CutOff)?;
            state.input.patience.waited(begun.elapsed());
            if !ready.unwrap_or(false) {
                state.input.fail(ReceiveError::TimedOut);
            }
        }
    }

    fn respond(
        &self,
        head: &ResponseHead,
        body: &[u8],
        complete: bool,
        pace: Pace,
    ) -> Result<usize, Gone> {
        let connection = &*self.connection;
        let mut state = self.sending()?;
        let delimited = self.delimited(&state, head);
        let phase = connection.shared.phase();
        let field = state.decide_keep(delimited != Delimited::Close, phase);
        let socket = &connection.socket;
        let taken = state
            .output
            .respond(socket, head, delimited, field, (body, complete), pace);
        drop(state);
        self.after(body, complete, pace, taken.map_err(|_| Gone)?)
    }

    fn takes_file(&self, _: &ResponseHead) -> bool {
        true
    }

    fn respond_file(
        &self,
        head: &ResponseHead,
        body: FilePart,
        complete: bool,
    ) -> Result<usize, Gone> {
        let mut state = self.sending()?;
        let field = state.decide_keep(true, self.connection.shared.phase());
        let length = usize::try_from(body.length).unwrap_or(usize::MAX);
        state.output.respond_file(head, field, body, complete);
        Ok(length)
    }

    fn send(&self, data: &[u8], complete: bool, pace: Pace) -> Result<usize, Gone> {
        let mut state = self.sending()?;
        let socket = &self.connection.socket;
        let taken = state.output.send(socket, (data, complete), pace);
        drop(state);
        self.after(data, complete, pace, taken.map_err(|_| Gone)?)
    }

    fn finish(&self) {
        let _ = self.send(&[], true, Pace::Later);
    }

    fn abort(&self) {
        if let Some(mut state) = self.state() {
            state.output.aborted = true;
        }
    }

    fn close(&self) {
        if let Some(mut state) = self.state() {
            state.keep = false;
        }
    }

    fn time_out(&self) {
        if let Some(mut state) = self.state() {
            self.connection.time_out(&mut state);
        }
        self.connection.arm();
    }
}
