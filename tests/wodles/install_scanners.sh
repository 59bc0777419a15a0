#!/bin/sh
# Builds pinned Trivy, Grype and cosign, and the writer of test databases, into a folder: install_scanners.sh FOLDER [SECONDS]
#
# From source, through the Go module proxy: `go` checks every module against the Go checksum database (GOSUMDB), Trivy's
# own go.sum pins its dependencies. A binary that is already there in the pinned version is kept, so FOLDER can be a
# cache. Ends with 0 when all are there, 75 when Go is missing or the time (default 1200 s) is over: the tests that need
# what is missing skip with a reason. Go keeps what it compiled, so that a second call goes on where the first one ended.
#
# What most tests need comes first. Measured with two busy processors and a low priority: the writer of test databases 20 s,
# Trivy 9.7 min, cosign 2.7 min, Grype 3.4 min (each with what it has in common with those before it already compiled).
set -eu

TRIVY=v0.74.0
GRYPE=v0.120.1
COSIGN=v3.1.2

folder=${1:?usage: install_scanners.sh FOLDER [SECONDS]}
deadline=$(($(date +%s) + ${2:-1200}))
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

command -v go >/dev/null 2>&1 || { echo "install_scanners: no Go here" >&2; exit 75; }
export CGO_ENABLED=0 GOFLAGS='-buildvcs=false -trimpath' GOSUMDB="${GOSUMDB:-sum.golang.org}" GOTOOLCHAIN=local GOBIN="$folder"
unset GONOSUMDB GONOSUMCHECK GOPRIVATE || true

run() { # run COMMAND...: within what is left of the time, with little of the processor's attention
    left=$((deadline - $(date +%s)))
    [ "$left" -gt 0 ] || { echo "install_scanners: out of time" >&2; exit 75; }
    nice -n 10 timeout "$left" "$@" || { echo "install_scanners: failed or out of time: $*" >&2; exit 75; }
}

kept() { # kept NAME VERSION: whether it is there
    [ -x "$folder/$1" ] && [ "$(cat "$folder/.$1.version" 2>/dev/null)" = "$2" ]
}
begun=$(date +%s)
done_with() {
    printf '%s' "$2" >"$folder/.$1.version"
    echo "install_scanners: $1 $2 is there after $(($(date +%s) - begun)) s"
}

if ! kept trivydb 1; then
    (cd "$here/trivydb" && run go build -o "$folder/trivydb" .)
    done_with trivydb 1
fi
if ! kept trivy "$TRIVY"; then
    # Not `go install`: that asks the proxy for the list of versions, which it does not give for this module.
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    module=$(run go mod download -json "github.com/aquasecurity/trivy@$TRIVY")
    source=$(printf '%s\n' "$module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    [ -n "$source" ] || { echo "install_scanners: Trivy's source is not where Go says" >&2; exit 75; }
    cp -r "$source/." "$work" && chmod -R u+w "$work"
    flags="-s -w -X github.com/aquasecurity/trivy/pkg/version/app.ver=${TRIVY#v}"
    (cd "$work" && GOEXPERIMENT=jsonv2 run go build -ldflags "$flags" -o "$folder/trivy" ./cmd/trivy)
    done_with trivy "$TRIVY"
fi
if ! kept cosign "$COSIGN"; then
    run go install "github.com/sigstore/cosign/v3/cmd/cosign@$COSIGN"
    done_with cosign "$COSIGN"
fi
if ! kept grype "$GRYPE"; then
    run go install "github.com/anchore/grype/cmd/grype@$GRYPE"
    done_with grype "$GRYPE"
fi
