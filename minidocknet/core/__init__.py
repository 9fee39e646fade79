"""Live labs: deploy, change, inspect, destroy."""
