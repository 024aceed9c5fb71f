"""Finds templates: by name in the project's folder, the user's and ours, in that order; or by path."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from codeconductor import InputError, Template, config_folder, frozen, nearest, unknown_name

SUFFIX = ".md.j2"

BUILTIN = Path(__file__).parent / "templates"

MAX_SIZE = 256 * 1024
"""Bytes of the longest template."""

Origin = Literal["project", "user", "built-in"]

_NAME = re.compile(r"\w[\w.-]*")


@frozen
class Layer:
    """One folder of templates; templates name it by `prefix` where they mean just this one."""

    origin: Origin
    prefix: str
    folder: Path

    def path(self, file: str) -> Path | None:
        """The file of that name, where the folder has one."""
        path = self.folder / file
        return path if _NAME.fullmatch(file) and _exists(path) and path.is_file() else None


@frozen
class Source:
    """A template's file.

    Attributes:
        key: What the sandbox knows it by: the layer's prefix and the file's name, or ``file/`` and its path.
        path: Where it stands.
        shown: What people are shown of it.
        ours: Whether it came with this package.
    """

    key: str
    path: Path
    shown: str
    ours: bool = False


class Lookup:
    """The templates in reach from a project's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layers = (
            Layer("project", "project", root / ".conductor" / "templates"),
            Layer("user", "user", config_folder() / "templates"),
            Layer("built-in", "builtin", BUILTIN),
        )

    def has_own(self) -> bool:
        """Whether there is a folder of templates beside ours."""
        return any(layer.folder.is_dir() for layer in self.layers if layer.origin != "built-in")

    def find(self, template: str, folder: Path | None = None) -> Source:
        """The template that a user named.

        Args:
            template: A name or a path.
            folder: What a path is relative to; None: the current folder, then the project's.

        Raises:
            InputError: There is none; the hint has the nearest name.
        """
        named = self.named(template + SUFFIX) if _NAME.fullmatch(template) else None
        if named is not None:
            return named
        for path in (Path(template), self.root / template) if folder is None else (folder / template,):
            if _exists(path):
                if path.is_dir():
                    raise InputError(f"the template {template!r} is a folder", hint="give one file, or a name")
                return self.at(path, template)
        named = self.named(template) if template.endswith(SUFFIX) else None
        if named is not None:
            return named
        if _NAME.fullmatch(template) and not template.endswith(".j2"):
            raise unknown_name("template", template, self.names())
        close = nearest(Path(template).name.removesuffix(SUFFIX), self.names())
        hint = f"did you mean the template {close!r}?" if close else "`conductor templates` lists those in reach"
        raise InputError(f"no such template file: {template!r}", hint=hint)

    def named(self, file: str, after: str | None = None) -> Source | None:
        """The first template file of that name; of those that come after `after`, the key of another of that name.

        A prefix before the name (``builtin/base.md.j2``) asks for that layer alone.
        """
        prefix, _, bare = file.rpartition("/")
        layers = [layer for layer in self.layers if prefix in ("", layer.prefix)]
        keys = [f"{layer.prefix}/{bare}" for layer in layers]
        if not prefix and after in keys:
            layers = layers[keys.index(after) + 1 :]
        for layer in layers:
            path = layer.path(bare)
            if path is not None:
                return self._in_layer(layer, path)
        return None

    def source(self, key: str) -> Source | None:
        """The template of a key that `find` or `named` gave."""
        prefix, _, rest = key.partition("/")
        return self.at(Path(rest), rest) if prefix == "file" else self.named(key)

    def _in_layer(self, layer: Layer, path: Path) -> Source:
        shown = str(path)
        if layer.origin == "project":
            shown = path.relative_to(self.root).as_posix()
            if not path.resolve().is_relative_to(self.root.resolve()):
                raise InputError(f"template {shown} is a link that leads out of the project", hint="copy the file")
        elif layer.origin == "built-in":
            shown = f"{path.name} (built-in)"
        return Source(f"{layer.prefix}/{path.name}", path, shown, ours=layer.origin == "built-in")

    def at(self, path: Path, shown: str) -> Source:
        """The template in a file, which may stand in one of the layers' folders."""
        path = path.absolute()
        for layer in self.layers:
            if path.parent.resolve() == layer.folder.resolve() and layer.path(path.name):
                return self._in_layer(layer, layer.folder / path.name)
        return Source(f"file/{path}", path, shown)

    def names(self) -> list[str]:
        """Every name that finds a template."""
        return sorted({template.name for template in self.templates()})

    def templates(self) -> list[Template]:
        """Every template in reach, by name; of one name in the order in which they are looked for."""
        found: list[Template] = []
        first: dict[str, str] = {}
        for layer in self.layers:
            for path in sorted(layer.folder.glob(f"*{SUFFIX}")) if layer.folder.is_dir() else ():
                name = path.name.removesuffix(SUFFIX)
                try:
                    text = read(self._in_layer(layer, path))
                except InputError:
                    continue
                found.append(Template(name=name, origin=layer.origin, path=path, text=text, hidden_by=first.get(name)))
                first.setdefault(name, layer.origin)
        return sorted(found, key=lambda template: template.name)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # what cannot be a path
        return False


def read(source: Source) -> str:
    """The text of a template.

    Raises:
        InputError: It cannot be read, is too long, or no UTF-8.
    """
    try:
        with source.path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as exc:
        raise InputError(
            f"cannot read template {source.shown}: {exc.strerror}", hint="check the file's permissions"
        ) from exc
    if len(data) > MAX_SIZE:
        raise InputError(
            f"template {source.shown} is longer than {MAX_SIZE // 1024} KiB", hint="a template is text with blocks"
        )
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as exc:
        line = exc.object[: exc.start].count(b"\n") + 1
        raise InputError(f"template {source.shown}, line {line}: not UTF-8", hint="save the file as UTF-8") from exc
