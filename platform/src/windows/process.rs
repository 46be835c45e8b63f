//! This process: from which file it runs, who started it, and how it ends.

use crate::text::{narrow, plain, terminated, wide};
use std::convert::Infallible;
use std::ffi::OsStr;
use std::io;
use std::os::windows::io::{FromRawHandle as _, OwnedHandle};
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};
use windows_sys::Wdk::System::SystemInformation::NtQuerySystemInformation;
use windows_sys::Win32::Foundation::{CloseHandle, INVALID_HANDLE_VALUE, STATUS_CONTROL_C_EXIT};
use windows_sys::Win32::System::Com::{
    COINIT_APARTMENTTHREADED, COINIT_DISABLE_OLE1DDE, CoInitializeEx, CoTaskMemFree, CoUninitialize,
};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};
use windows_sys::Win32::System::Threading::{
    ExitProcess, GetCurrentProcessId, OpenProcess, PROCESS_NAME_WIN32,
    PROCESS_QUERY_LIMITED_INFORMATION, QueryFullProcessImageNameW,
};
use windows_sys::Win32::UI::Shell::{
    FOLDERID_LocalAppData, SHGetKnownFolderPath, SetCurrentProcessExplicitAppUserModelID,
    ShellExecuteW,
};
use windows_sys::Win32::UI::WindowsAndMessaging::SW_SHOWNORMAL;

/// The file this process runs, absolute.
///
/// # Errors
/// When the system does not tell.
pub fn executable() -> io::Result<PathBuf> {
    std::env::current_exe().map(plain)
}

/// On Unix, the user whose rights this process has. On Windows users are known by other means, and this is 0.
#[must_use]
pub fn user_id() -> u32 {
    0
}

/// Whether this process has rights that its caller lacks. Windows gives rights to users, not to files.
#[must_use]
pub fn is_privileged() -> bool {
    false
}

/// As [`is_privileged`].
#[must_use]
pub fn outranks_its_user() -> bool {
    false
}

/// The folder for this user's data on this machine, `C:\Users\NAME\AppData\Local`, whatever variables say.
#[must_use]
pub fn local_data() -> Option<PathBuf> {
    let mut path = std::ptr::null_mut();
    // SAFETY: a constant id, this process's user; the text is the system's, and freed below whatever the answer.
    let path = unsafe {
        let answer = SHGetKnownFolderPath(
            &FOLDERID_LocalAppData,
            0,
            std::ptr::null_mut(),
            &raw mut path,
        );
        let text = (answer >= 0 && !path.is_null()).then(|| narrow(terminated(path)));
        CoTaskMemFree(path.cast_const().cast());
        text
    };
    path.map(PathBuf::from)
}

/// Groups the program's windows in the taskbar under `id`, and pins them as it (AppUserModelID). To be called before it
/// has any.
pub fn set_application_id(id: &str) {
    let id = wide(id);
    // SAFETY: a text that a zero ends. A refusal changes how windows are grouped, and nothing else.
    unsafe { SetCurrentProcessExplicitAppUserModelID(id.as_ptr()) };
}

/// Identifies this boot of the system: the time at which it began, which the system keeps to 100 ns. When the clock is set
/// it moves along, and what was known of the boot is then of no use: that is safe.
#[must_use]
pub fn boot_id() -> Option<[u8; 36]> {
    /// `SystemTimeOfDayInformation`; the boot time is the first of its fields.
    const TIME_OF_DAY: i32 = 3;
    let mut times = [0_i64; 6];
    let mut used = 0;
    // SAFETY: writes at most as many bytes as announced to a local.
    let status = unsafe {
        NtQuerySystemInformation(
            TIME_OF_DAY,
            times.as_mut_ptr().cast(),
            size_of_val(&times) as u32,
            &raw mut used,
        )
    };
    if status < 0 || used < 8 || times[0] == 0 {
        return None;
    }
    let mut id = [b' '; 36];
    id[..8].copy_from_slice(&times[0].to_le_bytes());
    Some(id)
}

/// Whether the parent process runs the file `executable`, or the file at `other`.
#[must_use]
pub fn is_started_by(executable: &Path, other: Option<&Path>) -> bool {
    let Some(theirs) = parent().and_then(image) else {
        return false;
    };
    let same = |path: &Path| {
        let (ours, theirs) = (identity(path), identity(&theirs));
        ours.is_some() && ours == theirs
    };
    same(executable) || other.is_some_and(same)
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let file = std::fs::File::open(path).ok()?;
    Some(crate::FileStamp::of(&file).ok()?.file)
}

