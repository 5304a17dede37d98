#!/usr/bin/env bash
# Measures what running a command in an image costs: recording its accesses, starting it, unpacking the image.
#
#   benches/sandbox.sh [trace|start|unpack]...     all three by default
#
# Prints Markdown. Exit status: 0, or 1 when a target is missed.
#
# Commands that are compared take turns with a warm page cache, so that whatever else the machine does
# meets both; the shortest run of each counts and all are printed. Times are those of the whole command, ounce's own
# start included.
#
# Environment:
#   OUNCE     the program (default: the repository's, built for release)
#   TARS      the folder of the corpus's tars (default /tmp/ounce-corpus)
#   TRACED    an image with numpy and pandas (default pysci)
#   IMAGE     the image that is started and unpacked (default lolcow)
#   RUNS      how often each command is run (default 10)
#   TMPDIR    where images are unpacked; needs the size of both images, twice
set -euo pipefail
export LC_ALL=C

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
tars=${TARS:-/tmp/ounce-corpus}
traced=${TRACED:-pysci}
image=${IMAGE:-lolcow}
runs=${RUNS:-10}
missed=0

usage() { sed -n '2,/^set -euo/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
fail()  { printf 'sandbox.sh: %s\n' "$*" >&2; exit 2; }

parts=("$@")
((${#parts[@]})) || parts=(trace start unpack)
for part in "${parts[@]}"; do
    case $part in
        trace|start|unpack) ;;
        -h|--help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done

if [[ -z ${OUNCE:-} ]]; then
    (cd "$root" && cargo build --release --quiet)
    OUNCE=${CARGO_TARGET_DIR:-$root/target}/release/ounce
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/ounce-sandbox.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
export XDG_CACHE_HOME=$work/cache TMPDIR=$work

# ---------------------------------------------------------------- measuring

# Runs a command and appends its seconds to $work/NAME.runs.
measure() { # NAME COMMAND...
    local name=$1 before after; shift
    before=$(date +%s%N)
    "$@" >"$work/log" 2>&1 </dev/null || { tail -n 20 "$work/log" >&2; fail "$name failed: $*"; }
    after=$(date +%s%N)
    awk -v t=$((after - before)) 'BEGIN { printf "%.4f\n", t / 1e9 }' >>"$work/$name.runs"
}

best() { sort -g "$work/$1.runs" | head -n 1; }
all()  { awk '{ printf "%s%.3f", sep, $1; sep = ", " }' "$work/$1.runs"; }

# The ratio is compared with the target as it is, before it is rounded for print.
row() { # TITLE NAME OTHER TARGET
    awk -v title="$1" -v a="$(best "$2")" -v b="$(best "$3")" -v target="$4" -v as="$(all "$2")" -v bs="$(all "$3")" 'BEGIN {
        met = b > 0 && a / b <= target
        printf "| %s | %.2f | %s | %s | %s | %s |\n", title, a / b, target, met ? "met" : "MISSED", as, bs
        exit !met
    }' || missed=1
}

tar_of() {
    [[ -f $tars/$1.tar ]] || fail "no $tars/$1.tar (build it with the corpus's \`build $1\`)"
    printf '%s\n' "$tars/$1.tar"
}

# ---------------------------------------------------------------- the three

trace() {
    local tar i; tar=$(tar_of "$traced")
    local import=(--entrypoint python3 -- -c 'import numpy, pandas')
    local compute=(--entrypoint python3 -- -c 'sum(i * i for i in range(20_000_000))')
    "$OUNCE" run "$tar" "${import[@]}"   # unpacks
    for ((i = 0; i < runs; i++)); do
        measure import "$OUNCE" run "$tar" "${import[@]}"
        measure import-traced "$OUNCE" trace "$tar" --output "$work/trace.json" "${import[@]}"
        measure compute "$OUNCE" run "$tar" "${compute[@]}"
        measure compute-traced "$OUNCE" trace "$tar" --output "$work/trace.json" "${compute[@]}"
    done
    row "\`ounce trace\` to \`ounce run\`: import numpy, pandas" import-traced import 2
    row "\`ounce trace\` to \`ounce run\`: computing" compute-traced compute 1.3
    rm -rf "$work/cache"
}

start() {
    local tar i docker=${DOCKER:-docker}; tar=$(tar_of "$image")
    "$docker" image inspect "ounce-corpus/$image:latest" >/dev/null || fail "docker has no ounce-corpus/$image"
    "$OUNCE" run "$tar" --entrypoint true   # unpacks
    for ((i = 0; i < runs; i++)); do
        measure start "$OUNCE" run "$tar" --entrypoint true
        measure docker "$docker" run --rm --network none --entrypoint true "ounce-corpus/$image:latest"
    done
    row "\`ounce run IMAGE true\` to \`docker run --rm IMAGE true\`" start docker 0.2
    rm -rf "$work/cache"
}

# `--no-cache` unpacks, runs `true` and removes what was unpacked; of umoci only the unpacking is measured.
unpack() {
    local tar i; tar=$(tar_of "$image")
    command -v umoci >/dev/null || fail "umoci is missing"
    command -v skopeo >/dev/null || fail "skopeo is missing"
    skopeo copy --insecure-policy --quiet "docker-archive:$tar" "oci:$work/oci:x"
    for ((i = 0; i < runs; i++)); do
        measure unpack "$OUNCE" run --no-cache "oci:$work/oci:x" --entrypoint true
        measure umoci umoci unpack --image "$work/oci:x" "$work/bundle"
        rm -rf "$work/bundle"
    done
    row "\`ounce run --no-cache IMAGE true\` to \`umoci unpack IMAGE\`" unpack umoci 0.7
    rm -rf "$work/oci"
}

printf 'Measured: %s on %s cores (%s), load %s; %s\n\n' "$("$OUNCE" --version)" "$(nproc)" \
    "$(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)" "$(cut -d ' ' -f 1 /proc/loadavg)" "$(date -u +%Y-%m-%d)"
printf '| ratio of the best times | measured | target | | seconds | seconds of the other |\n| --- | ---: | ---: | --- | --- | --- |\n'
for part in "${parts[@]}"; do
    "$part"
done
exit "$missed"
