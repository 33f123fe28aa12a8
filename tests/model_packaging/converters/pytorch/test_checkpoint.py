"""Files as PyTorch, Lightning, torch.compile and DataParallel write them."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest

from lading.model_packaging.converters.pytorch.checkpoint import read_module
from lading.model_packaging.errors import (
    ManifestError,
    PackagingError,
    SourceUnreadable,
    SourceUntrusted,
)
from lading.model_packaging.manifest.models import ModelSpec
from tests.support.frameworks import needs

pytestmark = needs("pytorch", "torch", "safetensors")

CODE = """
import torch

class Net(torch.nn.Module):
    def __init__(self, hidden=4, norm=True):
        super().__init__()
        self.inner = torch.nn.Linear(3, hidden)
        self.norm = torch.nn.BatchNorm1d(hidden) if norm else torch.nn.Identity()
    def forward(self, x):
        return self.norm(self.inner(x))

class Task(torch.nn.Module):
    '''As a LightningModule: the network is one of its parts.'''
    def __init__(self, hidden, learning_rate=0.1):
        super().__init__()
        self.model = Net(hidden)
    def forward(self, x):
        return self.model(x)

class Configured(Net):
    def __init__(self, config):
        super().__init__(config["hidden"])

class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.one = torch.nn.Linear(3, 3)
        self.two = torch.nn.Linear(3, 3)
        self.two.weight = self.one.weight
    def forward(self, x):
        return self.two(self.one(x))

def make(hidden=4):
    return Net(hidden)
"""


def classes() -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(CODE, "networks", "exec"), names)  # noqa: S102 our own code, above
    return names


def trained(name: str = "Net", *arguments: Any) -> Any:
    """A module of the class whose weights and statistics are none that it starts with."""
    import torch

    torch.manual_seed(7)
    module = classes()[name](*arguments)
    for value in (*module.parameters(), *module.buffers()):
        if value.dtype is torch.float32:
            value.data = torch.rand(value.shape) + 0.5
    return module.eval()


def spec_of(folder: Path, content: Any, name: str = "Net", *, file: str = "model.pt") -> ModelSpec:
    import torch

    (folder / "networks.py").write_text(CODE, encoding="utf-8")
    if file.endswith(".safetensors"):
        from safetensors.torch import save_file

        save_file(content, folder / file)
    else:
        torch.save(content, folder / file)
    return ModelSpec(
        "m",
        folder / file,
        framework="pytorch",
        class_path=f"networks:{name}",
        manifest=folder / "models.yaml",
    )


def agree(original: Any, spec: ModelSpec) -> None:
    import torch

    rows = torch.linspace(-2, 2, 12).reshape(4, 3)
    found = read_module(spec).eval()(rows)
    assert torch.equal(found, original(rows))


def prefixed(module: Any, prefix: str) -> dict[str, Any]:
    return {prefix + name: value for name, value in module.state_dict().items()}


@pytest.mark.parametrize("file", ["model.pt", "model.ckpt", "model.bin", "model.safetensors", "w"])
@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "module.",
        "_orig_mod.",
        "module._orig_mod.",
        "_orig_mod.module.",
        "model.",
        "net.module.",
    ],
)
def test_the_prefixes_of_wrapped_modules_are_understood_in_every_file(
    tmp_path: Path, prefix: str, file: str
) -> None:
    module = trained()
    agree(module, spec_of(tmp_path, prefixed(module, prefix), file=file))


def test_a_prefix_in_the_middle_is_understood_too(tmp_path: Path) -> None:
    module = trained("Task", 5)
    weights = {
        name.replace("model.", "model._orig_mod."): it for name, it in module.state_dict().items()
    }
    spec = spec_of(tmp_path, {"state_dict": weights, "hyper_parameters": {"hidden": 5}}, "Task")
    agree(module, spec)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_modules_that_torch_itself_wrapped_are_understood(tmp_path: Path) -> None:
    import torch

    module = trained()
    compiled = torch.compile(torch.nn.DataParallel(module))
    weights = compiled.state_dict()
    assert all(name.startswith("_orig_mod.module.") for name in weights)
    agree(module, spec_of(tmp_path, weights))


class Loss:
    """An object in a checkpoint, of a class of the user's own."""


