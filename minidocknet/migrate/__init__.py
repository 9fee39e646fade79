"""Moves running applications between nodes: checkpoint, transfer, restore, verification."""
