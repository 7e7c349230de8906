"""What if a warehouse is used after it was closed? One line says how to open it again."""

from typing import Any

from lab.databases.base import Database
from lab.errors import WarehouseError


def closed(db: Database) -> Any:
    """Close a database, and return what takes its place. Closing twice is safe."""
    db.close()
    return _Closed(db)


class _Closed:
    """Whatever is asked of it, it says that the database is closed."""

    def __init__(self, db: Database):
        self.name, self.Error = db.name, db.Error

    def close(self) -> None:
        """Nothing is left to close."""

    def __getattr__(self, name: str) -> Any:
        raise WarehouseError(f"{self.name} is closed. Open it again: warehouse = Warehouse(url).")
