"""The text of an arrangement and the JSON values of a space, both ways; all readers and writers use these."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from matganip.configurations.composition import cells_of, element_of
from matganip.configurations.notation import SITE_TOLERANCE
from matganip.configurations.species import Occupant, occupant_of, parse_species
from matganip.crystal.disorder_tags import DISORDER
from matganip.crystal.limits import checked_parent, stored_parent
from matganip.crystal.molecules import MOLECULE
from matganip.errors import InputError, damaged

if TYPE_CHECKING:
    from matganip.configurations.composition import Sublattice
    from matganip.configurations.space import ConfigurationSpace
    from matganip.configurations.supercell import SubstitutedSupercell

STORED = {"molecules": MOLECULE, "disorder_groups": DISORDER}
"""Site properties of a parent that its stored form has, by their names there."""

_DIGITS = np.frombuffer(b"0123456789abcdefghijklmnopqrstuvwxyz", dtype=np.uint8)
_CODES = np.full(256, 255, dtype=np.uint8)
_CODES[_DIGITS] = np.arange(36)

# -- digits: one character a site ------------------------------------------------------------------------------


def occupation_digits(occupations: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Write occupations as text, one character a site: the code of its species, letters from 10 on.

    Parameters
    ----------
    occupations : (n, n_sites) uint8
        Codes below 36.

    Returns
    -------
    (n,) bytes
        ASCII strings of n_sites characters.

    Examples
    --------
    >>> occupation_digits(np.array([[0, 0, 1], [0, 2, 11]], dtype=np.uint8))
    array([b'001', b'02b'], dtype='|S3')
    """
    text: NDArray[np.bytes_] = np.ascontiguousarray(_DIGITS[occupations]).view(f"S{occupations.shape[1]}").ravel()
    return text


def occupation_texts(occupations: NDArray[np.uint8]) -> list[str]:
    """Write occupations as `occupation_digits` does, as Python strings.

    Examples
    --------
    >>> occupation_texts(np.array([[0, 0, 1], [0, 2, 11]], dtype=np.uint8))
    ['001', '02b']
    """
    return [digits.decode() for digits in occupation_digits(occupations).tolist()]


def occupations_from_digits(texts: Sequence[str], n_sites: int, where: str = "row {}") -> NDArray[np.uint8]:
    """Read what `occupation_digits` wrote.

    Parameters
    ----------
    texts : sequence of str
        One character a site.
    n_sites : int
        Characters of each.
    where : str
        How an error names a row; ``{}`` stands for its number.

    Returns
    -------
    (n, n_sites) uint8

    Raises
    ------
    InputError
        Names the first row that is not such a text.

    Examples
    --------
    >>> occupations_from_digits(["001", "02b"], 3).tolist()
    [[0, 0, 1], [0, 2, 11]]
    """
    joined = "".join(texts).encode("ascii", "replace")
    codes = _CODES[np.frombuffer(joined, dtype=np.uint8)]
    if len(codes) != len(texts) * n_sites or (codes == 255).any() or any(len(text) != n_sites for text in texts):
        row, text = next(
            (row, text) for row, text in enumerate(texts) if not re.fullmatch(f"[0-9a-z]{{{n_sites}}}", text)
        )
        raise InputError(f"{where.format(row)}: occupation must be {n_sites} digits, got {text!r}")
    return codes.reshape(len(texts), n_sites)


# -- sites: which ones each species takes ----------------------------------------------------------------------


def sites_text(space: SubstitutedSupercell, occupation: NDArray[np.uint8]) -> str:
    """Write which sites the rarer species take: ``Br 0 1 6``; the most frequent species of a sublattice has the rest.

    Parameters
    ----------
    space : ConfigurationSpace
        Whose sites and species the codes are.
    occupation : (n_sites,) uint8
        One arrangement.

    Returns
    -------
    str
        Sites are numbered as the columns of an occupation are.
    """
    words = []
    for number, species in enumerate(space.species):
        sites = np.flatnonzero(space.sublattices == number)
        for code, name in enumerate(species[:-1]):
            taken = sites[occupation[sites] == code].tolist()
            words += [name, *map(str, taken)] if taken else []
    return " ".join(words)


