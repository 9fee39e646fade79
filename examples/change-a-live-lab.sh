#!/bin/bash
# A map with loops, changed while it runs: a link's delay, its cable, a node; and a look at the wire.
# Run as root after "make setup":  examples/change-a-live-lab.sh [LAB]
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/.venv/bin:$PATH
export MDN_LAB="${1:-example-live}" # every mdn below takes the lab from this variable
scratch=$(mktemp -d)
trap 'mdn destroy --yes; rm -r "$scratch"' EXIT

round_trips() { mdn exec "$1" -- ping -c 5 -i 0.2 -W 1 "$2" | tail -n 1; }

echo "== Six routers, eight links; 2 ms from r1 to r2"
mdn deploy mesh-6
round_trips r1 r2

echo "== While ping runs, the delay from r1 to r2 becomes 22 ms; the way back keeps its 2 ms"
mdn exec r1 -- ping -c 20 -i 0.1 r2 > "$scratch/ping" &
pinging=$!
until grep -q icmp_seq=5 "$scratch/ping"; do sleep 0.02; done
mdn link set r1 r2 --direction a-to-b --delay 22ms
wait "$pinging"
sed -n 's/.*icmp_seq=\([0-9]*\) .*time=\(.*\)/ping \1: \2/p' "$scratch/ping"
mdn link set r1 r2 --delay 2ms

echo "== The cable between r1 and r2 is out; the default rules are fixed, so nothing goes around"
mdn link down r1 r2
mdn exec r1 -- ip -brief link show eth1
mdn exec r1 -- ping -c 2 -i 0.2 -W 1 r2 || echo "no answer, as it should be"
mdn link up r1 r2
round_trips r1 r2

echo "== r2 goes off and on; its disk, its address and its links are there again"
mdn exec r2 -- sh -c 'echo kept > /root/note'
mdn node stop r2
mdn inspect --no-stats | grep -E '^r2 |down'
mdn node start r2
mdn exec r2 -- cat /root/note
round_trips r1 r2

echo "== What crosses r2's first interface: four packets"
mdn capture r2:eth1 --count 4 -w "$scratch/r2.pcap" icmp &
capturing=$!
while kill -0 "$capturing" 2> /dev/null; do # until the capture has its four
    mdn exec r1 -- ping -c 1 -W 1 r2 > /dev/null
done
wait "$capturing"
tcpdump -n -r "$scratch/r2.pcap"
