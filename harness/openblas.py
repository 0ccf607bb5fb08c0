"""Which kernels multiply matrices: the same cell ends with other bits under others, on the same processor.

numba multiplies by the OpenBLAS that scipy brings. That one chooses its kernels by the processor, or by the environment
variable OPENBLAS_CORETYPE, when it is loaded.
"""

import contextlib
import ctypes
import functools
import importlib.util
from pathlib import Path


@functools.cache
def core() -> str:
    """The processor whose kernels are in use, by OpenBLAS's name, as "Haswell"; "unknown" where scipy does not tell."""
    spec = importlib.util.find_spec("scipy")
    packages = Path(spec.origin).parents[1] if spec and spec.origin else Path()
    with contextlib.suppress(OSError, AttributeError):
        for library in sorted(packages.glob("scipy.libs/*openblas*")):
            told = ctypes.CDLL(str(library)).scipy_openblas_get_corename
            told.restype = ctypes.c_char_p
            return str(told().decode())
    return "unknown"
