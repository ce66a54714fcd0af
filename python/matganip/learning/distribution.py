"""A model that answers with a distribution: a solved mean, and what is learned of the energies around it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError, damaged, first_line
from matganip.files import atomic_path, read_json, write_json
from matganip.learning import checkpoints
from matganip.learning._torch import SafetensorError, safetensors, torch
from matganip.learning.conditional import ConditionalDistribution, Moment
from matganip.learning.distribution_networks import Member
from matganip.learning.distribution_settings import DistributionSettings
from matganip.learning.solved import Solved

if TYPE_CHECKING:
    from matganip.learning.representation import GraphRepresentation

Floats = NDArray[np.float64]
Sampler = Callable[[NDArray[np.uint8], int, int], Floats]

RECORD, ARRAYS = "distribution.json", "distribution.safetensors"
FORMAT, VERSION = "matganip-distribution", 1
DRAWN = 512
"""Samples of which mean and deviation of a prediction are."""
_DECIMALS = 12
_ARRAYS = ("centre", "directions", "position", "origin", "scale")


@dataclass(frozen=True, eq=False)
class Distribution:
    """A `Solved` model and the distribution of what it leaves, both in eV/site.

    Attributes
    ----------
    solved : Solved
    left : ConditionalDistribution
        Of the energy beyond the solved mean.
    """

    solved: Solved
    left: ConditionalDistribution
    reads_features = True
    per_site = True

    @property
    def baseline(self) -> float:
        """The weighted mean of the training set, eV/atom."""
        return self.solved.baseline

    @property
    def kind(self) -> str:
        """What kind of function the solved mean is."""
        return self.solved.kind

    def predict(self, features: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation (n,) of each row's distribution, eV/site, of features (n, p)."""
        drawn = self.left.draw(features, DRAWN)[..., 0]
        mean, _ = self.solved.predict(features, deviations=False)
        around = np.round(drawn.mean(axis=1), _DECIMALS)  # so that a row does not depend on those beside it
        return mean + around, np.round(drawn.std(axis=1), _DECIMALS)

    def samples(self, features: Floats, n: int, seed: int = 0) -> Floats:
        """Draw from each row's distribution, (rows, n) eV/site; sample i of each row is made of the same noise."""
        mean, _ = self.solved.predict(features, deviations=False)
        drawn: Floats = mean[:, None] + np.round(self.left.draw(features, n, seed)[..., 0], _DECIMALS)
        return drawn

    def sampler(self, represent: GraphRepresentation) -> Sampler:
        """What draws energies (rows, n), eV/atom, of arrangements (rows, n_sites), given n and a seed."""
        space = represent.space

        def draw(occupations: NDArray[np.uint8], n: int, seed: int) -> Floats:
            sites_per_atom = len(space.supercell_structure) / space.atoms_of(occupations)
            return self.samples(represent.features(occupations), n, seed) * sites_per_atom[:, None]

        return draw

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``solved.*`` and ``distribution.safetensors``, ``distribution.json``."""
        path, left = Path(folder), self.left
        self.solved.save(path)
        tensors = {name: torch.from_numpy(np.ascontiguousarray(getattr(left, name))) for name in _ARRAYS}
        for number, member in enumerate(left.members):
            tensors |= {f"{number}.{name}": tensor for name, tensor in member.state_dict().items()}
        data = checkpoints.serialized(tensors)
        with atomic_path(path / ARRAYS) as temporary:
            temporary.write_bytes(data)
        record = {
            "format": FORMAT,
            "version": VERSION,
            "arrays_sha256": hashlib.sha256(data).hexdigest(),
            "settings": left.settings.model_dump(mode="json"),
            "unit": left.unit,
            "scores": list(left.scores),
            "moments": [[None if np.isnan(value) else value for value in one] for one in left.moments],
        }
        write_json(path / RECORD, record)

    @classmethod
    def load(cls, folder: str | os.PathLike[str], device: str = "cpu") -> Self:
        """Read what `save` wrote; it computes on the CPU, whatever the device.

        Raises
        ------
        InputError
            If a file is missing, damaged or of another version.
        """
        path = Path(folder)
        solved = Solved.load(path, device)
        record = read_json(path / RECORD)
        if not isinstance(record, dict) or (record.get("format"), record.get("version")) != (FORMAT, VERSION):
            raise InputError(f"{path / RECORD}: not the record of a distribution of version {VERSION}; train again")
        try:
            data = (path / ARRAYS).read_bytes()
        except OSError as error:
            raise InputError(f"{path / ARRAYS}: cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != record.get("arrays_sha256"):
            raise InputError(f"{path / ARRAYS}: damaged: its checksum is not that of {RECORD}")
        with damaged(path / ARRAYS):
            left = _left(record, _tensors(data))
        if len(left.centre) != len(solved.mean):
            raise InputError(f"{path / ARRAYS}: damaged: its arrays do not fit together")
        return cls(solved, left)


def _tensors(data: bytes) -> dict[str, torch.Tensor]:
    try:
        return safetensors.load(data)
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _made(device: str, n_columns: int, k: int, settings: DistributionSettings, position: Floats) -> Member:
    try:
        with torch.device(device):
            return Member(n_columns, k, settings, position).double()
    except RuntimeError as error:  # torch's, of sizes whose product is no 64-bit number
        raise ValueError(first_line(error)) from error


def _left(record: dict[str, Any], tensors: dict[str, torch.Tensor]) -> ConditionalDistribution:
    settings = DistributionSettings.of(record["settings"])
    arrays = {name: tensors[name].double().numpy() for name in _ARRAYS}
    r, k = arrays["directions"].shape[1], len(arrays["scale"])
    members = []
    for number in range(settings.members):
        own: dict[str, torch.Tensor] = {}
        for device in ("meta", "cpu"):  # sizes alone first: memory is taken for what the file has, once it fits
            member = _made(device, r, k, settings, arrays["position"])
            own = {name: tensors[f"{number}.{name}"] for name in member.state_dict()}
            for name, tensor in member.state_dict().items():
                if own[name].shape != tensor.shape:
                    raise ValueError(f"{number}.{name} has shape {tuple(own[name].shape)}, not {tuple(tensor.shape)}")
        member.load_state_dict(own)
        members.append(member)
    moments = tuple(
        Moment(int(step), *(np.nan if value is None else float(value) for value in rest))
        for step, *rest in record["moments"]
    )
    scores = tuple(map(float, record["scores"]))
    return ConditionalDistribution(
        settings, **arrays, unit=float(record["unit"]), members=tuple(members), scores=scores, moments=moments
    )