/// The process that started this one, if it is still there.
fn parent() -> Option<u32> {
    // SAFETY: a list of all processes, closed below.
    let list = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) };
    if list == INVALID_HANDLE_VALUE {
        return None;
    }
    // SAFETY: takes nothing.
    let own = unsafe { GetCurrentProcessId() };
    let mut entry = PROCESSENTRY32W {
        dwSize: size_of::<PROCESSENTRY32W>() as u32,
        // SAFETY: a structure of numbers and an array of them.
        ..unsafe { std::mem::zeroed() }
    };
    // SAFETY: an open list, and a structure that says how large it is.
    let mut there = unsafe { Process32FirstW(list, &raw mut entry) };
    let mut found = None;
    while there != 0 && found.is_none() {
        found = (entry.th32ProcessID == own).then_some(entry.th32ParentProcessID);
        // SAFETY: as above.
        there = unsafe { Process32NextW(list, &raw mut entry) };
    }
    // SAFETY: opened above, and not used after this.
    unsafe { CloseHandle(list) };
    found
}

/// The file that a process runs.
fn image(process: u32) -> Option<PathBuf> {
    // SAFETY: asks for a handle.
    let handle = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, process) };
    if handle.is_null() {
        return None;
    }
    // SAFETY: just opened, and nobody else has it.
    let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
    let mut name = vec![0_u16; 32_768];
    let mut length = name.len() as u32;
    // SAFETY: an open process, and a buffer as large as announced.
    let told = unsafe {
        use std::os::windows::io::AsRawHandle as _;
        QueryFullProcessImageNameW(
            handle.as_raw_handle(),
            PROCESS_NAME_WIN32,
            name.as_mut_ptr(),
            &raw mut length,
        )
    };
    let name = name.get(..length as usize)?;
    (told != 0).then(|| PathBuf::from(narrow(name)))
}

/// Ends the process at once: nothing registered to run at its end does, other threads just stop.
pub fn exit_now(status: i32) -> ! {
    exit(status)
}

/// Ends this process now.
pub fn exit(status: i32) -> ! {
    // SAFETY: does not return. Libraries are told.
    unsafe { ExitProcess(status.cast_unsigned()) }
}

/// On Unix, replaces this process by `program`; Windows knows no such thing.
///
/// # Errors
/// Always.
pub fn become_program(_: &Path, _: &[impl AsRef<OsStr>]) -> io::Result<Infallible> {
    Err(io::ErrorKind::Unsupported.into())
}

/// On Unix, runs `work` in a process of its own; Windows cannot divide a process.
///
/// # Errors
/// Always; nothing has happened then.
pub fn detached<K>(_: &K, _: impl FnOnce()) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Sets a variable of this process's environment.
pub fn set_variable(name: &str, value: &OsStr) {
    // SAFETY: Windows keeps the environment under a lock of its own.
    unsafe { std::env::set_var(name, value) };
}

/// Removes a variable of this process's environment.
pub fn remove_variable(name: &str) {
    // SAFETY: as in `set_variable`.
    unsafe { std::env::remove_var(name) };
}

/// The status of a process that Ctrl-C ended.
#[must_use]
pub fn die_of_interrupt() -> i32 {
    STATUS_CONTROL_C_EXIT
}

/// Shows `url` in the user's browser.
///
/// # Errors
/// When nothing is there that shows it.
pub fn show(url: &str) -> io::Result<Option<std::process::Child>> {
    /// What is no more is an error.
    const LAST_ERROR: usize = 32;
    let url = wide(url);
    // What shows it may be reached through COM, which this thread may have no use for otherwise.
    let shown = std::thread::spawn(move || {
        let verb = wide("open");
        // SAFETY: texts that a zero ends, alive during the call; COM is this thread's, which ends.
        unsafe {
            let apartment = COINIT_APARTMENTTHREADED | COINIT_DISABLE_OLE1DDE;
            CoInitializeEx(null(), apartment as u32);
            let answer = ShellExecuteW(
                null_mut(),
                verb.as_ptr(),
                url.as_ptr(),
                null(),
                null(),
                SW_SHOWNORMAL,
            );
            CoUninitialize();
            answer as usize
        }
    });
    match shown.join().unwrap_or(0) {
        error @ ..=LAST_ERROR => Err(io::Error::other(format!("ShellExecute: error {error}"))),
        _ => Ok(None),
    }
}

/// How often this thread has given up its processor to wait for something; `None` where the system does not tell.
#[must_use]
pub fn thread_sleeps() -> Option<u64> {
    None
}

/// How many files this process may have open: as many handles as Windows has for a process.
#[must_use]
pub fn open_files_limit() -> u64 {
    1 << 24
}
