from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

def vector_target() -> str: ...
def vector_targets() -> list[str]: ...
def use_vector_target(name: str) -> None: ...
def close_group(generators: NDArray[np.uint16], *, max_order: int) -> NDArray[np.uint16]: ...
def canonical_form(
    permutations: NDArray[np.uint16],
    counts: Sequence[Sequence[int]],
    occupations: NDArray[np.uint8],
    *,
    num_threads: int = 0,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]: ...

class OrbitEnumerator:
    def __init__(
        self,
        permutations: NDArray[np.uint16],
        counts: Sequence[Sequence[int]],
        *,
        shard: int = 0,
        n_shards: int = 1,
        exclusions: NDArray[np.uint16] | None = None,
    ) -> None: ...
    def resume_after(self, row: NDArray[np.uint8]) -> None: ...
    def fill(self, occupations: NDArray[np.uint8], multiplicity: NDArray[np.int64], *, num_threads: int = 0) -> int: ...

class LowestOrbits:
    def __init__(
        self,
        *,
        permutations: NDArray[np.uint16],
        sublattice: NDArray[np.int32],
        first_state: NDArray[np.int32],
        kind: NDArray[np.int32],
        kind_sublattice: NDArray[np.int32],
        count: NDArray[np.int32],
        constant: float,
        field: NDArray[np.float64],
        pair: NDArray[np.float64],
        triplets: NDArray[np.int32],
        coupling: NDArray[np.float64],
        exclusions: NDArray[np.int32],
        shift: NDArray[np.float64],
        stiffness: float,
        cubic: NDArray[np.float64],
        top: int,
        window: float,
        slack: float,
    ) -> None: ...
    def advance(self, *, num_threads: int = 0) -> bool: ...
    @property
    def lower_bound(self) -> float: ...
    @property
    def threshold(self) -> float: ...
    def set_ceiling(self, energy: float) -> None: ...
    @property
    def n_visited(self) -> int: ...
    @property
    def n_open(self) -> int: ...
    def found(self) -> dict[str, NDArray[Any]]: ...
    def open(self) -> dict[str, NDArray[Any]]: ...
    def resume(
        self,
        *,
        open_codes: NDArray[np.uint8],
        open_bounds: NDArray[np.float64],
        found_codes: NDArray[np.uint8],
        found_energies: NDArray[np.float64],
        found_multiplicities: NDArray[np.int64],
        n_visited: int,
    ) -> None: ...

class LatticePattern:
    def __init__(
        self,
        *,
        modes: NDArray[np.int32],
        waves: NDArray[np.float64],
        term_offsets: NDArray[np.int64],
        factors: NDArray[np.int32],
        weight: NDArray[np.float64],
        base: NDArray[np.float64],
        coefficients: NDArray[np.float64],
        non_negative: bool = True,
    ) -> None: ...
    @property
    def n_peaks(self) -> int: ...
    @property
    def n_sums(self) -> int: ...
    def sums(self, occupations: NDArray[np.uint8], *, num_threads: int = 0) -> NDArray[np.float64]: ...
    def intensities(
        self,
        occupations: NDArray[np.uint8],
        *,
        n_columns: int,
        scale_to_maximum: bool,
        out: NDArray[np.float64] | None = None,
        num_threads: int = 0,
    ) -> NDArray[np.float64]: ...

class LatticeSwaps:
    def __init__(
        self,
        patterns: Sequence[LatticePattern],
        *,
        sublattices: NDArray[np.int32],
        exclusions: NDArray[np.uint16] | None = None,
        exchange_offsets: NDArray[np.int64] | None = None,
        exchanges: NDArray[np.int32] | None = None,
    ) -> None: ...
    def walk(
        self,
        occupations: NDArray[np.uint8],
        *,
        generators: NDArray[np.uint64],
        beta: NDArray[np.float64],
        coefficients: NDArray[np.float64],
        n_swaps: int,
        num_threads: int = 0,
    ) -> dict[str, NDArray[Any]]: ...

