#!/usr/bin/env bash
# Usage: hack/build.sh WHAT MODULE_DIR GO_BUILD_ARGUMENT...
#
# "go build" in a module, for programs that take minutes the first time: it tells every ten seconds how far it is
# instead of looking stuck. Go's build cache makes the next time quick.
set -euo pipefail

what=$1
cd "$2"
shift 2

log=$(mktemp)
build=
set -m # the build is a group of its own, so that Ctrl-C ends the compilers too
trap 'rm -f "$log"; [[ -z $build ]] || kill -- "-$build" 2>/dev/null || true' EXIT
elapsed() { printf '%dm%02ds' $((SECONDS / 60)) $((SECONDS % 60)); }

echo "building $what"
go build -v -buildvcs=false "$@" >"$log" 2>&1 &
build=$!
beat=10
while kill -0 "$build" 2>/dev/null; do
	sleep 0.2
	if ((SECONDS >= beat)); then
		beat=$((SECONDS + 10))
		echo "  still building $what: $(elapsed), $(wc -l <"$log") packages compiled so far"
	fi
done
if ! wait "$build"; then
	build=
	echo "building $what failed after $(elapsed); the end of its output:" >&2
	tail -n 40 "$log" >&2
	exit 1
fi
build=
echo "built $what in $(elapsed)"
