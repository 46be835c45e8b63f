//! The exchange of one request on a stream.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use hyper::http::{Response, StatusCode};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

use super::super::Phase;
use super::super::access::Record;
use super::super::connection::PAUSE;
use super::super::head::Refusal;
use super::super::patience::Patience;
use super::super::server::Shared;
use super::input::Input;
use super::load::{Room, Ticket};
use super::output::Output;
use super::{block, respond};
use crate::wsgi::exchange::{
    Exchange, FilePart, GATEWAY_TIMEOUT, Gone, Pace, ReceiveError, ResponseHead,
};
use crate::wsgi::statics::{Answer, Body};

/// A request, from its head to the end of the work on it.
pub(super) struct Turn {
    shared: Arc<Shared>,
    // Where tasks run.
    handle: Handle,
    head_only: bool,
    claimed: AtomicBool,
    input: Mutex<Input>,
    output: Mutex<Output>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Turn {
    /// Of a request whose head is here. Called where tasks run.
    pub(super) fn new(
        shared: Arc<Shared>,
        (body, expects): (RecvStream, bool),
        respond: SendResponse<Bytes>,
        head_only: bool,
        ticket: Ticket,
    ) -> Self {
        Self {
            shared,
            handle: Handle::current(),
            head_only,
            claimed: AtomicBool::new(false),
            input: Mutex::new(Input::new(body, expects)),
            output: Mutex::new(Output::new(respond, ticket)),
        }
    }

    /// Makes the request the caller's, if it is nobody's and the client still wants it.
    pub(super) fn claim(&self) -> bool {
        if self.claimed.swap(true, Ordering::SeqCst) {
            return false;
        }
        let mut output = lock(&self.output);
        let taken_back = match &mut output.respond {
            Some(respond) => block::now(|context| respond.poll_reset(context)).is_some(),
            None => true,
        };
        drop(output);
        if taken_back {
            self.take_back();
        }
        !taken_back
    }

    fn take_back(&self) {
        let mut output = lock(&self.output);
        output.gone = true;
        if let Some(ticket) = &output.ticket {
            ticket.note_taken_back();
        }
        drop(output);
        self.release();
    }

    fn release(&self) {
        let mut input = lock(&self.input);
        (input.stream, input.room, input.waiter) = (None, None, None);
        input.gathered = Bytes::new();
        drop(input);
        let mut output = lock(&self.output);
        (output.respond, output.stream, output.ticket) = (None, None, None);
    }

    /// Answers 503, unless a thread has the request.
    pub(super) fn overloaded(&self, peer: SocketAddr) {
        if !self.claim() {
            return;
        }
        let respond = lock(&self.output).respond.take();
        if let Some(respond) = respond {
            let overloaded = Refusal {
                status: 503,
                reason: "the server is overloaded",
            };
            respond::refuse(&self.shared, peer, respond, overloaded);
        }
        self.release();
    }

    /// Receives the body, or as much of it as is gathered, of `length` where that is told, for which there is `room`; false
    /// when the client has taken the request back.
    pub(super) async fn gather(&self, length: Option<usize>, room: Room) -> bool {
        let Some(mut stream) = lock(&self.input).stream.take() else {
            return false;
        };
        let limits = &self.shared.limits;
        let gathers_all = length.is_some_and(|length| length <= limits.gather);
        let mut all = BytesMut::new();
        let mut patience = Patience::default();
        let (mut ended, mut failure, mut waiter) = (false, None, None);
        while gathers_all || all.len() < limits.gather {
            let left = patience.left(limits.receive_timeout);
            let pause = if gathers_all { left } else { PAUSE };
            let begun = Instant::now();
            let piece = timeout(left.min(pause), stream.data()).await;
            patience.waited(begun.elapsed());
            match piece {
                Ok(Some(Ok(piece))) => {
                    let _ = stream.flow_control().release_capacity(piece.len());
                    patience.moved(piece.len() as u64);
                    all.extend_from_slice(&piece);
                    if all.len() as u64 > limits.head.body {
                        all.clear();
                        failure = Some(ReceiveError::TooLarge);
                        break;
                    }
                }
                Ok(Some(Err(_))) => {
                    self.take_back();
                    return false;
                }
                Ok(None) => {
                    ended = true;
                    break;
                }
                Err(_) if patience.left(limits.receive_timeout).is_zero() => {
                    failure = Some(ReceiveError::TimedOut);
                    break;
                }
                Err(_) if gathers_all => {}
                Err(_) => {
                    // It may wait for an answer to what it has sent.
                    waiter = self.shared.waiters.enter();
                    if waiter.is_some() {
                        break;
                    }
                }
            }
        }
        let mut input = lock(&self.input);
        input.received = all.len() as u64;
        (input.ended, input.failure, input.gathered) = (ended, failure, all.freeze());
        (input.patience, input.room, input.waiter) = (patience, Some(room), waiter);
        input.stream = Some(stream);
        true
    }

    /// The bytes of a body that is here as a whole.
    pub(super) fn length(&self) -> Option<usize> {
        lock(&self.input).length()
    }

    /// Sends an answer that the application has no part in.
    pub(super) fn answer(&self, answer: Answer) {
        let mut output = lock(&self.output);
        let is_empty = match &answer.body {
            Body::Text(text) => text.is_empty(),
            Body::File(part) => part.length == 0,
        };
        let end = self.head_only || is_empty;
        if output.head(&answer.head, end).is_err() {
            return;
        }
        output.complete = true;
        match answer.body {
            _ if end => {}
            Body::Text(text) => {
                output.bytes = text.len() as u64;
                let _ = output.data(Bytes::from_static(text), true);
            }
            Body::File(part) => self.send_file(&mut output, part, true),
        }
    }

    // From now on nobody else sends on the stream, nor waits for it.
    fn send_file(&self, output: &mut Output, part: FilePart, complete: bool) {
        output.bytes = part.length;
        output.complete = true;
        let (stream, ticket) = (output.stream.take(), output.ticket.take());
        let limit = self.shared.limits.send_timeout;
        if let Some(stream) = stream {
            self.handle.spawn(async move {
                respond::file(stream, part, complete, limit).await;
                drop(ticket);
            });
        }
    }

    /// The thread is done with the request.
    pub(super) fn end(&self, record: Option<&Record>) {
        let mut output = lock(&self.output);
        if !output.complete {
            output.reset(Reason::INTERNAL_ERROR);
        }
        if let (true, Some(ticket)) = (output.gone, &output.ticket) {
            ticket.note_taken_back();
        }
        let (status, bytes) = (output.status.unwrap_or(0), output.bytes);
        drop(output);
        if let (Some(log), Some(record)) = (&self.shared.access_log, record) {
            log.add(record, status, bytes);
        }
        self.release();
    }

    fn cut_off(&self) -> ReceiveError {
        if self.shared.phase() == Phase::Cutting {
            ReceiveError::Stopped
        } else {
            ReceiveError::CutOff
        }
    }
}

impl Exchange for Turn {
    fn receive(&self) -> Result<Bytes, ReceiveError> {
        let mut input = lock(&self.input);
        if std::mem::take(&mut input.expects)
            && let Some(respond) = &mut lock(&self.output).respond
        {
            let mut go_on = Response::new(());
            *go_on.status_mut() = StatusCode::CONTINUE;
            let _ = respond.send_informational(go_on);
        }
        let next = input.next(&self.shared.limits);
        next.map_err(|failure| {
            let failure = match failure {
                ReceiveError::CutOff => self.cut_off(),
                other => other,
            };
            input.failure = Some(failure.clone());
            failure
        })
    }

