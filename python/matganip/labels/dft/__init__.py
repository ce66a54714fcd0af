"""DFT in batches: inputs written, outputs read, checked and collected."""
