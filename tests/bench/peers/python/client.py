"""client.py MODE URL: what a Python program uses today. The packages are installed by `cargo xtask bench`.

Modes: sdk-stream, httpx-stream, sdk-latency, sdk-rest, httpx-rest, import, empty.
"""

import json
import sys

END = "server.instance.disposed"
PATH = "/session/ses_200000000000benchsessio"
MODE, URL = sys.argv[1:3]


def peak():
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1])


def cpu():
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measured(work):
    import time

    before, start = cpu(), time.monotonic_ns()
    count = work()
    wall = (time.monotonic_ns() - start) / 1e9
    return {"count": count, "wall_s": wall, "cpu_s": cpu() - before, "peak_kb": peak()}


def sdk():
    from opencode_ai import Opencode

    return Opencode(base_url=URL)


def sdk_events(client):
    for event in client.event.list():
        yield event
        if event.type == END:
            return


def httpx_events():
    import httpx

    rest = b""
    with httpx.stream("GET", URL + "/event", timeout=None) as response:
        for piece in response.iter_bytes():
            *frames, rest = (rest + piece).split(b"\n\n")
            for frame in frames:
                event = json.loads(frame.removeprefix(b"data: "))
                yield event
                if event["type"] == END:
                    return


def latency():
    import time

    all_us = []
    for event in sdk_events(sdk()):
        now = time.monotonic_ns()
        if event.type == "message.part.delta":
            fields = event.properties
            sent = fields["delta"] if isinstance(fields, dict) else fields.delta
            all_us.append((now - int(sent)) / 1e3)
    ordered = sorted(all_us[len(all_us) // 10 :])
    at = lambda part: ordered[int((len(ordered) - 1) * part)]  # noqa: E731
    return {"count": len(ordered), "p50_us": at(0.5), "p99_us": at(0.99), "max_us": at(1), "cpu_s": cpu(), "peak_kb": peak()}


def repeated(call):
    for _ in range(50):
        call()

    def work():
        for _ in range(2000):
            call()
        return 2000

    return measured(work)


def sdk_rest():
    from opencode_ai.types import Session

    client = sdk()
    # This SDK has no call for one session: its general one is what a user takes.
    return repeated(lambda: client.get(PATH, cast_to=Session))


def httpx_rest():
    import httpx

    client = httpx.Client(base_url=URL)
    return repeated(lambda: client.get(PATH).json())


def sdk_stream():
    client = sdk()
    return measured(lambda: sum(1 for _ in sdk_events(client)))


def imported():
    import opencode_ai  # noqa: F401

    return {"peak_kb": peak()}


MODES = {
    "sdk-stream": sdk_stream,
    "httpx-stream": lambda: measured(lambda: sum(1 for _ in httpx_events())),
    "sdk-latency": latency,
    "sdk-rest": sdk_rest,
    "httpx-rest": httpx_rest,
    "import": imported,
    "empty": lambda: {"peak_kb": peak()},
}
print(json.dumps(MODES[MODE]()))
