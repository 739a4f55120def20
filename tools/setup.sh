#!/bin/sh
# Makes .venv and installs system packages: setup.sh [demo|test|cloud|docs]...
# Safe to run again; what is there is not installed twice. No service is started.
set -eu
cd "$(dirname "$0")/.."
VENV=${WATCHER_VENV:-.venv}

python=${PYTHON:-}
if [ -z "$python" ]; then
    for each in python3.11 python3.12 python3.13 python3; do
        if "$each" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            python=$each
            break
        fi
    done
fi
[ -n "$python" ] || { echo "Python 3.11, 3.12 or 3.13 is needed; set PYTHON" >&2; exit 1; }

# system PROFILE: install what bindep.txt lists for it. Packages that start a service
# when they are installed are kept from it by a policy file, which is removed again.
system() {
    profile=$1
    missing=
    for package in $(sed -n "s/^\([a-z0-9.+-]*\) \[\([^]]*\)\]\$/\1 \2/p" bindep.txt |
        awk -v want="$profile" '{ hit = 0; named = 0
            for (i = 2; i <= NF; i++) { if ($i == want) hit = 1; if ($i !~ /:/) named = 1 }
            if (hit || (want == "base" && !named)) print $1 }'); do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "install these packages first:$missing" >&2; exit 1
    fi
    if [ "$(id -u)" != 0 ]; then
        echo "run as root, or first: apt-get install$missing" >&2; exit 1
    fi
    echo "installing$missing"
    guard=
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod 755 /usr/sbin/policy-rc.d
        guard=1
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT INT TERM
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
    if [ -n "$guard" ]; then
        rm -f /usr/sbin/policy-rc.d
        trap - EXIT INT TERM
    fi
}

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then system base; fi

# libraries NAME FILE...: install requirement files into the virtualenv, once for each
# content; --editable as a file name installs the project itself.
libraries() {
    name=$1
    shift
    stamp=$VENV/.stamp-$name
    now=$(cat "$@" setup.cfg | cksum)
    [ "$(cat "$stamp" 2>/dev/null)" = "$now" ] && return 0
    echo "installing Python libraries: $name"
    list=
    for each in "$@"; do list="$list -r $each"; done
    # shellcheck disable=SC2086
    "$VENV/bin/python" -m pip install -q $list
    echo "$now" >"$stamp"
}

if [ ! -x "$VENV/bin/python" ]; then
    echo "making $VENV with $("$python" --version)"
    "$python" -m venv "$VENV"
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1
libraries runtime requirements.txt
# Entry points come from the installed project.
now=$(cat setup.cfg setup.py pyproject.toml | cksum)
if [ "$(cat "$VENV/.stamp-project" 2>/dev/null)" != "$now" ]; then
    "$VENV/bin/python" -m pip install -q --no-deps --editable .
    echo "$now" >"$VENV/.stamp-project"
fi
for profile in "$@"; do
    case $profile in
    demo) ;;
    test) system test; libraries test test-requirements.txt ;;
    cloud) system cloud; libraries test test-requirements.txt
        libraries browser tests/cloud/dashboard/browser.txt ;;
    docs) libraries docs doc-requirements.txt ;;
    *) echo "unknown profile: $profile (demo, test, cloud, docs)" >&2; exit 2 ;;
    esac
done
