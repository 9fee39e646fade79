#!/bin/bash
# packages.sh [test]: installs the Debian packages that are missing, and only those; with "test"
# also those that only tests use.  Quick where none is missing.
set -euo pipefail
. "$(dirname "$0")/common.sh"

# A package, and what shows that it (or another source of the same thing) is there: a command in
# the path, or a file (a pattern, any match).
wanted=(
    ca-certificates=/etc/ssl/certs/ca-certificates.crt
    debian-archive-keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    docker.io=dockerd
    gcc=gcc
    graphviz=dot
    iproute2=ip
    iptables=iptables
    iputils-ping=ping
    libc6-dev=/usr/include/stdio.h
    linux-libc-dev=/usr/include/linux/if_tun.h
    mmdebstrap=mmdebstrap
    procps=pgrep
    tcpdump=tcpdump
    util-linux=nsenter
)

if [ "${1:-}" = test ]; then
    wanted+=(
        clang=clang
        iperf3=iperf3
        libclang-rt-dev='/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a'
        nftables=nft
        tshark=tshark
    )
fi

missing=()
for entry in "${wanted[@]}"; do
    package=${entry%%=*} proof=${entry#*=}
    case $proof in
        /*) compgen -G "$proof" >/dev/null || missing+=("$package") ;;
        *) [ -n "$(type -P "$proof")" ] || missing+=("$package") ;;
    esac
done

python=$(find_python)
[ -n "$python" ] || die "no Python 3.11 or newer is here" \
    "install one, or name it: make setup PYTHON=/path/to/python3.12"
# Debian keeps the part that makes virtual environments in a package of its own.
if [ ! -x "$root/.venv/bin/python" ] && ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    missing+=("$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')")
fi

[ ${#missing[@]} -gt 0 ] || exit 0
command -v apt-get >/dev/null || die "missing: ${missing[*]}, and this system has no apt-get" \
    "install them with the system's own package manager"
need_root "install the missing packages: ${missing[*]}"
log=$root/build/apt.log
mkdir -p "$root/build"
say "installing ${#missing[@]} Debian packages (log in build/apt.log): ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# A source of the machine's that does not answer must not stop us: the install below decides.
apt-get update -q </dev/null >"$log" 2>&1 || say "apt-get update reported errors; going on"
# Where clang brings its run-time libraries along, there is no package of that name.
if ! apt-cache show libclang-rt-dev >/dev/null 2>&1; then
    for index in "${!missing[@]}"; do
        [ "${missing[$index]}" != libclang-rt-dev ] || unset "missing[$index]"
    done
fi
if ! apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    die "apt-get could not install the packages" "see build/apt.log"
fi
