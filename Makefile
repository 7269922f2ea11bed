# Thin names over the program; `target/release/marque --help` has more.
#   make all                   everything, on the embedded sample
#   make train                 one stage and what it needs
#   make evaluate FORCE=1      even if it is fresh
#   make all CONFIG=configs/stanford-cars.toml
#   make train SET='train.epochs=3 train.freeze=["stem", "layer1"]'
#   make all OFFLINE=1         never touch the network
#   make fetch CONFIG=…        only download and verify what the configuration names
#   make test                  the tests; make test-all adds the long ones
#   make bench                 how fast the engine is

CONFIG ?= pipeline.toml
# What users give is for the shell to expand, within quotes: folders may have any name.
MARQUE := "$${CARGO_TARGET_DIR:-target}/release/marque"
STAGES := ingest labels preprocess train evaluate
export CONFIG SET
FLAGS := --config "$$CONFIG" $(if $(SET),--sets "$$SET") $(if $(OFFLINE),--offline)

.PHONY: all build $(STAGES) fetch status verify gc test test-all bench lint clean

all: build
	@$(MARQUE) run $(FLAGS) $(if $(FORCE),--force)

build:
	@cargo build --release --locked --package marque

$(STAGES): build
	@$(MARQUE) run $@ $(FLAGS) $(if $(FORCE),--force)

fetch status verify gc: build
	@$(MARQUE) $@ $(FLAGS)

test:
	@cargo test --release --locked --workspace --no-fail-fast

test-all:
	@cargo test --release --locked --workspace --no-fail-fast -- --include-ignored

bench: build
	@cargo bench --locked --package marque-kernels
	@for precision in f32 bf16; do for size in 224 128; do for mode in "" --evaluate; do \
	    $(MARQUE) bench --backbone resnet34 --size $$size --precision $$precision $$mode || exit 1; \
	done; done; done

lint:
	@cargo fmt --all --check
	@cargo clippy --release --locked --workspace --all-targets -- -D warnings
	@RUSTDOCFLAGS="-D warnings" cargo doc --release --locked --workspace --no-deps

clean:
	@cargo clean
