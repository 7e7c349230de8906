"""What does one who mended an incident without a hint take home? A page to print."""

import html
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.classroom.incidents.incident import Incident

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Incident {seed}</title>
<style>
  @page {{ size: A4; margin: 20mm; }}
  body {{ font: 12pt/1.5 Georgia, serif; color: #202124; max-width: 170mm; margin: 12mm auto; }}
  h1 {{ font-size: 26pt; margin: 0; }}
  h2 {{ font-size: 13pt; margin: 8mm 0 2mm; border-bottom: 1px solid #bdc1c6; }}
  blockquote {{ margin: 6mm 0; padding: 0 6mm; border-left: 4px solid #00695c; font-style: italic; }}
  table {{ border-collapse: collapse; }}
  td {{ padding: 0.5mm 6mm 0.5mm 0; vertical-align: top; }}
  td:first-child {{ text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }}
  .name {{ margin-top: 14mm; }}
  .line {{ display: inline-block; width: 80mm; border-bottom: 1px solid #202124; }}
</style>
</head>
<body>
<h1>Incident {seed}</h1>
<p>Found and mended on {day}, without a hint, in {minutes}.</p>
<blockquote>{call}</blockquote>
<h2>What was wrong</h2>
<p>{cause}</p>
<h2>What was done</h2>
<table>
{steps}
</table>
<h2>What holds again</h2>
<ul>
{promises}
</ul>
<p class="name">Name: <span class="line">&nbsp;</span></p>
<p>Kafka lab kit. The same incident again: <code>python -m lab incident start --seed {seed}</code></p>
</body>
</html>
"""


def write_page(incident: "Incident", file: Path) -> Path:
    """Write the page of an incident that is mended; returns the file."""
    facts, scenario = incident.system.facts, incident.scenario
    until = facts["mended"] - facts["began"] + 1  # what was done afterwards is no part of it
    steps = [
        f"<tr><td>{_clock(s)}</td><td>{html.escape(event)}</td></tr>"
        for s, event in facts["events"]
        if s <= until
    ]
    promises = [f"<li>{html.escape(promise.text)}</li>" for promise in scenario.promises()]
    text = PAGE.format(
        seed=incident.seed,
        day=f"{datetime.fromtimestamp(facts['mended']):%Y-%m-%d}",
        minutes=f"{_clock(facts['mended'] - facts['began'])} min",
        call=html.escape(scenario.call),
        cause=html.escape(scenario.cause),
        steps="\n".join(steps),
        promises="\n".join(promises),
    )
    file.write_text(text, encoding="utf-8")
    return file


def _clock(seconds: float) -> str:
    """Minutes and seconds since the call, such as 4:07."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
