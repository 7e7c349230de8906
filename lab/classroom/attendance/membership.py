"""Who joined which class? One line of a learner, kept in the kit's home, so that every notebook knows it."""

import json
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.settings import SERVER, Settings

MAX_ALIAS = 14  # letters: with more, the lessons of both parts do not fit beside it into 80 columns
EXAMPLE = 'Type: join_class("ana", "192.168.1.5:9092")'

_in_this_kernel: dict[Path, "Membership | None"] = {}  # for a home that cannot be written


@dataclass(frozen=True)
class Membership:
    """The alias of a learner, and the address of the room's broker.

    `kit` is a random text, by which the board tells two learners with one alias apart.
    """

    alias: str
    bootstrap_servers: str
    kit: str = ""

    def __repr__(self) -> str:
        return (
            f"You are {self.alias!r} in the class at {self.bootstrap_servers}. From now on each check and "
            "solution sends your alias, a random number of this kit (in case another learner has the "
            "alias too), the exercise, its state, the number of hints, whether you looked at the solution, "
            "and the time. Your code stays here. leave_class() ends it."
        )


def join_class(alias: str, bootstrap_servers: str) -> Membership:
    """From now on the teacher sees how far this kit's exercises are, under an alias.

    Choose an alias that nobody else in the room has; it need not be your name. `bootstrap_servers` is the
    address of the room's broker, such as "192.168.1.5:9092". It holds for every notebook of this kit, until
    `leave_class()`.
    """
    if fault := alias_fault(alias):
        raise LabError(f"The alias {fault}. {EXAMPLE}")
    _must_be_address(bootstrap_servers)
    before = membership()
    kit = before.kit if before and before.alias == alias.strip() else secrets.token_hex(4)
    joined = Membership(alias.strip(), bootstrap_servers.strip(), kit)
    _in_this_kernel[_home()] = joined
    with suppress(OSError):
        _file().parent.mkdir(parents=True, exist_ok=True)
        _file().write_text(json.dumps(asdict(joined)), encoding="utf-8")
        del _in_this_kernel[_home()]  # the file says it, and another notebook can change it
    return joined


def leave_class() -> None:
    """Send nothing more. What is still waiting is removed, what was sent stays with the teacher."""
    _in_this_kernel[_home()] = None
    with suppress(OSError):
        _file().unlink(missing_ok=True)
        del _in_this_kernel[_home()]
    for waiting in waiting_events():
        with suppress(OSError):
            waiting.unlink(missing_ok=True)
    print("You are in no class. Nothing more is sent.")


def membership() -> Membership | None:
    """The class that this kit is in; None if it is in none."""
    if _home() in _in_this_kernel:
        return _in_this_kernel[_home()]
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
        found = Membership(found["alias"], found["bootstrap_servers"], str(found.get("kit", "")))
        _must_be_address(found.bootstrap_servers)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, LabError):  # none, or a damaged one
        return None
    return None if alias_fault(found.alias) else found


def alias_fault(alias: Any) -> str:
    """What is wrong with an alias; empty if it can be shown in a row of the board."""
    if not isinstance(alias, str):
        return f"is a text in quotation marks, not {type(alias).__name__}"
    if not alias.strip() or len(alias.strip()) > MAX_ALIAS:
        return f"has 1 to {MAX_ALIAS} letters, not {len(alias.strip())}"
    return "" if alias.isprintable() else "has a character that cannot be shown"


def folder() -> Path:
    """Where events wait until the class has them."""
    return _home() / "class"


def waiting_events() -> list[Path]:
    """The files of the events that wait, the oldest first."""
    with suppress(OSError):
        return sorted(folder().glob("*.event"))
    return []


def _must_be_address(servers: Any) -> None:
    matches = (
        [SERVER.fullmatch(each.strip()) for each in servers.split(",")] if isinstance(servers, str) else []
    )
    if not matches or not all(match and 0 < int(match[2]) < 65536 for match in matches):
        shown = repr(servers)[:60]
        raise LabError(f"{shown} is not the address of a broker; expected host:port. {EXAMPLE}")


def _home() -> Path:
    return Settings.from_environment().home


def _file() -> Path:
    return folder() / "membership.json"
