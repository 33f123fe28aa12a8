"""From nothing to the first answer of one's own model, as a new user does it: timed, step by step.

Each case gets a new environment of Python, an empty home folder, and a path without Node and
Docker. The steps are four: `pip install`, `lading init --from`, `lading serve`, and a click on the
model's page in Chromium. A step that fails ends the run. Wheels are downloaded before the clock of
`pip install` starts, and that time is a column of its own; the model's files are made before, too.

python -m benchmarks.first_use [CASE ...] [--write]
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter

from benchmarks.first_use_models import CASES, Case

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "benchmarks" / "README.md"
MARK = "<!-- make bench-first-use writes this -->"
HIDDEN = frozenset({"node", "npm", "npx", "docker", "python", "python3", "pip", "pip3"})
MOST_SECONDS = 300
"""The goal: five minutes without the download."""

_SOURCES = (
    "LICENSE",
    "README.md",
    "cdk.json",
    "package.json",
    "package-lock.json",
    "pyproject.toml",
)
_SERVE_TIMEOUT = 600
_LONGEST_ANSWER = 30
_HEADINGS = (
    *("model", "wheels' download", "`pip install`", "`lading init`", "`lading serve`", "click"),
    *("all but the download", "answer"),
)


class StepFailed(RuntimeError):
    """A step of a new user failed; the text has what it said."""


@dataclass(frozen=True, slots=True)
class FirstUse:
    """The seconds of each step, and the answer that the page showed."""

    case: str
    download: float = 0.0
    install: float = 0.0
    init: float = 0.0
    serve: float = 0.0
    click: float = 0.0
    answer: str = ""

    @property
    def counted(self) -> float:
        """All steps but the download of wheels."""
        return self.install + self.init + self.serve + self.click

    def row(self) -> str:
        """Return a line of the table."""
        times = (self.download, self.install, self.init, self.serve, self.click, self.counted)
        return f"| {self.case} | {' | '.join(f'{each:.0f} s' for each in times)} | {self.answer} |"


@dataclass(frozen=True, slots=True)
class NewUser:
    """A machine as a new user has it: an empty home, an environment, and few commands.

    Args:
        home: the home folder, which has everything.
        tools: the only commands beside those of the environment.
    """

    home: Path
    tools: Path

    @classmethod
    def at(cls, home: Path) -> "NewUser":
        """Make the environment, and links to the system's commands without Node and Docker."""
        tools = home / "tools"
        tools.mkdir(parents=True)
        for folder in ("/usr/local/bin", "/usr/bin"):
            for command in Path(folder).iterdir():
                if command.name not in HIDDEN and not (tools / command.name).exists():
                    (tools / command.name).symlink_to(command)
        subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True)
        return cls(home, tools)

    def environment(self) -> dict[str, str]:
        """Return the variables: of the system's only those that tell pip where its index is."""
        own = {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
        path = f"{self.home / 'venv' / 'bin'}:{self.tools}"
        return {**own, "HOME": str(self.home), "PATH": path, "COLUMNS": "120", "LANG": "C.UTF-8"}

    def run(self, folder: Path, *command: str) -> float:
        """Run a command, and return its seconds."""
        started = perf_counter()
        done = subprocess.run(
            [self.home / "venv" / "bin" / command[0], *command[1:]],
            cwd=folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StepFailed(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-4000:]}")
        return perf_counter() - started


def build_wheel(folder: Path) -> Path:
    """Build Lading's wheel from a copy, since a build writes into the folder of its sources."""
    source = folder / "source"
    source.mkdir()
    rooms = [path.name for path in (ROOT / "lading").iterdir() if path.is_symlink()]
    for name in {"lading", "requirements", *_SOURCES, *rooms}:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    command = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    subprocess.run([*command, "--wheel-dir", folder, source], check=True)
    [wheel] = folder.glob("lading-*.whl")
    return wheel


def walk(case: Case, wheel: Path, scratch: Path) -> FirstUse:
    """Take all steps of a case.

    Raises:
        StepFailed: one failed.
    """
    user, wheels = NewUser.at(scratch / "home"), scratch / "wheels"
    wanted = f"lading[{','.join(case.extras)}]"
    sources = ("--quiet", "--find-links", str(wheel.parent), "--dest", str(wheels))
    steps = FirstUse(case.name, user.run(scratch, "pip", "download", *sources, wanted))
    here = ("--quiet", "--no-index", "--find-links", str(wheels))
    steps = replace(steps, install=user.run(scratch, "pip", "install", *here, wanted))
    files = user.home / "files"
    files.mkdir()
    made = ROOT / "benchmarks" / "first_use_models.py"
    user.run(files, "python", str(made), case.name)
    steps = replace(steps, init=user.run(files, "lading", "init", "shop", *case.init))
    started = perf_counter()
    with _serving(user, files / "shop") as url:
        steps = replace(steps, serve=perf_counter() - started)
        started = perf_counter()
        answer = click(f"{url}/ui", case.text)
        return replace(steps, click=perf_counter() - started, answer=answer)


@contextmanager
def _serving(user: NewUser, project: Path) -> Iterator[str]:
    """Yield the address that `lading serve` prints, once it has packaged the model."""
    command = [str(user.home / "venv" / "bin" / "lading"), "serve", "--port", "0"]
    with subprocess.Popen(
        command,
        cwd=project,
        env=user.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        lines: Queue[str | None] = Queue()
        Thread(target=_read, args=(server, lines), daemon=True).start()
        try:
            yield _address(lines)
        finally:
            server.send_signal(signal.SIGINT)


def _read(server: "subprocess.Popen[str]", lines: "Queue[str | None]") -> None:
    assert server.stdout is not None
    for line in server.stdout:
        lines.put(line)
    lines.put(None)


def _address(lines: "Queue[str | None]") -> str:
    said = ""
    while (line := lines.get(timeout=_SERVE_TIMEOUT)) is not None:
        said += line
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            return found[0]
    raise StepFailed(f"lading serve: {said[-4000:]}")


def click(url: str, text: str) -> str:
    """Open the only model's page from the list, press Predict, and return the answer's words.

    Args:
        url: of the list.
        text: what is written where the form asks for a text, if it does.
    """
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    own = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=own)
        page = browser.new_page()
        page.goto(url)
        page.locator(".list a").first.click()
        page.get_by_role("button", name="Predict").wait_for()
        if text and page.locator("form.card textarea:visible").count():
            page.locator("form.card textarea:visible").first.fill(text)
        page.get_by_role("button", name="Predict").click()
        page.locator("#answer .answer, #answer .error").first.wait_for()
        if page.locator("#answer .error").count():
            raise StepFailed(f"the page: {page.locator('#answer').inner_text()}")
        answer = page.locator("#answer h3 + p, #answer h3 + ol li").first.inner_text()
        browser.close()
    return " ".join(answer.split())[:_LONGEST_ANSWER]


def write_table(page: Path, steps: Sequence[FirstUse], machine: str) -> None:
    """Write the table into a page, after its mark and a line about the machine."""
    head, _, rest = page.read_text().partition(MARK)
    _, _, after = rest.partition("\n\n<!-- end -->")
    lines = [
        machine,
        "",
        f"| {' | '.join(_HEADINGS)} |",
        "|---" * len(_HEADINGS) + "|",
        *(each.row() for each in steps),
    ]
    page.write_text(f"{head}{MARK}\n" + "\n".join(lines) + f"\n\n<!-- end -->{after}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the steps of the wanted cases; return 1 if one takes more than five minutes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "cases", nargs="*", metavar="CASE", help=f"{', '.join(CASES)}; default: all"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object for each case")
    parser.add_argument(
        "--write", default="", metavar="MACHINE", help="write the table, under this"
    )
    wanted = parser.parse_args(arguments)
    done: list[FirstUse] = []
    with TemporaryDirectory(prefix="first-use-") as folder:
        wheel = build_wheel(Path(folder))
        for name in wanted.cases or CASES:
            scratch = Path(folder) / name
            scratch.mkdir()
            done.append(walk(CASES[name], wheel, scratch))
            shutil.rmtree(scratch)
            print(json.dumps(_as_json(done[-1])) if wanted.json else done[-1].row(), flush=True)
    if wanted.write:
        write_table(TABLE, done, wanted.write)
    return int(any(each.counted > MOST_SECONDS for each in done))


def _as_json(steps: FirstUse) -> dict[str, str | float]:
    return {name: getattr(steps, name) for name in FirstUse.__slots__}


if __name__ == "__main__":
    sys.exit(main())
