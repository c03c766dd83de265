/* A Python inside libFuzzer: the fuzz targets are compiled code that coverage is measured of, in modules that
 * this Python imports, and an input reaches them by one C call.
 *
 * The Makefile defines PYTHON, the interpreter whose packages are used; `--target=NAME` chooses a target.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>
#include <string.h>

static int (*one_input)(const uint8_t *data, size_t size);

static const char *target_name(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--target=", 9) == 0)
            return argv[i] + 9;
    fputs("say which target: --target=frames, lives, captures, filters, samples or places\n", stderr);
    exit(2);
}

static void start_python(void)
{
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    config.install_signal_handlers = 0;
    PyConfig_SetBytesString(&config, &config.program_name, PYTHON);
    PyStatus status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status))
        Py_ExitStatusException(status);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    start_python();
    PyObject *module = PyImport_ImportModule("flowtable_fuzz");
    PyObject *address = module ? PyObject_CallMethod(module, "choose", "s", target_name(*argc, *argv)) : NULL;
    if (address == NULL) {
        PyErr_Print();
        exit(2);
    }
    one_input = (int (*)(const uint8_t *, size_t))PyLong_AsVoidPtr(address);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return one_input(data, size);
}
