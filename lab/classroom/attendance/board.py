"""How far is the class? The board: a row for each learner, a column for each exercise.

It is a fold over the topic: each event, once by its id, changes one cell. No order is needed for that (only
who is called `ana (2)` follows the log), and nothing is stored: a board that is made again is the same.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lab.classroom.attendance.event import TOPIC, Event, OddEvent, decode_event
from lab.classroom.attendance.membership import MAX_ALIAS
from lab.classroom.exercises.exercise import DONE, NOT_YET, SHOWN, exercise_numbers
from lab.errors import TopicError
from lab.topics import read_records

DONE_MARK, SOLUTION_MARK, SEEN_MARK, NOTHING = "+", "s", "-", " "
LEGEND = "+ done   s done with the solution   0-9 not yet, hints used   - only looked at"
MOST_NAMED = 3


@dataclass
class Cell:
    """What is known of one exercise of one learner."""

    done_alone: bool = False
    done: bool = False
    tried: bool = False
    hints: int = 0

    @property
    def mark(self) -> str:
        """It as one letter. Done stays done, also when the lesson is run again."""
        if self.done:
            return DONE_MARK if self.done_alone else SOLUTION_MARK
        return str(min(self.hints, 9)) if self.tried else SEEN_MARK

    def take(self, event: Event) -> None:
        """Add an event."""
        self.done |= event.state == DONE
        self.done_alone |= event.state == DONE and not event.solution_seen
        self.tried |= event.state in (NOT_YET, SHOWN)
        self.hints = max(self.hints, event.hints)


@dataclass
class ClassBoard:
    """The learners by the names of their rows, and what each did. A notebook shows it as a table."""

    learners: dict[str, dict[str, Cell]] = field(default_factory=dict)
    at: dict[str, str] = field(default_factory=dict)  # {alias: the exercise of the last event}
    odd: int = 0  # messages that are no events
    ids: set[str] = field(default_factory=set)
    rows: dict[tuple[str, str], str] = field(default_factory=dict)  # {(alias, kit): how its row is called}

    def take(self, value: bytes | None) -> None:
        """Add a message. An event that came before is left out, and what is none is counted."""
        try:
            event = decode_event(value)
        except OddEvent:
            self.odd += 1
            return
        if event.id in self.ids:
            return
        self.ids.add(event.id)
        row = self._row(event)
        self.learners.setdefault(row, {}).setdefault(event.exercise, Cell()).take(event)
        self.at[row] = event.exercise

    def _row(self, event: Event) -> str:
        """The alias; a second learner with the same alias, in another kit, has a row `ana (2)`."""
        name, number = event.alias, 1
        if (event.alias, event.kit) not in self.rows:
            while name in self.learners:
                number += 1
                name = f"{event.alias[: MAX_ALIAS - 4]} ({number})"
            self.rows[event.alias, event.kit] = name
        return self.rows[event.alias, event.kit]

    def aliases(self) -> list[str]:
        """The learners, in an order that does not jump."""
        return sorted(self.learners, key=lambda alias: (alias.casefold(), alias))

    def mark(self, alias: str, exercise: str) -> str:
        """One cell of the board; a space if nothing came of it."""
        cell = self.learners[alias].get(exercise)
        return cell.mark if cell else NOTHING

    def done_with(self, lesson: str) -> int:
        """How many are done with all exercises of a lesson."""
        numbers = lessons()[lesson]
        done = (DONE_MARK, SOLUTION_MARK)
        return sum(all(self.mark(alias, n) in done for n in numbers) for alias in self.learners)

    def summary(self) -> list[str]:
        """What the teacher wants to know: when to go on, and what to explain again."""
        if not self.learners:
            lines = [f"Nobody has sent anything yet. A learner types: {_JOIN}"]
        else:
            lines = [self._where(), self._stuck(), *self._shared()]
        return [
            *lines,
            *([f"Left out: {self.odd} messages that are no events of this kit."] if self.odd else []),
        ]

    def _where(self) -> str:
        current, at = Counter(number[:2] for number in self.at.values()).most_common(1)[0]
        return (
            f"Most are at lesson {current} ({at} of {len(self.learners)}); {self.done_with(current)} "
            "are done. Go on when nearly all are."
        )

    def _stuck(self) -> str:
        """The exercises that most learners tried and have not done."""
        tried = Counter(
            number
            for cells in self.learners.values()
            for number, cell in cells.items()
            if cell.mark.isdigit()
        )
        most = sorted(tried.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_NAMED]
        return f"Not yet, most often: {', '.join(f'{n} ({count})' for n, count in most) or 'none'}"

    def _shared(self) -> list[str]:
        """The aliases that several learners have, and what they can do."""
        counts = Counter(alias for alias, _ in self.rows)
        names = ", ".join(sorted(alias for alias, count in counts.items() if count > 1)[:MOST_NAMED])
        return [f"Several joined as {names}: let one of them join again, with a new alias."] if names else []

    def __repr__(self) -> str:
        from lab.classroom.attendance.showing import as_text  # here, because it takes the board

        return as_text(self)

    def _repr_html_(self) -> str:
        from lab.classroom.attendance.showing import as_html

        return as_html(self)


_JOIN = 'join_class("ana", "the address of this broker:9092")'


def lessons() -> dict[str, list[str]]:
    """{lesson: its exercises}, such as {"02": ["02.1", "02.2"]}."""
    found: dict[str, list[str]] = {}
    for number in exercise_numbers():
        found.setdefault(number[:2], []).append(number)
    return found


def make_board(values: Iterable[bytes | None]) -> ClassBoard:
    """The board of these messages."""
    board = ClassBoard()
    for value in values:
        board.take(value)
    return board


def class_board(**kafka: Any) -> ClassBoard:
    """How far the learners are who joined the class on this broker: `class_board(**settings.kafka)`.

    It only reads. `show_live(lambda: class_board(**settings.kafka), interval=2)` keeps it up to date.
    """
    try:
        return make_board(record.value for record in read_records(TOPIC, **kafka))
    except TopicError:  # nobody has joined yet
        return ClassBoard()
