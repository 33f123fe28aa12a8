"""Whether a server can answer: golden requests answered right, in the lane of each model."""
