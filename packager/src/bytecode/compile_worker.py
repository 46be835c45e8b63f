# Compiles what arrives on stdin until it ends; answers on stdout, in order. Runs with `-I -S`: nothing but builtin
# modules may be imported. The protocol is that of worker.rs; integers are little-endian.
#   request:  u32 length of the file name, u32 length of the source, i8 optimisation level, file name (UTF-8), source
#   answer:   u8 0, u32 length, marshalled code          when it compiled
#             u8 1, u32 length, u32 line, message (UTF-8)  when it did not
import marshal
import sys


def compiled(source, name, optimize):
    try:
        return 0, marshal.dumps(compile(source, name, "exec", dont_inherit=True, optimize=optimize))
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        line = getattr(error, "lineno", None) or 0
        text = getattr(error, "msg", None) or str(error) or type(error).__name__
        return 1, line.to_bytes(4, "little") + text.encode("utf-8", "replace")


def serve(requests, answers):
    while True:
        head = requests.read(9)
        if len(head) < 9:
            return
        name_length = int.from_bytes(head[0:4], "little")
        source_length = int.from_bytes(head[4:8], "little")
        optimize = int.from_bytes(head[8:9], "little", signed=True)
        name = requests.read(name_length).decode("utf-8", "surrogateescape")
        status, body = compiled(requests.read(source_length), name, optimize)
        answers.write(bytes([status]) + len(body).to_bytes(4, "little"))
        answers.write(body)
        answers.flush()


serve(sys.stdin.buffer, sys.stdout.buffer)
