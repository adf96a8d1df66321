"""Where a run's losses and figures go besides its own folder: one sink a file, found by its place, off by default."""
