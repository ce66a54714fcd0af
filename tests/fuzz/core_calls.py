"""Calls of the compiled boundary as the package makes them, recorded, to be made again with other arguments.

A function that is added to `matganip._core` is fuzzed once something in `exercise` calls it; a test asks for that.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip import _core
from matganip.features.lattice.lattice_gas import Interactions, LatticeGas
from matganip.features.lattice.shared_clusters import SharedClusters
from matganip.features.lattice.swaps import LatticeSwaps, seeded_generators
from matganip.features.powder.pymatgen_calculator import XRDCalculator
from matganip.labels.labelled import Labelled
from matganip.learning.lowest import LowestOrbits
from matganip.learning.site_interactions import SiteInteractions

CLEAN = (ValueError, TypeError, IndexError, OverflowError, KeyError, MemoryError)
LIMITS = {"n_swaps": 10_000, "n_records": 1_000, "n_trials": 1_000}
"""What asks for long work gets long work: such numbers stay below these, or are beyond 64 bits."""
_KEPT = 4  # calls of each name; more only repeat


@dataclass
class Call:
    """A call of a function or of a method, with how its object is made."""

    name: str
    arguments: dict[str, Any]  # "args", "kwargs"; of the object "made"
    made: str = ""  # class of the object

    def run(self, arguments: dict[str, Any]) -> str:
        """Make the call with these arguments."""
        target: Any = _core
        if self.made:
            target = _object(self.made, arguments["made"])
        if self.name == self.made:
            return type(target).__name__
        found = getattr(target, self.name)(*_real(arguments["args"]), **_real(arguments["kwargs"]))
        return type(found).__name__


def _object(name: str, made: Any) -> Any:
    if not isinstance(made, dict) or not isinstance(getattr(_core, str(name) or "_", None), type):
        raise TypeError(f"{name} is made of args and kwargs")
    return getattr(_core, name)(*_real(made.get("args", ())), **_real(made.get("kwargs", {})))


def _real(value: Any) -> Any:
    if isinstance(value, dict) and "made of" in value:
        return _object(value["made of"], value["arguments"])
    if isinstance(value, list | tuple):
        return type(value)(_real(one) for one in value)
    if isinstance(value, dict):
        return {key: _real(one) for key, one in value.items()}
    return value


def _kept(value: Any) -> Any:
    """A copy of an argument: writable arrays, and objects of the boundary as what they are made of."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, list | tuple):
        return type(value)(_kept(one) for one in value)
    if isinstance(value, dict):
        return {key: _kept(one) for key, one in value.items()}
    made = getattr(value, "made_of", None)
    return {"made of": type(value).__mro__[1].__name__, "arguments": made} if made is not None else copy.copy(value)


