"""Pure decisions: from a topology, options and capabilities to plain data that the core applies."""
