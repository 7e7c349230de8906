"""A plugin of pytest, loaded before all others: what would each process of a test run do for nothing?"""

import gc
import os
import sys

import pytest

# `jsonschema`, which `nbformat` imports, makes a grammar for international addresses of the Web if it finds
# `rfc3987_syntax`: more than a second of processor time. No notebook has such an address in its schema.
sys.modules["rfc3987_syntax"] = None  # so its import fails, and `jsonschema` goes on as without the package

# Where no byte code is kept, as in many containers, pytest rewrites each test in each of its workers, and
# some hundred programs and kernels compile the kit again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# The modules and tests stay until the end: the collector looks through a million objects in vain while they
# are loaded, and again each time that it looks through all.
gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop():
    gc.freeze()
    gc.enable()
