#!/bin/sh
# Makes configure in a git checkout; a release tarball already has it.
set -e
cd "$(dirname "$0")"
exec autoreconf --install --force "$@"
