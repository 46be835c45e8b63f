//! Time, cheap enough to be asked several times in each request.
//!
//! [`ticks`] reads the processor's time stamp counter where that runs at one rate on all processors, whatever they do
//! (8 ns, where `clock_gettime` takes 20 to 40), and the system's monotonic clock elsewhere.

use std::sync::OnceLock;
use std::time::Duration;

/// How long the counter is compared with the system's clock: both are read within 100 ns, so the rate is known to 50 in
/// a million.
const CALIBRATION: Duration = Duration::from_millis(2);

/// Nanoseconds of one tick, in units of 2^-32; none where ticks are nanoseconds of the system's clock.
static SCALE: OnceLock<Option<u64>> = OnceLock::new();

/// Chooses the source of [`ticks`]; waits 2 ms the first time. Ticks read before are not comparable with later ones.
pub fn calibrate() {
    SCALE.get_or_init(|| counter::is_reliable().then(scale).flatten());
}

/// A point in time, in units that [`nanoseconds`] knows.
#[inline]
#[must_use]
pub fn ticks() -> u64 {
    match SCALE.get() {
        Some(Some(_)) => counter::read(),
        _ => monotonic(),
    }
}

/// The length of a difference of two [`ticks`].
#[inline]
#[must_use]
pub fn nanoseconds(ticks: u64) -> u64 {
    match SCALE.get() {
        Some(Some(scale)) => {
            let nanoseconds = (u128::from(ticks) * u128::from(*scale)) >> 32;
            u64::try_from(nanoseconds).unwrap_or(u64::MAX)
        }
        _ => ticks,
    }
}

fn scale() -> Option<u64> {
    let (first, began) = reading();
    std::thread::sleep(CALIBRATION);
    let (last, ended) = reading();
    let ticks = u128::from(last.checked_sub(first)?);
    let time = u128::from(ended.checked_sub(began)?);
    let scale = (time << 32).checked_div(ticks)?;
    // 50 MHz to 50 GHz: anything else is no counter of time.
    u64::try_from(scale)
        .ok()
        .filter(|scale| ((1 << 32) / 50..=20 << 32).contains(scale))
}

// Counter and clock at one time: the closest of some tries, as the system may take the processor away between the two.
fn reading() -> (u64, u64) {
    let tries = (0..16).map(|_| {
        let (before, time, after) = (counter::read(), monotonic(), counter::read());
        (after.saturating_sub(before), before.midpoint(after), time)
    });
    tries.min().map_or((0, 0), |(_, ticks, time)| (ticks, time))
}

fn monotonic() -> u64 {
    system::monotonic()
}

/// Nanoseconds of processor time that this thread has used. A system call: some 300 ns.
#[must_use]
pub fn thread_cpu() -> u64 {
    system::thread_cpu()
}

/// Nanoseconds of processor time that this process has used.
#[must_use]
pub fn process_cpu() -> u64 {
    system::process_cpu()
}

/// The processor time of one thread, for others to read while it lives, exact to the moment. (What the kernel says of a process
/// lacks what its threads have used on other processors since their last tick.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadClock(system::ThreadClock);

impl ThreadClock {
    /// Of the calling thread; `None` where the system has none.
    #[must_use]
    pub fn current() -> Option<Self> {
        system::ThreadClock::current().map(Self)
    }

    /// Nanoseconds so far; 0 when the thread is gone. A system call.
    #[must_use]
    pub fn read(self) -> u64 {
        self.0.read()
    }
}

#[cfg(not(target_os = "linux"))]
mod unread {
    /// There is none.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) enum ThreadClock {}

    impl ThreadClock {
        pub(super) fn current() -> Option<Self> {
            None
        }

        pub(super) fn read(self) -> u64 {
            match self {}
        }
    }
}

#[cfg(unix)]
mod system {
    #[cfg(not(target_os = "linux"))]
    pub(super) use super::unread::ThreadClock;

    #[cfg(target_os = "linux")]
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct ThreadClock(libc::clockid_t);

