//! Many connections under one poller: threads that wait together, changes of the set while they do, half-closed sockets. No
//! byte and no end may be missed, since a socket that is told of once is not heard of again.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use platform::poll::{Events, Interest, Poller, Repeat, Wake};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const CONNECTIONS: usize = 64;
/// What each client sends.
const BYTES: usize = 40_000;
const WAITING: usize = 4;
const STOP: u64 = CONNECTIONS as u64;
/// Nobody answers for so long only when an event was lost.
const PATIENCE: Duration = Duration::from_secs(90);

/// A server's end.
struct Served {
    /// Gone when its client has been answered.
    stream: Option<TcpStream>,
    count: u64,
    sum: u64,
}

/// Numbers without an order, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % limit
    }
}

impl Served {
    /// Reads a little of what is there and asks anew; at its end, says what came.
    fn go_on(&mut self, poller: &Poller, key: u64, numbers: &mut Numbers) -> bool {
        let Some(mut stream) = self.stream.as_ref() else {
            return false;
        };
        let mut buffer = vec![0; 1 + numbers.below(3_000)];
        match stream.read(&mut buffer) {
            Ok(0) => {
                poller.remove(stream).unwrap();
                stream.set_nonblocking(false).unwrap();
                stream.write_all(&answer(self.count, self.sum)).unwrap();
                self.stream = None;
                return true;
            }
            Ok(count) => {
                self.count += count as u64;
                self.sum += buffer[..count]
                    .iter()
                    .map(|byte| u64::from(*byte))
                    .sum::<u64>();
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
        poller
            .rearm(stream, key, Interest::Read, Repeat::Once)
            .unwrap();
        false
    }

    /// A change of the set that nobody asked for.
    fn change(&self, poller: &Poller, key: u64, way: usize) {
        let Some(stream) = &self.stream else { return };
        if way == 0 {
            poller.remove(stream).unwrap();
            poller
                .add(stream, key, Interest::Read, Repeat::Once)
                .unwrap();
        } else {
            poller
                .rearm(stream, key, Interest::Read, Repeat::Once)
                .unwrap();
        }
    }
}

fn answer(count: u64, sum: u64) -> [u8; 16] {
    let mut answer = [0; 16];
    answer[..8].copy_from_slice(&count.to_le_bytes());
    answer[8..].copy_from_slice(&sum.to_le_bytes());
    answer
}

/// Sends in pieces, closes its half and hears what came of it.
fn client(mut stream: TcpStream, mut numbers: Numbers) {
    let bytes: Vec<u8> = (0..BYTES).map(|_| numbers.below(256) as u8).collect();
    let mut left = bytes.as_slice();
    while !left.is_empty() {
        let (piece, rest) = left.split_at(left.len().min(1 + numbers.below(5_000)));
        stream.write_all(piece).unwrap();
        left = rest;
        if numbers.below(4) == 0 {
            thread::yield_now();
        }
    }
    stream.shutdown(Shutdown::Write).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    let sum = bytes.iter().map(|byte| u64::from(*byte)).sum();
    assert_eq!(said, answer(BYTES as u64, sum));
}

fn pairs() -> (Vec<Mutex<Served>>, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let pair = |_| {
        let client = TcpStream::connect(address).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let served = Served {
            stream: Some(stream),
            count: 0,
            sum: 0,
        };
        (Mutex::new(served), client)
    };
    (0..CONNECTIONS).map(pair).unzip()
}

#[test]
fn no_byte_and_no_end_is_missed() {
    let (served, clients) = pairs();
    let poller = Poller::new().unwrap();
    let stop = Wake::new().unwrap();
    poller
        .add(&stop, STOP, Interest::Read, Repeat::Level)
        .unwrap();
    let (answered, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for thread in 0..WAITING {
            let (poller, served, answered, stop) = (&poller, &served, &answered, &stop);
            let mut numbers = Numbers(thread as u64);
            // One of them looks now and then, as a server's main thread does.
            let timeout = (thread == 0).then_some(Duration::from_millis(2));
            scope.spawn(move || {
                let mut events = Events::new(1 + thread);
                loop {
                    poller.wait(&mut events, timeout).unwrap();
                    for key in events.keys() {
                        if key == STOP {
                            return;
                        }
                        let mut one = served[key as usize].lock().unwrap();
                        if one.go_on(poller, key, &mut numbers)
                            && answered.fetch_add(1, Ordering::SeqCst) + 1 == CONNECTIONS
                        {
                            stop.wake();
                        }
                    }
                }
            });
        }
        // Some are added while others are served already.
        for (key, one) in served.iter().enumerate() {
            let one = one.lock().unwrap();
            let stream = one.stream.as_ref().unwrap();
            poller
                .add(stream, key as u64, Interest::Read, Repeat::Once)
                .unwrap();
        }
        let (poller, served, over) = (&poller, &served, &over);
        scope.spawn(move || {
            let mut numbers = Numbers(77);
            while !over.load(Ordering::SeqCst) {
                let key = numbers.below(CONNECTIONS);
                let way = numbers.below(3);
                served[key].lock().unwrap().change(poller, key as u64, way);
                thread::yield_now();
            }
        });
        let clients = clients.into_iter().enumerate();
        let clients: Vec<_> = clients
            .map(|(number, stream)| {
                scope.spawn(move || client(stream, Numbers(1_000 + number as u64)))
            })
            .collect();
        let results: Vec<_> = clients
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        // Whatever came of it: the others end, and the test with them.
        over.store(true, Ordering::SeqCst);
        stop.wake();
        let failed = results.iter().filter(|result| result.is_err()).count();
        assert_eq!(failed, 0, "of {CONNECTIONS} clients");
    });
    assert_eq!(answered.load(Ordering::SeqCst), CONNECTIONS);
}
