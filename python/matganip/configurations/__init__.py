"""The space of arrangements: symmetry, exact counts, orbits."""
