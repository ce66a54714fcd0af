from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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
    ) -> None: ...
    def resume_after(self, row: NDArray[np.uint8]) -> None: ...
    def fill(
        self, occupations: NDArray[np.uint8], multiplicity: NDArray[np.int64], *, num_threads: int = 0
    ) -> int: ...
