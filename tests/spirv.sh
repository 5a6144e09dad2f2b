#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every shader compiles to SPIR-V that the validator accepts.
dir=$(mktemp -d "${TMPDIR:-/tmp}/lte-spirv.XXXXXX") || exit 99
trap 'rm -rf "$dir"' EXIT
cd "$top_srcdir/shaders" || exit 99
if [ -z "$GLSLANG" ] || [ -z "$SPIRV_VAL" ]; then
    echo '1..0 # SKIP needs glslang and spirv-val'
    exit 0
fi
n=0
for shader in *.comp; do
    n=$((n + 1))
    target=vulkan1.1
    case $shader in *_cooperative.comp)
        target=vulkan1.2
        if ! grep -q '^#define HAVE_COOPERATIVE_MATRICES' "$top_builddir/config.h"; then
            echo "ok $n - $shader # SKIP not for this compiler"
            continue
        fi ;;
    esac
    if $GLSLANG -V --target-env $target -I. -o "$dir/spv" "$shader" >"$dir/log" 2>&1 &&
        $SPIRV_VAL --target-env $target "$dir/spv" >>"$dir/log" 2>&1; then
        echo "ok $n - $shader"
    else
        sed 's/^/# /' "$dir/log"
        echo "not ok $n - $shader"
    fi
done
echo "1..$n"
