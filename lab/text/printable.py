"""How is a text from outside shown? With every character escaped that could act on a terminal."""

from unicodedata import category

# Control and format characters, surrogates, and line and paragraph separators. They move the cursor, change
# colours or the direction of writing, or have no meaning alone.
ACTIVE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Two format characters only join or separate letters, as in Persian, Hindi and emoji of families.
JOINERS = "\u200c\u200d"


def printable(text: str) -> str:
    r"""The text, with each character that could act on a terminal replaced by its code, such as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(
        code(letter) if category(letter) in ACTIVE and letter not in JOINERS else letter for letter in text
    )


def code(letter: str) -> str:
    r"""The Python escape of a character: `\n`, `\x1b` or `\u202e`."""
    return letter.encode("unicode_escape").decode()
