"""Perovskites of the Materials Project, downloaded with the user's own key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matganip.crystal.datasets.reading import Entry, read_table
from matganip.crystal.datasets.table import PerovskiteTable
from matganip.errors import InputError, require

FIELDS = ("material_id", "formula_pretty", "structure")


def abx3_from_materials_project(
    api_key: str | None = None,
    *,
    formulas: Sequence[str] = ("ABC3",),
    energy_above_hull: float = 0.1,
    client: Any = None,
) -> PerovskiteTable:
    """Read the perovskites of the Materials Project (https://materialsproject.org), over the network.

    The rules are those of `abx3_from_folder`; rows are named by material identifier.

    Parameters
    ----------
    api_key : str, optional
        From the service's dashboard; by default what mp-api finds in ``MP_API_KEY`` or in pymatgen's settings.
    formulas : sequence of str, default ``("ABC3",)``
        Anonymous formulas, formulas or wild cards as the service takes them; double perovskites are ``"ABC2D6"``.
    energy_above_hull : float, default 0.1
        Upper limit in eV/atom.
    client : optional
        An open ``mp_api.client.MPRester`` to ask instead of opening one.

    Returns
    -------
    PerovskiteTable
        Whose structures are the service's DFT-relaxed ones.

    Raises
    ------
    MissingExtraError
        If mp-api is not installed: ``pip install 'matganip[materials-project]'``.
    InputError
        If the service refuses the key or does not answer.
    """
    if client is None:
        rester = require("mp_api.client", extra="materials-project").MPRester
        with rester(api_key) as opened:
            return abx3_from_materials_project(formulas=formulas, energy_above_hull=energy_above_hull, client=opened)
    try:
        documents = client.materials.summary.search(
            formula=list(formulas), energy_above_hull=(0.0, energy_above_hull), fields=list(FIELDS)
        )
    except Exception as error:  # the client raises its own, and what its HTTP library raises
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"Materials Project: {reason}") from error
    entries = [
        Entry(str(document.material_id), lambda document=document: document.structure, document.formula_pretty)  # type: ignore[misc]
        for document in documents
    ]
    return read_table(sorted(entries, key=lambda entry: entry.name), disordered=False)
