#!/bin/bash
# tier.sh NAME: runs the tests in tests/NAME, or says why they cannot run here.
set -euo pipefail
. "$(dirname "$0")/common.sh"

tier=$1
cd "$root"
if [ -z "$(find "tests/$tier" -name 'test_*.py' -print -quit 2>/dev/null)" ]; then
    echo "$tier: not run: this checkout has no tests in tests/$tier"
    exit 0
fi
case $tier in
    emulation)
        [ "$(id -u)" = 0 ] || die "the emulation tests need root" "run make test as root"
        [ -c /dev/net/tun ] || die "the emulation tests need /dev/net/tun" "modprobe tun"
        ;;
esac
echo "$tier: .venv/bin/python -m pytest tests/$tier"
exec .venv/bin/python -m pytest "tests/$tier" -q --durations=15 </dev/null
