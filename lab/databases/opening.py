"""How is a warehouse opened? By its URL; its tables are checked, and created or migrated if necessary."""

import importlib
from typing import NamedTuple

from lab.databases.base import Database
from lab.databases.schema import TABLES, Table
from lab.errors import NoWarehouseYet, WarehouseError

NOT_YET = "There is no warehouse at {} yet: python -m lab consume makes it."


class Kind(NamedTuple):
    """A kind of database: its module, the class in it, and the package that pip installs for it."""

    module: str
    name: str
    package: str = ""


SQLITE = Kind("lab.databases.sqlite", "SQLite")
POSTGRESQL = Kind("lab.databases.postgresql", "PostgreSQL", "psycopg[binary]")
# {scheme of a URL: kind of database}. Its module is imported when it is first used.
KINDS = {"sqlite": SQLITE, "postgresql": POSTGRESQL, "postgres": POSTGRESQL}


def kind_of(url: str) -> Kind | None:
    """The kind of database of this URL; None if it is a bare path or has an unknown scheme."""
    return KINDS.get(url.partition("://")[0]) if "://" in url else None


def database_of(url: str) -> Database:
    """The database of a URL, not opened yet; without a known scheme, it is the path of an SQLite file."""
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
    """Connect; with `create`, also create missing tables, and check that the database can be written.

    Raises WarehouseError if its tables are not the kit's, and NoWarehouseYet if there is none to read.
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
    """SQL for a column added in a later version: NULL if an older warehouse, opened to read, lacks it."""
    return name if name in db.columns(table) else "NULL"


def _check(db: Database) -> None:
    """Refuse a database whose tables have our names but other columns."""
    for table in TABLES:
        found = db.columns(table.name)
        if found and not _needed(table) <= set(found) <= set(_names(table)):
            raise WarehouseError(
                f"{db.name} has a table {table.name} with the columns {', '.join(found)}; expected "
                f"{', '.join(_names(table))}. Move it away, or choose another database: LAB_WAREHOUSE."
            )


def _migrate(db: Database) -> None:
    """Migrate a warehouse of an older kit; its rows get NULL in the columns that were added later."""
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
