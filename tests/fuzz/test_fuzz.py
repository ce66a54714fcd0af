"""Two thousand mutated inputs: none may end in a traceback, a signal, a hang or a changed result."""

from __future__ import annotations

import pytest
from tests.fuzz.core_calls import exercise
from tests.fuzz.harness import FAILURES, OUTCOMES, fuzz
from tests.fuzz.targets import FILES, TARGETS, make_originals

from matganip import _core

N_INPUTS = 2_000
N_SHARES = 2


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz") / "originals"
    make_originals(folder)
    return folder


@pytest.mark.parametrize("share", range(N_SHARES))
def test_no_input_does_harm(originals, share):
    each = -(-N_INPUTS // len(TARGETS))
    inputs = [(name, number) for number in range(share, each, N_SHARES) for name in TARGETS]
    tally = fuzz(inputs, originals)
    assert tally.total == len(inputs)
    assert not tally.failures, "\n".join(tally.failures)


def test_what_is_damaged_can_be_read_as_it_is(originals, tmp_path):
    for number, one in enumerate(FILES):
        scratch = tmp_path / str(number)
        scratch.mkdir()
        assert one.run(originals, None, scratch), one.name


def test_every_function_of_the_boundary_is_fuzzed():
    called = {f"{call.made}.{call.name}" for call in exercise()}
    there = {name for name in TARGETS if hasattr(_core, name.partition(".")[0] or name[1:])}
    assert there <= called


def test_the_harness_notices_each_outcome(originals):
    tally = fuzz([(kind, number) for kind in OUTCOMES for number in (0, 1)], originals)
    assert {name: dict(counts) for name, counts in tally.counts.items()} == {kind: {kind: 2} for kind in OUTCOMES}
    assert len(tally.failures) == 2 * len(FAILURES)
