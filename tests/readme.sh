#!/usr/bin/env bash
# Pastes every block of README.md into a fresh clone, as a reader would: `sh` into one shell, `python` and `js` into
# theirs. `make up` runs beside them. Blocks of `console` need an AWS account, and are left out.
# PORT=4566 chooses where the stack runs. Needs node for the block in JavaScript.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
up=""
finish() {
  code=$?
  if [ -n "$up" ]; then kill -INT -- "-$up" 2>/dev/null || true; wait "$up" 2>/dev/null || true; fi
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT

git clone --quiet "$root" "$work/reelkeep"
cd "$work/reelkeep"
export HOME="$work" PORT="${PORT:-4566}"  # no profile of this user's is touched

# One file a block, in their order: 01.sh, 02.sh, 03.python, …
awk '/^```(sh|python|js)$/ {kind = substr($0, 4); n++; inside = 1; next} /^```/ {inside = 0}
  inside {print > sprintf("%s/%02d.%s", work, n, kind)}' work="$work" README.md

for block in "$work"/[0-9][0-9].*; do
  echo "--- $(head -1 "$block")"
  case $block in
    *.python) .venv/bin/python "$block" ;;
    *.js) node --input-type=module < "$block" ;;
    *)
      if grep -q '^make up' "$block"; then
        set -m
        bash "$block" > "$work/up.log" 2>&1 &
        up=$!
        set +m
        for _ in $(seq 300); do
          if grep -q '^Reelkeep is up' "$work/up.log"; then break; fi
          kill -0 "$up" || { cat "$work/up.log"; exit 1; }
          sleep 1
        done
      else
        source "$block"
      fi
      ;;
  esac
done
for file in boat.mp4 films/*.mp4; do
  test "$(head -c 8 "$file" | tail -c 4)" = ftyp || { echo "$file is no video"; exit 1; }
done
echo "every block of README.md works"
