#!/usr/bin/env bash
# Installs the Debian packages that `make demo`, `bench` or `test` needs and this machine lacks.
# Usage: scripts/system-packages.sh demo|bench|test
set -euo pipefail

goal=${1:?usage: $0 demo|bench|test}
python=${PYTHON:-python3}
missing=()

need() { # need COMMAND PACKAGE...
    command -v "$1" >/dev/null 2>&1 || missing+=("${@:2}")
}

# A compiler without its C library's headers is no help, so the test is to compile.
compiles() { # compiles COMPILER, the program being on standard input
    "$1" -x c -fsyntax-only - >/dev/null 2>&1
}

need "$python" python3
"$python" -c 'import ensurepip, venv' >/dev/null 2>&1 || missing+=(python3-venv)
need arm-none-eabi-gcc gcc-arm-none-eabi
compiles arm-none-eabi-gcc <<<'#include <newlib.h>' || missing+=(libnewlib-arm-none-eabi)
need qemu-system-arm qemu-system-arm
if [ "$goal" != demo ]; then
    need gcc gcc
    compiles gcc <<<'#include <string.h>' || missing+=(libc6-dev)
fi
if [ "$goal" = test ]; then
    need g++ g++
    need riscv64-unknown-elf-gcc gcc-riscv64-unknown-elf
    riscv64-unknown-elf-gcc --print-file-name=picolibc.specs 2>/dev/null | grep -q / ||
        missing+=(picolibc-riscv64-unknown-elf)
    need qemu-system-riscv64 qemu-system-misc
    need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
    compiles aarch64-linux-gnu-gcc <<<'#include <pthread.h>' || missing+=(libc6-dev-arm64-cross)
    need qemu-aarch64 qemu-user
    need clang clang
    need clang-format clang-format
    need cppcheck cppcheck
fi

if [ "${#missing[@]}" -gt 0 ]; then
    echo "make $goal: these Debian packages are missing and will be installed: ${missing[*]}"
    by_hand="install them yourself and run make again: ${missing[*]}"
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "make $goal: no apt-get on this machine; $by_hand" >&2
        exit 1
    fi
    as_root=(env DEBIAN_FRONTEND=noninteractive)
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            echo "make $goal: neither root nor sudo; $by_hand" >&2
            exit 1
        fi
        # Without a terminal nobody can type a password: fail rather than wait for one.
        if [ -t 0 ]; then as_root=(sudo "${as_root[@]}"); else as_root=(sudo -n "${as_root[@]}"); fi
    fi
    # A failed update may only mean stale lists: the installation decides.
    "${as_root[@]}" apt-get update -qq || echo "make $goal: apt-get update failed; going on"
    if ! "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"; then
        echo "make $goal: apt-get could not install the packages; $by_hand" >&2
        exit 1
    fi
fi

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    echo "make $goal: $python is $("$python" --version 2>&1), but 3.10 or newer is needed;" \
        "name one with: make $goal PYTHON=python3.12" >&2
    exit 1
fi
