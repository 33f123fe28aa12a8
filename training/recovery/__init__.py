"""Recovery: a pruned PyTorch network is trained again, and keeps its zeros."""
