"""client.py MODE URL: the same work as tests/bench/peers/python, with our package.

Modes: stream (every event's type), stream-decoded (every event's payload too), latency, rest, import, leak.
"""

import json
import sys

END = "server.instance.disposed"
SESSION = "ses_200000000000benchsessio"
MODE, URL = sys.argv[1:3]


def status(name):
    with open("/proc/self/status") as lines:
        return int(next(line for line in lines if line.startswith(name)).split()[1])


def cpu():
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measured(work):
    import time

    before, start = cpu(), time.monotonic_ns()
    count = work()
    wall = (time.monotonic_ns() - start) / 1e9
    return {"count": count, "wall_s": wall, "cpu_s": cpu() - before, "peak_kb": status("VmHWM")}


def connect():
    from opencode_nexus import Nexus

    return Nexus.connect(URL)


def stream(nexus, decoded):
    count = 0
    for event in nexus.events():
        count += 1
        if decoded:
            event.data  # noqa: B018
        if event.type == END:
            break
    return count


def streamed(decoded):
    with connect() as nexus:
        return measured(lambda: stream(nexus, decoded))


def latency():
    import time

    all_us = []
    with connect() as nexus:
        for event in nexus.events():
            now = time.monotonic_ns()
            if event.type == END:
                break
            if event.type == "message.part.delta":
                all_us.append((now - int(event.data["properties"]["delta"])) / 1e3)
    ordered = sorted(all_us[len(all_us) // 10 :])
    at = lambda part: ordered[int((len(ordered) - 1) * part)]  # noqa: E731
    return {"count": len(ordered), "p50_us": at(0.5), "p99_us": at(0.99), "max_us": at(1), "cpu_s": cpu(), "peak_kb": status("VmHWM")}


def rest():
    with connect() as nexus:
        call = lambda: nexus.api.session_get(session_id=SESSION)  # noqa: E731
        assert call()["id"] == SESSION
        for _ in range(50):
            call()

        def work():
            for _ in range(2000):
                call()
            return 2000

        return measured(work)


def leak():
    """The stream ten times: memory after the fifth and after the last. Until then an interpreter may grow to what it needs."""
    with connect() as nexus:
        count = sum(stream(nexus, True) for _ in range(5))
        early = status("VmRSS")
        count += sum(stream(nexus, True) for _ in range(5))
        return {"count": count, "rss_early_kb": early, "rss_late_kb": status("VmRSS"), "peak_kb": status("VmHWM"), "wall_s": 1, "cpu_s": cpu()}


def imported():
    import opencode_nexus  # noqa: F401

    return {"peak_kb": status("VmHWM")}


MODES = {
    "stream": lambda: streamed(False),
    "stream-decoded": lambda: streamed(True),
    "latency": latency,
    "rest": rest,
    "leak": leak,
    "import": imported,
}
print(json.dumps(MODES[MODE]()))
