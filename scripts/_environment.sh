# Sourced by the scripts: makes .venv in the project's root, or brings it up to date.
# Python with pip is all it needs; leaves $root and $python, the environment's interpreter, behind.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=$root/.venv/bin/python

# What the environment was made from. The folder belongs to it: a copied .venv points elsewhere.
stamp=$root/.venv/made-from
made_from=$(echo "$root" | cat - "$root/pyproject.toml" "$root/uv.lock" | cksum)

# Exit status 0 where this interpreter can serve: the same range as in pyproject.toml.
serves='import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'

find_python() {
    for candidate in python3.11 python3.12 python3.13 python3 python; do
        if command "$candidate" -c "$serves" 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    echo "No Python between 3.11 and 3.13 with its venv module was found." >&2
    echo "Install one (on Debian: apt-get install python3 python3-venv) and try again." >&2
    return 1
}

make_environment() {
    local base uv_version
    if ! "$python" -c "$serves" 2>/dev/null; then
        base=$(find_python)
        echo "Making .venv with $base" >&2
        "$base" -m venv --clear "$root/.venv"
    fi
    if ! "$root/.venv/bin/uv" --version >/dev/null 2>&1; then
        uv_version=$(sed -n '/^name = "uv"$/{n;s/^version = "\(.*\)"$/\1/p;}' "$root/uv.lock")
        "$python" -m ensurepip >/dev/null
        "$python" -m pip install --quiet --disable-pip-version-check "uv==$uv_version"
    fi
    echo "Installing what uv.lock lists into .venv (TensorFlow is large: minutes at first)" >&2
    # The system's certificates, for networks that have their own. Keras's other backends are
    # gigabytes, and have environments of their own: scripts/backends. OpenCV 4 would be in 5's place.
    UV_PROJECT_ENVIRONMENT=$root/.venv UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1 \
        "$root/.venv/bin/uv" sync --quiet --project "$root" --frozen --all-extras \
        --no-extra jax --no-extra torch --no-extra opencv4 --python "$python"
    echo "$made_from" >"$stamp"
}

if [ "$(cat "$stamp" 2>/dev/null)" != "$made_from" ] || ! "$python" -c "$serves" 2>/dev/null; then
    make_environment
fi
