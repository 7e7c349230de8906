"""One command on a fresh machine: `python3 start.py demo` (on Windows: `py start.py demo`).

Makes `.venv` and fills it once, fetches Kafka once, then runs what was asked for. Needs Python 3.11
or newer and nothing else; uses `uv` where it is installed, because it is quicker, else pip.
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
COMMANDS = {
    "demo": "the whole pipeline once: Kafka, readings, warehouse.db, a chart",
    "lab": "JupyterLab on the first lesson, with Kafka beside it; Ctrl-C stops both",
    "test": "every test and every notebook on a real Kafka",
    "book": "the whole course as pages to read, with outputs and pictures: build/book/index.html",
    "setup": "the set-up alone, for example before a day without internet",
    "reset": "back to the start: removes all topics, messages and stored rows; your notebooks stay",
}
INTERRUPTED = 130  # the exit code
ADDRESS = re.compile(r"https?://\S+:\d+/\S*")
LOG_LINES = 12
CLOSING_SECONDS = 10  # Windows gives a program five
NO_NEWS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
# An error of the kit as one line, not as a traceback.
LAB_ERRORS = """
import sys
from lab.errors import LabError
try:
    {}
except LabError as error:
    sys.exit(f"error: {{error}}")
"""


def main():
    if sys.version_info < (3, 11):
        return fail(
            f"The kit needs Python 3.11 or newer; this is {sys.version.split()[0]} ({sys.executable})."
        )
    parser = argparse.ArgumentParser(prog=as_typed(), description="A lab kit for Apache Kafka with Python.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        commands.add_parser(name, help=text, description=text)
    options, rest = parser.parse_known_args()
    if rest and options.command == "setup":
        parser.error(f"setup takes no arguments: {' '.join(rest)}")
    try:
        install("requirements.txt")
        if options.command in ("test", "book"):
            install(f"requirements-{options.command}.txt")
        fetch_kafka(again=options.command == "setup")
        keep_notebooks()
    except subprocess.CalledProcessError:
        return fail("The set-up did not finish; the lines above say why. Mend that and run this again.")
    except KeyboardInterrupt:
        return fail("Interrupted. Run this again: it goes on from here.")
    run_it = {"demo": demo, "lab": lab, "test": test, "book": book, "setup": setup, "reset": reset}
    return run_it[options.command](rest)


def install(requirements):
    """Fill `.venv` from a list of pinned packages, unless that was done before."""
    pins = (HERE / requirements).read_bytes() + (HERE / "pyproject.toml").read_bytes()
    if is_done(requirements, pins) and works(""):
        return
    print(f"Installing {requirements} into .venv (once; about a minute) ...", flush=True)
    uv = shutil.which("uv")
    if not works("" if uv else "import pip"):  # none, half-made, or made by a Python that is gone
        shutil.rmtree(VENV, ignore_errors=True)
        make = [sys.executable, "-m", "venv"]
        if uv:  # --seed: with pip, which the README and lesson 12 speak of
            make = [uv, "venv", "-q", "--seed", "--python", sys.executable]
        subprocess.run([*make, VENV], check=True)
    pip = [uv, "pip"] if uv else [PYTHON, "-m", "pip"]
    options = ["--compile-bytecode", "--python", PYTHON] if uv else []
    subprocess.run([*pip, "install", "-q", *options, "-r", requirements], check=True, cwd=HERE)
    set_done(requirements, pins)


def is_done(step, pins):
    file = VENV / f"{step}.done"
    return file.exists() and file.read_text(encoding="utf-8") == fingerprint(pins)


def set_done(step, pins):
    (VENV / f"{step}.done").write_text(fingerprint(pins), encoding="utf-8")


def fingerprint(pins):
    """Changes with the list of packages, and when the folder is moved: a `.venv` cannot be."""
    return hashlib.sha256(pins + str(HERE).encode()).hexdigest()


def works(statement):
    """Whether the Python of `.venv` is there, starts, and can run the statement."""
    try:
        return (
            PYTHON.exists() and subprocess.run([PYTHON, "-c", statement], capture_output=True).returncode == 0
        )
    except OSError:
        return False


def fetch_kafka(again=False):
    """Fetch Kafka's jars once; the broker checks them again whenever it starts.

    `again`: also if all that is missing is Java's cache, without which Kafka starts more slowly.
    """
    pins = (HERE / "lab" / "embedded" / "kafka-jars.txt").read_bytes()
    if is_done("kafka", pins) and (is_done("kafka-cache", pins) or not again):
        return
    print("Fetching Apache Kafka (once; 45 MB), and preparing it to start quickly ...", flush=True)
    fetch = "from lab.embedded.jars import fetch_jars; fetch_jars(progress=True)"
    subprocess.run([PYTHON, "-c", LAB_ERRORS.format(fetch)], check=True, cwd=HERE)
    prepare = "from lab.embedded.training import prepare_quick_start; sys.exit(not prepare_quick_start())"
    made = subprocess.run([PYTHON, "-c", f"import sys; {prepare}"], cwd=HERE, env=os.environ | typed_here())
    set_done("kafka", pins)
    if not made.returncode:
        set_done("kafka-cache", pins)


def keep_notebooks():
    """Keep a copy of each clean notebook for `notebook restore`, once for each version of the kit."""
    folder = HERE / ".lab" / "notebooks"
    code = fingerprint(b"".join(path.read_bytes() for path in sorted((HERE / "lab").rglob("*.py"))))
    version = folder / "version.txt"
    is_new = not version.exists() or version.read_text(encoding="utf-8") != code
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file in (HERE / "notebooks").glob("*.ipynb"):
        if "-" not in file.stem and (is_new or not (folder / file.name).exists()) and is_clean(file):
            shutil.copyfile(file, folder / file.name)
    version.write_text(code, encoding="utf-8")


def is_clean(notebook):
    """Whether no cell of it was run."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    except (ValueError, TypeError, KeyError):  # damaged
        return False


