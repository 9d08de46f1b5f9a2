#!/usr/bin/env bash
# Fetches the chart library of the HTML report, exactly one version, as its project publishes it on npm.
#
#   vendor-echarts.sh            fetches it and puts it in src/report/html/vendor/echarts
#   vendor-echarts.sh --check    only compares what lies there with the checksum of the file
#
# For a newer version: change the three values below, run it, look at the pages
# (docs/report.md), and name the version in src/report/html/template.html.
set -euo pipefail

version=6.1.0
# Of the package: npm's integrity, in hex (npm view echarts@VERSION dist.integrity | cut -d- -f2 | base64 -d | od -An -tx1 | tr -d ' \n').
sha512=ab4c9a14f8200bd15476c587e1b95abd15859b176b22875b92828d02326e74023a080f6034fc47b55d917193447a9655964e32bc16243a46e4e87215a48c8764
# Of dist/echarts.min.js in it.
sha256=b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0

folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/src/report/html/vendor/echarts

check() {
    if ! echo "$sha256  $folder/echarts.min.js" | sha256sum --check --quiet -; then
        echo "vendor-echarts: $folder/echarts.min.js is not that of ECharts $version" >&2
        exit 1
    fi
}

case ${1:-} in
    --check) check; exit 0 ;;
    '') ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
curl --fail --silent --show-error --location --retry 3 \
    --output "$work/echarts.tgz" "https://registry.npmjs.org/echarts/-/echarts-$version.tgz"
if ! echo "$sha512  $work/echarts.tgz" | sha512sum --check --quiet -; then
    echo "vendor-echarts: the package that npm gave is not ECharts $version" >&2
    exit 1
fi
tar -xzf "$work/echarts.tgz" -C "$work"
mkdir -p "$folder"
cp "$work/package/dist/echarts.min.js" "$work/package/LICENSE" "$work/package/NOTICE" "$work/package/licenses/LICENSE-d3" "$folder/"
check
echo "ECharts $version is in $folder"
