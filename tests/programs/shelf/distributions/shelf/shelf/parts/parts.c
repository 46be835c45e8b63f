/* An extension module whose number() is NUMBER, large enough that writing it takes a while. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define JOINED(a, b) a##b
#define INIT(name) JOINED(PyInit_, name)
#define QUOTED(name) #name
#define TEXT(name) QUOTED(name)

const char padding[1 << 17] = {NUMBER + 1};

static PyObject *number(PyObject *self, PyObject *none)
{
    return PyLong_FromLong(NUMBER + padding[1]);
}

static PyMethodDef methods[] = {{"number", number, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, TEXT(NAME), NULL, -1, methods};

PyMODINIT_FUNC INIT(NAME)(void)
{
    return PyModule_Create(&module);
}
