"""Lading: a trained model becomes an HTTPS endpoint on AWS."""
