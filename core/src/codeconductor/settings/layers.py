"""The layers that settings come from, read as they stand; nothing is checked against a type here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

import attrs

from codeconductor.errors import InputError
from codeconductor.settings.folders import config_folder
from codeconductor.settings.tables import BY_NAME, NEEDS_TRUST, TABLES
from codeconductor.settings.trusted import is_trusted
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ENVIRONMENT_PREFIX = "CONDUCTOR_"
PROJECT_FILE = "conductor.toml"

_SENSITIVE = frozenset({"argv", "api_keys", "base_url", "command", "environment", "host", "hosts", "url"})
"""Fields that need trust in any plugin's table, whether or not its author said so."""


class Text(str):
    """A value from the environment: text, to be read as the type of its field."""

    __slots__ = ()


@frozen
class Layer:
    """One source of settings: its name for people, and its tables."""

    name: str
    kind: Literal["command line", "environment", "project", "user"]
    tree: Mapping[str, object]
    path: Path | None = None
    trusted: bool = True


@frozen
class Origin:
    """Where a value came from: the layer's name, and the key as it is written there."""

    layer: str
    key: str

    def __str__(self) -> str:
        return f"{self.layer}: {self.key}"


@frozen
class Table:
    """One table merged from all layers, unchecked.

    Attributes:
        values: By the field's name.
        origins: Where each value came from.
        ignored: What an untrusted project's file may not say.
        untrusted: Names of the values that come from such a file.
    """

    values: dict[str, object]
    origins: dict[str, Origin]
    ignored: tuple[Origin, ...] = ()
    untrusted: frozenset[str] = frozenset()


@frozen(kw_only=True)
class Settings:
    """All layers, strongest first, the folder of the project, and the environment's names that begin like ours."""

    layers: tuple[Layer, ...]
    root: Path
    variables: tuple[str, ...] = ()

    def table(self, name: str, cls: type) -> Table:
        """Merge the table `name` (dots lead into tables) from the weakest layer to the strongest.

        `[providers.acme]` may be written as `[acme]` too.
        What an untrusted project's file may not say is left out, and listed as ignored.
        """
        values: dict[str, object] = {}
        origins: dict[str, Origin] = {}
        ignored: list[Origin] = []
        untrusted: set[str] = set()
        fields = {field.name: field for field in attrs.fields(cls)}
        for layer in reversed(self.layers):
            found = {**_find(layer, name.removeprefix("providers.")), **_find(layer, name)}
            for key, value in found.items():
                field = fields.get(key) or fields.get(key.replace("-", "_"))
                origin = Origin(layer.name, _written(layer, name, key))
                if field is not None and not layer.trusted and self._loosens(field, value, values):
                    ignored.append(origin)
                    continue
                target = field.name if field is not None else key
                earlier = values.get(target)
                if field is not None and field.metadata.get(BY_NAME) and isinstance(value, dict):
                    for inner in value:
                        origins[f"{target}.{inner}"] = Origin(layer.name, _written(layer, f"{name}.{key}", inner))
                    value = {**earlier, **value} if isinstance(earlier, dict) else value
                values[target] = value
                origins[target] = origin
                (untrusted.discard if layer.trusted else untrusted.add)(target)
        return Table(values, origins, tuple(ignored), frozenset(untrusted))

    def _loosens(self, field: attrs.Attribute[object], value: object, weaker: Mapping[str, object]) -> bool:
        rule = field.metadata.get(NEEDS_TRUST, False) or field.name in _SENSITIVE
        if not callable(rule):
            return bool(rule)
        current = weaker.get(field.name, field.default)
        try:
            return bool(rule(value, current, self.root))
        except Exception:  # noqa: BLE001 - a value that the rule cannot judge is not taken from somebody untrusted
            return True

    def names(self) -> dict[str, Origin]:
        """Every table that a layer has, with the first place it was seen; tables under `providers` by their path."""
        seen: dict[str, Origin] = {}
        for layer in self.layers:
            for name, value in layer.tree.items():
                if name == "providers" and isinstance(value, dict):
                    for provider in value:
                        seen.setdefault(f"providers.{provider}", Origin(layer.name, f"providers.{provider}"))
                else:
                    seen.setdefault(name, Origin(layer.name, name))
        return seen

    @property
    def project_layer(self) -> Layer | None:
        """The project's file, where there is one."""
        return next((layer for layer in self.layers if layer.kind == "project"), None)


_OPTIONS = {"models": "--model", "providers": "--provider", "execute": "--no-execute", "enabled": "--no-history"}
"""Options whose names are not those of their settings."""


def _written(layer: Layer, table: str, key: str) -> str:
    """A setting's name as a user of this layer writes it."""
    if layer.kind == "environment":
        return ENVIRONMENT_PREFIX + "__".join([*table.split("."), key]).upper()
    if layer.kind == "command line":
        return _OPTIONS.get(key, f"--{key.replace('_', '-')}")
    return f"{table}.{key}"


