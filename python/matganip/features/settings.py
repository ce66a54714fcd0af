"""How an arrangement becomes a diffraction graph: the section [diffraction] of a study file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from matganip.settings import Settings


class DiffractionSettings(Settings):
    """How each arrangement looks to a diffractometer, and the graph made of that."""

    radiation: str | Annotated[float, Field(gt=0)] | dict[str, float] = Field(
        default="CuKa",
        description="Name of a laboratory line as pymatgen has it, or a wavelength in angstrom; or a property of the "
        'sites in place of form factors: "charge", "ionic_radius", "electronegativity", "electrons", "neutron_length", '
        "or a table of a value for each species.",
    )
    two_theta_range: tuple[Annotated[float, Field(ge=0, le=180)], Annotated[float, Field(ge=0, le=180)]] = Field(
        default=(0.0, 90.0), description="First and last angle 2theta, in degrees."
    )
    resolution: Literal["powder", "resolved", "clusters"] = Field(
        default="powder",
        description='"powder": reflections merged by d-spacing, as the paper has them; "resolved": merged '
        'only where the parent\'s symmetry relates them, so that more arrangements are told apart; "clusters": all '
        "pairs (and triplets) of species by class under the supercell's own symmetry, which is complete.",
    )
    cutoff: Annotated[float, Field(gt=0, le=100)] | None = Field(
        default=None,
        description="Take the Patterson function instead of peaks: pairs of sites up to so many angstrom, by the "
        "symmetry of the parent; two_theta_range then has no part. With clusters: their longest distance.",
    )
    classes: Literal["supercell", "parent"] = Field(
        default="supercell",
        description='Of clusters: by the symmetry of the supercell (complete, for one cell), or "parent": the same '
        "columns in every supercell, which needs a cutoff.",
    )
    triplet_cutoff: Annotated[float, Field(gt=0, le=100)] | None = Field(
        default=None, description="Longest distance within a triplet of the parent's clusters; by default the cutoff."
    )
    triplets: bool = Field(
        default=False,
        description="With a cutoff or clusters, also triplets of sites, which see how three atoms stand. They are "
        "vertices after the pairs; n_peaks must have room for those of the Patterson function.",
    )
    n_peaks: int = Field(
        default=28,
        ge=4,
        description="Vertices of the graph: the first so many peaks by angle (the paper's 28). Clusters are all taken.",
    )
    scaling: Literal["unit", "paper"] = Field(
        default="unit",
        description='Of the graph matrix: "unit" has 2theta/180 and I/100, both 0 to 1; "paper" has '
        "degrees and intensities of 0 to 100.",
    )

    @property
    def longest_triplet(self) -> float | None:
        """Longest distance within a triplet of the parent's clusters, angstrom; None without triplets."""
        return (self.triplet_cutoff or self.cutoff) if self.triplets else None

    @model_validator(mode="after")
    def _consistent(self) -> DiffractionSettings:
        if self.triplets and self.cutoff is None and self.resolution != "clusters":
            raise ValueError(
                "triplets need a cutoff, in angstrom (they are those of the Patterson function), or "
                'resolution = "clusters"'
            )
        if self.classes == "parent" and (self.resolution != "clusters" or self.cutoff is None):
            raise ValueError('classes = "parent" belongs to resolution = "clusters" and needs a cutoff, in angstrom')
        first, last = self.two_theta_range
        if first >= last:
            raise ValueError(f"two_theta_range runs from {first:g} to {last:g}; the first must be the smaller")
        return self


FOR_NETWORKS = DiffractionSettings(resolution="resolved")
"""What networks read where nothing is said: powder peaks of one angle hide which reflections they are."""
