from tests.cli.conftest import Lading


def test_a_dry_run_prepares_no_account(lading: Lading) -> None:
    refused = lading("deploy", "--bootstrap", "--dry-run")
    assert refused.code == 2
    assert "--bootstrap changes the account; give it without --dry-run" in refused.err