def occupation_from_sites(
    space: SubstitutedSupercell,
    text: str,
    where: str = "sites",
    *,
    columns: Mapping[int, int] | None = None,
    others: Sequence[int] | None = None,
) -> NDArray[np.uint8]:
    """Read which sites the species take: ``Br 0 1 6``, or ``Br:16 17;Sn:8``.

    Parameters
    ----------
    space : ConfigurationSpace
        Whose sites they are.
    text : str
        Species, each followed by its sites; colons and semicolons are read as blanks.
    where : str
        The beginning of an error message.
    columns : mapping, optional
        If the text numbers the atoms of another cell: the column that each of them is.
    others : sequence of int, optional
        For each sublattice the code of the sites that are not listed; by default the most frequent species, which
        `sites_text` leaves out.

    Returns
    -------
    (n_sites,) uint8

    Raises
    ------
    InputError
        Names the site that does not exist or may not hold the species.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> row = occupation_from_sites(space, "Br 0 1 6")
    >>> sites_text(space, row), row[:8].tolist()
    ('Br 0 1 6', [0, 0, 1, 1, 1, 1, 0, 1])
    """
    rest = [len(species) - 1 for species in space.species] if others is None else others
    row = np.array([rest[sublattice] for sublattice in space.sublattices], dtype=np.uint8)
    names = {name for species in space.species for name in species}
    species = ""
    for word in re.findall(r"[^\s:;]+:?", text):
        if word.endswith(":") or word in names:
            species = word.removesuffix(":")
            continue
        number = int(word) if word.isdigit() else -1
        column = number if columns is None else columns.get(number, -1)
        if not 0 <= column < space.n_sites:
            raise InputError(f"{where}: {species}:{word} is not a substitutable atom of the supercell")
        allowed = space.species[space.sublattices[column]]
        if species not in allowed:
            raise InputError(f"{where}: atom {word} may hold {', '.join(allowed)}, not {species}")
        row[column] = allowed.index(species)
    return row


def composition_text(space: SubstitutedSupercell) -> str:
    """Write the composition of a supercell, its species in the parent's order.

    Examples
    --------
    >>> import matganip as mg
    >>> composition_text(mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}}))
    'Cs8 Pb8 Br3 I21'
    """
    owner = {site: one for one in space.sublattice_table for site in one.parent_sites}
    hosts = [owner[i].host if i in owner else element_of(space.parent, i) for i in range(len(space.parent))]
    order = list(dict.fromkeys(hosts))
    atoms = Counter({name: space.n_cells * number for name, number in Counter(hosts).items()})
    for sublattice in space.sublattice_table:
        atoms[sublattice.host] -= sum(sublattice.counts)
        for name, count in zip(sublattice.species, sublattice.counts, strict=True):
            atoms[name] += count
            if name not in order:
                order.insert(order.index(sublattice.host), name)
    written = {name: f"({name})" if not name.isalpha() else name for name in order}
    return " ".join(f"{written[name]}{atoms[name]}" for name in order if atoms[name])


# -- spaces ----------------------------------------------------------------------------------------------------


class SpaceArguments(TypedDict):
    """Arguments of `ConfigurationSpace`."""

    parent: Structure
    supercell: list[list[int]]
    substitutions: dict[str | tuple[int, ...], dict[str, int]]
    symprec: float
    site_tolerance: float
    min_distance: dict[str, float]


def space_values(space: SubstitutedSupercell) -> dict[str, Any]:
    """Write a space as JSON values from which `space_arguments` reads it; see `ConfigurationSpace.to_dict`."""
    parent = space.parent
    ions = [occupant_of(specie) for specie in parent.species]
    stated = any(ion.state is not None for ion in ions) or any(map(_is_stated, space.sublattice_table))
    return {
        "lattice": parent.lattice.matrix.tolist(),
        "elements": [ion.symbol for ion in ions],
        "positions": parent.frac_coords.tolist(),
        "supercell": space.supercell_matrix.tolist(),
        "symprec": space.symprec,
        "site_tolerance": space.site_tolerance,
        "min_distance": min_distance_values(space),
        "substitutions": [
            {"sites": list(one.parent_sites), "species": dict(zip(one.species, one.counts, strict=True))}
            for one in space.sublattice_table
        ],
        **({"states": _states(space)} if stated else {}),
        **{key: parent.site_properties[name] for key, name in STORED.items() if name in parent.site_properties},
    }


def _is_stated(sublattice: Sublattice) -> bool:
    return any(state is not None for state in _own_states(sublattice))


def _own_states(sublattice: Sublattice) -> list[float | None]:
    """Oxidation states of the species of a sublattice; None for the host, which the parent has."""
    return [
        None if name == sublattice.host else one.state
        for name, one in zip(sublattice.species, sublattice.occupants, strict=True)
    ]


def _states(space: SubstitutedSupercell) -> dict[str, Any]:
    """Oxidation states of the parent's sites, and of the species of each sublattice; None where none is known."""
    return {
        "parent": [occupant_of(specie).state for specie in space.parent.species],
        "species": [_own_states(one) for one in space.sublattice_table],
    }


def space_arguments(values: Mapping[str, Any]) -> SpaceArguments:
    """Read what `space_values` wrote; see `ConfigurationSpace.from_dict`.

    Raises
    ------
    InputError
        If something is missing or of another type.
    """
    with damaged("a stored space"):
        elements = [str(name) for name in values["elements"]]
        states = values.get("states") or {"parent": [None] * len(elements), "species": None}
        ions = [Occupant(name, state) for name, state in zip(elements, states["parent"], strict=True)]
        if len(values["positions"]) != len(ions):
            raise ValueError(f"{len(values['positions'])} positions of {len(ions)} atoms")
        table = values["substitutions"]
        stated = states["species"] or [[None] * len(one["species"]) for one in table]
        return {
            "parent": checked_parent(
                Structure(
                    values["lattice"],
                    [ion.specie for ion in ions],
                    values["positions"],
                    site_properties={
                        name: [str(one) for one in values[key]] for key, name in STORED.items() if key in values
                    },
                )
            ),
            "supercell": values["supercell"],
            "substitutions": {
                tuple(one["sites"]): _substitutes(one["species"], of_species, [ions[i] for i in one["sites"]])
                for one, of_species in zip(table, stated, strict=True)
            },
            "symprec": float(values["symprec"]),
            "site_tolerance": float(values.get("site_tolerance", SITE_TOLERANCE)),
            "min_distance": {str(pair): float(d) for pair, d in values.get("min_distance", {}).items()},
        }


