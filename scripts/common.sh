# Sourced by the other scripts: paths and messages.  Bash, run from anywhere.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
stamps=$root/build/stamps
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { echo "setup: $*"; }

die() {  # die MESSAGE [REMEDY]
    echo "setup: error: $1" >&2
    [ $# -lt 2 ] || echo "  remedy: $2" >&2
    exit 1
}

need_root() {  # need_root WHAT
    [ "$(id -u)" = 0 ] || die "only root can $1" "run it with sudo, or as root"
}

find_python() {  # the first interpreter that is new enough; empty where there is none
    local candidate
    for candidate in "${PYTHON:-python3}" python3.11 python3.12 python3.13 python3.14 /usr/bin/python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
}
