"""What tells this machine from others?"""

import platform
import uuid


def machine_id() -> str:
    """Its name, and the address of its network card if it has one."""
    card = uuid.getnode()
    is_random = card >> 40 & 1  # then it is another one in each process
    return platform.node() if is_random else f"{platform.node()} {card:x}"
