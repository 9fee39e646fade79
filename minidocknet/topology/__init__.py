"""Maps in: a parser per format, generators, names, samples; and maps out again."""

from minidocknet.topology.load import load_topology
from minidocknet.topology.sample import sample_topology

__all__ = ["load_topology", "sample_topology"]