class LatticeGas:
    def __init__(
        self,
        *,
        basis: NDArray[np.int32],
        sublattices: NDArray[np.int32],
        modes: NDArray[np.int32],
        neighbours: NDArray[np.int32],
        points: NDArray[np.float64],
        pairs: NDArray[np.float64],
        triplet_offsets: NDArray[np.int64],
        triplet_places: NDArray[np.int32],
        triplet_values: NDArray[np.float64],
    ) -> None: ...
    def energies(self, modes: NDArray[np.uint8], *, num_threads: int = 0) -> NDArray[np.float64]: ...
    def walk(
        self,
        modes: NDArray[np.uint8],
        *,
        generators: NDArray[np.uint64],
        beta: NDArray[np.float64],
        field: NDArray[np.float64],
        bias: NDArray[np.float64] | None = None,
        n_records: int,
        n_trials: int,
        changes: float,
        sublattice: int = 0,
        mode: int = 0,
        num_threads: int = 0,
    ) -> dict[str, NDArray[Any]]: ...

def graph_matrices(
    two_theta: NDArray[np.float64],
    intensity: NDArray[np.float64],
    *,
    n_vertices: int,
    angle_scale: float,
    intensity_scale: float,
    out: NDArray[np.float32] | None = None,
    num_threads: int = 0,
) -> NDArray[np.float32]: ...

class ConvolutionalNetwork:
    def __init__(
        self,
        *,
        mean: NDArray[np.float32],
        scale: NDArray[np.float32],
        conv1_weight: NDArray[np.float32],
        conv1_bias: NDArray[np.float32],
        conv2_weight: NDArray[np.float32],
        conv2_bias: NDArray[np.float32],
        head_weight: NDArray[np.float64],
        readout: NDArray[np.float64],
        bias: NDArray[np.float64],
    ) -> None: ...
    def predict(self, matrices: NDArray[np.float32], *, num_threads: int = 0) -> NDArray[np.float64]: ...

class RationalKernel:
    def __init__(
        self,
        *,
        slope: NDArray[np.float64],
        centres: NDArray[np.float64],
        coefficients: NDArray[np.float64],
        near: float,
    ) -> None: ...
    def predict(self, rows: NDArray[np.float64], *, num_threads: int = 0) -> NDArray[np.float64]: ...

class SumOfSquares:
    def __init__(
        self,
        *,
        directions: NDArray[np.float64],
        shift: NDArray[np.float64],
        linear: NDArray[np.float64],
        squares: NDArray[np.float64],
        constant: float,
    ) -> None: ...
    def predict(self, rows: NDArray[np.float64], *, num_threads: int = 0) -> NDArray[np.float64]: ...

def powder_patterns(
    *,
    arrays: dict[str, NDArray[Any]],
    spectrum: list[dict[str, Any]],
    bins: bool,
    scaled: bool,
    polarization: float,
    march_r: float,
    march_hkl: list[float],
    num_threads: int = 0,
) -> dict[str, NDArray[Any]]: ...
def reflection_families(hkl: NDArray[np.int32], ends: NDArray[np.int64], *, hexagonal: bool) -> list[list[Any]]: ...
def find_overlap(
    *, arrays: dict[str, NDArray[Any]], distance: float, num_threads: int = 0
) -> tuple[int, int, int] | None: ...

class CorrelationMatch:
    def __init__(
        self,
        *,
        sublattices: NDArray[np.int32],
        n_species: NDArray[np.int32],
        point: NDArray[np.float64],
        slots: NDArray[np.int32],
        labels: NDArray[np.int32],
        weights: NDArray[np.float64],
        target: NDArray[np.float64],
        importance: NDArray[np.float64],
        ladder: NDArray[np.int32],
        reward: NDArray[np.float64],
        tolerance: float,
    ) -> None: ...
    def correlations(self, occupations: NDArray[np.uint8], *, num_threads: int = 0) -> NDArray[np.float64]: ...
    def scores(self, occupations: NDArray[np.uint8], *, num_threads: int = 0) -> NDArray[np.float64]: ...
    def anneal(
        self,
        occupations: NDArray[np.uint8],
        *,
        generators: NDArray[np.uint64],
        n_swaps: int,
        num_threads: int = 0,
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint64], NDArray[np.float64]]: ...
