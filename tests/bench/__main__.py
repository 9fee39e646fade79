"""``python -m tests.bench [deploy] [fidelity] [resources]``; status 1 where a bar is missed."""

from __future__ import annotations

import sys

from minidocknet.runtime.engine import Engine

from . import deploy, fidelity, resources
from .report import machine_facts, save

BENCHES = {"deploy": deploy.run, "fidelity": fidelity.run, "resources": resources.run}


def main(names: list[str]) -> int:
    unknown = set(names) - set(BENCHES)
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    engine = Engine()
    missed = 0
    for name in names or BENCHES:
        facts = machine_facts(engine)
        print(f"== {name} ({', '.join(f'{k} {v}' for k, v in facts.items())})", flush=True)
        figures = []
        for figure in BENCHES[name](engine):
            print(figure.line(), flush=True)
            figures.append(figure)
            missed += not figure.ok
        print(f"-> {save(name, facts, figures)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
