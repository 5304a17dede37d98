# The project's commands; `just` lists them.

_default:
    @just --list --unsorted

# Build the program
build:
    cargo build --release

# Run the tests that need no network, root or daemon
test:
    cargo test --workspace

# Check format, lints, dependencies and the documentation of the crates
lint:
    cargo fmt --all --check
    cargo fmt --manifest-path fuzz/Cargo.toml --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo deny check bans licenses sources
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Write docs/rules and docs/*.schema.json anew from the code
docs:
    UPDATE_DOCS=1 cargo test --workspace

# Fuzz all targets, or those named, for so many seconds each
fuzz seconds="30" *targets:
    fuzz/run -r -s {{ seconds }} {{ targets }}

# Compare with other programs on a real image (see the head of the script)
bench *args:
    benches/compare.sh {{ args }}

# Slim real images and run their checks: names, or --all
corpus *args:
    tests/corpus {{ if args == "" { "--all" } else { args } }}

# Minimise real images, trained on nothing, run their checks and write docs/results.md: names, or --all
results *args:
    tests/minimize-corpus --docker --write docs/results.md {{ if args == "" { "--all" } else { args } }}

# Run the checks of real images with `ounce verify` and in docker: names, or --all
verify-corpus *args:
    tests/verify-corpus {{ if args == "" { "--all" } else { args } }}

# Everything that must hold before a merge; as root, it installs what is missing
ci:
    .ci/run
