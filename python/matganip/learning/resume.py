"""A training that was stopped goes on as if it never had been: all that the loop holds, in one file.

One file and one rename, so that a kill at any moment leaves the last state whole. Nothing is pickled: tensors and a
line of JSON in a safetensors file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matganip.errors import InputError
from matganip.files import atomic_path
from matganip.learning._torch import SafetensorError, nn, safe_open, safetensors, torch
from matganip.learning.config import MatganipConfig
from matganip.learning.dataset import Dataset

VERSION = 1


@dataclass(frozen=True)
class LoopState:
    """The moving parts of a training loop, changed in place when a state is restored.

    Parameters
    ----------
    networks : dict of str to Module
    optimisers : dict of str to Optimizer
    draws : Generator
        Of the order of the batches.
    """

    networks: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]
    draws: torch.Generator

    def tensors(self) -> dict[str, torch.Tensor]:
        """All that is a tensor, by name, on the CPU."""
        found = {"draws": self.draws.get_state()}
        for name, network in self.networks.items():
            found |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
        for name, optimiser in self.optimisers.items():
            for number, moments in optimiser.state_dict()["state"].items():
                found |= {f"{name}.{number}.{key}": torch.as_tensor(value) for key, value in moments.items()}
        return {name: value.detach().cpu().clone().contiguous() for name, value in found.items()}

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Undo `tensors`."""
        self.draws.set_state(tensors["draws"])
        for name, network in self.networks.items():
            network.load_state_dict({key: tensors[f"{name}.{key}"] for key in network.state_dict()})
        for name, optimiser in self.optimisers.items():
            state: dict[int, dict[str, torch.Tensor]] = {}
            for key, value in tensors.items():
                if key.startswith(f"{name}."):
                    number, moment = key.removeprefix(f"{name}.").split(".")
                    state.setdefault(int(number), {})[moment] = value
            optimiser.load_state_dict({**optimiser.state_dict(), "state": state})


class StateFile:
    """Where a training keeps its state, and whose training that is.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    owner : str
        What only the same training has: `fingerprint` of its data and config.
    """

    def __init__(self, path: Path, owner: str) -> None:
        self.path, self.owner = path, owner

    def write(self, state: LoopState, more: dict[str, torch.Tensor], record: dict[str, Any]) -> None:
        """Write a state with further tensors and a record of JSON values, whole or not at all."""
        about = json.dumps({"version": VERSION, "owner": self.owner, **record}, allow_nan=False)
        tensors = state.tensors() | {name: value.detach().cpu().clone() for name, value in more.items()}
        with atomic_path(self.path) as temporary:
            temporary.write_bytes(safetensors.save(tensors, metadata={"training": about}))

    def read(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """Read tensors and record; None where there is no file.

        Raises
        ------
        InputError
            If the file is damaged, of another version, or of another training.
        """
        if not self.path.exists():
            return None
        try:
            with safe_open(str(self.path), framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
                record = json.loads((file.metadata() or {})["training"])
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise InputError(f"{self.path}: damaged ({error}); remove it to train from the start") from error
        if record.get("version") != VERSION:
            raise InputError(
                f"{self.path}: of version {record.get('version')}, this program reads {VERSION}; remove it"
            )
        if record.get("owner") != self.owner:
            raise InputError(
                f"{self.path}: of a training on other data or with another config; remove it to start anew"
            )
        return tensors, record


def fingerprint(config: MatganipConfig, *datasets: Dataset | None) -> str:
    """SHA-256 of a config and of the sets that it is trained and checked on."""
    digest = hashlib.sha256(json.dumps(config.to_dict(), sort_keys=True).encode())
    for data in datasets:
        for column in () if data is None else (data.matrices, data.target, data.weight, data.group):
            digest.update(column.tobytes())
        digest.update(b"|")
    return digest.hexdigest()
