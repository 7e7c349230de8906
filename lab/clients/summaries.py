"""What did a consumer do? Its numbers, while it runs and at the end."""

from dataclasses import dataclass, field

from lab.readings import Batch


@dataclass
class ConsumeSummary:
    """The numbers of a consumer. Each processed message was stored as a reading or as a dead letter."""

    stored: int = 0
    dead_letters: int = 0
    fenced: int = 0  # messages that another consumer had stored first
    lost_to_retention: int = 0  # messages that left the log before they were read
    truncated: int = 0  # offsets that were stored, and then lost by the log
    reconnects: int = 0
    rebalances: int = 0  # how often the group gave this consumer other partitions
    rebalance_seconds: float = 0  # without any partition, while the group rebalanced
    seconds: float = 0
    lag: dict[int, int] = field(default_factory=dict)  # {partition: messages left unread}

    @property
    def processed(self) -> int:
        """Messages stored as readings or dead letters."""
        return self.stored + self.dead_letters

    @property
    def per_second(self) -> float:
        """Messages processed a second."""
        return self.processed / self.seconds if self.seconds else 0

    def add_rebalances(self, number: int, seconds: float) -> None:
        """Add rebalances, and the seconds that they took."""
        self.rebalances += number
        self.rebalance_seconds = round(self.rebalance_seconds + seconds, 3)

    def count(self, batch: Batch) -> None:
        """Add a batch that was stored."""
        self.stored += len(batch.readings)
        self.dead_letters += len(batch.dead_letters)
        if gap := batch.gap:
            offsets = gap.next_offset - gap.first_offset
            self.lost_to_retention += offsets if gap.reason == "retention" else 0
            self.truncated += offsets if gap.reason == "truncation" else 0
