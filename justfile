# A menu. The kitchen is `cargo xtask`; CI calls `cargo xtask test`.

# The menu.
default:
    @just --list

# What every save should pass.
check:
    cargo xtask test fmt arrows tidy clippy

# The tests.
test:
    cargo xtask test tests doctests

# Everything that CI runs, in CI's order.
ci:
    cargo xtask test

# The sample project on a server of your own.
up *ARGS:
    cargo run --release -- up {{ARGS}}

# One benchmark: static, deploy, footprint.
bench NAME *ARGS:
    cargo xtask bench {{NAME}} {{ARGS}}

# Format everything.
fmt:
    cargo fmt --all
