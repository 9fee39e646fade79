"""``python -m minidocknet``: the same as ``mdn``."""

from minidocknet.cli import main

if __name__ == "__main__":
    main()
