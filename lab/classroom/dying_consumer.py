"""What happens if the kit's consumer dies inside its transaction? Lesson 06 kills it there.

    python -m lab.classroom.dying_consumer BOOTSTRAP_SERVERS TOPIC DATABASE DIES_IN_TRANSACTION

DIES_IN_TRANSACTION is the number of the transaction in which it dies, or `never`.
"""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager

import lab.consumer
from lab.consumer import consume
from lab.databases.base import Database
from lab.warehouse import Warehouse


class DyingWarehouse(Warehouse):
    """A warehouse whose program dies when rows and offset are written, but not committed yet."""

    transactions = 0

    @contextmanager
    def transaction(self) -> Generator[Database]:
        """As if the power failed before its end."""
        with super().transaction() as db:
            yield db
            self.transactions += 1
            if str(self.transactions) == dies_in:
                os._exit(1)


servers, topic, database, dies_in = sys.argv[1:]
lab.consumer.MAX_POLL_RECORDS = 100  # readings in each transaction
with DyingWarehouse(database) as warehouse:
    consume(topic, warehouse, group_id=f"{topic}-kit", idle_timeout=2, bootstrap_servers=servers)
