"""Counts of what a model gets and answers, in the bins of its baseline; no payload is kept."""
