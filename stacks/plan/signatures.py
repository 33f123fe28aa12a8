"""The signatures of the versions to deploy, verified before any stack is created."""

from pathlib import Path

from lading.functions.contract.errors import ArtifactError
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.lock.file import LocalCopy, LockedVersion, S3Copy
from lading.model_packaging.signing.locked import LockedCopy, check_locked
from lading.stacks.stages.settings import Deployment
from lading.stacks.stages.signatures import stage_trust


class StageSignatures:
    """What a stage requires of signatures.

    A stage that names no key can verify none, and nothing is read for it.

    Args:
        deployment: the stage.
        lock: path of models.lock.json.

    Raises:
        SettingsError: a key cannot be read.
    """

    def __init__(self, deployment: Deployment, lock: Path) -> None:
        settings = deployment.settings.signatures
        self.lock = lock
        self.unsigned: dict[str, str] = {}
        self._trust = stage_trust(settings, deployment.folder, deployment.stage)

    def check(
        self, name: str, version: int, entry: LockedVersion, copy: LocalCopy | S3Copy
    ) -> None:
        """Verify a version, or note in `unsigned` that it has no valid signature.

        Raises:
            ValueError: it must have a valid signature; the text says what to do.
        """
        if not self._trust.keys:
            return

        def note(text: str) -> None:
            self.unsigned[name] = text

        try:
            check_locked(self._trust, LockedCopy(name, version, entry, copy, self.lock), note)
        except (ArtifactError, PackagingError) as error:
            raise ValueError(str(error)) from error
