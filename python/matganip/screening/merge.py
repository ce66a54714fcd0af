"""From the files of all shards to the result, in the order of the shards whoever did them and when."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matganip.errors import InputError
from matganip.files import atomic_path, flush_folder, sha256, stamped, unstamped
from matganip.results.thermo import functions_values
from matganip.screening.cascade import SLACK
from matganip.screening.selection import Best, Rows
from matganip.screening.shard_files import read_shard, shard_name
from matganip.screening.winners import RESULT, WINNERS, write_winners
from matganip.thermodynamics.histogram import EnergyHistogram
from matganip.thermodynamics.sums import CanonicalSums

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.screening.manifest import ScreenFolder
    from matganip.screening.shard import ScreenSettings


@dataclass(frozen=True, eq=False)
class Merged:
    """All shards of a screen together.

    Attributes
    ----------
    best : Rows
        The winners, best first; ``row`` counts within their shard.
    sums : CanonicalSums
    histogram : EnergyHistogram
    n_orbits, n_configurations : int
    """

    best: Rows
    sums: CanonicalSums
    histogram: EnergyHistogram
    n_orbits: int
    n_configurations: int


def merged(folder: ScreenFolder, space: ConfigurationSpace, settings: ScreenSettings) -> Merged:
    """Put the shards of a folder together.

    Raises
    ------
    InputError
        If a file is missing or damaged, or the shards are not the whole space.
    """
    best = Best(settings.selection, space.n_sites, settings.selection.n_properties)
    sums, histogram = CanonicalSums(settings.temperatures), EnergyHistogram(settings.bin_width)
    n_orbits = n_configurations = 0
    for shard in range(settings.n_shards):
        path = folder.path / shard_name(shard)
        rows, facts = read_shard(path)
        if facts.get("space") != space.key or facts.get("shard") != str(shard):
            raise InputError(f"{path}: is not shard {shard} of this screen; remove it and resume with --resume")
        if len(rows):
            best.add(rows)
        of_shard = CanonicalSums.from_dict(json.loads(facts["sums"]))
        sums.merge(of_shard)
        histogram.merge(EnergyHistogram.from_dict(json.loads(facts["histogram"])))
        n_orbits += of_shard.n_orbits
        n_configurations += of_shard.n_configurations
    if (n_orbits, n_configurations) != (space.count_orbits(), space.n_configurations):
        raise InputError(
            f"{folder.path}: the shards hold {n_orbits} orbits of {n_configurations} arrangements, the space has "
            f"{space.count_orbits()} of {space.n_configurations}; `matganip verify` says which shard is wrong"
        )
    return Merged(best.rows.take(slice(0, settings.selection.size)), sums, histogram, n_orbits, n_configurations)


def next_round(folder: ScreenFolder, settings: ScreenSettings, found: Merged) -> dict[str, Any] | None:
    """Which shards must be rerun, because the surrogate's error elsewhere exceeded the bound that they used.

    Every winner's key is at most that of the last one, T. A row that a shard has not re-scored, of surrogate key
    `ShardRecord.reach` or more, has a key of at least ``reach - bound``. With the widest bound that any shard needed,
    that must be above T.

    Returns
    -------
    dict or None
        The numbers of the shards, and the bound and ceiling for them; None where the winners are certain.
    """
    bound = max(record.bound for record in folder.shards.values())
    if bound == 0.0:
        return None
    full = len(found.best) == settings.selection.size
    ceiling = float(settings.selection.key(found.best.energy[-1:, 0])[0]) if full else np.inf
    again = [k for k, record in sorted(folder.shards.items()) if record.reach <= ceiling + bound + SLACK]
    again = [k for k in again if not np.isinf(folder.shards[k].reach)]
    if not again:
        return None
    return {"shards": again, "bound": bound, "ceiling": None if np.isinf(ceiling) else ceiling}


def write_result(folder: ScreenFolder, space: ConfigurationSpace, settings: ScreenSettings, found: Merged) -> None:
    """Write ``winners.parquet`` and ``result.json``, the same bytes whoever did the shards and when."""
    write_winners(folder.path / WINNERS, space, settings.selection, found.best, found.sums)
    records = [folder.shards[shard] for shard in sorted(folder.shards)]
    document = {
        "format": "matganip-screen-result",
        "fingerprint": folder.fingerprint,
        "orbits": found.n_orbits,
        "configurations": str(found.n_configurations),
        "graphs_predicted": sum(record.n_predicted for record in records),
        "cascade": _cascade(folder, found),
        "energies_of_sums": "surrogate" if folder.header.get("surrogate") else "model",
        "sums": found.sums.to_dict(),
        "thermodynamics": functions_values(found.sums.result()),
        "histogram": found.histogram.to_dict(),
        "winners_sha256": sha256(folder.path / WINNERS),
    }
    with atomic_path(folder.path / RESULT) as temporary:
        temporary.write_text(json.dumps(stamped(document), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    flush_folder(folder.path)


def _cascade(folder: ScreenFolder, found: Merged) -> dict[str, Any] | None:
    surrogate = folder.header.get("surrogate")
    if surrogate is None:
        return None
    records = folder.shards.values()
    return {
        "bound_eV": max(record.bound for record in records),
        "bound_eV_of_sample": surrogate["bound_eV"],
        "sample": surrogate["sample"],
        "rescored": sum(record.n_rescored for record in records),
        "of": found.n_orbits,
        "widest_eV_of_rescored": max(record.widest for record in records),
        "rounds": 1 + len(folder.rounds),
    }


def read_result(path: Path) -> dict[str, Any]:
    """Read ``result.json`` of a folder.

    Raises
    ------
    InputError
        If the screen is not complete, or a file is damaged or was changed.
    """
    file = path / RESULT
    try:
        return unstamped(dict(json.loads(file.read_text(encoding="utf-8"))), file)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: the screen is not complete; resume it with `matganip screen --resume`") from None
    except (OSError, TypeError, ValueError) as error:
        raise InputError(f"{file}: damaged: {error}; remove it and resume with `matganip screen --resume`") from error
