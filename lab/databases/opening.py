"""How is a warehouse opened? The database that its URL names, with the tables of today, or not at all."""

import importlib
from typing import NamedTuple

from lab.databases.base import Database
from lab.databases.schema import TABLES, Table
from lab.errors import NoWarehouseYet, WarehouseError

NOT_YET = "There is no warehouse at {} yet: python -m lab consume makes it."


class Kind(NamedTuple):
    """A kind of database: the class in the module that knows it, and what pip installs for it."""

    module: str
    name: str
    package: str = ""


SQLITE = Kind("lab.databases.sqlite", "SQLite")
POSTGRESQL = Kind("lab.databases.postgresql", "PostgreSQL", "psycopg[binary]")
# {how a URL begins, before ://: what keeps the warehouse}. Its module is imported when it is used.
KINDS = {"sqlite": SQLITE, "postgresql": POSTGRESQL, "postgres": POSTGRESQL}


def kind_of(url: str) -> Kind | None:
    """What keeps the warehouse of this URL; None if it is a bare path, or begins as none that we know."""
    return KINDS.get(url.partition("://")[0]) if "://" in url else None


def database_of(url: str) -> Database:
    """The database of a URL, not opened yet; what begins as none that we know is a path of SQLite."""
    kind = kind_of(url) or SQLITE
    try:
        module = importlib.import_module(kind.module)
    except ImportError as error:
        package = kind.package.partition("[")[0]
        raise WarehouseError(
            f'{kind.name} needs the package {package} ({error}): python -m pip install "{kind.package}".'
        ) from error
    return getattr(module, kind.name)(url)


def open_database(db: Database, create: bool) -> None:
    """Connect; with `create` also make the tables that are missing, and find out whether it can be written.

    Raises WarehouseError if it is not ours, and NoWarehouseYet if there is none to be read.
    """
    if not create and not db.is_there:
        raise NoWarehouseYet(NOT_YET.format(db.name))
    try:
        db.connect(create)
        if create:
            db.create(TABLES)
        _check(db)
        if create:
            _migrate(db)
            db.probe()
        elif not db.columns("sensor_logs"):
            raise NoWarehouseYet(NOT_YET.format(db.name))
    except BaseException:
        db.close()
        raise


def known_column(db: Database, table: str, name: str) -> str:
    """SQL for a column that came later: NULL, where an older warehouse that is only read has none."""
    return name if name in db.columns(table) else "NULL"


def _check(db: Database) -> None:
    """Refuse a database whose tables have our names and other columns."""
    for table in TABLES:
        found = db.columns(table.name)
        if found and not _needed(table) <= set(found) <= set(_names(table)):
            raise WarehouseError(
                f"{db.name} has a table {table.name} with the columns {', '.join(found)}; expected "
                f"{', '.join(_names(table))}. Move it away, or choose another database: LAB_WAREHOUSE."
            )


def _migrate(db: Database) -> None:
    """A warehouse of an older kit becomes one of today; its rows have NULL in the columns that came later."""
    for table in TABLES:
        there = db.columns(table.name)
        for column in table.columns:
            if column.name not in there:
                db.add_column(table.name, column)
    db.convert_times()


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns]


def _needed(table: Table) -> set[str]:
    return {column.name for column in table.columns if not column.came_later}
