"""A store in a versioned S3 bucket.

    <prefix>/models/<name>/<version>/artifact.zip   a version; writing it publishes the version
    <prefix>/models/<name>/golden/<digest>.json     its golden requests, written before it
    <prefix>/models/<name>/sha256/<digest>/<path>   its engine's files, written before it
    <prefix>/models/<name>/attestations/<version>-<digest>.json    its signature, written before it

Every write requires that the key is free, so nothing is ever overwritten, except a signature: a
version may be signed again. The key of a signature has the version and the digest of artifact.json,
so it belongs to no other artifact, whoever gets the number; the zip, which becomes a layer, has
none. If two publishers want the same number, one gets it and the other uses the next. Identity and
digest are metadata of the zip: they appear with it and can be read without it (docs/adr/0008). The
engine's files have the digest of their list in their prefix, since SageMaker does not pin object
versions; complete files of a killed publisher are used by the next.
"""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading.functions.contract.errors import ArtifactError
from lading.functions.contract.names import artifact_archive, artifact_folder, attestation_object
from lading.functions.inference.artifact.archive import pack, unpack
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import GOLDEN, Artifact
from lading.functions.inference.attestation.bundle import MAX_BUNDLE_BYTES
from lading.functions.inference.attestation.statement import BUNDLE
from lading.model_packaging.check.golden import MAX_BYTES
from lading.model_packaging.lock.file import S3Copy
from lading.model_packaging.store.contents import Stored
from lading.model_packaging.store.engine_files import EngineFiles, engine_digest
from lading.model_packaging.store.errors import StoreError
from lading.model_packaging.store.publication import (
    Built,
    Published,
    check_engine,
    next_number,
    verify,
)
from lading.model_packaging.store.s3_contents import group_objects, list_objects
from lading.model_packaging.store.s3_engine import EnginePrefix
from lading.model_packaging.store.s3_refusals import refusal
from lading.model_packaging.store.s3_upload import Upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ADDRESS = re.compile(
    r"([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([A-Za-z0-9!_.*'()/-]*))?"
    r"(?:\?owner=([0-9]{12}))?"
)
_IDENTITY, _DIGEST = "lading-identity", "lading-digest"
_GOLDEN, _ENGINE = "lading-golden", "lading-engine"
_OWNER = "ExpectedBucketOwner"
_TRIES = 50
_AT_ONCE = 8