    fn respond(
        &self,
        head: &ResponseHead,
        body: &[u8],
        complete: bool,
        pace: Pace,
    ) -> Result<usize, Gone> {
        let mut output = lock(&self.output);
        if output.late {
            return Err(Gone);
        }
        output.head(head, complete && body.is_empty())?;
        output.write(body, complete, (pace, self.shared.limits.send_timeout))
    }

    fn send(&self, data: &[u8], complete: bool, pace: Pace) -> Result<usize, Gone> {
        let mut output = lock(&self.output);
        if output.gone || output.late {
            return Err(Gone);
        }
        output.write(data, complete, (pace, self.shared.limits.send_timeout))
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
        let mut output = lock(&self.output);
        if output.late {
            return Err(Gone);
        }
        let is_empty = body.length == 0;
        output.head(head, is_empty && complete)?;
        let length = usize::try_from(body.length).unwrap_or(usize::MAX);
        if !is_empty {
            self.send_file(&mut output, body, complete);
        }
        Ok(length)
    }

    fn finish(&self) {
        let _ = self.send(&[], true, Pace::Later);
    }

    fn abort(&self) {
        let mut output = lock(&self.output);
        if !output.complete && !output.gone {
            output.reset(Reason::INTERNAL_ERROR);
        }
    }

    fn close(&self) {
        // Streams do not get out of step with each other.
    }

    fn time_out(&self) {
        // Where somebody has it, the thread waits for its client, to which the send timeout puts an end.
        let Ok(mut output) = self.output.try_lock() else {
            return;
        };
        if output.complete || output.gone {
            return;
        }
        output.late = true;
        if output.respond.is_none() {
            return output.reset(Reason::INTERNAL_ERROR);
        }
        let late = Refusal {
            status: GATEWAY_TIMEOUT,
            reason: "the application did not answer in time",
        };
        let (head, text) = respond::plain(&late);
        if output.head(&head, self.head_only).is_ok() && !self.head_only {
            let _ = output.data(Bytes::from(text), true);
        }
    }
}