def lightning(module: Any, **changes: Any) -> dict[str, Any]:
    """What Lightning's Trainer.save_checkpoint writes."""
    import torch

    optimizer = torch.optim.Adam(module.parameters())
    module(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    return {
        "epoch": 3,
        "global_step": 1200,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": OrderedDict(module.state_dict()),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 4}}}},
        "callbacks": {
            "ModelCheckpoint{'monitor': None}": {
                "best_model_score": torch.tensor(0.5),
                "dirpath": PurePosixPath("/home/someone/checkpoints"),
            }
        },
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [{"base_lrs": [np.float64(0.1)], "loss": Loss()}],
        "hparams_name": "kwargs",
        "hyper_parameters": {"hidden": 6, "learning_rate": 0.1, "folder": PurePosixPath("data")},
        **changes,
    }


def test_a_lightning_checkpoint_is_read_without_trust_and_made_with_its_hyperparameters(
    tmp_path: Path,
) -> None:
    module = trained("Task", 6)
    content = lightning(module)
    agree(module, spec_of(tmp_path, content, "Task", file="last.ckpt"))


def test_the_network_inside_a_lightning_module_may_be_the_class(tmp_path: Path) -> None:
    module = trained("Task", 6)
    agree(module.model, spec_of(tmp_path, lightning(module), "Net"))


def test_hyperparameters_that_are_one_argument_are_passed_as_one(tmp_path: Path) -> None:
    module = trained("Configured", {"hidden": 7})
    content = {
        "state_dict": module.state_dict(),
        "hparams_name": "config",
        "hyper_parameters": {"hidden": 7},
    }
    agree(module, spec_of(tmp_path, content, "Configured"))


def test_a_function_may_make_the_module(tmp_path: Path) -> None:
    module = trained("make", 5)
    content = {"state_dict": module.state_dict(), "hyper_parameters": {"hidden": 5, "lr": 1}}
    agree(module, spec_of(tmp_path, content, "make"))


def test_an_object_that_the_class_is_made_with_needs_trust(tmp_path: Path) -> None:
    module = trained("Task", 6)
    content = lightning(module, hyper_parameters={"hidden": PurePosixPath("6")})
    with pytest.raises(SourceUntrusted, match=r"'hidden' is a pathlib\.\w+PosixPath"):
        read_module(spec_of(tmp_path, content, "Task"))


@pytest.mark.parametrize("key", ["model_state_dict", "model", "net"])
def test_weights_are_found_under_whatever_key_they_stand(tmp_path: Path, key: str) -> None:
    import torch

    module = trained()
    optimizer = torch.optim.SGD(module.parameters(), momentum=0.9)
    content = {
        "epoch": 1,
        "loss": torch.tensor(0.3),
        key: module.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
    }
    agree(module, spec_of(tmp_path, content))


def test_of_several_sets_of_weights_one_must_be_chosen(tmp_path: Path) -> None:
    weights = trained().state_dict()
    content = {"state_dict": weights, "state_dict_ema": weights}
    with pytest.raises(SourceUnreadable, match="several sets of weights: 'state_dict', 'state_d"):
        read_module(spec_of(tmp_path, content))


def without(weights: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in weights.items() if name not in names}


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        (lambda it: without(it, "inner.bias"), r"the file lacks 'inner\.bias'"),
        (lambda it: {**it, "extra.weight": it["inner.bias"]}, r"class has no 'extra\.weight'"),
        (
            lambda it: {"head.x": it["inner.bias"]},
            r"lacks 'inner.weight', .* and 3 more, and the c",
        ),
        (lambda it: {**it, "inner.bias": it["inner.weight"]}, "size mismatch for inner.bias"),
        (lambda it: {**it, "inner.bias": 3}, "neither weights nor a module"),
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path: Path, changed: Any, text: str) -> None:
    content = changed(trained().state_dict())
    with pytest.raises(SourceUnreadable, match=text) as caught:
        read_module(spec_of(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_what_a_prefix_does_not_cover_is_named_and_not_dropped(tmp_path: Path) -> None:
    module = trained()
    weights = {**prefixed(module, "model."), "scale.weight": module.inner.bias}
    with pytest.raises(SourceUnreadable, match=r"the class has no .*'model\.inner\.weight'"):
        read_module(spec_of(tmp_path, {"state_dict": weights}))


def test_weights_that_are_one_may_stand_once(tmp_path: Path) -> None:
    module = trained("Tied")
    agree(module, spec_of(tmp_path, without(module.state_dict(), "two.weight"), "Tied"))


def test_weights_of_double_precision_are_not_rounded(tmp_path: Path) -> None:
    import torch

    module = trained().double()
    module.inner.weight.data += 1e-12
    found = read_module(spec_of(tmp_path, module.state_dict())).eval()
    rows = torch.linspace(-2, 2, 12, dtype=torch.float64).reshape(4, 3)
    assert torch.equal(found(rows), module(rows))


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_weights_of_half_precision_are_widened_without_loss(tmp_path: Path, kind: str) -> None:
    import torch

    module = trained().to(getattr(torch, kind))
    spec = spec_of(tmp_path, module.state_dict())
    agree(module.float(), spec)


def test_whole_modules_are_taken_out_of_their_wrappers(tmp_path: Path) -> None:
    import torch

    module = torch.nn.Sequential(torch.nn.Linear(3, 2)).eval()
    spec = spec_of(tmp_path, torch.nn.DataParallel(module))
    trusted = replace(spec, trust=True)
    assert isinstance(read_module(trusted), torch.nn.Sequential)
    agree(module, trusted)
    with pytest.raises(SourceUntrusted, match="DataParallel"):
        read_module(spec)


def test_an_objects_code_never_runs(tmp_path: Path) -> None:
    class Marker:
        def __reduce__(self) -> tuple[Any, ...]:
            return exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    module = trained()
    agree(module, spec_of(tmp_path, {"state_dict": module.state_dict(), "other": Marker()}))
    for content in ({"inner.weight": Marker()}, {"state_dict": {"inner.weight": Marker()}}):
        with pytest.raises(PackagingError, match="can run code"):
            read_module(spec_of(tmp_path, content))
    assert not (tmp_path / "ran").exists()


def test_a_class_that_needs_what_the_file_does_not_say_is_one_clear_error(tmp_path: Path) -> None:
    content = trained("Task", 6).state_dict()
    with pytest.raises(
        ManifestError, match=r"m\.class: cannot be created without arguments: TypeE"
    ):
        read_module(spec_of(tmp_path, content, "Task"))