@contextmanager
def recording() -> Iterator[list[Call]]:
    """While this lasts, calls of `_core` are noted."""
    calls: list[Call] = []
    originals = {name: value for name, value in vars(_core).items() if not name.startswith("_")}

    def note(call: Call) -> None:
        if sum((one.made, one.name) == (call.made, call.name) for one in calls) < _KEPT:
            calls.append(call)

    def function(name: str, original: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            note(Call(name, {"args": _kept(args), "kwargs": _kept(kwargs)}))
            return original(*args, **kwargs)

        return call

    def recorded(name: str, original: type) -> type:
        def construct(self: Any, *args: Any, **kwargs: Any) -> None:
            self.made_of = {"args": _kept(args), "kwargs": _kept(kwargs)}
            note(Call(name, {"made": self.made_of}, name))
            original.__init__(self, *args, **kwargs)

        def method(own: str) -> Any:
            def call(self: Any, *args: Any, **kwargs: Any) -> Any:
                note(Call(own, {"made": self.made_of, "args": _kept(args), "kwargs": _kept(kwargs)}, name))
                return getattr(original, own)(self, *args, **kwargs)

            return call

        methods = {own: method(own) for own, value in vars(original).items()
                   if not own.startswith("_") and inspect.isroutine(value)}  # fmt: skip
        return type(f"Recorded{name}", (original,), {"__init__": construct, **methods})

    for name, original in originals.items():
        setattr(_core, name, (recorded if isinstance(original, type) else function)(name, original))
    try:
        yield calls
    finally:
        for name, original in originals.items():
            setattr(_core, name, original)


def exercise() -> list[Call]:
    """Use what the package compiles, on small crystals."""
    with recording() as calls:
        space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (1, 1, 2), {"I": {"Br": 2}, "Pb": {"Sn": 1}})
        stream = space.orbits(batch_size=2)
        next(stream)
        space.orbits(batch_size=2, cursor=stream.cursor)
        rows = next(space.orbits())
        space.canonical(rows.occupations)
        for settings in ({"resolution": "resolved"}, {"domain": "patterson", "cutoff": 7.0, "order": 3}):
            diffraction = mg.LatticeDiffraction(space, **settings)
            diffraction.peaks(rows.occupations)
            swaps = LatticeSwaps(diffraction)
            swaps.sums(rows.occupations)
            start, n = rows.occupations[:3], min(3, len(rows))
            swaps.walk(start, seeded_generators(0, n), np.full(n, 5.0), np.linspace(-1, 1, swaps.n_sums), n_swaps=50)
        mg.ConfigurationSpace(space.parent, (1, 1, 2), {"I": {"Br": 2}}, min_distance={"Br-Br": 4.6}).count_orbits()
        _lattice_gas()
        network = mg.train(space, _labels(space, rows), network={"epochs": 2}, diffraction={"n_peaks": 8})
        network.predict(space)
        larger = mg.ConfigurationSpace(space.parent, (2, 2, 2), {"I": {"Br": 6}})
        graphs = {"resolution": "resolved", "n_peaks": 8}
        other = mg.train(larger, "cspbi3_br/chgnet_X6of24", network={"epochs": 1}, diffraction=graphs)
        other.distil(n=500).predict(larger, n=10)
        _lowest(space, rows)
        mg.sqs(space, 5.0, n_chains=2, n_swaps=20, enumerate_up_to=0)
        mg.sqs(space, 5.0)
        XRDCalculator().get_pattern(space.parent)
        mg.PowderDiffraction().patterns([space.parent, space.structure(rows.occupations[0])])
    return calls


def _lowest(space: mg.ConfigurationSpace, rows: mg.ConfigurationBatch) -> None:
    energy = SiteInteractions.of(mg.train(space, _labels(space, rows), diffraction={"cutoff": 7.0}), space)
    search = LowestOrbits(energy, top=2)
    search.know(rows.occupations)
    state = search.state()
    while search.advance():
        pass
    search.found()
    LowestOrbits(energy, top=2).resume(state)


def _lattice_gas() -> None:
    fcc = Structure(Lattice([[0, 2, 2], [2, 0, 2], [2, 2, 0]]), ["Ag"], [[0, 0, 0]])
    space = mg.ConfigurationSpace(fcc, (2, 2, 2), {"Ag": {"Pd": 2}})
    clusters = SharedClusters.of(space, 4.1, 3.0)
    gas = LatticeGas(space, Interactions(clusters, np.linspace(-0.1, 0.1, len(clusters.size)), 0.0))
    rows = next(space.orbits()).occupations
    gas.energy(rows)
    n = len(rows)
    gas.walk(rows, seeded_generators(0, n), np.ones(n), n_records=2, n_trials=5, changes=0.5)
    gas.walk(rows, seeded_generators(0, n), np.ones(n), n_records=2, n_trials=5, bias=np.zeros((n, space.n_sites + 1)))


def _labels(space: mg.ConfigurationSpace, rows: mg.ConfigurationBatch) -> Labelled:
    energy = -10.0 + 0.1 * rows.occupations[:, ::2].sum(axis=1) + 0.01 * np.arange(len(rows))
    return Labelled(rows.occupations, rows.multiplicity, energy, "test", space.n_atoms, 0)
