"""PyTorch students: a short training loop that softens the teacher's scores.

The loss of a row is alpha * T^2 * KL(teacher softened by T || student softened by T), and 1 - alpha
parts of the cross entropy with the teacher's most likely class. The gradient of the first part
falls with 1 / T^2, so T^2 keeps the two parts in proportion. Source: G. Hinton, O. Vinyals and
J. Dean, "Distilling the Knowledge in a Neural Network", 2015, section 2,
https://arxiv.org/abs/1503.02531.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.library_errors import LibraryFailed, library_errors
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.sources.user_code import load_class
from lading.training.distillation.targets import Targets
from lading.training.distillation.teachers import settings_of
from lading.training.errors import TrainingError

OnEpoch = Callable[[int, float], None]
"""Called after each epoch with its number, from 1, and the mean loss of its rows."""

_SHOWN = 300


def teach_network(
    spec: ModelSpec, inputs: Mapping[str, Array], targets: Targets, on_epoch: OnEpoch
) -> Any:
    """Return the trained module of the manifest's class, in eval mode.

    Args:
        spec: the student; its `inputs` name the rows for `forward`, in order.
        inputs: the teacher's rows.
        targets: the teacher's answers to them.
        on_epoch: told about the progress.

    Raises:
        TrainingError: the class cannot be created, or answers other classes than the teacher.
    """
    import torch

    settings = settings_of(spec)
    torch.manual_seed(settings.seed)
    module = _make(spec)
    rows = [torch.from_numpy(inputs[name]) for name in _names(spec, inputs)]
    soft = torch.from_numpy(targets.softened(settings.temperature)).float()
    best = torch.from_numpy(targets.best)
    _require_classes(spec, module, [each[:2] for each in rows], soft.shape[1])
    order, steps = torch.Generator().manual_seed(settings.seed), -(-len(best) // settings.batch)
    optimizer = torch.optim.AdamW(module.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs * steps)
    for epoch in range(1, settings.epochs + 1):
        total = 0.0
        for places in torch.randperm(len(best), generator=order).split(settings.batch):
            optimizer.zero_grad()
            logits = module.train()(*(each[places] for each in rows))
            loss = _loss(logits, soft[places], best[places], settings.temperature, settings.alpha)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(places)
        on_epoch(epoch, total / len(best))
    return module.eval()


def save_network(spec: ModelSpec, module: Any, folder: Path) -> None:
    """Write the weights, and the arguments of the class, as a checkpoint without code."""
    import torch

    arguments = dict(settings_of(spec).parameters)
    document = {"state_dict": module.state_dict(), "hyper_parameters": arguments}
    torch.save(document if arguments else module.state_dict(), folder / "student.pt")


def _loss(logits: Any, soft: Any, best: Any, temperature: float, alpha: float) -> Any:
    from torch.nn import functional

    student = functional.log_softmax(logits / temperature, dim=1)
    divergence = functional.kl_div(student, soft, reduction="batchmean") * temperature**2
    return alpha * divergence + (1 - alpha) * functional.cross_entropy(logits, best)


def _make(spec: ModelSpec) -> Any:
    kind = load_class(spec)
    try:
        with library_errors():
            return kind(**settings_of(spec).parameters)
    except LibraryFailed as error:
        reason = f"do not create the class: {error}"[:_SHOWN]
        raise TrainingError(spec.place("distill.parameters"), reason) from error


def _names(spec: ModelSpec, inputs: Mapping[str, Array]) -> list[str]:
    names = list(spec.inputs) or list(inputs)
    for name in names:
        if name not in inputs:
            reason = f"'{name}' is not an input of the teacher, which has {', '.join(inputs)}"
            raise TrainingError(spec.place("inputs"), reason)
    return names


def _require_classes(spec: ModelSpec, module: Any, rows: list[Any], classes: int) -> None:
    """Run the untrained student on two rows, and compare the shape of its answer."""
    import torch

    try:
        with library_errors(), torch.no_grad():
            shape = list(module.eval()(*rows).shape)
    except LibraryFailed as error:
        reason = f"does not accept the teacher's rows: {error}"[:_SHOWN]
        raise TrainingError(spec.place("class"), reason) from error
    if shape != [len(rows[0]), classes]:
        reason = (
            f"answers {len(rows[0])} rows with shape {shape}, and the teacher has {classes} "
            f"classes; return logits of shape [rows, {classes}]"
        )
        raise TrainingError(spec.place("class"), reason)
