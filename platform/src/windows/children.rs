//! Processes of this program that work for this one, and what others see of this process.

use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::os::windows::io::{
    AsRawHandle as _, BorrowedHandle, FromRawHandle as _, OwnedHandle, RawHandle,
};
use std::process::ExitStatus;
use std::ptr::null;

use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, SetHandleInformation};
use windows_sys::Win32::System::JobObjects::{
    CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation,
    SetInformationJobObject,
};
use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::Threading::GetCurrentProcess;
use windows_sys::Win32::System::WindowsProgramming::QueryUnbiasedInterruptTime;

use crate::start::{Started, let_inherit};

/// Names the handle that a worker is told things through.
const VARIABLE: &str = "PACK_WORKER_PIPE";

/// Processes that end with this one, whatever ends it. Those that they start do not.
#[derive(Debug)]
pub struct Job(OwnedHandle);

impl Job {
    /// Without processes yet.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no name and no attributes; the handle is nobody else's. Then a structure of numbers, as large as told.
        unsafe {
            let handle = CreateJobObjectW(null(), null());
            if handle.is_null() {
                return Err(io::Error::last_os_error());
            }
            let job = OwnedHandle::from_raw_handle(handle);
            let mut limits: JOBOBJECT_EXTENDED_LIMIT_INFORMATION = std::mem::zeroed();
            limits.BasicLimitInformation.LimitFlags =
                JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
            let set = SetInformationJobObject(
                handle,
                JobObjectExtendedLimitInformation,
                (&raw const limits).cast(),
                size_of_val(&limits) as u32,
            );
            match set {
                0 => Err(io::Error::last_os_error()),
                _ => Ok(Self(job)),
            }
        }
    }
}

/// A process of this program, with the same arguments and streams, that this one can tell things.
#[derive(Debug)]
pub struct Worker {
    process: Started,
    pipe: PipeWriter,
}

impl Worker {
    /// Starts one. It finds [`pipe`].
    ///
    /// # Errors
    /// When the system gives no process.
    pub fn start(job: &Job) -> io::Result<Self> {
        let (theirs, pipe) = io::pipe()?;
        let_inherit(&theirs)?;
        let number = (theirs.as_raw_handle() as usize).to_string();
        crate::process::set_variable(VARIABLE, number.as_ref());
        let process = Started::again(&job.0);
        crate::process::remove_variable(VARIABLE);
        Ok(Self {
            process: process?,
            pipe,
        })
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The process itself, to share handles with.
    #[must_use]
    pub fn process(&self) -> BorrowedHandle<'_> {
        self.process.handle()
    }

    /// Tells it something.
    ///
    /// # Errors
    /// When it has ended.
    pub fn tell(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pipe.write_all(bytes)
    }

    /// How it has ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.status()
    }

    /// Ends it, whatever it does.
    pub fn kill(&mut self) {
        self.process.kill();
    }
}

/// What another process of this program tells this one, where it was started by [`Worker::start`]. Once: what this process
/// starts is not told.
#[must_use]
pub fn pipe() -> Option<PipeReader> {
    let number = std::env::var_os(VARIABLE)?;
    crate::process::remove_variable(VARIABLE);
    let number = number
        .to_str()
        .and_then(|text| text.parse::<usize>().ok())?;
    let handle = number as RawHandle;
    // SAFETY: a flag of a handle; a number that is none is refused.
    let is_there = unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0) } != 0;
    // SAFETY: a handle that came with the process, whose environment says that it is for this.
    is_there.then(|| unsafe { PipeReader::from(OwnedHandle::from_raw_handle(handle)) })
}

/// Bytes of this process that are in memory; `None` where the system does not tell.
#[must_use]
pub fn resident_memory() -> Option<u64> {
    let size = size_of::<PROCESS_MEMORY_COUNTERS>() as u32;
    // SAFETY: this process, and a structure of numbers that is as large as told.
    unsafe {
        let mut counters: PROCESS_MEMORY_COUNTERS = std::mem::zeroed();
        counters.cb = size;
        let told = K32GetProcessMemoryInfo(GetCurrentProcess(), &raw mut counters, size);
        (told != 0).then_some(counters.WorkingSetSize as u64)
    }
}

/// Milliseconds of a clock that all processes share, that never goes back, and that stands while the machine sleeps.
#[must_use]
pub fn now() -> u64 {
    let mut time = 0;
    // SAFETY: writes to a local; in units of 100 ns.
    unsafe { QueryUnbiasedInterruptTime(&raw mut time) };
    time / 10_000
}
