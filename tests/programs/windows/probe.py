"""Does what its first argument says, and prints what it sees."""

import os
import sys


def show(*values):
    print(*values, flush=True)


def fail():
    raise ValueError("no such luck")


def square(number):
    return number * number


def facts():
    show(sys.argv[2:])
    show(sys.frozen, sys.platform, sys.executable, sys.argv[0])
    show(__file__, sys._MEIPASS)
    show(sys._pack["target"], sys.prefix == sys._MEIPASS, sys.flags.isolated)
    import json

    show(json.__file__)
    show(os.environ["PATH"].count("pack"), [name for name in os.environ if name.startswith("PYTHON")])


def libraries():
    import asyncio
    import bz2
    import ctypes
    import decimal
    import hashlib
    import lzma
    import socket
    import sqlite3
    import ssl
    import uuid
    import xml.etree.ElementTree as tree

    show(sqlite3.connect(":memory:").execute("select 6 * 7").fetchone())
    show(ssl.OPENSSL_VERSION.split()[0], ssl.create_default_context().verify_mode.name)

    async def later():
        await asyncio.sleep(0.01)
        return "later"

    show(asyncio.run(later()))
    show(hashlib.sha256(b"x").hexdigest()[:8], lzma.decompress(lzma.compress(b"q")), bz2.decompress(bz2.compress(b"r")))
    show(ctypes.sizeof(ctypes.c_void_p), ctypes.windll.kernel32.GetCurrentProcessId() == os.getpid())
    show(decimal.Decimal("0.1") * 3, uuid.UUID(int=1), tree.fromstring("<a>b</a>").text)
    one, other = socket.socketpair()
    one.sendall(b"over")
    show(other.recv(4))


def workers():
    import multiprocessing
    import subprocess

    with multiprocessing.Pool(2) as pool:
        show(pool.map(square, range(5)))
    queue = multiprocessing.Queue()
    process = multiprocessing.Process(target=queue.put, args=(os.getpid(),))
    process.start()
    show(queue.get() == os.getpid())
    process.join()
    show(process.exitcode)
    show(subprocess.run([sys.executable, "-c", "import sys; print(6 * 7, sys.argv)"], stdout=subprocess.PIPE).stdout)


def holds():
    """Says which directory it has, and goes on once the file is there that its argument names."""
    import time

    show(os.path.basename(sys._MEIPASS))
    begin = time.monotonic()
    while not os.path.exists(sys.argv[2]):
        if time.monotonic() - begin > 90:
            sys.exit("nobody said to go on")
        time.sleep(0.02)


def starts():
    """Starts a program as the desktop does, without streams; shows what its window says and closes it."""
    import ctypes
    import subprocess
    import time

    program, *arguments = sys.argv[2:]
    process = subprocess.Popen(["start", "/wait", program, *arguments])
    user = ctypes.windll.user32
    title = program.rpartition("\\")[2].rpartition(".")[0]
    window = 0
    while process.poll() is None and not window:
        window = user.FindWindowW("#32770", title)
        time.sleep(0.05)
    if window:
        text = ctypes.create_unicode_buffer(10_000)
        get_text, close, text_of_a_message = 0xD, 0x10, 0xFFFF
        user.SendMessageW(user.GetDlgItem(window, text_of_a_message), get_text, len(text), text)
        show(text.value)
        user.PostMessageW(window, close, 0, 0)
    show("status", process.wait())


def main():
    # A pipe has the code page of Windows otherwise, which tests would have to know.
    sys.stdout.reconfigure(encoding="utf-8")
    what = sys.argv[1] if len(sys.argv) > 1 else "facts"
    if what == "exit":
        sys.exit(int(sys.argv[2]))
    if what == "words":
        sys.exit("for these reasons")
    if what == "raise":
        fail()
    if what == "stdin":
        show(repr(sys.stdin.read()))
    elif what == "write":
        with open(os.path.join(sys._MEIPASS, "lib", "python3.dll"), "r+b") as file:
            file.write(b"damage")
    else:
        known = {"facts": facts, "libraries": libraries, "workers": workers, "starts": starts, "holds": holds}
        known[what]()


if __name__ == "__main__":
    main()
