"""Imports a command when it is called: all of them take longer to import than most take to run."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group


def on_demand(places: Mapping[str, str]) -> type[TyperGroup]:
    """Return a kind of group whose commands are imported one by one.

    Args:
        places: for each command its module in `lading.cli` and, after a colon, its function or its
            own group.
    """

    class OnDemand(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = _Commands(places)  # type: ignore[assignment]  # it is only read

    return OnDemand


class _Commands(Mapping[str, Any]):
    """Commands by name; one that is read is imported first.

    Args:
        places: where each is.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places, self._found = places, dict[str, Any]()

    def __getitem__(self, name: str) -> Any:
        if name not in self._found:
            self._found[name] = _command(name, self._places[name])
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _command(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    found = getattr(import_module(f"lading.cli.{module}"), attribute)
    holder = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode="markdown")
    if isinstance(found, typer.Typer):
        holder.add_typer(found)
    else:
        holder.command(name)(found)
    return get_group(holder).commands[name]
