"""A lab kit for Apache Kafka with Python: the door to everything the notebooks use.

    settings -> topics -> producer -> (Kafka) -> consumer -> warehouse -> charts

Each stage is a module that answers one question. The stages from `settings` to `warehouse` do not import each
other; they share the message (`readings`) and the way to reach Kafka (the room `clients`). `charts` reads the
warehouse. Everything else is in rooms, that is, subpackages of `lab`.
"""

import importlib
import logging
import sys
from typing import Any

import lazy_loader

from lab.clients.installed import verify_client

verify_client()  # first: without the client every later import fails with a less helpful error

__version__ = "0.2.0"

# `__init__.pyi` says where each name is. It is imported when it is first used: pandas and matplotlib take
# a second.
_find, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    found = _find(name)
    globals().pop(name, None)  # it keeps what it finds, which would then be handed out unchecked
    return importlib.import_module("lab.classroom.slips").checked(found)


# kafka-python logs hundreds of lines when a broker goes away. The kit logs one line instead.
logging.getLogger("kafka").addHandler(logging.NullHandler())

if "IPython" in sys.modules:  # perhaps this is the kernel of a notebook
    importlib.import_module("lab.classroom.notebook").begin()
