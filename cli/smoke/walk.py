"""The walk of `lading smoke --walk`: a person proves what no call of the API can."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, Literal

from lading.cli.smoke.proofs import Proof

Finding = Literal["proved", "failed", "skip"]
FINDINGS: Final = ("proved", "failed", "skip")

Ask = Callable[[Proof, str], tuple[Finding, str]]
"""A proof and its place in the walk -> what the person found, and a remark."""


def walk(proofs: Sequence[Proof], ask: Ask) -> Iterator[Proof]:
    """Yield the proofs, the open ones with what a person found."""
    pending = [proof for proof in proofs if not proof.proved]
    for proof in proofs:
        if proof.proved:
            yield proof
            continue
        place = f"{pending.index(proof) + 1} of {len(pending)}"
        finding, remark = ask(proof, place)
        found = "" if finding == "skip" else f"{finding}: {remark}" if remark else finding
        yield replace(proof, proved=finding == "proved", found=found)


def remaining(proofs: Sequence[Proof]) -> str:
    """Return how long the open proofs take, and what they cost, as one sentence."""
    pending = [proof for proof in proofs if not proof.proved]
    minutes = sum(proof.minutes for proof in pending)
    dollars = sum(proof.dollars for proof in pending)
    hours = f"{minutes / 60:.1f} hours" if minutes >= 60 else f"{minutes} minutes"  # noqa: PLR2004
    return f"Open claims: {len(pending)}; about {hours}, and about {dollars:.2f} US dollars"
