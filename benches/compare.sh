#!/usr/bin/env bash
# Compares ounce with the programs that do the nearest work, on one image of the corpus.
#
#   benches/compare.sh              time and memory beside sha256sum, skopeo and docker-squash
#   benches/compare.sh --memory     the peak memory of ounce on every tar of the corpus
#
# Prints Markdown. Exit status: 0, or 1 when a target is missed.
#
# Every command is run with a warm page cache and writes to the same file system; outputs are
# removed between the runs. Commands that are compared take turns, so that whatever else the
# machine does meets both. The shortest of the runs counts; all are printed.
#
# Environment:
#   OUNCE     the program (default: the repository's, built for release)
#   TARS      the folder of the corpus's tars (default /tmp/ounce-corpus)
#   IMAGE     the image of the corpus that is compared (default conda-clean)
#   RUNS      how often the short commands are run (default 3)
#   SQUASH    docker-squash's program (default: installed from PyPI into a temporary folder)
#   TMPDIR    where outputs are written; needs three times the size of the image
set -euo pipefail
export LC_ALL=C

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
tars=${TARS:-/tmp/ounce-corpus}
image=${IMAGE:-conda-clean}
runs=${RUNS:-3}
docker_squash_version=1.2.2
missed=0

usage() { sed -n '2,/^set -euo/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
fail()  { printf 'compare.sh: %s\n' "$*" >&2; exit 2; }
note()  { printf '%s\n' "$*" >&2; }

case ${1:-} in
    '') mode=time ;;
    --memory) mode=memory ;;
    -h|--help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac

for program in /usr/bin/time awk sha256sum; do
    command -v "$program" >/dev/null || fail "$program is missing"
done
if [[ -z ${OUNCE:-} ]]; then
    (cd "$root" && cargo build --release --quiet)
    OUNCE=${CARGO_TARGET_DIR:-$root/target}/release/ounce
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/ounce-compare.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
# Decompressed layers that an earlier run kept would spare ounce work that the others do.
export XDG_CACHE_HOME=$work/cache

# ---------------------------------------------------------------- measuring

# Runs a command and appends "wall user sys peak-KiB output-bytes" to $work/NAME.runs. The
# command writes below $work/out, which is empty before and is removed afterwards.
measure() { # NAME COMMAND...
    local name=$1 log=$work/$1.log; shift
    rm -rf "$work/out" "$work/cache"
    mkdir "$work/out"
    /usr/bin/time -o "$work/time" -f '%e %U %S %M' "$@" >"$log" 2>&1 || { tail -n 20 "$log" >&2; fail "$name failed: $*"; }
    printf '%s %s\n' "$(tail -n 1 "$work/time")" "$(du -sb --apparent-size "$work/out" | cut -f1)" >>"$work/$name.runs"
    note "$name: $(tail -n 1 "$work/$name.runs")"
    rm -rf "$work/out"
}

warm() { cat -- "$1" >/dev/null; }

# The columns of the shortest run, or of the run with the highest peak.
best()  { sort -g -k1 "$work/$1.runs" | head -n 1; }
field() { best "$1" | cut -d ' ' -f "$2"; }
walls() { awk '{ printf "%s%s", sep, $1; sep = ", " }' "$work/$1.runs"; }
peak()  { sort -g -k4 "$work/$1.runs" | awk 'END { printf "%.0f", $4 * 1024 / 1e6 }'; }

row() { # NAME TITLE
    best "$1" | awk -v title="$2" -v walls="$(walls "$1")" -v peak="$(peak "$1")" '{
        wrote = $5 > 100000 ? sprintf("%.0f", $5 / 1e6) : "-"
        cpu = $2 + $3
        printf "| %s | %.2f | %s | %.2f | %.2f | %s | %s |\n", title, $1, walls, cpu, cpu / ($1 > 0 ? $1 : 1), peak, wrote
    }'
}

cpu()  { best "$1" | awk '{ print $2 + $3 }'; }
over() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'; }

# The ratio of the times is compared with the target as it is, before it is rounded for print.
ratio() { # TITLE SECONDS OTHER-SECONDS CPU-RATIO TARGET
    awk -v title="$1" -v a="$2" -v b="$3" -v cpu="$4" -v target="$5" 'BEGIN {
        met = b > 0 && a / b <= target
        printf "| %s | %.3f | %s | %s | %s |\n", title, a / b, target, met ? "met" : "MISSED", cpu
        exit !met
    }' || missed=1
}

machine() {
    printf '%s on %s cores (%s), load %s; %s\n' "$("$OUNCE" --version)" "$(nproc)" \
        "$(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)" "$(cut -d ' ' -f 1 /proc/loadavg)" "$(date -u +%Y-%m-%d)"
}

# ---------------------------------------------------------------- time

install_squash() {
    if [[ -n ${SQUASH:-} ]]; then return; fi
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "docker-squash==$docker_squash_version"
    SQUASH=$work/venv/bin/docker-squash
}

