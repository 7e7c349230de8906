"""Which machine is this? An id that differs from those of other machines."""

import platform
import uuid


def machine_id() -> str:
    """The name of this machine, with the address of its network card if it has one."""
    card = uuid.getnode()
    is_random = card >> 40 & 1  # a random address differs in each process
    return platform.node() if is_random else f"{platform.node()} {card:x}"
