"""The JSON schema of the YAML format, generated from the models that read it."""

from __future__ import annotations

import json
from typing import Any

from minidocknet.topology.document import Document


def topology_schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12) as data."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "MiniDockNet topology",
        **{k: v for k, v in Document.model_json_schema().items() if k != "title"},
    }


def schema_text() -> str:
    """The schema as ``docs/topology.schema.json`` holds it."""
    return json.dumps(topology_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
