"""`python -m benchmarks`: measure, and write the table and the picture. `--help` tells the sizes."""

import argparse
import json
import platform
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from datetime import date
from pathlib import Path

import psutil

from benchmarks.comparison import Comparison
from benchmarks.parts import BENCHMARKS, Bench
from benchmarks.show import draw, table, write_table

HERE = Path(__file__).resolve().parent


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmarks named, or all; what others found before stays in the results."""
    options = parser().parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    file = options.output / "results.json"
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    with ExitStack() as closing:
        folder = closing.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        bench = Bench(Path(folder), options.messages, options.runs, closing)
        for name in options.names or BENCHMARKS:
            print(f"{name}: {BENCHMARKS[name].__doc__}", flush=True)
            found = list(BENCHMARKS[name](bench))
            print(table(found) if found else "  not installed: what it is compared with", flush=True)
            if found:
                results[name] = {
                    "on": f"{date.today()}, {platform.system()}, {psutil.cpu_count()} cores, "
                    f"Python {platform.python_version()}, {options.messages:,} readings",
                    "comparisons": [asdict(comparison) for comparison in found],
                }
                file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    ordered = [(name, results[name]) for name in BENCHMARKS if name in results]
    comparisons = [Comparison(**each) for _, result in ordered for each in result["comparisons"]]
    write_table(options.output / "README.md", comparisons, sorted({result["on"] for _, result in ordered}))
    draw(comparisons).savefig(options.output / "figures.png", dpi=110)


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], help="which; default: all")
    parser.add_argument("--messages", type=int, default=200_000, help="readings (default %(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="times that each is run (default %(default)s)")
    parser.add_argument("--output", type=Path, default=HERE, help="where the results go")
    return parser


if __name__ == "__main__":
    main()
