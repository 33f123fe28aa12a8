"""`hf://org/name[@revision]`: a model's repository at the Hugging Face Hub.

The revision is a commit. Files of other frameworks, and pickles beside safetensors, stay there. The
Hub's own library reads HF_TOKEN and HF_ENDPOINT.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from lading.model_packaging.remote.kind import OnBytes, RemoteKind, Room, SourceUnfetched, missing

_ADDRESS: Final = re.compile(r"hf://([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_OTHERS: Final = ("*.h5", "*.msgpack", "*.ot", "*.gguf", "*.mlmodel", "onnx/*", "openvino/*")
_PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def _resolve(address: str) -> str:
    repository, revision = _parts(address)
    if revision and _COMMIT.fullmatch(revision):
        return revision
    with _hub(address) as hub:
        return str(hub.HfApi().model_info(repository, revision=revision or None).sha)


def _fetch(address: str, revision: str, folder: Path, on_bytes: OnBytes) -> None:
    repository, _ = _parts(address)
    with _hub(address) as hub:
        info = hub.HfApi().model_info(repository, revision=revision, files_metadata=True)
        sizes = {each.rfilename: each.size or 0 for each in info.siblings or ()}
        safe = any(name.endswith(".safetensors") for name in sizes)
        left_out = (*_OTHERS, *(_PICKLES if safe else ()))
        wanted = [name for name in sizes if not any(Path(name).match(each) for each in left_out)]
        room = Room(address, folder, on_bytes, sum(sizes[name] for name in wanted))
        for name in wanted:
            room.place(name)
            hub.hf_hub_download(repository, name, revision=revision, local_dir=folder)
            room.took(sizes[name])
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # the library's own notes


def _parts(address: str) -> tuple[str, str]:
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise SourceUnfetched(address, "is not of the form hf://org/name[@revision]")
    return found[1], found[2] or ""


@contextmanager
def _hub(address: str) -> Iterator[Any]:
    """Yield the Hub's library; its errors become ours."""
    try:
        import huggingface_hub
        from huggingface_hub.errors import HfHubHTTPError
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ModuleNotFoundError as error:
        raise SourceUnfetched(address, missing("huggingface_hub", "hub")) from error
    disable_progress_bars()
    try:
        yield huggingface_hub
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        advice = "check the name and the network; a private model needs HF_TOKEN"
        raise SourceUnfetched(address, f"cannot be downloaded: {reason}; {advice}") from error


HUGGINGFACE = RemoteKind(("hf://",), "hf://org/name@main", resolve=_resolve, fetch=_fetch)
