//! Starts this program again, in a job from the process's first moment on.
//!
//! `std::process` starts a process and leaves putting it into a job to a second call. Whoever is killed between the two
//! leaves a process behind that has not run one instruction, that nothing ends and that holds its streams open.

use std::io;
use std::os::windows::ffi::OsStrExt as _;
use std::os::windows::io::{
    AsHandle as _, AsRawHandle as _, BorrowedHandle, FromRawHandle as _, OwnedHandle, RawHandle,
};
use std::os::windows::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{
    DUPLICATE_SAME_ACCESS, DuplicateHandle, HANDLE, TRUE, WAIT_OBJECT_0,
};
use windows_sys::Win32::System::Environment::GetCommandLineW;
use windows_sys::Win32::System::Threading::{
    CreateProcessW, DeleteProcThreadAttributeList, EXTENDED_STARTUPINFO_PRESENT, GetCurrentProcess,
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
        let program: Vec<u16> = program.as_os_str().encode_wide().chain([0]).collect();
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
        let attributes = Attributes::withjob(job.as_handle())?;
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
    unsafe {
        let text = GetCommandLineW();
        let length = (0..).take_while(|at| *text.add(*at) != 0).count();
        std::slice::from_raw_parts(text, length + 1).to_vec()
    }
}

/// The same stream for a process that inherits it; `None` where this one has none.
fn inheritable(stream: BorrowedHandle<'_>) -> io::Result<Option<OwnedHandle>> {
    let stream = stream.as_raw_handle();
    if stream.is_null() {
        return Ok(None);
    }
    let mut theirs: HANDLE = null_mut();
    // SAFETY: handles of this process; the new one is nobody else's.
    unsafe {
        let own = GetCurrentProcess();
        match DuplicateHandle(
            own,
            stream,
            own,
            &raw mut theirs,
            0,
            TRUE,
            DUPLICATE_SAME_ACCESS,
        ) {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(Some(OwnedHandle::from_raw_handle(theirs as RawHandle))),
        }
    }
}

/// What a process is to have besides what every process is told.
struct Attributes<'a> {
    /// In words, for their alignment.
    list: Vec<usize>,
    /// What the list points at.
    job: Box<BorrowedHandle<'a>>,
}

impl<'a> Attributes<'a> {
    fn withjob(job: BorrowedHandle<'a>) -> io::Result<Self> {
        let mut size = 0;
        // SAFETY: asks for the size; then a list of that size, and a handle behind a pointer that both live as long as it.
        unsafe {
            InitializeProcThreadAttributeList(null_mut(), 1, 0, &raw mut size);
            let mut made = Self {
                list: vec![0; size.div_ceil(size_of::<usize>())],
                job: Box::new(job),
            };
            let list = made.list.as_mut_ptr();
            if InitializeProcThreadAttributeList(list.cast(), 1, 0, &raw mut size) == 0 {
                made.list.clear(); // there is none to be deleted
                return Err(io::Error::last_os_error());
            }
            let done = UpdateProcThreadAttribute(
                list.cast(),
                0,
                PROC_THREAD_ATTRIBUTE_JOB_LIST as usize,
                (&raw const *made.job).cast(),
                size_of::<HANDLE>(),
                null_mut(),
                null(),
            );
            match done {
                0 => Err(io::Error::last_os_error()),
                _ => Ok(made),
            }
        }
    }

    fn list(&self) -> *mut core::ffi::c_void {
        self.list.as_ptr().cast_mut().cast()
    }
}

impl Drop for Attributes<'_> {
    fn drop(&mut self) {
        if !self.list.is_empty() {
            // SAFETY: a list that was made, deleted once.
            unsafe { DeleteProcThreadAttributeList(self.list.as_mut_ptr().cast()) };
        }
    }
}