# docker-squash reads from docker only, so what it does begins with a `docker save`; ounce reads the
# tar of one. It is run with --output-path and nothing loaded back. The save is measured alone, once,
# and the ratio is given in two ways, which answer different questions: with the save taken off
# docker-squash's time (the work of the two programs; the target is for this one), and with a save
# before ounce (the whole way from docker to a tar, most of which is docker's own work).
compare_time() {
    local tar=$tars/$image.tar i
    [[ -f $tar ]] || fail "no $tar (build it with the corpus's \`build $image\`)"
    command -v skopeo >/dev/null || fail "skopeo is missing"
    local docker=${DOCKER:-docker}
    [[ -n ${DOCKER:-} || ! -x /usr/bin/docker ]] || docker=/usr/bin/docker
    "$docker" image inspect "ounce-corpus/$image:latest" >/dev/null || fail "docker has no ounce-corpus/$image"
    install_squash
    local before; before=$(machine)

    warm "$tar"
    for ((i = 0; i < runs; i++)); do
        measure sha256sum sha256sum "$tar"
        measure analyze "$OUNCE" analyze "$tar"
    done
    for ((i = 0; i < runs; i++)); do
        warm "$tar"
        measure skopeo skopeo copy --insecure-policy --quiet "docker-archive:$tar" "oci:$work/out/image"
        measure slim-oci "$OUNCE" slim "$tar" -o "oci:$work/out/image"
    done
    for ((i = 0; i < runs; i++)); do
        warm "$tar"
        measure slim-archive "$OUNCE" slim "$tar" -o "docker-archive:$work/out/image.tar"
    done
    measure save "$docker" save -o "$work/out/image.tar" "ounce-corpus/$image:latest"
    mkdir "$work/squash"
    TMPDIR=$work/squash measure squash "$SQUASH" --load-image false --output-path "$work/out/image.tar" "ounce-corpus/$image:latest"

    printf 'Measured: %s. Image: %s, %.0f MB.\n\n' "$before" "$image" "$(awk -v b="$(stat -c %s "$tar")" 'BEGIN { print b / 1e6 }')"
    printf '| command | seconds, best | all runs | CPU seconds | cores used | peak MB | wrote MB |\n'
    printf '| --- | ---: | --- | ---: | ---: | ---: | ---: |\n'
    row sha256sum    '`sha256sum FILE`'
    row analyze      '`ounce analyze FILE`'
    row skopeo       '`skopeo copy docker-archive:FILE oci:DIR`'
    row slim-oci     '`ounce slim FILE -o oci:DIR`'
    row slim-archive '`ounce slim FILE -o docker-archive:OUT`'
    row save         '`docker save -o FILE` (the client; the daemon works beside it)'
    row squash       "\`docker-squash --output-path OUT\` $docker_squash_version (the client, with its save)"

    local slim save squash
    slim=$(field slim-archive 1) save=$(field save 1) squash=$(field squash 1)
    # What the daemon does for a save is not in the CPU seconds of its clients.
    printf '\n| ratio of the best times | measured | target | | ratio of the CPU seconds |\n| --- | ---: | ---: | --- | ---: |\n'
    ratio 'analyze to sha256sum' "$(field analyze 1)" "$(field sha256sum 1)" "$(over "$(cpu analyze)" "$(cpu sha256sum)")" 0.5
    ratio 'slim to skopeo copy, to OCI' "$(field slim-oci 1)" "$(field skopeo 1)" "$(over "$(cpu slim-oci)" "$(cpu skopeo)")" 0.5
    ratio 'slim to docker-squash without its save' "$slim" "$(awk "BEGIN { print $squash - $save }")" - 0.1
    printf '| slim with a `docker save` before it to docker-squash | %s | | | |\n' "$(over "$(awk "BEGIN { print $slim + $save }")" "$squash")"
}

# ---------------------------------------------------------------- memory

# The kernel counts pages of a mapped file that are in memory as the program's; so does this.
compare_memory() {
    local tar name limit=500
    printf 'Measured: %s. The peak of the resident memory, in MB; the target is %s.\n\n' "$(machine)" "$limit"
    printf '| image | tar | analyze | slim to a docker archive | slim to OCI |\n| --- | ---: | ---: | ---: | ---: |\n'
    for tar in "$tars"/*.tar; do
        [[ -f $tar ]] || fail "no tars in $tars"
        name=$(basename "$tar" .tar)
        measure "$name-analyze" "$OUNCE" analyze "$tar"
        measure "$name-archive" "$OUNCE" slim "$tar" -o "docker-archive:$work/out/image.tar"
        measure "$name-oci" "$OUNCE" slim "$tar" -o "oci:$work/out/image"
        awk -v name="$name" -v limit="$limit" -v size="$(stat -c %s "$tar")" \
            -v a="$(peak "$name-analyze")" -v d="$(peak "$name-archive")" -v o="$(peak "$name-oci")" 'BEGIN {
            missed = a > limit || d > limit || o > limit
            printf "| %s%s | %.0f | %s | %s | %s |\n", name, missed ? " (MISSED)" : "", size / 1e6, a, d, o
            exit missed
        }' || missed=1
    done
}

"compare_$mode"
exit "$missed"
