# /// script
# dependencies = ["cffi"]
# [tool.libraries]
# environment = "core"
# ///
import cffi

ffi = cffi.FFI()
ffi.cdef("double sqrt(double); typedef struct { int a; char b[8]; } pair;")
assert ffi.dlopen("libm.so.6").sqrt(9.0) == 3.0
pair = ffi.new("pair *", (1, b"text"))
assert ffi.string(pair.b) == b"text"


@ffi.callback("int(int)")
def twice(n):
    return 2 * n


assert twice(4) == 8
