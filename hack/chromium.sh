#!/usr/bin/env bash
# Sees to it that there is a Chromium for the browser tests: the one that CHROMIUM names, or Debian's, which root can have
# installed.
set -euo pipefail

chromium=${CHROMIUM:-/usr/bin/chromium}
[[ -x $chromium ]] && exit
if [[ -n ${CHROMIUM:-} || $EUID -ne 0 || -z $(type -P apt-get) ]]; then
	echo "There is no $chromium. Install Chromium (on Debian: apt-get install chromium), or name one in CHROMIUM." >&2
	exit 1
fi
echo 'installing Chromium'
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install --no-install-recommends chromium fonts-dejavu-core >/dev/null
