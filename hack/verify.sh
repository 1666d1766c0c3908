#!/usr/bin/env bash
# Fails when a generated file or a go.mod is not what its sources make it.
#
# It compares the working tree before and after "make generate", not with the last commit, so it also serves while
# there are changes that are not committed yet.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

GIT_INDEX_FILE=$(mktemp -u)
export GIT_INDEX_FILE # an index of our own: the user's is not touched
trap 'rm -f "$GIT_INDEX_FILE"' EXIT

# snapshot prints the id of a git tree that holds the folders with generated files as they are now.
snapshot() {
	git add --all -- api config docs/kinds internal/testclient
	git write-tree
}

failed=
before=$(snapshot)
make --no-print-directory generate
after=$(snapshot)
if ! git diff --exit-code "$before" "$after"; then
	echo "These files were out of date. 'make generate' has just brought them up to date: commit them." >&2
	failed=1
fi

for module in . hack/controlplane hack/tools; do
	if ! (cd "$module" && go mod tidy -diff); then
		echo "$module/go.mod is not tidy: run 'go mod tidy' there." >&2
		failed=1
	fi
done

[[ -z $failed ]] && echo "Generated files and go.mod files are up to date."
