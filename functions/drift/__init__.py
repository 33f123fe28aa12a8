"""Whether requests still look like the rows a model was tried on: counts of a window are judged."""
