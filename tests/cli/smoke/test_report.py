from datetime import UTC, datetime
from pathlib import Path

from lading.cli.smoke.checks import Check
from lading.cli.smoke.proofs import Proof
from lading.cli.smoke.report import SmokeRun, write_report

NOW = datetime(2026, 11, 29, 18, 30, tzinfo=UTC)
RUN = SmokeRun(
    "https://abc.execute-api.eu-west-1.amazonaws.com/dev",
    {"digits": 3},
    [
        (Check("digits", "plain predict", 2, "", 12.5, gateway=True), "right"),
        (Check("digits", "infer", 1, "status 500: a | b", 3.0, gateway=True), "right"),
    ],
    [
        Proof("TLS", True, "the certificate is valid"),
        Proof("traces", False, "see X-Ray", minutes=10, dollars=0.5, found="failed: none"),
    ],
)


def test_a_report_is_named_after_its_day_and_host_and_says_what_was_found(tmp_path: Path) -> None:
    path = write_report(RUN, tmp_path / "reports", NOW)
    assert path.name == "2026-11-29-abc.execute-api.eu-west-1.amazonaws.com.md"
    text = path.read_text()
    assert "2026-11-29 18:30 UTC" in text
    assert "models: digits 3" in text
    assert "2 checks, 1 wrong." in text
    assert "| digits | plain predict | 2 | 12.5 | right |" in text
    assert "| digits | infer | 1 | 3.0 | status 500: a \\| b |" in text
    assert "| TLS | proved | the certificate is valid | 0 | 0.00 |" in text
    assert "| traces | failed: none | see X-Ray | 10 | 0.50 |" in text


def test_a_second_run_of_a_day_replaces_the_first(tmp_path: Path) -> None:
    assert write_report(RUN, tmp_path, NOW) == write_report(RUN, tmp_path, NOW)
    assert len(list(tmp_path.iterdir())) == 1
