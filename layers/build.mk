# What `sam build` runs for the layers and the functions has in common. It sets ARTIFACTS_DIR.
#
# BUILD_FOR=lambda        arm64 and the runtime's Python, whatever machine builds (the default)
# BUILD_FOR=this-machine  this machine's platform and $(PYTHON): what the local cloud runs

RUNTIME := 3.13
BUILD_FOR ?= lambda
PYTHON ?= python3
PIP = $(PYTHON) -m pip --disable-pip-version-check --no-input
HERE := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))

ifeq ($(BUILD_FOR),lambda)
PLATFORM := --platform manylinux2014_aarch64 --platform manylinux_2_28_aarch64 \
	--implementation cp --python-version $(RUNTIME) --only-binary=:all:
COMPILER = $(shell $(HERE)find-python $(RUNTIME))
else ifeq ($(BUILD_FOR),this-machine)
PLATFORM := --only-binary=:all:
COMPILER = $(PYTHON)
else
$(error BUILD_FOR is lambda or this-machine, not "$(BUILD_FOR)")
endif

# Bytecode in the package halves a cold start, and only the running Python's own is of use. It is never checked
# against its source: nothing can write there. $(call compile,where the folder lies in the function's file system)
compile = $(if $(COMPILER),$(COMPILER) -I -m compileall -q -f --invalidation-mode unchecked-hash \
	-s "$(ARTIFACTS_DIR)" -p $(1) "$(ARTIFACTS_DIR)")