def _find(layer: Layer, name: str) -> Mapping[str, object]:
    table: object = layer.tree
    for part in name.split("."):
        if not isinstance(table, dict) or part not in table:
            return {}
        table = table[part]
    if not isinstance(table, dict):
        raise InputError(f"{layer.name}: {name}: expected a table, got {table!r}", hint=f"write it as [{name}]")
    return table


def read_settings(
    folder: Path,
    *,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    user_file: Path | None = None,
) -> Settings:
    """Read every layer that counts in `folder`.

    Args:
        folder: Where the user stands; the project's file is looked for here and in its parents.
        overrides: The command line's tables.
        environ: The process's environment unless given.
        user_file: The platform's `conductor/config.toml` unless given.

    Raises:
        InputError: A file cannot be read or is no TOML; the message has its path and line.
    """
    environ = os.environ if environ is None else environ
    layers = [Layer("command line", "command line", overrides or {})]
    layers.append(Layer("environment", "environment", _from_environment(environ)))
    project_file = _project_file(folder)
    if project_file is not None:
        layers.append(project_file)
    path = user_file or config_folder() / "config.toml"
    if _is_file(path):
        layers.append(Layer(str(path), "user", _tables(path, _parsed(path, _content(path))), path))
    variables = tuple(sorted(name for name in environ if name.startswith(ENVIRONMENT_PREFIX)))
    root = _root(folder, project_file.path if project_file else None)
    return Settings(layers=tuple(layers), root=root, variables=variables)


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    tree: dict[str, object] = {}
    for name, value in environ.items():
        path = name.removeprefix(ENVIRONMENT_PREFIX)
        if path == name or "__" not in path:
            continue
        *tables, key = path.lower().split("__")
        table = tree
        for part in tables:
            inner = table.setdefault(part, {})
            if not isinstance(inner, dict):
                raise InputError(f"environment: {name} is below another setting", hint="unset one of the two")
            table = inner
        table[key] = Text(value)
    return tree


def _project_file(folder: Path) -> Layer | None:
    folder = folder.absolute()
    for parent in (folder, *folder.parents):
        path = parent / PROJECT_FILE
        if _is_file(path):
            content = _content(path)
            return _project(path, _parsed(path, content), content)
        path = parent / "pyproject.toml"
        if _is_file(path):
            content = _content(path)
            tool = _parsed(path, content).get("tool")
            if isinstance(tool, dict) and "conductor" in tool:
                table = tool["conductor"]
                if not isinstance(table, dict):
                    raise InputError(
                        f"{path}: tool.conductor: expected a table, got {table!r}",
                        hint="write settings under tables such as [tool.conductor.run]",
                    )
                return _project(path, table, content)
    return None


def _project(path: Path, tree: dict[str, object], content: bytes) -> Layer:
    return Layer(str(path), "project", _tables(path, tree), path, trusted=is_trusted(path, content))


def _root(folder: Path, project_file: Path | None) -> Path:
    if project_file is not None:
        return project_file.parent
    folder = folder.absolute()
    for parent in (folder, *folder.parents):
        if _exists(parent / ".git") or _is_file(parent / "pyproject.toml"):
            return parent
    return folder


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder above belongs to somebody else, and may not be searched
        return False


def _is_file(path: Path) -> bool:
    return _exists(path) and path.is_file()


def _tables(path: Path, tree: dict[str, object]) -> dict[str, object]:
    """The tree of a settings file, which has tables alone."""
    for name, value in tree.items():
        if isinstance(value, dict):
            continue
        field = name.replace("-", "_")
        home = next((table for table, cls in TABLES.items() if field in attrs.fields_dict(cls)), None)
        if name in TABLES:
            hint = f"write it as [{name}]"
        else:
            hint = f"write it under [{home}]" if home else "settings stand in tables, such as [run]"
        raise InputError(f"{path}: {name}: expected a table, got {value!r}", hint=hint)
    return tree


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise InputError(f"cannot read {path}: {exc.strerror}", hint="check the file's permissions") from exc


def _parsed(path: Path, content: bytes) -> dict[str, object]:
    import tomllib

    last = max(1, content.count(b"\n") + (not content.endswith(b"\n")))
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        line = exc.object[: exc.start].count(b"\n") + 1
        raise InputError(f"{path}, line {line}: not UTF-8", hint="save the file as UTF-8") from exc
    except (ValueError, RecursionError) as exc:  # a number or a nesting beyond all measure is no TOMLDecodeError
        told = str(exc).replace("(at end of document)", f"(at line {last}, the end of the document)")
        raise InputError(f"{path}: {told}", hint="correct the file; TOML is described at https://toml.io") from exc
