"""The generator, the discriminator and how they learn; everything here needs torch."""
