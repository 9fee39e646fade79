"""Applications: containers on the nodes' own engines."""
