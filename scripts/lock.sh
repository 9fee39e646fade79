#!/bin/bash
# Writes requirements.lock from pyproject.toml: runtime and development packages, for every Python
# from 3.11 on, each with the hashes of its archives.
set -euo pipefail
. "$(dirname "$0")/common.sh"

uv=$(type -P uv || true)
[ -n "$uv" ] || uv=$root/.venv/bin/uv
[ -x "$uv" ] || die "uv is missing" "install it, for example: .venv/bin/pip install uv"
cd "$root"
"$uv" --quiet pip compile pyproject.toml --extra dev --generate-hashes --universal \
    --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
    --output-file requirements.lock "$@"
