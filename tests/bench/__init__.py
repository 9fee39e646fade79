"""Benchmarks: ``make bench``.  Ratios against what runs beside them in the same run."""