def demo(arguments):
    return run("-m", "lab", "demo", *arguments)


def lab(arguments):
    # Else JupyterLab asks everybody whether they want its news.
    settings = VENV / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps(NO_NEWS), encoding="utf-8")
    with Children() as children:
        code = children.run("-m", "lab", "broker", "start")
        if code and not children.ended:
            return code
        try:
            return jupyterlab(children, arguments)
        finally:
            children.run_in_any_case("-m", "lab", "broker", "stop")


def jupyterlab(children, arguments):
    """Run JupyterLab until it ends. Its log goes to a file; if it cannot start, the end of that is shown."""
    file = HERE / Path(os.environ.get("LAB_HOME", "").strip() or ".lab").expanduser() / "jupyterlab.log"
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with file.open("ab") as log:
        begin, ended = log.tell(), threading.Event()
        speaker = threading.Thread(target=say_address, args=(file, begin, ended), daemon=True)
        speaker.start()
        code = children.run(
            *("-m", "jupyterlab", f"--ServerApp.root_dir={HERE}"),
            "--LabApp.default_url=/lab/tree/notebooks/00_overview.ipynb",
            "--ServerApp.answer_yes=True",  # one Ctrl-C is enough
            f"--ServerApp.terminado_settings={ {'shell_command': terminal_command()} }",
            *arguments,
            log=log,
        )
        ended.set()
        speaker.join()
    said = read_log(file, begin)
    if code and not children.ended:
        last = said.splitlines()[-LOG_LINES:]
        return fail("\n".join([*last, f"JupyterLab has ended (exit code {code}). Its log is {file}."]))
    if not ADDRESS.search(said):  # it was asked for something else: --version, for example
        print(said, end="")
    return code


def say_address(file, begin, ended):
    """Print the address as soon as JupyterLab has it, and how to stop."""
    is_over = False
    while not is_over:
        is_over = ended.wait(0.1)
        found = ADDRESS.search(read_log(file, begin))
        if found:
            print(f"JupyterLab is at {found[0]}")
            print("Ctrl-C here, or closing this terminal, stops JupyterLab and Kafka.")
            print(f"Its log is {file}.", flush=True)
            return


def read_log(file, begin):
    with file.open("rb") as log:
        log.seek(begin)
        return log.read().decode(errors="replace")


def terminal_command():
    """A shell for JupyterLab's terminals in which `python` is that of `.venv`.

    The start-up file of a shell may put another Python first (pyenv and conda do): ours activates after it.
    """
    if os.name == "nt":
        folder = str(PYTHON.parent).replace("'", "''")
        return ["powershell.exe", "-NoExit", "-Command", f"$env:PATH = '{folder};' + $env:PATH"]
    shell, folder = os.environ.get("SHELL") or "sh", VENV / "terminal"
    folder.mkdir(exist_ok=True)
    activate = f". {shlex.quote(str(PYTHON.parent / 'activate'))}\n"
    if Path(shell).name == "bash":
        (folder / "bashrc").write_text(f"[ -f ~/.bashrc ] && . ~/.bashrc\n{activate}", encoding="utf-8")
        return [shell, "--rcfile", str(folder / "bashrc")]
    if Path(shell).name == "zsh":
        home = shlex.quote(os.environ.get("ZDOTDIR") or str(Path.home()))
        for name in (".zshenv", ".zshrc"):
            own = f"[ -f {home}/{name} ] && . {home}/{name}\n"
            (folder / name).write_text(own + activate * (name == ".zshrc"), encoding="utf-8")
        return ["/usr/bin/env", f"ZDOTDIR={folder}", shell]
    path = f"PATH={PYTHON.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return ["/usr/bin/env", path, f"VIRTUAL_ENV={VENV}", shell]


