#!/usr/bin/env bash
# Runs every benchmark, full or --small, and shows its table. A benchmark that fails makes this fail.
set -uo pipefail
cd "$(dirname "$0")/../.."
if [ -z "${XDR_CORPORA:-}" ]; then echo "not run: XDR_CORPORA names no corpora"; exit 3; fi
status=0
for bench in audit decoding detection incidents ingest query; do
  echo "== $bench $*"
  case $bench in
    detection | incidents) .venv/bin/python -m "tests.bench.$bench" "$XDR_CORPORA" "$@" || status=1 ;;
    decoding) .venv/bin/python -m tests.bench.decoding || status=1 ;;
    *) .venv/bin/python -m "tests.bench.$bench" "$@" || status=1 ;;
  esac
done
exit $status
