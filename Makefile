# make run   builds the tool and runs the anomaly detector on the emulated chip
# make test  everything that a change must pass
#
# Both install what is missing first (.ci/install). Everything is built in the release profile: the engine's C code is then compiled
# once, for running, linting and testing alike.

CARGO ?= cargo
FLAGS := --release --locked
SIM := target/release/stm32sim

.PHONY: run test test-full bench baselines validate build lint clean

run: build
	$(SIM) run --scenario anomaly

build:
	@./.ci/install build
	$(CARGO) build $(FLAGS)

test: lint
	@$(call cargo-test,)

# The whole data sets too, every documented example, and the API documentation.
test-full: lint
	@./.ci/tools
	@$(call cargo-test,all)
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(FLAGS) --no-deps --document-private-items

lint:
	@./.ci/install test
	$(CARGO) fmt --check
	$(CARGO) clippy $(FLAGS) --all-targets --quiet -- -D warnings

# Emulated instructions per second, with and without accounting.
bench:
	@./.ci/install build
	$(CARGO) bench --locked

# Saves what the project's own images cost now, after showing what moved; for a change that is meant to move it.
baselines: build
	$(SIM) check --suite benches/stm32sim.toml --update --prune

# The cycle model against measurements on silicon, loop by loop.
validate: build
	$(CARGO) test $(FLAGS) --test silicon -- --nocapture --include-ignored

clean:
	$(CARGO) clean

# nextest where it is installed, cargo's own runner elsewhere; with an argument, the tests that are marked as long as well.
define cargo-test
if $(CARGO) nextest --version >/dev/null 2>&1; then \
	set -x; $(CARGO) nextest run $(FLAGS) --no-fail-fast --status-level slow --final-status-level flaky $(if $(1),--run-ignored all); \
else \
	set -x; $(CARGO) test $(FLAGS) --no-fail-fast --quiet $(if $(1),-- --include-ignored); \
fi
endef
