"""
Reads batch ids on standard input, prints those that some node says are kept, with their durability left out.

    python -m tests.cluster.asking ADDRESS ...        (token in LAB_SECRET)
"""

import os
import sys

import httpx


def main() -> None:
    with httpx.Client(
        verify=False, timeout=10, headers={"Authorization": f"Bearer {os.environ['LAB_SECRET']}"}
    ) as client:
        for unique in sys.stdin.read().split():
            for address in sys.argv[1:]:
                try:
                    answer = client.get(f"https://{address}:8088/api/v1/ingest/batches/{unique}")
                except httpx.HTTPError:
                    continue  # another node may know; what none says is there counts as not there
                if answer.status_code == 200 and answer.json().get("durability") == "committed":
                    print(unique)
                    break


if __name__ == "__main__":
    main()
