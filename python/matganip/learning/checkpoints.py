"""A trained model in a folder: ``model.safetensors`` (weights, scalers) and ``model.json`` (everything else).

Nothing is pickled or unpickled. The JSON is written last and holds the SHA-256 of the weights, so that a
half-copied or mixed-up folder is recognised.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from matganip.errors import InputError, damaged
from matganip.files import atomic_path
from matganip.learning._torch import SafetensorError, nn, safetensors, torch

FORMAT = "matganip-model"
VERSION = 2
READABLE = (1, VERSION)
WEIGHTS, RECORD = "model.safetensors", "model.json"

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """What a folder holds.

    Parameters
    ----------
    tensors : dict of str to tensor
        On the CPU: ``generator.*``, ``discriminator.*``, ``matrices.mean``, ``matrices.scale``.
    record : dict
        Plain JSON values: config, target scaler, unit, history.
    """

    tensors: Tensors
    record: dict[str, Any]


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; each file gets its name only when it is complete.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    checkpoint : Checkpoint

    Raises
    ------
    InputError
        If the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made a folder: {error.strerror}") from error
    data = serialized(checkpoint.tensors)
    with atomic_path(folder / WEIGHTS) as temporary:
        temporary.write_bytes(data)
    record = {
        "format": FORMAT,
        "version": VERSION,
        "made_with": {"matganip": version("matganip"), "torch": str(torch.__version__)},
        "sha256": hashlib.sha256(data).hexdigest(),
        **checkpoint.record,
    }
    with atomic_path(folder / RECORD) as temporary:
        temporary.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def serialized(tensors: Tensors) -> bytes:
    """Tensors in the format of safetensors, from whatever device."""
    return bytes(safetensors.save({name: t.detach().cpu().contiguous() for name, t in tensors.items()}))


def read(folder: Path) -> Checkpoint:
    """Read a checkpoint.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Checkpoint

    Raises
    ------
    InputError
        If a file is missing, damaged, of another format version, or does not belong to the other.
    """
    record = _record(folder / RECORD)
    data = _bytes(folder / WEIGHTS)
    if hashlib.sha256(data).hexdigest() != record.get("sha256"):
        raise InputError(f"{folder / WEIGHTS}: damaged, or not the weights that {RECORD} speaks of; copy both again")
    with damaged(folder / WEIGHTS):
        return Checkpoint(_loaded(data), record)


def _loaded(data: bytes) -> Tensors:
    try:
        return safetensors.load(data)
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def fill(network: nn.Module, tensors: Tensors, prefix: str, folder: Path) -> None:
    """Put a checkpoint's weights into a freshly made network.

    Parameters
    ----------
    network : nn.Module
        Of the sizes that the checkpoint's config names. Of one on the device "meta" the sizes are compared, no more.
    tensors : dict of str to tensor
    prefix : str
        ``"generator"`` or ``"discriminator"``.
    folder : Path
        For the message.

    Raises
    ------
    InputError
        If a tensor is missing or its shape does not fit the config.
    """
    weights = {name: _tensor(tensors, f"{prefix}.{name}", tuple(p.shape), folder)
               for name, p in network.state_dict().items()}  # fmt: skip
    if not any(p.is_meta for p in network.parameters()):
        network.load_state_dict(weights)


def numbers(tensors: Tensors, name: str, shape: tuple[int, ...], folder: Path) -> Any:
    """Give one tensor of a checkpoint as a NumPy array of the wanted shape, or raise InputError."""
    return _tensor(tensors, name, shape, folder).numpy()


def length(tensors: Tensors, name: str, folder: Path) -> int:
    """Give the first size of one tensor of a checkpoint, or raise InputError."""
    if name not in tensors or tensors[name].ndim == 0:
        raise InputError(f"{folder / WEIGHTS}: {name} is missing")
    return len(tensors[name])


def _tensor(tensors: Tensors, name: str, shape: tuple[int, ...], folder: Path) -> torch.Tensor:
    if name not in tensors:
        raise InputError(f"{folder / WEIGHTS}: {name} is missing")
    found = tuple(tensors[name].shape)
    if found != shape:
        raise InputError(f"{folder / WEIGHTS}: {name} has shape {found}, but the config in {RECORD} wants {shape}")
    return tensors[name]


def _record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(_bytes(path))
    except ValueError as error:
        raise InputError(f"{path}: damaged: not JSON ({error})") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise InputError(f"{path}: not the record of a matganip model")
    if record.get("version") not in READABLE:
        maker = record.get("made_with", {}).get("matganip", "unknown")
        raise InputError(
            f"{path}: format version {record.get('version')}, this program reads up to version {VERSION}; "
            f"train again, or use the matganip that made it ({maker})"
        )
    return record


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; a saved model has both files") from error
