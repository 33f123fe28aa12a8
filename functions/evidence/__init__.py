"""How two versions that answer at the same time are compared; standard library only."""
