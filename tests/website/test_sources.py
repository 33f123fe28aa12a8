from pathlib import Path

from website.sources import copy_documents


def test_links_lead_to_where_the_site_has_the_files(tmp_path: Path) -> None:
    repository, pages = tmp_path / "repository", tmp_path / "pages"
    for folder in ("docs/how-to", "code"):
        (repository / folder).mkdir(parents=True)
    (repository / "code/a.py").write_text("a = 1\n")
    (repository / "README.md").write_text("[guide](docs/guide.md#one) [web](https://example.com)\n")
    (repository / "docs/guide.md").write_text("[readme](../README.md) [code](../code/a.py)\n")
    (repository / "docs/how-to/x.md").write_text(
        "[guide](../guide.md)\n\n```md\n[readme](../../README.md)\n```\n"
    )
    (pages / "old").mkdir(parents=True)
    copy_documents(repository, pages)
    readme = (pages / "repository/README.md").read_text()
    assert readme == "[guide](../guide.md#one) [web](https://example.com)\n"
    guide = (pages / "guide.md").read_text()
    assert guide == "[readme](repository/README.md) [code](repository/code/a.py)\n"
    assert (pages / "repository/code/a.py").read_text() == "a = 1\n"
    own = (pages / "how-to/x.md").read_text()
    assert own == "[guide](../guide.md)\n\n```md\n[readme](../../README.md)\n```\n"
    assert not (pages / "old").exists()
