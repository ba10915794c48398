# Village NVR. `make` lists what can be made.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
PIP_QUIET := --quiet --disable-pip-version-check

# Real peers of the tests, all from Debian.
PEERS := chromium chromium-headless-shell fonts-noto-core e2fsprogs ffmpeg gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
	gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-nice gir1.2-gst-rtsp-server-1.0 \
	gir1.2-gst-plugins-bad-1.0 python3-gi \
	libatomic1 libgl1 nodejs npm faketime mosquitto alsa-utils \
	wireguard-go wireguard-tools nftables iproute2 procps
# What only `make bench-siren` needs.
SIREN_PEERS := strace
# What only `make crash-test` needs.
CRASH_PEERS := qemu-system-common e2fsprogs mount
# What only `make bench-detect` needs.
DETECT_PEERS := motion
# What only `make firmware-check` needs: tools of the image's own build, and what Buildroot's configuration is made with.
FIRMWARE_PEERS := dosfstools e2fsprogs fdisk gcc genimage git libmagic1 make mtools nftables rauc shellcheck \
	squashfs-tools systemd u-boot-tools
# What only `make bench-live` needs.
LIVE_PEERS := janus

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.venv/.installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install $(PIP_QUIET) --editable .
	touch $@

.venv/.tests-installed: .venv/.installed
	$(BIN)/pip install $(PIP_QUIET) --editable '.[test]'
	touch $@

.PHONY: demo
demo: .venv/.installed ## install, then show everything on this machine (CAMERAS="rtsp://…" RELAY=/dev/ttyUSB0 for real hardware)
	@$(BIN)/nvr demo $(if $(CAMERAS),--cameras $(CAMERAS)) $(if $(RELAY),--relay $(RELAY)) $(DEMO_OPTIONS)

.PHONY: test
test: .venv/.tests-installed peers check ## install, then run all checks and tests
	# Most tests wait more than they compute.
	tests/suite --numprocesses 6 --dist worksteal --ignore tests/e2e
	# The whole product in each, which mostly waits for its cameras: two beside each other.
	tests/suite --numprocesses 2 --dist worksteal tests/e2e

.PHONY: peers
peers: ## install the real peers of the tests from Debian (as root), or say which are missing
	@tests/peers/install $(PEERS)

.PHONY: check
check: .venv/.tests-installed ## lint, format, strict types, import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	tests/page/typecheck

.PHONY: bench-e2e
bench-e2e: .venv/.tests-installed peers ## person to relay, page to first picture, start to recording (last line: JSON)
	PYTHONPATH=tests $(BIN)/python -m bench.e2e

.PHONY: bench-record
bench-record: .venv/.tests-installed peers ## 58 cameras recorded and analysed, against 58 ffmpeg (BENCH_SECONDS=60; last line: JSON)
	PYTHONPATH=tests $(BIN)/python -m bench.record

.PHONY: bench-siren
bench-siren: .venv/.tests-installed peers ## sighting to relay bytes, disarm to OFF, under 58 cameras (last line: JSON)
	@tests/peers/install $(SIREN_PEERS)
	PYTHONPATH=tests $(BIN)/python -m bench.siren

.PHONY: bench-detect
bench-detect: .venv/.tests-installed peers ## 50 idle and 8 acting cameras analysed, against decoding all and `motion` (last line: JSON)
	@tests/peers/install $(DETECT_PEERS)
	PYTHONPATH=tests $(BIN)/python -m bench.detect

.PHONY: bench-degraded
bench-degraded: .venv/.tests-installed ## detection on BENCH_CLIPS (a folder with TRUTH.toml) made dark, blurred, rainy…, against the naive test (last line: JSON)
	PYTHONPATH=tests $(BIN)/python -m bench.degraded --truth "$(BENCH_CLIPS)/TRUTH.toml" --clips "$(BENCH_CLIPS)"

.PHONY: soak
soak: .venv/.tests-installed peers ## 58 cameras with faults: is memory flat, all footage there? (SOAK_MINUTES=30; last line: JSON)
	PYTHONPATH=tests $(BIN)/python -m bench.soak

.PHONY: bench-play
bench-play: .venv/.tests-installed ## CPU of timeline and playback on 30 days of 58 cameras (last line: JSON)
	PYTHONPATH=tests $(BIN)/python -m bench.play

.PHONY: bench-inference
bench-inference: .venv/.tests-installed ## CPU and memory of the detector by model and batch (BENCH_MODELS="a.tflite"; last line: JSON)
	PYTHONPATH=tests $(BIN)/python -m bench.inference $(foreach model,$(BENCH_MODELS),--model $(model))

.PHONY: bench-live
bench-live: .venv/.tests-installed peers ## one camera to 32 viewers, against Janus and stock aiortc (BENCH_SECONDS=40; last line: JSON)
	@tests/peers/install $(LIVE_PEERS)
	PYTHONPATH=tests $(BIN)/python -m bench.live

.PHONY: bench-fragments
bench-fragments: .venv/.tests-installed peers ## CPU of a viewer by WebSocket against one by WebRTC (BENCH_SECONDS=40; last line: JSON)
	PYTHONPATH=tests $(BIN)/python -m bench.fragments

.PHONY: bench-latency
bench-latency: .venv/.tests-installed peers ## glass to glass: a clock in the camera's picture, read in Chromium (BENCH_SAMPLES=500; last line: JSON)
	PYTHONPATH=tests $(BIN)/python -m bench.latency

.PHONY: bench-flood
bench-flood: .venv/.tests-installed peers ## bad STUN, DTLS and RTCP against a service that records (BENCH_SECONDS=20; last line: JSON)
	PYTHONPATH=tests $(BIN)/python -m bench.flood

.PHONY: fuzz
fuzz: .venv/.tests-installed ## parsers of what comes from the network, guided by coverage (FUZZ_SECONDS=60 each; last line: JSON)
	$(BIN)/pip install $(PIP_QUIET) --editable '.[fuzz]'
	PYTHONPATH=tests:tests/webrtc $(BIN)/python -m fuzz

.PHONY: crash-test
crash-test: .venv/.tests-installed ## kill -9 and power cuts, 200 of each, as root (last line: JSON)
	@tests/peers/install $(CRASH_PEERS)
	PYTHONPATH=tests $(BIN)/python -m bench.crash

.PHONY: firmware-check
firmware-check: .venv/.tests-installed ## is the firmware's tree right? (BUILDROOT_DIR=… for all of it; last line: JSON)
	@tests/peers/install $(FIRMWARE_PEERS)
	$(BIN)/pip install $(PIP_QUIET) --editable '.[firmware]'
	PYTHONPATH=tests $(BIN)/python -m firmware

.PHONY: clean
clean: ## remove what make made (the demo's recordings too)
	rm -rf .venv .cache demo-data build dist *.egg-info
