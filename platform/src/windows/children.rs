//! This process as others see it: its memory, and a clock that all share.

use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::Threading::GetCurrentProcess;
use windows_sys::Win32::System::WindowsProgramming::QueryUnbiasedInterruptTime;

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