def test(arguments):
    # Four at a time, also on two cores: most of them wait for something. Each of the four has its own broker.
    everything = ["-n", "4", "--dist", "worksteal", "--nbmake", "tests", "notebooks"]
    return run("-m", "pytest", "-p", "tests.support.quick_imports", *(arguments or everything))


def book(arguments):
    return run("docs/book.py", *arguments)


def setup(arguments):
    print(f"Ready. Next: {as_typed()} demo, or {as_typed()} lab; neither needs the internet now.")
    return 0


def reset(arguments):
    return run("-m", "lab", "reset", *arguments)


def run(*arguments):
    """Run the Python of `.venv` in this folder until it ends."""
    with Children() as children:
        return children.run(*arguments)


class Children:
    """Programs in the Python of `.venv`, one after the other. A signal ends the one that runs, and all.

    Of Ctrl-C a child hears by itself. Of a closed terminal (SIGHUP) it would die, with no chance to tidy
    up: so it hears of that from us, as a SIGTERM. A closed console of Windows, no signal, calls `close`.
    """

    def __init__(self):
        self.ended, self.child, self.before = False, None, {}
        self.is_closed, self.is_over = False, threading.Event()

    def __enter__(self):
        if os.name == "nt":
            self.handler = watch_console(self.close)
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
            number = getattr(signal, name, None)
            if number and not (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):  # nohup
                self.before[number] = signal.signal(number, self.end)
        return self

    def __exit__(self, *exception):
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.is_over.set()

    def close(self):
        """End all, and wait until the block is left: Windows ends this program when this returns."""
        self.is_closed = True
        self.end(signal.SIGTERM, None)
        self.is_over.wait(CLOSING_SECONDS)

    def end(self, number, frame):
        self.ended = True
        if self.child and number != signal.SIGINT:
            self.child.terminate()

    def run(self, *arguments, log=None):
        """Run one to its end, and return its exit code; not at all, once a signal came."""
        if self.ended:
            return INTERRUPTED
        self.child = launch(arguments, deaf_to=["SIGHUP"], log=log)
        if self.ended:  # just now
            self.child.terminate()
        code = self.child.wait()
        self.child = None
        return code

    def run_in_any_case(self, *arguments):
        """Run one to its end, whatever signals came or come."""
        log = subprocess.DEVNULL if self.is_closed else None
        return launch(arguments, deaf_to=["SIGHUP", "SIGINT"], log=log, console=not self.is_closed).wait()


def launch(arguments, deaf_to, log=None, console=True):
    """Start a program. `log`: the file for its output; `console`: whether it belongs to ours, on Windows."""
    output: dict = {"stdout": log, "stderr": subprocess.STDOUT} if log else {}
    if "lab" in arguments[:2]:  # what it prints tells what to type here, and not in the folder where it runs
        output["env"] = os.environ | typed_here()
    if os.name == "nt":  # in a group of its own it hears of no Ctrl-C
        flags = (0x00000200 if "SIGINT" in deaf_to else 0) | (0 if console else 0x00000008)
        return subprocess.Popen([PYTHON, *arguments], cwd=HERE, creationflags=flags, **output)

    def be_deaf():
        for name in deaf_to:
            signal.signal(getattr(signal, name), signal.SIG_IGN)

    return subprocess.Popen([PYTHON, *arguments], cwd=HERE, preexec_fn=be_deaf, **output)


def watch_console(act):
    """Call `act`, in a thread, when the console is closed or the user logs off. Keep what this returns."""
    assert sys.platform == "win32"
    import ctypes

    def handle(event):
        if event not in (2, 5, 6):  # close, log off, shut down; Ctrl-C is for Python
            return False
        act()
        return True

    handler = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)(handle)
    ctypes.windll.kernel32.SetConsoleCtrlHandler(handler, True)
    return handler


def as_typed():
    """How this program is called from the current folder, by a Python that a terminal has."""
    names = ("py" if os.name == "nt" else "python3", "python", f"python3.{sys.version_info.minor}")
    python = next(filter(is_this_python, names), sys.executable)
    script = HERE / "start.py"
    with suppress(OSError, ValueError):  # the current folder is gone; it is elsewhere
        script = script.relative_to(Path.cwd())
    return " ".join(f'"{word}"' if " " in str(word) else str(word) for word in (python, script))


def is_this_python(name):
    """Whether a terminal starts the Python that runs now by this name, or by the launcher of Windows."""
    found = shutil.which(name)
    return found and (name == "py" or Path(found).resolve() == Path(sys.executable).resolve())


def typed_here():
    """Tells the kit where a command is typed, for it runs in another folder."""
    with suppress(OSError):  # the current folder is gone
        return {"_KAFKA_LAB_TYPED_IN": str(Path.cwd())}
    return {}


def fail(line):
    print(line, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
