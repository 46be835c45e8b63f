"""Runs a program in a console that it shares with no other, and does to it what a file says that another writes."""

import ctypes
import subprocess
import sys
import time

kernel = ctypes.windll.kernel32
kernel.CreateRemoteThread.argtypes = [
    ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p
]
CTRL_C, CTRL_CLOSE = 0, 2


def tell_of_its_end(process):
    """What Windows does in each process of a console whose window is closed; Wine's console just ends."""
    routine = ctypes.cast(ctypes.windll.kernelbase.CtrlRoutine, ctypes.c_void_p)
    kernel.CreateRemoteThread(int(process._handle), None, 0, routine, CTRL_CLOSE, 0, None)


def main():
    orders, program, *arguments = sys.argv[1:]
    kernel.FreeConsole()
    kernel.AllocConsole()
    process = subprocess.Popen(
        [program, *arguments], stdin=subprocess.DEVNULL, stdout=sys.stdout, stderr=sys.stderr
    )
    # What follows is for the program alone.
    kernel.SetConsoleCtrlHandler(None, True)
    order = ""
    while process.poll() is None:
        time.sleep(0.02)
        with open(orders) as file:
            before, order = order, file.read().strip()
        if order == before:
            continue
        if order == "ctrl-c":
            kernel.GenerateConsoleCtrlEvent(CTRL_C, 0)
        elif order == "close":
            tell_of_its_end(process)
        elif order == "kill":
            process.kill()
    print("status", process.wait(), flush=True)


main()