def space_metadata(space: SubstitutedSupercell) -> dict[str, str]:
    """Describe the codes and site numbers of a table as text; see `ConfigurationSpace.metadata`."""
    return {
        "matganip": version("matganip"),
        "space": space.key,
        "species": json.dumps(space.species),
        **({"states": json.dumps(_states(space))} if any(map(_is_stated, space.sublattice_table)) else {}),
        "counts": json.dumps(space.counts),
        "sublattices": json.dumps(space.sublattices.tolist()),
        "atoms_of_sites": json.dumps(space.site_indices.tolist()),
        "supercell": json.dumps(space.supercell_matrix.tolist()),
        "symprec": json.dumps(space.symprec),
        "site_tolerance": json.dumps(space.site_tolerance),
        "min_distance": json.dumps(min_distance_values(space)),
        # As `space_values` stores it: labels and further properties are of the file that it was read from, and a screen
        # that is resumed does not have them.
        "parent": space_arguments(space_values(space))["parent"].to_json(),
    }


def metadata_arguments(metadata: Mapping[str, str]) -> SpaceArguments:
    """Read what `space_metadata` wrote; see `ConfigurationSpace.from_metadata`.

    Raises
    ------
    InputError
        If something is missing or of another type.
    """
    with damaged("the description of a space"):
        parent = stored_parent(json.loads(metadata["parent"]))
        supercell = json.loads(metadata["supercell"])
        n_cells = cells_of(np.array(supercell))
        atoms, sublattices = (np.array(json.loads(metadata[name])) for name in ("atoms_of_sites", "sublattices"))
        substitutions: dict[str | tuple[int, ...], dict[str, int]] = {}
        species, counts = json.loads(metadata["species"]), json.loads(metadata["counts"])
        stated = (
            json.loads(metadata["states"])["species"] if "states" in metadata else [[None] * len(s) for s in species]
        )
        for number, (names, numbers) in enumerate(zip(species, counts, strict=True)):
            # The copies of each site of the parent follow one another.
            sites = tuple(np.unique(atoms[sublattices == number] // n_cells).tolist())
            taken = dict(zip(names, numbers, strict=True))
            ions = [occupant_of(parent[i].specie) for i in sites]
            substitutions[sites] = _substitutes(taken, stated[number], ions)
        # Version 0.1 did not write the tolerance; its default was 0.01.
        symprec = float(json.loads(metadata.get("symprec", "0.01")))
        return {
            "parent": parent,
            "supercell": supercell,
            "substitutions": substitutions,
            "symprec": symprec,
            "site_tolerance": float(json.loads(metadata.get("site_tolerance", str(SITE_TOLERANCE)))),
            "min_distance": {str(p): float(d) for p, d in json.loads(metadata.get("min_distance", "{}")).items()},
        }


def as_text(value: str | bytes) -> str:
    """A name or value of a file's metadata as text."""
    return value.decode() if isinstance(value, bytes) else value


def check_key(space: ConfigurationSpace, key: str) -> None:
    """Refuse a space that was rebuilt from a file and is not the one that was stored.

    Parameters
    ----------
    space : ConfigurationSpace
        The rebuilt space.
    key : str
        The stored key; keys of version 0.1 are recognised too.

    Raises
    ------
    InputError
        If the keys differ.
    """
    if key not in space.stored_keys:
        raise InputError(
            f"the space was stored with the key {key}, rebuilt it has {space.key}: was it changed, or does spglib find "
            "another symmetry now? Describe it by parent, supercell and substitutions"
        )


def min_distance_values(space: SubstitutedSupercell) -> dict[str, float]:
    """Minimum distances by names of pairs, as JSON needs them."""
    return {"-".join(pair): distance for pair, distance in space.min_distance.items()}


def _substitutes(
    counts: Mapping[str, int], states: Sequence[float | None], hosts: Sequence[Occupant]
) -> dict[str, int]:
    """What a stored sublattice holds besides its host, by the texts that `parse_species` reads."""
    given: dict[str, int] = {}
    for (name, count), state in zip(counts.items(), states, strict=True):
        occupant = parse_species(str(name))
        is_host = occupant.symbol == hosts[0].symbol and state is None and occupant.state in (None, hosts[0].state)
        if not is_host:
            given[Occupant(occupant.symbol, occupant.state if state is None else state).text] = count
    return given
