"""Runs inside a namespace: sends numbered UDP packets at a steady pace, or notes their arrival."""

import json
import socket
import struct
import sys
import time

PORT = 7007
SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33
HEADER = struct.Struct("!qq")
QUIET_S = 1.5


def send(address: str, count: int, rate_pps: float, size: int) -> None:
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect((address, PORT))
    padding = bytes(size - HEADER.size)
    begin = time.monotonic_ns()
    for number in range(count):
        pause = begin + int(number * 1e9 / rate_pps) - time.monotonic_ns()
        if pause > 0:
            time.sleep(pause / 1e9)
        sender.send(HEADER.pack(number, time.time_ns()) + padding)


def receive(count: int) -> None:
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
    receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    receiver.bind(("", PORT))
    print("ready", flush=True)
    sequence, delay_ms = [], []
    receiver.settimeout(30)
    while True:
        try:
            data, ancillary, _, _ = receiver.recvmsg(65536, 64)
        except TimeoutError:
            break
        receiver.settimeout(QUIET_S)
        seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
        number, sent = HEADER.unpack_from(data)
        sequence.append(number)
        delay_ms.append((seconds * 10**9 + nanoseconds - sent) / 1e6)
    json.dump({"sequence": sequence, "delay_ms": delay_ms}, sys.stdout)


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
    else:
        receive(int(sys.argv[2]))
