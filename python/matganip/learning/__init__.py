"""The generator, the discriminator, how they learn and how that is judged. The networks need torch, the rest not."""
