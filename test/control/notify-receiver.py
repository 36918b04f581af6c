"""The service manager's end of sd_notify: prints one JSON line for each datagram received on a socket.

Descriptors that come along (BARRIER=1) are held until a line arrives on standard input, or closed at once
after the line "free": systemd-notify waits for that.
"""
import array, json, os, select, socket, struct, sys

receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
receiver.bind(sys.argv[1])
held = []
holding = True
print(json.dumps({"text": "bound"}), flush=True)
while True:
    readable, _, _ = select.select([receiver, sys.stdin], [], [])
    if sys.stdin in readable:
        line = sys.stdin.readline()
        if line == "":
            break
        holding = line.strip() != "free"
        while held:
            os.close(held.pop())
    if receiver in readable:
        text, ancillary, _, _ = receiver.recvmsg(4096, 1024)
        pid = 0
        for level, kind, data in ancillary:
            if kind == socket.SCM_RIGHTS:
                held.extend(array.array("i", data[: len(data) // 4 * 4]))
            elif kind == socket.SCM_CREDENTIALS:
                pid = struct.unpack("iII", data)[0]
        if not holding:
            while held:
                os.close(held.pop())
        print(json.dumps({"text": text.decode(), "pid": pid}), flush=True)
