#!/usr/bin/env bash
# Makes the virtual environment .venv and installs tinycc-ml into it.
# Usage: scripts/python-env.sh demo|test
set -euo pipefail

goal=${1:?usage: $0 demo|test}
python=${PYTHON:-python3}
venv=.venv
constraints=scripts/constraints.txt
log=$venv/install.log

say() { echo "make $goal: $*"; }

pip_install() {
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input "$@" >>"$log" 2>&1
}

# The tested versions first; if a registry lacks one, whatever pyproject.toml allows.
install() {
    pip_install --constraint "$constraints" "$@" || pip_install "$@"
}

give_up() {
    tail -n 15 "$log" >&2
    say "$*; the whole log is in $log" >&2
    exit 1
}

case $goal in
demo) what="tinycc-ml with what it needs, and TensorFlow Lite Micro (the reference)" ;;
test) what="tinycc-ml with what it needs, TensorFlow Lite Micro and the tools of the tests" ;;
*) echo "usage: $0 demo|test" >&2 && exit 2 ;;
esac
say "installing into $venv, from the Python package registry: $what"

# An environment that uv made works but has no pip; one whose Python has gone is of no use.
if ! "$venv/bin/python" -c 'import pip' >/dev/null 2>&1 &&
    ! "$venv/bin/python" -m ensurepip >/dev/null 2>&1; then
    "$python" -m venv --clear "$venv"
fi
: >"$log"

# Dependency groups came with pip 25.1; Debian 12 ships 23.0.
pip_install --upgrade 'pip>=25.1' || give_up "pip could not be upgraded"
install --editable . || give_up "tinycc-ml could not be installed"
if ! install --editable '.[reference]'; then
    [ "$goal" = demo ] || give_up "TensorFlow Lite Micro could not be installed, and the tests need it"
    say "TensorFlow Lite Micro cannot be had for this Python and platform ($log says why):" \
        "comparing with tinycc-ml's own NumPy reference instead"
fi
if [ "$goal" = test ]; then
    install --editable '.[reference]' --group dev || give_up "the tools of the tests could not be installed"
    touch "$venv/.ready-demo"
fi
touch "$venv/.ready-$goal"
