"""Labels: computed properties of arrangements, by any ASE calculator, from tables, databases and DFT runs."""
