//! The executable's icon, for windows that have none.

use std::ptr::null_mut;

use windows_sys::Win32::Foundation::{HMODULE, HWND, LPARAM, LRESULT, WPARAM};
use windows_sys::Win32::System::LibraryLoader::GetModuleHandleW;
use windows_sys::Win32::System::Threading::GetCurrentThreadId;
use windows_sys::Win32::UI::WindowsAndMessaging::{
    CBT_CREATEWNDW, CallNextHookEx, GCLP_HICON, GCLP_HICONSM, GCW_ATOM, GET_CLASS_LONG_INDEX,
    GetClassLongPtrW, GetClassLongW, GetSystemMetrics, HCBT_CREATEWND, HICON, IMAGE_ICON,
    LR_SHARED, LoadImageW, SM_CXICON, SM_CXSMICON, SM_CYICON, SM_CYSMICON, SYSTEM_METRICS_INDEX,
    SetClassLongPtrW, SetWindowsHookExW, WH_CBT, WS_CAPTION, WS_CHILD, WS_SYSMENU,
};
use windows_sys::core::PCWSTR;
use windows_sys::w;

/// What the packer calls the program's icon: the name that Qt looks for, and where that is somebody else's, the number.
const NAMES: [PCWSTR; 2] = [w!("IDI_ICON1"), 1 as PCWSTR];
/// The class of dialogs and messages: Windows' own, and without an icon on purpose.
const DIALOG: u32 = 0x8002;

type Size = [SYSTEM_METRICS_INDEX; 2];
const LARGE: Size = [SM_CXICON, SM_CYICON];
const SMALL: Size = [SM_CXSMICON, SM_CYSMICON];

/// From now on windows that this thread makes have the executable's icon in their title bar, unless their class has one.
///
/// Windows shows them with an icon of its own otherwise. Libraries that register a class without an icon are told of by
/// nothing but this hook; it is of this thread, and its code stays in this process.
pub fn give_to_windows() {
    if is_there() {
        // SAFETY: the procedure stays loaded as long as the process lives, and is called on this thread alone.
        unsafe { SetWindowsHookExW(WH_CBT, Some(watch), null_mut(), GetCurrentThreadId()) };
    }
}

/// Whether the executable has an icon of the program's.
#[must_use]
pub fn is_there() -> bool {
    of_executable(SMALL).is_some()
}

unsafe extern "system" fn watch(code: i32, window: WPARAM, details: LPARAM) -> LRESULT {
    if code == HCBT_CREATEWND as i32 {
        // SAFETY: with this code these are a window that is being made and what it is made of (MSDN, CBTProc).
        let style = unsafe { style(details) };
        let has_title = WS_CAPTION | WS_SYSMENU;
        if style & (has_title | WS_CHILD) == has_title {
            give_to(window as HWND);
        }
    }
    // SAFETY: hands on what came.
    unsafe { CallNextHookEx(null_mut(), code, window, details) }
}

/// # Safety
/// `details` is what a hook is given for a window that is being made.
unsafe fn style(details: LPARAM) -> u32 {
    // SAFETY: as the caller promises.
    unsafe {
        let made_of = (details as *const CBT_CREATEWNDW).as_ref();
        let made_of = made_of.and_then(|made_of| made_of.lpcs.as_ref());
        made_of.map_or(0, |made_of| made_of.style as u32)
    }
}

fn give_to(window: HWND) {
    // SAFETY: asks for what belongs to a window's class; 0 where the window is none.
    let (icon, class) = unsafe {
        (
            GetClassLongPtrW(window, GCLP_HICON),
            GetClassLongW(window, GCW_ATOM),
        )
    };
    if icon == 0 && class != DIALOG {
        set(window, GCLP_HICON, LARGE);
        set(window, GCLP_HICONSM, SMALL);
    }
}

fn set(window: HWND, which: GET_CLASS_LONG_INDEX, size: Size) {
    if let Some(icon) = of_executable(size) {
        // SAFETY: the icon is shared: it stays as long as the process, and nobody destroys it.
        unsafe { SetClassLongPtrW(window, which, icon as isize) };
    }
}

fn of_executable(size: Size) -> Option<HICON> {
    // SAFETY: the executable's own module, which is not closed; a size in pixels; names that a zero ends or a number in their
    // place.
    unsafe {
        let executable: HMODULE = GetModuleHandleW(std::ptr::null());
        let [width, height] = size.map(|which| GetSystemMetrics(which));
        let load = |name| LoadImageW(executable, name, IMAGE_ICON, width, height, LR_SHARED);
        NAMES.into_iter().map(load).find(|icon| !icon.is_null())
    }
}
