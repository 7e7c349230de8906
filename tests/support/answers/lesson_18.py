"""What learners answer in lesson 18."""

from tests.support.answers import Answers

# The way to the cause: who mends it need not have gone it.
SKIPPED = {"## What is there, and does it run?": "The doctor knows no fault here."}

WRITE = "(incident.folder / 'storer.py').write_text({0}, encoding='utf-8')\nincident.restart('storer')"
READ = '"    reading = json.loads(message.value)\\n"'
CHANGE = "mine.system.program('sender').change({0})\nmine.restart('sender')"
STORED, NOW = (
    "a new reading of each sensor is stored",
    "the newest reading was measured within the last minute",
)

ANSWERS = {
    "18.1": Answers(
        wrong={
            WRITE.format("original + '\\n'"): STORED,
            WRITE.format(
                "original.replace('for message in consumer', 'while message := next(consumer)')"
            ): STORED,
            "incident.system.program('storer').change(pause=0)\nincident.restart('storer')": STORED,
        },
        right=[
            WRITE.format(
                f"original.replace({READ}, \"    if message.value[:1] != b'{{':\\n        continue\\n\" + {READ})"
            ),
        ],
    ),
    "18.2": Answers(
        wrong={
            CHANGE.format("pause=0.1"): NOW,
            CHANGE.format("clock_is_ahead=600"): NOW,
            CHANGE.format("clock_is_ahead=-600"): NOW,
        },
        right=[CHANGE.format("clock_is_ahead=1")],
    ),
}
