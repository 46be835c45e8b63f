"""Opens a window and leaves it open until it is told to go on; says what icon its class has."""

import ctypes
import os
import sys
import time
from ctypes import wintypes

user = ctypes.windll.user32
user.GetClassLongPtrW.restype = ctypes.c_size_t
user.GetClassLongPtrW.argtypes = [wintypes.HWND, ctypes.c_int]
user.DefWindowProcW.restype = ctypes.c_ssize_t
user.DefWindowProcW.argtypes = [wintypes.HWND, wintypes.UINT, wintypes.WPARAM, wintypes.LPARAM]
user.CreateWindowExW.restype = wintypes.HWND
user.CreateWindowExW.argtypes = [
    wintypes.DWORD, wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.DWORD, ctypes.c_int, ctypes.c_int, ctypes.c_int,
    ctypes.c_int, wintypes.HWND, wintypes.HMENU, wintypes.HINSTANCE, wintypes.LPVOID
]
user.LoadIconW.restype = wintypes.HICON
user.LoadIconW.argtypes = [wintypes.HINSTANCE, ctypes.c_void_p]
OVERLAPPED, VISIBLE, CHILD = 0x00CF0000, 0x10000000, 0x40000000
ICON, SMALL_ICON = -14, -34
APPLICATION = 32512

Procedure = ctypes.WINFUNCTYPE(ctypes.c_ssize_t, wintypes.HWND, wintypes.UINT, wintypes.WPARAM, wintypes.LPARAM)


class Class(ctypes.Structure):
    _fields_ = [
        ("style", wintypes.UINT), ("procedure", Procedure), ("class_extra", ctypes.c_int), ("extra", ctypes.c_int),
        ("instance", wintypes.HINSTANCE), ("icon", wintypes.HICON), ("cursor", wintypes.HANDLE),
        ("background", wintypes.HBRUSH), ("menu", wintypes.LPCWSTR), ("name", wintypes.LPCWSTR),
    ]


procedure = Procedure(user.DefWindowProcW)


def plain(name, icon=None, style=OVERLAPPED | VISIBLE, parent=None):
    """A window of a class of its own."""
    described = Class(procedure=procedure, icon=icon, name=name, background=6)
    user.RegisterClassW(ctypes.byref(described))
    window = user.CreateWindowExW(0, name, name, style, 60, 60, 320, 160, parent, None, None, None)
    return window, [user.GetClassLongPtrW(window, which) for which in (ICON, SMALL_ICON)]


def pump():
    message = wintypes.MSG()
    while user.PeekMessageW(ctypes.byref(message), None, 0, 0, 1):
        user.TranslateMessage(ctypes.byref(message))
        user.DispatchMessageW(ctypes.byref(message))


def windows():
    window, icons = plain("bare")
    of_windows = user.LoadIconW(None, APPLICATION)
    own = plain("own", of_windows, OVERLAPPED)[1]
    child = plain("child", None, CHILD, window)[1]
    return [bool(icons[0]), bool(icons[1]), own[0] == of_windows, child]


def main():
    ready, go_on = sys.argv[1:]
    seen = windows()
    begin = time.monotonic()
    while not os.path.exists(go_on):
        pump()
        if time.monotonic() - begin > 100:
            sys.exit("nobody said to go on")
        if not os.path.exists(ready) and time.monotonic() - begin > 0.5:
            with open(ready + ".part", "w") as file:
                print(*seen, file=file)
            os.replace(ready + ".part", ready)
        time.sleep(0.02)


main()
