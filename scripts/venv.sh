#!/bin/bash
# Makes .venv from requirements.lock, every archive checked against its hash, and installs
# MiniDockNet into it, editable.  Does nothing where the stamp says that the same lock is in.
set -euo pipefail
. "$(dirname "$0")/common.sh"

venv=$root/.venv
stamp=$stamps/venv
if [ -x "$venv/bin/python" ] && [ -x "$venv/bin/mdn" ] && [ -e "$stamp" ] &&
    [ "$stamp" -nt "$root/requirements.lock" ] && [ "$stamp" -nt "$root/pyproject.toml" ]; then
    exit 0
fi

if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$(find_python)
    [ -n "$python" ] || die "no Python 3.11 or newer is here" \
        "install one, or name it: make setup PYTHON=/path/to/python3.12"
    say "making .venv with $("$python" --version) ($python)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi

mkdir -p "$stamps"
pip=("$venv/bin/python" -m pip --disable-pip-version-check --quiet install --no-input)
say "installing Python packages from requirements.lock"
# setuptools first: it builds what comes as source, so nothing unhashed is fetched to do that.
sed -n '/^setuptools==/,/[^\\]$/p' "$root/requirements.lock" >"$stamps/setuptools.lock"
"${pip[@]}" --require-hashes -r "$stamps/setuptools.lock"
"${pip[@]}" --require-hashes --no-build-isolation --use-pep517 -r "$root/requirements.lock"
"${pip[@]}" --no-deps --no-build-isolation -e "$root"
touch "$stamp"
