#!/bin/bash
# scripts/bench must measure, in its short form, one row of each kind, and leave nothing behind.
#
#   bench_test.sh REPOSFS
set -euo pipefail
binary=${1:?the program to measure}
bench=$(dirname "$0")/../../scripts/bench

if [ ! -e /dev/fuse ]; then
  echo "SKIPPED: there is no /dev/fuse"
  exit 77
fi

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
# Not those that drop the kernel's caches: other tests run beside this one.
rows=(first-ls first-tar second-ls-50ms find status blame disk memory catalog-lookup wide-memory)

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

only=()
for row in "${rows[@]}"; do only+=(--only "$row"); done
"$bench" --quick --runs 1 --binary "$binary" --data "$directory/data" "${only[@]}" \
  --json "$directory/figures.json" --plot "$directory/ratios.svg" >"$directory/table"
cat "$directory/table"

measured=$(jq -r '.rows[] | select(.mount.median > 0) | .row' "$directory/figures.json")
if [ "$measured" != "$(printf '%s\n' "${rows[@]}")" ]; then fail "measured were only: $measured"; fi
jq -e '.machine.FUSE | contains("NO_OPEN_SUPPORT")' "$directory/figures.json" >/dev/null ||
  fail "the features of FUSE are not told"
python3 -c 'import sys, xml.dom.minidom as xml; xml.parse(sys.argv[1])' "$directory/ratios.svg" ||
  fail "the plot is no SVG"

status=0
"$bench" --only nonsense 2>"$directory/errors" || status=$?
if [ "$status" != 2 ]; then fail "an unknown row ends with $status"; fi

# Ctrl-C in the middle of a row.
"$bench" --quick --binary "$binary" --data "$directory/data" 2>"$directory/errors" &
run=$!
for _ in $(seq 200); do
  if grep -qF "$directory" /proc/self/mounts; then break; fi
  sleep 0.05
done
kill -TERM "$run"
status=0
wait "$run" || status=$?
if [ "$status" != 130 ]; then fail "interrupted, it ends with $status"; fi
if grep -F "$directory" /proc/self/mounts; then fail "something is still mounted"; fi
if ls -d "$directory"/data/run-* 2>/dev/null; then fail "the run's directory is still there"; fi
if pgrep -f "$directory/data/run-"; then fail "something still runs"; fi