    #[cfg(target_os = "linux")]
    impl ThreadClock {
        pub(super) fn current() -> Option<Self> {
            let mut clock = 0;
            // SAFETY: the calling thread lives, and `clock` is there to be written.
            let failed =
                unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) };
            (failed == 0).then_some(Self(clock))
        }

        pub(super) fn read(self) -> u64 {
            read(self.0)
        }
    }

    pub(super) fn monotonic() -> u64 {
        read(libc::CLOCK_MONOTONIC)
    }

    pub(super) fn thread_cpu() -> u64 {
        read(libc::CLOCK_THREAD_CPUTIME_ID)
    }

    pub(super) fn process_cpu() -> u64 {
        read(libc::CLOCK_PROCESS_CPUTIME_ID)
    }

    fn read(clock: libc::clockid_t) -> u64 {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: fills the structure, or leaves it (a clock the kernel does not have).
        unsafe { libc::clock_gettime(clock, &raw mut time) };
        let part = |value: i64| u64::try_from(value).unwrap_or(0);
        part(time.tv_sec) * 1_000_000_000 + part(time.tv_nsec)
    }
}

#[cfg(windows)]
mod system {
    pub(super) use super::unread::ThreadClock;
    use std::sync::OnceLock;
    use std::time::Instant;
    use windows_sys::Win32::Foundation::FILETIME;
    use windows_sys::Win32::System::Threading::{
        GetCurrentProcess, GetCurrentThread, GetProcessTimes, GetThreadTimes,
    };

    pub(super) fn monotonic() -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        let since = START.get_or_init(Instant::now).elapsed();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    // Told in ticks of the scheduler (mostly 15.6 ms): right on average, of no use for a single request.
    pub(super) fn thread_cpu() -> u64 {
        // SAFETY: this thread; four structures that are written.
        read(|[made, ended, kernel, user]| unsafe {
            GetThreadTimes(GetCurrentThread(), made, ended, kernel, user)
        })
    }

    pub(super) fn process_cpu() -> u64 {
        // SAFETY: this process; four structures that are written.
        read(|[made, ended, kernel, user]| unsafe {
            GetProcessTimes(GetCurrentProcess(), made, ended, kernel, user)
        })
    }

    fn read(ask: impl FnOnce([*mut FILETIME; 4]) -> i32) -> u64 {
        let mut times = [FILETIME {
            dwLowDateTime: 0,
            dwHighDateTime: 0,
        }; 4];
        let [made, ended, kernel, user] = &mut times;
        ask([made, ended, kernel, user]);
        let sum = times[2..].iter().map(|time| {
            let hundreds = u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime);
            hundreds * 100
        });
        sum.sum()
    }
}

#[cfg(target_arch = "x86_64")]
mod counter {
    #[cfg(unix)]
    use std::arch::x86_64::__cpuid;
    use std::arch::x86_64::_rdtsc;

    /// Where Linux says which clocks it trusts: it crosses out a counter that is not the same on all processors.
    #[cfg(unix)]
    const SOURCES: &str = "/sys/devices/system/clocksource/clocksource0/available_clocksource";

    // Windows has a clock of its own that asks the counter where it trusts it, and takes 20 ns.
    #[cfg(windows)]
    pub(super) fn is_reliable() -> bool {
        false
    }

    #[cfg(unix)]
    pub(super) fn is_reliable() -> bool {
        // Without the file (a sandbox) the processor's own word must do.
        is_invariant()
            && std::fs::read_to_string(SOURCES).map_or(true, |sources| {
                sources.split_whitespace().any(|it| it == "tsc")
            })
    }

    // Intel SDM, volume 3, "Invariant TSC"; AMD has the same bit.
    #[cfg(unix)]
    fn is_invariant() -> bool {
        const POWER: u32 = 0x8000_0007;
        __cpuid(0x8000_0000).eax >= POWER && __cpuid(POWER).edx & (1 << 8) != 0
    }

    #[inline]
    pub(super) fn read() -> u64 {
        // SAFETY: reads a register; allowed in user mode where the kernel uses it for its own clock in user mode.
        unsafe { _rdtsc() }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod counter {
    pub(super) fn is_reliable() -> bool {
        false
    }

    pub(super) fn read() -> u64 {
        super::monotonic()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn ticks_agree_with_the_system() {
        calibrate();
        let (began, first) = (Instant::now(), ticks());
        std::thread::sleep(Duration::from_millis(50));
        let within = nanoseconds(ticks() - first);
        let around = u64::try_from(began.elapsed().as_nanos()).unwrap_or(0);
        // The outer pair encloses the inner one but for the rate's error.
        assert!(within >= 49_900_000, "{within}");
        assert!(within <= around + around / 1000, "{within} {around}");
    }

    #[test]
    fn processor_time_grows_with_work() {
        let (thread, process) = (thread_cpu(), process_cpu());
        let mut sum = 0_u64;
        while thread_cpu() == thread {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(process_cpu() > process);
    }
}
