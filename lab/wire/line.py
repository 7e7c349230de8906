"""How well does a line carry what is said over it? It may be slow, far away, or silent in one direction."""

import time
from dataclasses import dataclass

from lab.wire.proxy import Link


@dataclass
class Line:
    """What is wrong with a way over the network; by default, nothing.

    `delay`: seconds that each request and each answer takes longer, those of a connection one after the
    other. `bytes_per_second`: no more than that in each direction of a connection.
    """

    delay: float = 0
    bytes_per_second: float | None = None
    loses_requests: bool = False  # they vanish, and nobody is told
    loses_answers: bool = False
    ends_answers: bool = False  # the connection is closed in one direction: who asked reads its end, only

    def carry_request(self, frame: bytes) -> bytes:
        """What arrives of it, when it arrives."""
        return self._carry(frame, self.loses_requests)

    def carry_answer(self, frame: bytes, link: Link) -> bytes:
        """What arrives of it, when it arrives."""
        if self.ends_answers:
            link.end_answers()
        return self._carry(frame, self.loses_answers or self.ends_answers)

    def _carry(self, frame: bytes, is_lost: bool) -> bytes:
        if seconds := self.delay + (len(frame) / self.bytes_per_second if self.bytes_per_second else 0):
            time.sleep(seconds)
        return b"" if is_lost else frame
