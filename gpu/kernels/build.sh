#!/usr/bin/env bash
# Compiles every kernel file to PTX: build.sh [FOLDER], by default beside the sources. Each file begins with the SHA-256 of the sources.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "${1:-$here}" && pwd)
cd "$here"
clang=${CLANG:-$(command -v clang-14 || command -v clang || true)}
if [ -z "$clang" ] || ! "$clang" --version | grep -q 'version 14\.'; then
	echo "make ptx: clang 14 is needed (Debian: apt-get install clang-14), or set CLANG" >&2
	exit 1
fi
flags=(-x cuda --cuda-device-only --cuda-gpu-arch=sm_80 -nocudainc -nocudalib -std=c++17 -O3 -Wall -Werror)
for source in ${KERNELS:-*.cu}; do
	name=${source%.cu}
	{
		echo "// $source sha256 $(cat prelude.h "$source" | sha256sum | cut -d' ' -f1)"
		"$clang" "${flags[@]}" -S -o - "$source"
	} >"$out/$name.ptx.new"
	mv "$out/$name.ptx.new" "$out/$name.ptx"
done
