"""The dated report of a run of `lading smoke`, a Markdown file to keep in the repository."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from lading.cli.smoke.checks import Check
from lading.cli.smoke.proofs import Proof
from lading.cli.smoke.walk import remaining
from lading.functions.contract.names import VERSION


@dataclass(frozen=True, slots=True)
class SmokeRun:
    """What one run found.

    Args:
        url: URL of the API.
        versions: model -> the version that answered.
        checks: checks of models and of callers, each with the word for a good result.
        proofs: claims that only a real account can prove.
    """

    url: str
    versions: Mapping[str, int]
    checks: Sequence[tuple[Check, str]]
    proofs: Sequence[Proof]


def write_report(run: SmokeRun, folder: Path, now: datetime) -> Path:
    """Write the report into `folder`, named after the day and the host, and return its path.

    A second run on the same day replaces the first. The report has no credentials.
    """
    host = urlsplit(run.url).hostname or "unknown"
    path = folder / f"{now:%Y-%m-%d}-{host}.md"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(_lines(run, now)) + "\n", encoding="utf-8")
    return path


def _lines(run: SmokeRun, now: datetime) -> Iterator[str]:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(run.versions.items()))
    wrong = sum(1 for check, _ in run.checks if check.wrong)
    yield f"# Smoke test of {run.url}"
    yield ""
    yield f"{now:%Y-%m-%d %H:%M} UTC, Lading {VERSION}; models: {versions}."
    yield f"{len(run.checks)} checks, {wrong or 'none'} wrong. {remaining(run.proofs)}."
    yield ""
    yield from _table(
        ("model or caller", "operation", "calls", "slowest, ms", "result"),
        (
            (check.subject, check.operation, check.calls, check.slowest_ms, check.wrong or good)
            for check, good in run.checks
        ),
    )
    yield ""
    yield from _table(
        ("only an account proves", "result", "how", "minutes", "US dollars"),
        (
            (
                proof.claim,
                proof.found or ("proved" if proof.proved else "open"),
                proof.how,
                proof.minutes,
                f"{proof.dollars:.2f}",
            )
            for proof in run.proofs
        ),
    )


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{'---|' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(_cell(value) for value in row)} |"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
