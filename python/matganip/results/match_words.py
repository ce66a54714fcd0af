"""The answer of `match` in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matganip.results.match import MatchResult


def sentences(found: MatchResult) -> tuple[str, ...]:
    """What the data say, and what they do not, one sentence for each part of the result."""
    said = [_answer(found)]
    if found.likelihood_ratio is not None and found.disordered is not None:
        said.append(_against_disorder(found))
    if found.order is not None:
        order = found.order
        wrong = ", ".join(f"{share:.3f} of the sites of {name}" for name, share in order.wrong.items())
        said.append(
            f"Long-range order of the best arrangement: {order.value:.4f} +- {order.error:.4f} (1: as it stands, 0: "
            f"the mean occupancies); others are on {wrong}."
        )
    if found.exchange is not None:
        shares = "; ".join(
            f"{host} sites: " + ", ".join(f"{name} {share:.4f} +- {error:.4f}" for name, (share, error) in row.items())
            for host, row in found.exchange.occupancies.items()
        )
        said.append(f"Mean occupancies refined between the first and the last composition: {shares}.")
    if found.mixture is not None and len(found.mixture.shares) > 1:
        shares = ", ".join(
            f"{share:.3f} +- {found.mixture.errors[name]:.3f} {name}" for name, share in found.mixture.shares.items()
        )
        gain = (found.mixture.chi2_single - found.mixture.chi2) / found.temper
        kinds = "all classes" if found.mixture.from_all else "the classes of the table"
        said.append(
            f"Domains of several arrangements, from {kinds}: {shares}; chi squared lower by {gain:.1f} than the first "
            "alone. Other mixtures with the same pair counts have the same pattern."
        )
    if found.detection is not None:
        said.append(_limits(found))
    if found.energy is not None:
        given = found.energy
        said.append(
            f"Energy given the pattern: {given.mean:.3f} +- {given.deviation:.3f} meV/atom, 90 % between "
            f"{given.quantiles[0.05]:.3f} and {given.quantiles[0.95]:.3f}, over {given.n_orbits:,} orbits; without the "
            f"pattern {given.prior_mean:.3f} +- {given.prior_deviation:.3f}. Relative to the mean of the space; labels "
            f"of {given.calculator}."
        )
    return (*said, *found.warnings)


def _answer(found: MatchResult) -> str:
    n = len(found.undecided)
    looked = f"{found.n_orbits:,} orbits" if found.n_orbits else f"{len(found.classes)} structures"
    how = "all" if found.proved else "a search, which proves nothing, found"
    if n == 1:
        orbits = found.best.n_orbits
        many = f" It is the pattern of {orbits:,} orbits, which no powder pattern tells apart." if orbits > 1 else ""
        return f"Of {how} {looked} one pattern explains the data: {found.best.name}.{many}"
    return f"Of {how} {looked} the data cannot tell the first {n} classes apart: they are one answer."


def _against_disorder(found: MatchResult) -> str:
    ratio, bayes = found.likelihood_ratio, found.log_bayes_factor
    beside = f"Against the disordered average (Rwp {found.disordered.r_wp:.3f} %): " if found.disordered else ""
    words = f"{beside}twice the logarithm of the likelihood ratio is {ratio:.1f}"
    if bayes is None:
        return words + "."
    verdict = "for order" if bayes > 9 else "for disorder" if bayes < -9 else "undecided"
    return (
        f"{words}; with every arrangement as likely beforehand as any other, ln of the Bayes factor is {bayes:.1f}: "
        f"{verdict}."
    )


def _limits(found: MatchResult) -> str:
    limits = found.detection
    if limits is None:
        return ""
    words = (
        f"At this noise {limits.distance:.1f} standard deviations lie between the best class and the disordered "
        f"average: domains of it would be seen from a share of {limits.smallest_share:.2g} on, long-range order from "
        f"about {limits.smallest_order:.2g} on."
    )
    if limits.next_distance is not None and limits.counts_factor is not None:
        words += f" The nearest other class is {limits.next_distance:.1f} away"
        words += (
            f"; {limits.counts_factor:.3g} times the counts would tell it apart." if limits.counts_factor > 1 else "."
        )
    return words
