"""Which models are one family: siblings err together, so a family has one vote however many of it were asked.

Rules, applied to the last part of a model's name (what stands behind the last ``/``) in lower case:

1. What stands behind a colon is a tag (size, quantisation) and is dropped, as are file endings, ``@host`` and what
   stands in parentheses.
2. The name is cut into words at everything that is neither a letter, a digit nor a point.
3. Sizes (``7b``, ``8x7b``, ``120m``), quantisations (``q4``, ``k``, ``m``, ``fp16``, ``gguf``, ``awq``), dates, and
   words that tell how a model was tuned or packed (``instruct``, ``chat``, ``it``, ``preview``, ``latest``, ``hf``) are
   dropped.
4. A known maker's line counts without its version: ``qwen2.5`` and ``qwen3`` are ``qwen``; ``gpt-4o`` and ``gpt-4`` are
   ``gpt``. Of a maker that is not known, the version stays, as it may be all that tells two models apart. What a model
   is for stays, as it was trained on other data: ``qwen-coder`` is not ``qwen``.
5. A name made of two makers (``deepseek-r1-distill-qwen-7b``) belongs to the one that was distilled into, the last.

A prompt's variant behind a slash (``gpt-4/CoT``) is not a name of its own: the part before it is taken where the last
part has no known maker and the first one has.
"""

from __future__ import annotations

import re
from functools import cache

_SIZE = re.compile(r"\d+(?:\.\d+)?x?\d*(?:\.\d+)?[bm]|\d+x|e\d+b|a\d+(?:\.\d+)?b")
_PACKED = frozenset({
    "awq", "bf", "bnb", "bit", "chat", "cpp", "f", "ff", "fp", "ft", "gguf", "ggml", "gptq", "hf", "i", "imat",
    "instruct", "instruction", "ins", "int", "iq", "it", "k", "l", "large", "latest", "lite", "m", "main",
    "max", "medium", "micro", "mini", "mlx", "mxfp", "nano", "nl", "ollama", "plus", "preview", "pro", "q",
    "qat", "quant", "release", "s", "sft", "small", "tiny", "turbo", "ultra", "v", "version", "xl", "xs", "xxs",
    "base", "dpo", "rlhf",
})  # fmt: skip
_MAKERS = frozenset({
    "aya", "baichuan", "chatglm", "claude", "codegemma", "codellama", "codestral", "cogito", "command",
    "deepcoder", "deepseek", "devstral", "dolphin", "dscoder", "exaone", "falcon", "gemini", "gemma", "glm",
    "gpt", "granite", "grok", "hermes", "internlm", "kimi", "llama", "magicoder", "magistral", "metastone",
    "ministral", "mistral", "mixtral", "nemotron", "olmo", "opencoder", "openchat", "openhermes", "orca", "phi",
    "qwen", "qwq", "seed", "smollm", "solar", "stablelm", "stable", "starchat", "starcoder", "starling", "tulu",
    "vicuna", "wizardcoder", "wizardlm", "yi", "zephyr",
})  # fmt: skip
_SAME = {"dscoder": "deepseek coder", "qwencoder": "qwen coder", "qwencoderturbo": "qwen coder"}
_PURPOSES = frozenset(["code", "coder", "coding", "math", "omni", "oss", "thinking", "vision", "vl"])
_BACKBONES = frozenset({"llama", "qwen", "mistral", "gemma", "phi"})


@cache
def family_of(name: str) -> str:
    """The family of a model's name, in words between blanks; never empty."""
    parts = [part for part in name.lower().split("/") if part.strip()]
    found = [_words(part) for part in parts]
    known = [words for words in found if words and words[0] in _MAKERS]
    words = known[-1] if known else (found[-1] if found else [])
    return " ".join(words) or name.lower()


def _words(part: str) -> list[str]:
    bare = re.sub(r"\([^)]*\)|@.*|\.gguf$|:.*", "", part)
    words = [word for word in re.split(r"[^a-z0-9.]+", bare) if word]
    words = [word for word in words if not _SIZE.fullmatch(word)]
    kept: list[str] = []
    for word in words:
        letters = re.sub(r"[\d.]+.*", "", word)
        letters = _SAME.get(letters, letters)
        kept += [it for it in letters.split() if it not in _PACKED]
    makers = [word for word in kept if word in _MAKERS]
    if not makers:
        return [word for word in words if word not in _PACKED]
    maker = makers[-1] if "distill" in kept or makers[-1] not in _BACKBONES else makers[0]
    purposes = sorted({_PURPOSE.get(word, word) for word in kept if word in _PURPOSES})
    return [maker, *purposes]


_PURPOSE = {"code": "coder", "coding": "coder"}
