"""A lesson in a real JupyterLab, in a real browser: the live picture moves, and is there after a save."""

import os
import re
import secrets
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
import psutil
import pytest

from lab.embedded.ports import free_ports
from tests.support.browser import CHROMIUM, FLAGS, NAMES
from tests.support.waiting import wait_for

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="the browser is driven by the package playwright"
)

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(CHROMIUM is None, reason=f"there is no Chromium: none of {', '.join(NAMES)}"),
]

LESSON = Path(__file__).parents[2] / "notebooks" / "10_live_dashboard.ipynb"
CELLS = [cell.source for cell in nbformat.read(LESSON, as_version=4).cells]
PICTURE = next(n for n, source in enumerate(CELLS) if "show_live(dashboard.draw)" in source)

# What is asked of the page. JupyterLab shows its commands when it is started to do so.
RUN = """([command, cell]) => {
    window.jupyterapp.shell.currentWidget.content.activeCellIndex = cell;
    window.isDone = false;
    window.jupyterapp.commands.execute(command).finally(() => { window.isDone = true; });
}"""
LOOK = """cell => {
    const panel = window.jupyterapp.shell.currentWidget;
    const image = panel.content.widgets[cell].node.querySelector('.jp-OutputArea-output img');
    const isShown = image && image.isConnected && image.complete && image.naturalWidth > 0;
    return {
        picture: isShown ? image.src : null,
        words: isShown ? image.alt : null,
        isIdle: panel.sessionContext.session?.kernel?.status === 'idle',
        isDone: window.isDone === true,
    };
}"""
IS_OPEN = """cells => window.jupyterapp?.shell.currentWidget?.content?.widgets?.length === cells
    && window.jupyterapp.shell.currentWidget.sessionContext?.isReady"""


@pytest.fixture
def folder(tmp_path):
    """Where a copy of the lesson is."""
    path = tmp_path / "notebooks"
    path.mkdir()
    shutil.copy(LESSON, path)
    return path


@pytest.fixture
def address(folder, tmp_path, broker):
    """Where a JupyterLab shows the lesson."""
    port, token = free_ports(1)[0], secrets.token_hex(24)
    settings = tmp_path / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"windowingMode": "none"}', encoding="utf-8")  # cells out of sight are kept too
    own = {name: str(tmp_path / name) for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
    options = {
        "ServerApp.root_dir": folder,
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.allow_root": True,
        "IdentityProvider.token": token,
        "LabApp.user_settings_dir": tmp_path / "settings",
        "LabApp.workspaces_dir": tmp_path / "workspaces",
        "LabApp.expose_app_in_browser": True,
        "LabApp.open_browser": False,
        "LabApp.news_url": "",
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    command = [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())]
    with (tmp_path / "jupyterlab.log").open("wb") as log:
        server = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/api/status?token={token}"), timeout=60)
        yield f"http://127.0.0.1:{port}/lab/tree/{LESSON.name}?token={token}"
    finally:
        for process in [*psutil.Process(server.pid).children(recursive=True), psutil.Process(server.pid)]:
            process.kill()
        server.wait(10)


def answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except (URLError, ConnectionError):
        return False


@pytest.fixture
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Lesson:
    """The lesson, opened in a browser."""

    def __init__(self, browser, address: str):
        self.faults = []
        self.page = browser.new_page(viewport={"width": 1400, "height": 1000})
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(address)
        self.page.wait_for_function(IS_OPEN, arg=len(CELLS), timeout=60_000)

    def run(self, command: str, cell: int) -> None:
        """Begin to run cells; `look()` says when they are done."""
        self.page.evaluate(RUN, [f"notebook:{command}", cell])

    def look(self) -> dict:
        return self.page.evaluate(LOOK, PICTURE)

    def watch(self, until, timeout: float) -> list[dict]:
        """Look again and again, until `until` says of all that was seen that it is enough."""
        seen = []

        def look() -> bool:
            seen.append(self.look())
            return until(seen)

        wait_for(look, timeout, pause=0.1)
        return seen


def changes(seen: list[dict]) -> int:
    """How often the picture changed."""
    pictures = [look["picture"] for look in seen if look["picture"]]
    return sum(before != after for before, after in pairwise(pictures))


def test_the_dashboard_moves_while_the_notebook_is_free_and_is_there_after_a_save(address, browser, folder):
    lesson = Lesson(browser, address)
    lesson.run("run-all-above", PICTURE + 1)
    lesson.watch(lambda seen: seen[-1]["isDone"] and seen[-1]["isIdle"], timeout=60)

    # No cell runs, and it moves.
    idle = lesson.watch(lambda seen: changes(seen) >= 4, timeout=30)
    assert all(look["isIdle"] for look in idle)

    # All the other cells run, and it moves.
    lesson.run("run-all-below", PICTURE + 1)
    busy = lesson.watch(lambda seen: seen[-1]["isDone"] and seen[-1]["isIdle"], timeout=90)
    assert changes(busy) >= 5
    last, words = (lesson.look()[what] for what in ("picture", "words"))
    assert re.search(
        r"^The topic .+: [1-9]\d* produced, .+ partition 3: lag \d+, owner .+ Drawn at", words
    ), words

    lesson.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    saved = nbformat.read(folder / LESSON.name, as_version=4).cells
    outputs = [output for cell in saved for output in cell.get("outputs", ())]
    assert [output for output in outputs if output.output_type == "error"] == []
    (stored,) = saved[PICTURE].outputs
    assert f"data:image/png;base64,{stored.data['image/png']}".replace("\n", "") == last.replace("\n", "")

    again = Lesson(browser, address)
    again.watch(lambda seen: seen[-1]["picture"] == last, timeout=20)
    assert lesson.faults == again.faults == []
