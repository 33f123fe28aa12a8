"""The workspace of the command's tests: what both do the same is tested on one."""

from tests.cli.conftest import lading, packaged, published, workspace

__all__ = ["lading", "packaged", "published", "workspace"]
