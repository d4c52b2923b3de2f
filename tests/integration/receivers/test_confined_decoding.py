"""The decoders in a process that can open no file: nothing may be left to load when the first event comes."""

import json
import subprocess
import sys

import pytest

SAMPLES = {
    "webserver.access": '192.0.2.1 - - [10/Oct/2026:13:55:36 -0700] "GET / HTTP/1.1" 200 1',
    "linux.sshd": "<13>Oct 11 22:14:15 h sshd[1]: Invalid user x from 192.0.2.1",
    "cef": "CEF:0|a|b|1|1|n|1|rt=Oct 11 2026 22:14:15",
    "windows": '{"EventID":1,"Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"W1","SourceName":"Microsoft-Windows-Sysmon","EventTime":"2026-10-11 22:14:15"}',
    "linux.sysmon": '<Event><System><EventID>1</EventID><TimeCreated SystemTime="2026-10-11T22:14:15Z"/></System></Event>',
    "linux.auditd": 'type=AUOMS_EXECVE audit(1760220855.0:1): cmdline="a b" redactors=',
    "suricata.dns": '{"event_type":"dns","flow_id":1,"timestamp":"2026-10-11T22:14:15+0000","x":"\\ud800"}',
    "generic": '{"when":"11/10/2026"}',
}  # fmt: skip
PROGRAM = """
import json, sys
from appliance.jobs.confinement import confine
from appliance.jobs.worker import _warm_up
from appliance.telemetry.decoding.registry import decoder
from appliance.telemetry.events import Bounds

_warm_up()
confine(2**31)
options = {"received": "2026-11-23T00:00:00Z", "timezone": "Asia/Tokyo", "mapping": sys.argv[2]}
out = []
for sample in json.loads(sys.argv[1]):
    decoded = decoder("auto")(sample.encode(), Bounds(), options)
    out.append([decoded.events[0].kind, decoded.events[0].time])
print(json.dumps(out))
"""


@pytest.fixture(scope="module")
def decoded() -> dict[str, int]:
    mapping = json.dumps({"time_field": "when", "time_format": "%d/%m/%Y"})
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(list(SAMPLES.values())), mapping],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("kind", SAMPLES)
def test_every_kind_of_event_is_decoded_after_confinement(decoded, kind):
    assert decoded[kind] > 0


def test_time_zones_are_known_after_confinement(decoded):
    # 22:14:15 in Tokyo is 13:14:15 UTC; without the zone's file it would read as UTC.
    assert decoded["linux.sshd"] == 1_791_724_455_000_000
