#!/usr/bin/env bash
# Resolves the dependencies anew: uv.lock for uv, scripts/constraints.txt for pip.
# Usage: scripts/lock.sh UV, where UV is the uv command
set -euo pipefail

uv=${1:?usage: $0 UV}

# This machine's registry settings must not end up in the repository, so uv gets to see none.
clean=(env)
while IFS= read -r name; do clean+=(-u "$name"); done < <(compgen -e | grep '^UV_' || true)

"${clean[@]}" "$uv" lock --no-config --quiet
{
    echo "# Versions that the tests ran with, taken from uv.lock by \`make lock\`. Do not edit."
    "${clean[@]}" "$uv" export --no-config --frozen --quiet --no-header --no-annotate --no-hashes \
        --no-emit-project --extra reference --group dev
} >scripts/constraints.txt
