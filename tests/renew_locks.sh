#!/usr/bin/env bash
# Renews requirements/*.txt. A release must be a week old before it is taken: most bad ones are found by then.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/pip install --quiet uv
before=$(date -u -d '7 days ago' +%Y-%m-%d)
compile=(.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate
  --no-header --no-emit-index-url --exclude-newer "$before" pyproject.toml)
"${compile[@]}" --extra embedded --output-file requirements/run.txt
"${compile[@]}" --extra embedded --extra test --output-file requirements/test.txt
"${compile[@]/pyproject.toml/installer/pyproject.toml}" --output-file requirements/install.txt
.venv/bin/python tests/locks.py
