# The things that people do daily.

# Run on the notes that explain the program.
run:
    cargo run --release -- run --config config.example.yaml

test:
    cargo test

lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings

bench:
    cargo bench

# One seed of the simulation: just seed 42
seed number:
    SMARTNOTESD_SIM_SEED={{number}} cargo test --test simulation -- --nocapture
