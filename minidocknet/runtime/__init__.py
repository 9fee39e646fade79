"""The machine: Docker's engine, nodes' containers, namespaces, images, inner engines."""
