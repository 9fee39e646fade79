"""``python -m minidocknet.runtime.image``: build the node image if the engine lacks it."""

from __future__ import annotations

import sys

import docker
from docker.errors import DockerException

from minidocknet.model.errors import MdnError
from minidocknet.runtime.image import ensure_node_image


def main() -> int:
    """Print progress on stderr and the image's tag on stdout; the exit status."""
    try:
        client = docker.from_env(timeout=600)
        image = ensure_node_image(client, lambda line: print(f"  {line}", file=sys.stderr))
    except MdnError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except DockerException as error:
        print(f"error: no Docker engine answers: {error}\n  remedy: make setup", file=sys.stderr)
        return 5
    print(image.tag)
    return 0


if __name__ == "__main__":
    sys.exit(main())
