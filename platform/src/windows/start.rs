//! Starts this program again, in a job from the process's first moment on.
//!
//! `std::process` starts a process and leaves putting it into a job to a second call. Whoever is killed between the two
//! leaves a process behind that has not run one instruction, that nothing ends and that holds its streams open.

use crate::streams::is_open;
use crate::text::{terminated, wide_path};
use std::io;
use std::marker::PhantomData;
use std::os::windows::io::{
    AsHandle as _, AsRawHandle, BorrowedHandle, FromRawHandle as _, OwnedHandle,
};
use std::os::windows::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{
    HANDLE, HANDLE_FLAG_INHERIT, SetHandleInformation, TRUE, WAIT_OBJECT_0,
};
use windows_sys::Win32::System::Environment::GetCommandLineW;
use windows_sys::Win32::System::Threading::{
    CreateProcessW, DeleteProcThreadAttributeList, EXTENDED_STARTUPINFO_PRESENT,
    GetExitCodeProcess, InitializeProcThreadAttributeList, PROC_THREAD_ATTRIBUTE_JOB_LIST,
    PROCESS_INFORMATION, STARTF_USESTDHANDLES, STARTUPINFOEXW, TerminateProcess,
    UpdateProcThreadAttribute, WaitForSingleObject,
};

/// A process that was started.
#[derive(Debug)]
pub(crate) struct Started {
    handle: OwnedHandle,
    id: u32,
}

impl Started {
    /// This program with the same arguments, environment and streams, a member of `job` before it runs.
    ///
    /// # Errors
    /// When the system gives no process.
    pub(crate) fn again(job: &OwnedHandle) -> io::Result<Self> {
        let program = crate::process::executable()?;
        let program = wide_path(&program);
        let mut words = own_command_line();
        let streams = [
            inheritable(io::stdin().as_handle())?,
            inheritable(io::stdout().as_handle())?,
            inheritable(io::stderr().as_handle())?,
        ];
        let [stdin, stdout, stderr] = streams.each_ref().map(|stream| {
            let handle = stream.as_ref().map(OwnedHandle::as_raw_handle);
            handle.unwrap_or(null_mut())
        });
        let mut attributes = Attributes::with_job(job)?;
        // SAFETY: structures of numbers and pointers, for which zero means none.
        let (mut how, mut started): (STARTUPINFOEXW, PROCESS_INFORMATION) =
            unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        how.StartupInfo.cb = size_of::<STARTUPINFOEXW>() as u32;
        how.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
        how.StartupInfo.hStdInput = stdin;
        how.StartupInfo.hStdOutput = stdout;
        how.StartupInfo.hStdError = stderr;
        how.lpAttributeList = attributes.list();
        // SAFETY: two texts that zeros end, the second one ours to be changed; structures and a list that outlive the call.
        let done = unsafe {
            CreateProcessW(
                program.as_ptr(),
                words.as_mut_ptr(),
                null(),
                null(),
                TRUE,
                EXTENDED_STARTUPINFO_PRESENT,
                null(),
                null(),
                (&raw const how).cast(),
                &raw mut started,
            )
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: two handles that are nobody else's.
        let (handle, thread) = unsafe {
            (
                OwnedHandle::from_raw_handle(started.hProcess),
                OwnedHandle::from_raw_handle(started.hThread),
            )
        };
        drop(thread);
        Ok(Self {
            handle,
            id: started.dwProcessId,
        })
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// The process itself.
    pub(crate) fn handle(&self) -> BorrowedHandle<'_> {
        self.handle.as_handle()
    }

    /// How it has ended, if it has.
    pub(crate) fn status(&self) -> Option<ExitStatus> {
        let mut status = 0;
        // SAFETY: a process that stays known as long as its handle; a local.
        let is_told = unsafe {
            WaitForSingleObject(self.handle.as_raw_handle(), 0) == WAIT_OBJECT_0
                && GetExitCodeProcess(self.handle.as_raw_handle(), &raw mut status) != 0
        };
        is_told.then(|| ExitStatus::from_raw(status))
    }

    /// Ends it, whatever it does.
    pub(crate) fn kill(&self) {
        // SAFETY: a process that stays known as long as its handle. One that has ended refuses.
        unsafe { TerminateProcess(self.handle.as_raw_handle(), 1) };
    }
}

/// What this process was started with, and a zero.
fn own_command_line() -> Vec<u16> {
    // SAFETY: a text of the system's own that a zero ends and that stays.
    let text = unsafe { terminated(GetCommandLineW()) };
    [text, &[0]].concat()
}

/// The same stream for a process that inherits it; `None` where this one has none.
fn inheritable(stream: BorrowedHandle<'_>) -> io::Result<Option<OwnedHandle>> {
    if !is_open(stream.as_raw_handle()) {
        return Ok(None);
    }
    let theirs = stream.try_clone_to_owned()?;
    let_inherit(&theirs)?;
    Ok(Some(theirs))
}

/// Processes that this one starts get `handle` from now on.
///
/// # Errors
/// When it is none.
pub(crate) fn let_inherit(handle: &impl AsRawHandle) -> io::Result<()> {
    let handle = handle.as_raw_handle();
    // SAFETY: a flag of a handle that is open.
    match unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// What a process is to have besides what every process is told.
struct Attributes<'a> {
    /// In words, for their alignment. It points at the job.
    list: Vec<usize>,
    job: PhantomData<&'a OwnedHandle>,
}

impl<'a> Attributes<'a> {
    fn with_job(job: &'a OwnedHandle) -> io::Result<Self> {
        let mut size = 0;
        // SAFETY: asks for the size alone.
        unsafe { InitializeProcThreadAttributeList(null_mut(), 1, 0, &raw mut size) };
        let mut list = vec![0_usize; size.div_ceil(size_of::<usize>())];
        // SAFETY: a list of that size.
        let made = unsafe {
            InitializeProcThreadAttributeList(list.as_mut_ptr().cast(), 1, 0, &raw mut size)
        };
        if made == 0 {
            return Err(io::Error::last_os_error());
        }
        let mut attributes = Self {
            list,
            job: PhantomData,
        };
        // SAFETY: a list that was made, and a handle (`OwnedHandle` has no other content) that outlives it.
        let done = unsafe {
            UpdateProcThreadAttribute(
                attributes.list(),
                0,
                PROC_THREAD_ATTRIBUTE_JOB_LIST as usize,
                (&raw const *job).cast(),
                size_of::<HANDLE>(),
                null_mut(),
                null(),
            )
        };
        match done {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(attributes),
        }
    }

    fn list(&mut self) -> *mut core::ffi::c_void {
        self.list.as_mut_ptr().cast()
    }
}

impl Drop for Attributes<'_> {
    fn drop(&mut self) {
        // SAFETY: a list that was made, deleted once.
        unsafe { DeleteProcThreadAttributeList(self.list()) };
    }
}
