"""Distillation: a small student learns from the answers of a large teacher."""
