//! What Windows tells a console program about its end, as the signals that Unix has for it.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use windows_sys::Win32::Foundation::{FALSE, TRUE};
use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT,
    SetConsoleCtrlHandler,
};
use windows_sys::core::BOOL;

/// Ctrl-C, and Ctrl-Break, which is all that one program can send another.
pub const INTERRUPT: u8 = 2;
/// The console's window is closed, the user leaves, the machine stops; or this process was asked to end.
pub const TERMINATE: u8 = 15;
/// The other end is in a hurry.
pub const QUIT: u8 = 3;
/// Ends a process, whatever it does.
pub const KILL: u8 = 9;
/// As on Unix; Windows sends none of these.
pub const HANGUP: u8 = 1;
/// As above.
pub const USER1: u8 = 10;
/// As above.
pub const CHILD: u8 = 17;
/// As above.
pub const MORE: u8 = 21;
/// As above.
pub const FEWER: u8 = 22;
/// What [`Waker::wake`] sends: no signal has this number.
pub const WOKEN: u8 = 0;

/// Whether nobody has said what is to happen at `signal`: there are none but those that a [`Signals`] watches.
#[must_use]
pub fn is_unhandled(_: u8) -> bool {
    true
}

/// What was told and not yet waited for.
#[derive(Debug)]
struct News {
    told: VecDeque<u8>,
    /// Which signals a [`Signals`] wants to have; none while there is none.
    watched: Option<Vec<u8>>,
}

// A handler can reach nothing but statics.
static NEWS: Mutex<News> = Mutex::new(News {
    told: VecDeque::new(),
    watched: None,
});
static BELL: Condvar = Condvar::new();
/// A handler has not returned, and will not: the list of handlers may be locked as long as it runs.
static IS_LAST: AtomicBool = AtomicBool::new(false);

fn news() -> MutexGuard<'static, News> {
    NEWS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Catches some signals until it is dropped.
///
/// One at a time: a second one would take over the first one's signals.
#[derive(Debug)]
pub struct Signals(());

/// Wakes the thread that waits in [`Signals::wait`].
#[derive(Debug)]
pub struct Waker(());

impl Signals {
    /// Starts to catch `signals`. The other handlers of the process do not see them then.
    ///
    /// # Errors
    /// When the system takes no handler.
    pub fn watch(signals: &[u8]) -> io::Result<Self> {
        *news() = News {
            told: VecDeque::new(),
            watched: Some(signals.to_vec()),
        };
        // A process in a new group, or a child of one, ignores Ctrl-C until it says otherwise.
        // SAFETY: no handler; then one that lives as long as the process.
        let set = unsafe {
            SetConsoleCtrlHandler(None, FALSE);
            SetConsoleCtrlHandler(Some(on_event), TRUE)
        };
        if set == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(()))
    }

    /// Waits for signals or wake-ups; without any after `timeout` the result is empty.
    ///
    /// # Errors
    /// None on Windows.
    pub fn wait(&self, timeout: Option<Duration>) -> io::Result<Vec<u8>> {
        let is_quiet = |news: &mut News| news.told.is_empty();
        let mut news = match timeout {
            None => BELL.wait_while(news(), is_quiet),
            Some(timeout) => BELL
                .wait_timeout_while(news(), timeout, is_quiet)
                .map(|(news, _)| news)
                .map_err(|poisoned| PoisonError::new(poisoned.into_inner().0)),
        }
        .unwrap_or_else(PoisonError::into_inner);
        Ok(news.told.drain(..).collect())
    }

    /// On Unix, the end that other handlers may write to.
    #[must_use]
    pub fn wakeup_fd(&self) -> Option<i64> {
        None
    }

    /// A handle for other threads.
    ///
    /// # Errors
    /// None on Windows.
    pub fn waker(&self) -> io::Result<Waker> {
        Ok(Waker(()))
    }
}

impl Waker {
    /// Makes [`Signals::wait`] return [`WOKEN`].
    pub fn wake(&self) {
        news().told.push_back(WOKEN);
        BELL.notify_all();
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        news().watched = None;
        if !IS_LAST.load(Ordering::SeqCst) {
            // SAFETY: the handler that was added.
            unsafe { SetConsoleCtrlHandler(Some(on_event), FALSE) };
        }
    }
}

/// Sends this process a signal, which ends it unless it is caught.
pub fn raise(signal: u8) {
    if !tell(signal) {
        crate::process::exit_now(128 + i32::from(signal));
    }
}

/// Tells the process's [`Signals`], if it wants to know; whether it did.
fn tell(signal: u8) -> bool {
    let mut news = news();
    let is_watched = news
        .watched
        .as_ref()
        .is_some_and(|watched| watched.contains(&signal));
    if is_watched {
        news.told.push_back(signal);
        BELL.notify_all();
    }
    is_watched
}

/// Called by the system in a thread of its own.
unsafe extern "system" fn on_event(event: u32) -> BOOL {
    let (signal, is_last) = match event {
        CTRL_C_EVENT | CTRL_BREAK_EVENT => (INTERRUPT, false),
        CTRL_CLOSE_EVENT | CTRL_LOGOFF_EVENT | CTRL_SHUTDOWN_EVENT => (TERMINATE, true),
        _ => return FALSE,
    };
    IS_LAST.fetch_or(is_last, Ordering::SeqCst);
    if !tell(signal) {
        return FALSE;
    }
    if is_last {
        // The process ends when this returns, or when the system loses patience (5 s, by its own settings). This thread
        // ends with the process, once the main thread is done.
        std::thread::sleep(Duration::from_secs(3600));
    }
    TRUE
}
