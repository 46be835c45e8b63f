//! Who may do what with a folder: owners, access lists, and a user's private folder.

use crate::text::{terminated, wide};
use std::ffi::OsString;
use std::io;
use std::os::windows::ffi::OsStringExt as _;
use std::os::windows::io::{AsRawHandle as _, OwnedHandle};
use std::path::Path;
use std::ptr::null_mut;
use windows_sys::Win32::Foundation::{GENERIC_ALL, GENERIC_WRITE, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo,
    SDDL_REVISION_1, SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, DACL_SECURITY_INFORMATION, GetAce, GetTokenInformation,
    INHERIT_ONLY_ACE, OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, SECURITY_ATTRIBUTES,
    TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateDirectoryW, DELETE, FILE_DELETE_CHILD, WRITE_DAC, WRITE_OWNER,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

/// What the system's own accounts are called: SYSTEM, the administrators, the installer of Windows. They can do anything
/// with any file, whatever its access list says.
const TRUSTED: [&str; 3] = [
    "S-1-5-18",
    "S-1-5-32-544",
    "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",
];
/// "Whoever owns it", "whoever made it".
const OWNER: [&str; 2] = ["S-1-3-4", "S-1-3-0"];

/// Who owns a folder, and what others may do with it.
#[derive(Debug)]
pub(crate) struct Rights {
    /// It belongs to this user or to one of the system's accounts.
    pub(crate) is_ours: bool,
    /// Others may do something with it, if only read it.
    pub(crate) shared: bool,
    /// Others may remove it or what lies in it, or give themselves the right to.
    pub(crate) replaceable: bool,
}

/// Something that `LocalFree` frees.
struct Local(*mut core::ffi::c_void);

impl Drop for Local {
    fn drop(&mut self) {
        // SAFETY: the system allocated it for us, by the rules of the call that gave it.
        unsafe { LocalFree(self.0) };
    }
}

/// The security identifier of the user whose rights this process has, as text: `S-1-5-21-…`.
pub(crate) fn user() -> io::Result<String> {
    let mut token: HANDLE = null_mut();
    // SAFETY: writes the handle to a local.
    if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, and nobody else has it.
    let token = unsafe {
        use std::os::windows::io::FromRawHandle as _;
        OwnedHandle::from_raw_handle(token)
    };
    // `TOKEN_USER` and a SID of at most 68 bytes behind it.
    let mut buffer = [0_u64; 32];
    let (size, mut used) = (size_of_val(&buffer) as u32, 0);
    // SAFETY: the buffer is as large as announced, and aligned for the structure at its beginning.
    let told = unsafe {
        GetTokenInformation(
            token.as_raw_handle(),
            TokenUser,
            buffer.as_mut_ptr().cast(),
            size,
            &raw mut used,
        )
    };
    if told == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: filled in by the call; the SID lies in the buffer.
    unsafe { text((*buffer.as_ptr().cast::<TOKEN_USER>()).User.Sid) }
}

/// # Safety
/// `sid` must be a valid SID.
unsafe fn text(sid: PSID) -> io::Result<String> {
    let mut text = null_mut();
    // SAFETY: the caller vouches for the SID; the text is the system's, and freed below.
    if unsafe { ConvertSidToStringSidW(sid, &raw mut text) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let _free = Local(text.cast());
    // SAFETY: a text that a zero ends.
    let units = unsafe { terminated(text) };
    Ok(OsString::from_wide(units).to_string_lossy().into_owned())
}

/// Makes a folder that this user, the system and its administrators alone may use, whatever the folder above says.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    let list = format!(
        "D:P(A;OICI;FA;;;{})(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)",
        user()?
    );
    let list = wide(list);
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    // SAFETY: a text that a zero ends; the descriptor is the system's, and freed below.
    let read = unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            list.as_ptr(),
            SDDL_REVISION_1,
            &raw mut descriptor,
            null_mut(),
        )
    };
    if read == 0 {
        return Err(io::Error::last_os_error());
    }
    let _free = Local(descriptor);
    let attributes = SECURITY_ATTRIBUTES {
        nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
        lpSecurityDescriptor: descriptor,
        bInheritHandle: 0,
    };
    let name = crate::text::wide_path(path);
    // SAFETY: a text that a zero ends and a structure, both alive during the call.
    if unsafe { CreateDirectoryW(name.as_ptr(), &raw const attributes) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Who may do what with the open file or folder.
pub(crate) fn rights(file: &impl std::os::windows::io::AsRawHandle) -> io::Result<Rights> {
    let user = user()?;
    let (mut owner, mut list): (PSID, *mut ACL) = (null_mut(), null_mut());
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    // SAFETY: an open handle; owner and list point into the descriptor, which is freed below, after their last use.
    let error = unsafe {
        GetSecurityInfo(
            file.as_raw_handle(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
            &raw mut owner,
            null_mut(),
            &raw mut list,
            null_mut(),
            &raw mut descriptor,
        )
    };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error.cast_signed()));
    }
    let _free = Local(descriptor);
    let is_trusted = |sid: &str| sid == user || TRUSTED.contains(&sid);
    // SAFETY: the owner is a SID in the descriptor.
    let is_ours = !owner.is_null() && is_trusted(&unsafe { text(owner) }?);
    let mut rights = Rights {
        is_ours,
        // No list: everybody may do everything. File systems without rights (FAT) have none either.
        shared: list.is_null(),
        replaceable: list.is_null(),
    };
    // SAFETY: a list in the descriptor.
    for (sid, mask) in unsafe { allowed(list) }? {
        if !is_trusted(&sid) && !OWNER.contains(&sid.as_str()) {
            rights.shared = true;
            rights.replaceable |= mask & REPLACE != 0;
        }
    }
    Ok(rights)
}

/// Rights by which a folder, or what lies in it, can be replaced.
const REPLACE: u32 =
    DELETE | FILE_DELETE_CHILD | WRITE_DAC | WRITE_OWNER | GENERIC_ALL | GENERIC_WRITE;

/// Whom the list allows something, with what.
///
/// # Safety
/// `list` must be null or a valid list.
unsafe fn allowed(list: *const ACL) -> io::Result<Vec<(String, u32)>> {
    let mut found = Vec::new();
    // SAFETY: null or valid, as the caller promises.
    let count = unsafe { list.as_ref() }.map_or(0, |list| list.AceCount);
    for index in 0..u32::from(count) {
        let mut entry = null_mut();
        // SAFETY: a valid list, and the index of one of its entries.
        if unsafe { GetAce(list, index, &raw mut entry) } == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: every entry begins with a header.
        let header = unsafe { *entry.cast::<ACE_HEADER>() };
        // What an entry gives to things made below later says nothing about this folder.
        if u32::from(header.AceFlags) & INHERIT_ONLY_ACE != 0 {
            continue;
        }
        // The other kinds deny, or are about auditing; those that allow under conditions are taken as if they did always.
        const ALLOWED: u8 = 0;
        const ALLOWED_IF: u8 = 9;
        if header.AceType == ALLOWED || header.AceType == ALLOWED_IF {
            // SAFETY: an entry of these kinds has this beginning, with the SID at its end.
            let (mask, sid) = unsafe {
                let entry = entry.cast::<ACCESS_ALLOWED_ACE>();
                ((*entry).Mask, text((&raw mut (*entry).SidStart).cast())?)
            };
            found.push((sid, mask));
        }
    }
    Ok(found)
}
