import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from appliance.telemetry.errors import IntakeUnavailable
from appliance.telemetry.spool import Spool


def test_records_come_back_in_order_of_receipt(tmp_path):
    spool = Spool(tmp_path, 1_000_000)
    for name in ("20260501T120000000002-b", "20260501T120000000001-a"):
        spool.append(name, name.encode())

    assert [record for _, record in spool.records()] == [
        b"20260501T120000000001-a",
        b"20260501T120000000002-b",
    ]


def test_a_record_that_is_forgotten_while_others_are_read_is_left_out(tmp_path):
    spool = Spool(tmp_path, 1_000)
    for name in ("1", "2", "3"):
        spool.append(name, b"record")

    records = spool.records(older_than=-1)
    first = next(records)
    spool.remove("2")

    assert [first[0], *(name for name, _ in records)] == ["1", "3"]


def test_a_full_spool_refuses_and_keeps_what_it_has(tmp_path):
    spool = Spool(tmp_path, 200)
    spool.append("a", b"x" * 100)

    with pytest.raises(IntakeUnavailable, match="holds"):
        spool.append("b", b"y" * 100)
    assert [name for name, _ in spool.records()] == ["a"]


def test_a_damaged_record_is_set_aside_and_counted(tmp_path):
    spool = Spool(tmp_path, 1_000_000)
    spool.append("a", b"first")
    spool.append("b", b"second")
    path = tmp_path / "a.spool"
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)

    assert [record for _, record in spool.records()] == [b"second"]
    assert spool.damaged == 1
    assert (tmp_path / "a.damaged").exists()


def test_the_size_is_known_again_after_a_restart(tmp_path):
    Spool(tmp_path, 1_000_000).append("a", b"x" * 1000)

    again = Spool(tmp_path, 1_000_000)

    assert again.size_bytes > 1000
    assert not again.is_empty()


def test_a_process_killed_while_appending_leaves_whole_records_only(tmp_path):
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from appliance.telemetry.spool import Spool
        spool = Spool(Path(sys.argv[1]), 10**9)
        for number in range(100_000):
            spool.append(f"{number:08}", bytes(str(number), "ascii") * 500)
            print(number, flush=True)
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path.cwd()
    )
    acknowledged = [int(process.stdout.readline()) for _ in range(40)][-1]
    process.kill()
    process.stdout.close()
    process.wait()

    names = [int(name) for name, record in Spool(tmp_path, 10**9).records() if record]

    assert names[: acknowledged + 1] == list(range(acknowledged + 1))
