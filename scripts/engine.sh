#!/bin/bash
# Starts Docker's engine where none answers; never touches one that runs.
set -euo pipefail
. "$(dirname "$0")/common.sh"

state=/run/mdn
log=/var/lib/mdn/dockerd.log
socket=/var/run/docker.sock

answers() {
    # A bare ping over the socket: quicker than any client.
    python3 -S - "$socket" 2>/dev/null <<'PYTHON'
import socket, sys
link = socket.socket(socket.AF_UNIX)
link.settimeout(5)
link.connect(sys.argv[1])
link.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
sys.exit(b" 200 " not in link.recv(64))
PYTHON
}

await() {  # await SECONDS
    local deadline=$((SECONDS + $1))
    until answers; do
        ((SECONDS < deadline)) || return 1
        sleep 0.2
    done
}

case ${DOCKER_HOST:-} in
    '' | "unix://$socket" | unix:///run/docker.sock) ;;
    unix://*)
        socket=${DOCKER_HOST#unix://}
        answers || die "no engine answers at DOCKER_HOST=$DOCKER_HOST" "start it, or unset DOCKER_HOST"
        exit 0
        ;;
    *) exit 0 ;; # Another machine's engine: the image step says so if it does not answer.
esac

! answers || exit 0
need_root "start Docker's engine"

# Nodes run engines, too: those in pid namespaces of their own do not count.
# Nor does one that has ended and waits for its parent to notice.
live() {
    for pid in $(pgrep --ns $$ --nslist pid -x "$1"); do
        case $(ps -o stat= -p "$pid") in
            "" | Z*) ;;
            *) echo "$pid" ;;
        esac
    done
}
running=$(live dockerd)
if [ -n "$running" ]; then
    say "an engine (pid $running) is there but does not answer yet; waiting for it"
    await 60 || die "the running engine (pid $running) does not answer at $socket" \
        "see its log, or set DOCKER_HOST to where it listens"
    exit 0
fi

if [ -d /run/systemd/system ]; then
    say "starting Docker's engine: systemctl start docker"
    systemctl start docker
    await 60 || die "Docker's engine does not answer" "see: journalctl -u docker"
    exit 0
fi

command -v dockerd >/dev/null || die "dockerd is missing" "apt-get install docker.io"
mkdir -p "$state" "$(dirname "$log")"
# Left by a killed engine, and believed by the next as long as that pid is anybody's.
rm -f "$state/dockerd.pid"
[ -n "$(live containerd)" ] || rm -f /run/docker/containerd/containerd.pid
say "starting Docker's engine (no systemd here): dockerd, log in $log"
(cd / && exec setsid dockerd --pidfile "$state/dockerd.pid") >>"$log" 2>&1 </dev/null &
engine=$!
deadline=$((SECONDS + 60))
until answers; do
    if ! kill -0 "$engine" 2>/dev/null || ((SECONDS >= deadline)); then
        tail -n 20 "$log" >&2
        die "Docker's engine did not come up" "see $log"
    fi
    sleep 0.2
done
say "Docker's engine answers (pid $(cat "$state/dockerd.pid"))"
