"""
Sets the password of somebody who was invited, as the browser's form does.

    python -m tests.cluster.welcoming URL        (standard input: link's token, password)
"""

import sys

import httpx


def main() -> None:
    token, password = sys.stdin.read().split()
    with httpx.Client(verify=False, timeout=30) as client:
        form = {"token": token, "password": password, "again": password}
        answer = client.post(f"{sys.argv[1]}/welcome", data=form)
    if answer.status_code not in (200, 303):
        raise SystemExit(f"the link was not taken: {answer.status_code} {answer.text[-500:]}")


if __name__ == "__main__":
    main()