class S3Store:
    """A store in a bucket; see `versions.Store`.

    Args:
        bucket: the bucket's name.
        prefix: the prefix of `models/`; empty or ending in a slash.
        version_id: the object version to read; None reads the current one.
        owner: the account that the bucket must belong to; None: any.
    """

    def __init__(
        self, bucket: str, prefix: str = "", version_id: str | None = None, owner: str | None = None
    ) -> None:
        self.bucket, self.prefix, self.owner = bucket, prefix, owner
        self._pin: Any = {"VersionId": version_id} if version_id else {}

    @classmethod
    def at(cls, path: str) -> "S3Store":
        """Return the store at `bucket/prefix`.

        Raises:
            StoreError: the address is invalid.
        """
        found = _ADDRESS.fullmatch(path)
        if found is None:
            advice = "is not the address of a store; use s3://bucket/prefix[?owner=ACCOUNT]"
            raise StoreError(None, f"s3://{path}", advice)
        prefix = (found[2] or "").strip("/")
        return cls(found[1], f"{prefix}/" if prefix else "", owner=found[3])

    def versions(self, name: str) -> tuple[int, ...]:
        """See `Store.versions`."""
        with self._explaining(name):
            return self._versions(name)

    def find(self, name: str, identity: str, pinned: Mapping[int, str]) -> int | None:
        """See `Store.find`."""
        with self._explaining(name):
            return self._find(name, self._versions(name), identity, pinned)

    def publish(
        self, name: str, built: Built, pinned: Mapping[int, str], number: int | None = None
    ) -> int:
        """See `Store.publish`."""
        with self._explaining(name):
            self._prepare(name, built)
            for _ in range(_TRIES):
                existing = self._versions(name)
                known = self._find(name, existing, built.identity, pinned)
                if known is not None:
                    return known
                version = next_number(name, built.digest, existing, pinned, number)
                if self._put_version(name, version, built):
                    return version
        raise StoreError(name, self._address(), f"got {_TRIES} new versions from others; try again")

    def place(self, name: str, version: int, built: Built) -> None:
        """See `Store.place`."""
        with self._explaining(name):
            self._prepare(name, built)
            if not self._put_version(name, version, built):
                self._head(name, version, built.digest)

    def open(self, name: str, version: int, digest: str | None = None) -> Published:
        """See `Store.open`."""
        key = self._key(name, version)
        with self._explaining(name, key):
            found = self._client.get_object(Bucket=self.bucket, Key=key, **self._pin)
            try:
                files = unpack(found["Body"], found["ContentLength"], name, version)
                artifact = verify(name, version, files, digest)
                engine = self._engine_files(name, artifact)
            except ArtifactError as error:
                advice = "restore the object's first version, or delete it and package again"
                reason = f"is damaged ({error}); {advice}"
                raise StoreError(name, self._address(key), reason) from error
            files.pop(BUNDLE, None)
            if (bundle := self._attestation(name, version, artifact.digest)) is not None:
                files[BUNDLE] = bundle
        return Published(artifact, files, self._address(key), engine)

    def attest(self, name: str, version: int, digest: str, bundle: bytes) -> None:
        """See `Store.attest`."""
        with self._explaining(name, self._key(name, version)):
            self._head(name, version, digest)
            self._put_attestation(name, version, digest, bundle)

    def attestation(self, name: str, version: int, digest: str) -> bytes | None:
        """See `Store.attestation`."""
        with self._explaining(name, self._attestation_key(name, version, digest)):
            return self._attestation(name, version, digest)

    def read_golden(self, name: str, key: str) -> bytes:
        """Return the golden requests at a key of a lock, without their artifact.

        Raises:
            StoreError: they are missing, or do not match the digest in the key.
        """
        with self._explaining(name, key):
            found = self._client.get_object(Bucket=self.bucket, Key=key)
            content = found["Body"].read(MAX_BYTES + 1)
        if key != self._golden_key(name, sha256(content)):
            advice = "restore the object's first version"
            raise StoreError(name, self._address(key), f"does not match its digest; {advice}")
        return content

    def copy(self, name: str, version: int, digest: str, lock: Path) -> S3Copy:  # noqa: ARG002 a local store's entry depends on where the lock is
        """See `Store.copy`."""
        with self._explaining(name, self._key(name, version)):
            found = self._head(name, version, digest)
        golden, engine = (found["Metadata"].get(key) for key in (_GOLDEN, _ENGINE))
        if engine:
            self.open(name, version, digest)
        return S3Copy(
            bucket=self.bucket,
            key=self._key(name, version),
            version_id=found["VersionId"],
            golden=self._golden_key(name, golden) if golden else None,
            bytes=found["ContentLength"],
            engine=self._engine(name, engine).prefix if engine else None,
            owner=self.owner,
        )

    def contents(self, name: str) -> tuple[Stored, ...]:
        """See `Store.contents`."""
        with self._explaining(name), ThreadPoolExecutor(_AT_ONCE) as pool:
            folder = self._folder(name)
            objects = list_objects(self._client, self.bucket, folder)
            groups = group_objects(self.bucket, folder, objects)
            beside = frozenset(each.place for each in groups if each.version is None)
            return tuple(pool.map(lambda each: self._with_needs(name, each, beside), groups))

    def remove(self, name: str, stored: Stored) -> None:
        """See `Store.remove`."""
        with self._explaining(name, stored.keys[0]), ThreadPoolExecutor(_AT_ONCE) as pool:
            delete = partial(self._client.delete_object, Bucket=self.bucket)
            list(pool.map(lambda key: delete(Key=key), stored.keys))

    @cached_property
    def _client(self) -> "S3Client":
        from boto3.session import Session
        from botocore.config import Config

        config = Config(
            connect_timeout=5, max_pool_connections=_AT_ONCE, retries={"mode": "standard"}
        )
        try:
            client = Session().client("s3", config=config)
        except ValueError as error:
            reason = f"cannot be accessed: {error}; correct AWS_ENDPOINT_URL or AWS_REGION"
            raise StoreError(None, self._address(), reason) from error
        if self.owner:
            client.meta.events.register("provide-client-params.s3", self._add_owner)
        return client

    def _add_owner(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        """Add the expected owner to a call of the client, if the operation has that parameter."""
        if _OWNER in model.input_shape.members:
            params[_OWNER] = self.owner

    @contextmanager
    def _explaining(self, name: str, key: str = "") -> Iterator[None]:
        """Turn errors of S3 and the AWS library into one clear error."""
        try:
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError as error:
            advice = "needs boto3; install it with: pip install boto3"
            raise StoreError(None, self._address(), advice) from error
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            reason = refusal(error, self.bucket)
            if self.owner:
                reason += f"; the bucket must belong to account {self.owner}"
            raise StoreError(name, self._address(key), reason) from error

    def _versions(self, name: str) -> tuple[int, ...]:
        folder = self._folder(name)
        keys = {found["Key"] for found in list_objects(self._client, self.bucket, folder)}
        numbers = (key.removeprefix(folder).partition("/")[0] for key in keys)
        known = {int(number) for number in numbers if number.isascii() and number.isdecimal()}
        return tuple(sorted(each for each in known if self._key(name, each) in keys))

    def _find(
        self, name: str, versions: tuple[int, ...], identity: str, pinned: Mapping[int, str]
    ) -> int | None:
        """Return the first version of this identity, without those pinned to another digest."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = zip(
                versions, pool.map(lambda each: self._head(name, each), versions), strict=True
            )
            for version, head in found:
                about = head["Metadata"]
                matches = pinned.get(version, about[_DIGEST]) == about[_DIGEST]
                if matches and about[_IDENTITY] == identity:
                    return version
        return None

    def _head(self, name: str, version: int, digest: str | None = None) -> Any:
        """Return the metadata of a version's object.

        Raises:
            StoreError: Lading did not write it, or it is another artifact than `digest`.
        """
        key = self._key(name, version)
        found = self._client.head_object(Bucket=self.bucket, Key=key, **self._pin)
        about = found["Metadata"]
        if not {_IDENTITY, _DIGEST} <= about.keys() or "VersionId" not in found:
            reason = "is damaged (it was not published by Lading, or not into a versioned bucket)"
            raise StoreError(name, self._address(key), f"{reason}; delete it and package again")
        if digest not in (None, about[_DIGEST]):
            reason = f"is another version {version}, with digest {about[_DIGEST]}, not {digest}"
            advice = "publish below another prefix, or package again for a new version"
            raise StoreError(name, self._address(key), f"{reason}; {advice}")
        return found

    def _with_needs(self, name: str, stored: Stored, beside: frozenset[str]) -> Stored:
        """Return a version with the files beside it that it needs; all, if it does not say."""
        if stored.version is None:
            return stored
        about = self._client.head_object(Bucket=self.bucket, Key=stored.keys[0])["Metadata"]
        if _DIGEST not in about:
            return replace(stored, needs=beside)
        golden, engine = about.get(_GOLDEN), about.get(_ENGINE)
        keys = [self._attestation_key(name, stored.version, about[_DIGEST])]
        keys += [self._golden_key(name, golden)] if golden else []
        keys += [self._engine(name, engine).prefix] if engine else []
        return replace(stored, needs=frozenset(f"s3://{self.bucket}/{key}" for key in keys))

    def _prepare(self, name: str, built: Built) -> None:
        """Require a versioned bucket, and upload the files that a version refers to."""
        state = self._client.get_bucket_versioning(Bucket=self.bucket).get("Status")
        if state != "Enabled":
            command = (
                f"aws s3api put-bucket-versioning --bucket {self.bucket} "
                "--versioning-configuration Status=Enabled"
            )
            reason = f"has no versioning, which the lock needs; turn it on: {command}"
            raise StoreError(name, self._address(), reason)
        if GOLDEN in built.files:
            key = self._golden_key(name, sha256(built.files[GOLDEN]))
            self._upload(key, "application/json", {}).put(built.files[GOLDEN])
        if built.engine is not None:
            self._engine(name, built.engine.digest).put(built.engine)

    def _put_version(self, name: str, version: int, built: Built) -> bool:
        built = built.sealed(name, version)
        if BUNDLE in built.files:
            self._put_attestation(name, version, built.digest, built.files[BUNDLE])
        about = {_IDENTITY: built.identity, _DIGEST: built.digest}
        if GOLDEN in built.files:
            about[_GOLDEN] = sha256(built.files[GOLDEN])
        if built.engine is not None:
            about[_ENGINE] = built.engine.digest
        files = {file: content for file, content in built.files.items() if file != BUNDLE}
        body = pack(name, version, files)
        return self._upload(self._key(name, version), "application/zip", about).put(body)

    def _put_attestation(self, name: str, version: int, digest: str, bundle: bytes) -> None:
        key = self._attestation_key(name, version, digest)
        self._client.put_object(
            Bucket=self.bucket, Key=key, Body=bundle, ContentType="application/json"
        )

    def _attestation(self, name: str, version: int, digest: str) -> bytes | None:
        from botocore.exceptions import ClientError

        key = self._attestation_key(name, version, digest)
        try:
            found = self._client.get_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"].get("Code") == "NoSuchKey":
                return None
            raise
        return found["Body"].read(MAX_BUNDLE_BYTES + 1)

    def _engine_files(self, name: str, artifact: Artifact) -> EngineFiles | None:
        """Return the engine's files of a version.

        Raises:
            ArtifactCorrupt: some are missing or differ.
        """
        if artifact.engine is None:
            return None
        listed = artifact.engine.files
        prefix = self._engine(name, engine_digest(listed))
        check_engine(artifact, prefix.sizes())
        return prefix.files(listed)

    def _engine(self, name: str, digest: str) -> EnginePrefix:
        prefix = f"{self._folder(name)}sha256/{digest}/"
        asking = partial(self._explaining, name)
        return EnginePrefix(name, self._client, self.bucket, prefix, asking)

    def _upload(self, key: str, kind: str, about: Mapping[str, str]) -> Upload:
        return Upload(self._client, self.bucket, key, kind, about)

    def _folder(self, name: str) -> str:
        return f"{self.prefix}{artifact_folder(name, 0)}".removesuffix("0")

    def _key(self, name: str, version: int) -> str:
        return f"{self.prefix}{artifact_archive(name, version)}"

    def _golden_key(self, name: str, digest: str) -> str:
        return f"{self._folder(name)}golden/{digest.removeprefix('sha256:')}.json"

    def _attestation_key(self, name: str, version: int, digest: str) -> str:
        return f"{self.prefix}{attestation_object(name, version, digest)}"

    def _address(self, key: str = "") -> str:
        return f"s3://{self.bucket}/{key or self.prefix}".rstrip("/")
