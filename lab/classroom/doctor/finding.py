"""What did a check find, and how is that shown in a terminal and in a notebook?"""

import html
from dataclasses import dataclass

from lab.text.commandline import as_typed

Fault = tuple[str, str]  # (what is wrong, what to do)
CELL = '<td style="text-align: left; vertical-align: top">{}</td>'


@dataclass(frozen=True)
class Finding:
    """The result of a check; `fix` is what to do, and is empty if nothing is wrong."""

    check: str
    found: str
    fix: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.fix

    def __str__(self) -> str:
        line = f"{'ok   ' if self.ok else 'FAULT'}  {self.check}: {self.found}"
        return as_typed(line if self.ok else f"{line}\n       -> {self.fix}")


class Findings(list[Finding]):
    """A list of findings. A notebook shows it as a table; elsewhere it is shown as lines."""

    def __repr__(self) -> str:
        return "\n".join(map(str, self))

    def _repr_html_(self) -> str:
        return f"<table>{''.join(map(_row, self))}</table>"


def _row(finding: Finding) -> str:
    texts = (finding.check, finding.found, finding.fix)
    check, found, fix = (html.escape(as_typed(text)) for text in texts)
    # A red that is readable on white and on black: a notebook may have either theme.
    sign = "ok" if finding.ok else '<b style="color: #e34234">FAULT</b>'
    cells = (
        sign,
        f"<b style='white-space: nowrap'>{check}</b>",
        found if finding.ok else f"{found}<br><b>&rarr; {fix}</b>",
    )
    return f"<tr>{''.join(map(CELL.format, cells))}</tr>"
