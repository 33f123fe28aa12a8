"""Proof that a running server loses nothing: each part tries something, often, and counts."""
