#!/bin/sh
# Makes one OpenSearch node for the tests: install_opensearch.sh FOLDER [SECONDS]
#
# Its libraries come with Maven (opensearch/pom.xml pins them, Maven checks their checksums), its main class is compiled
# with javac. What is already there in the pinned version is kept. Ends with 0 when the node can be started, 75 when Java
# or Maven is missing or the time (default 600 s) is over: the tests that need it skip with a reason.
set -eu

folder=${1:?usage: install_opensearch.sh FOLDER [SECONDS]}
here=$(cd "$(dirname "$0")" && pwd)/opensearch
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
version=$(cat "$here/pom.xml" "$here/SearchNode.java" | sha256sum | cut -c1-16)

[ "$(cat "$folder/.version" 2>/dev/null)" != "$version" ] || { echo "install_opensearch: the node is there"; exit 0; }
for program in java javac mvn; do
    command -v "$program" >/dev/null 2>&1 || { echo "install_opensearch: no $program here" >&2; exit 75; }
done
rm -rf "$folder/lib" "$folder/classes"
nice -n 10 timeout "${2:-600}" mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$folder/lib" >"$folder/maven.log" 2>&1 ||
    { echo "install_opensearch: Maven failed or was out of time: $folder/maven.log" >&2; exit 75; }
nice -n 10 javac -nowarn -cp "$folder/lib/*" -d "$folder/classes" "$here/SearchNode.java" ||
    { echo "install_opensearch: the node does not compile" >&2; exit 75; }
printf '%s' "$version" >"$folder/.version"
echo "install_opensearch: the node is there"
