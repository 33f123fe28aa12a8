from lading.cli.smoke.proofs import Proof
from lading.cli.smoke.walk import Finding, remaining, walk

PROOFS = (
    Proof("known", True, "seen", minutes=9),
    Proof("first", False, "look", minutes=50, dollars=1.25),
    Proof("second", False, "look", minutes=40),
    Proof("third", False, "look", minutes=5),
)


def test_a_person_is_asked_for_each_open_claim_and_its_place() -> None:
    asked: list[tuple[str, str]] = []

    def answer(proof: Proof, place: str) -> tuple[Finding, str]:
        asked.append((proof.claim, place))
        found: dict[str, tuple[Finding, str]] = {
            "first": ("proved", "in 12 minutes"),
            "second": ("failed", ""),
            "third": ("skip", ""),
        }
        return found[proof.claim]

    walked = list(walk(PROOFS, answer))
    assert asked == [("first", "1 of 3"), ("second", "2 of 3"), ("third", "3 of 3")]
    assert [(proof.proved, proof.found) for proof in walked] == [
        (True, ""),
        (True, "proved: in 12 minutes"),
        (False, "failed"),
        (False, ""),
    ]


def test_what_remains_is_told_with_its_time_and_its_cost() -> None:
    assert remaining(PROOFS) == ("Open claims: 3; about 1.6 hours, and about 1.25 US dollars")
    assert remaining(PROOFS[3:]).startswith("Open claims: 1; about 5 minutes")
