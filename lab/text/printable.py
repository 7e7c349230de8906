"""How is a text from outside shown? So that it is only read, and does nothing."""

from unicodedata import category

# Control and format characters, half characters, and the two that end a line: they move the cursor,
# change colours, turn the direction of writing, or stand for nothing at all.
ACTIVE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Two of them only join letters or keep them apart, as in Persian, in Hindi, and in families of emoji.
JOINERS = "\u200c\u200d"


def printable(text: str) -> str:
    r"""The text with each character that could act on a terminal written as its code, such as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(
        code(letter) if category(letter) in ACTIVE and letter not in JOINERS else letter for letter in text
    )


def code(letter: str) -> str:
    r"""A character as Python writes it: `\n`, `\x1b` or `\u202e`."""
    return letter.encode("unicode_escape").decode()
