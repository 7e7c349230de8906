"""What is looked at in the exercises of lesson 18, incidents? What the incident itself looks at."""

from dataclasses import replace

from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.incidents.incident import Incident


@exercise("18.1")
def a_message_that_is_no_reading(incident: Incident) -> Exercise:
    """The incident that the lesson has found out is mended."""
    hints = (
        "Which line of storer.py fails? What should the program do with such a message?",
        "Put json.loads(...) into a try, with except ValueError: continue. Then incident.restart('storer').",
    )
    # One may also step over it by committing the next offset: then no file is changed, and the program runs.
    return Exercise(
        lambda: bool(incident.changed()) or incident.system.is_running("storer"),
        "storer.py is as it was, and does not run.",
        _promises(incident, hints),
    )


@exercise("18.2")
def on_your_own(incident: Incident) -> Exercise:
    """The other one is mended."""
    hints = (
        "Look at mine.readings(), and at the clock on your wall. mine.hint() says where to go on.",
        "Change the settings that are wrong, in a file of mine.folder; then mine.restart(...) that program.",
    )
    return Exercise(
        lambda: bool(incident.changed()),
        "Each program and each setting is as it was when it broke.",
        _promises(incident, hints),
    )


def _promises(incident: Incident, hints: tuple[str, ...]) -> tuple[Step, ...]:
    return tuple(replace(step, hints=hints) for step in incident.promises())
