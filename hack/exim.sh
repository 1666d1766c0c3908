#!/usr/bin/env bash
# Usage: hack/exim.sh DIR
#
# Unpacks Debian's mail server into DIR, for tests. Nothing is installed or started, and no user is made: the libraries that
# this machine lacks come along, and nss_wrapper plays the user that the package would make.
set -euo pipefail

dir=$1
if ! command -v apt-get >/dev/null; then
	echo "The tests of mail need Debian's exim4, and so apt-get." >&2
	exit 1
fi
packages=(exim4-daemon-light libnss-wrapper)
if [[ $(id -u) == 0 ]]; then
	apt-get -qq update
fi
mapfile -t missing < <(apt-get -sqq --no-install-recommends install "${packages[@]}" | awk '/^Inst lib/ {print $2}')

unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
(
	cd "$unpacked"
	apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}" "${missing[@]}"
	for package in *.deb; do
		dpkg -x "$package" .
	done
)
rm -rf "$dir"
mkdir -p "$dir"
find "$unpacked/usr/lib" -name '*.so*' -exec mv -t "$dir" {} +
install -m 755 "$unpacked/usr/sbin/exim4" "$dir/exim4" # without the setuid bit
