"""Which pictures of an idea are there? Each is a function of its name, on a card, with its alternative text."""

from pathlib import Path

from docs.pictures import access, delivery, groups, logs
from docs.pictures.captions import CAPTIONS

FOLDER = Path(__file__).resolve().parents[2] / "notebooks" / "pictures"


def draw(name: str) -> str:
    """The picture as the text of an SVG file."""
    (found,) = [room for room in (logs, delivery, groups, access) if hasattr(room, name)]
    return getattr(found, name)().svg(*CAPTIONS[name])


def markdown(name: str) -> str:
    """The line with which a lesson shows it."""
    return f"![{CAPTIONS[name][1]}](pictures/{name}.svg)"
