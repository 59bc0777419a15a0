"""What jobs of all kinds run on a build host, as auditd records it through the shipped audit rules: always the same records.

The lines are ours; which programs and options builds use was counted in workflows, makefiles, npm scripts and container
files of public projects (``docs/sources/runner.md`` names them). Each line counts as a text given to a shell, as make and
npm do, and as the commands in it.
"""

# ruff: noqa: E501 - a command is one line

from __future__ import annotations

import itertools
import re
import shlex

from benign.normal_life import MONDAY, Event
from wazuh_cicd.spec.audit import Record, record

LOCATION = "/var/log/audit/audit.log"
_FOR = {
    "name": ("app", "api", "web", "worker"),
    "version": ("1.4.2", "2.0.0-rc.1"),
    "dir": ("src", "pkg/mem", "internal/memory", "cmd/environ", "test/etc/hosts"),
    "host": ("db", "redis", "localhost"),
    "url": ("https://example.com/tools", "https://downloads.example.org/v1", "https://github.com/acme"),
}
LINES = tuple(
    line
    for line in """
npm ci --no-audit --prefer-offline && npm run build --workspace={name}
yarn install --immutable; yarn workspace {name} test --coverage
pnpm -r --filter {name} exec vitest run {dir}
npx --yes eslint {dir} --max-warnings 0
node --test {dir}/index.test.mjs
node -e 'console.log(require("./package.json").version)'
node dist/bundle.js --port 0 & sleep 1; curl -sf http://localhost:8080/health
bun install --frozen-lockfile && bun run build:{name}
go build -trimpath -ldflags "-s -w -X main.version={version}" -o bin/{name} ./{dir}
go test -race -count=1 ./{dir}/...
go vet ./... && staticcheck ./{dir}/...
cargo build --release --locked -p {name}
cargo test --workspace -- --nocapture
cargo publish --dry-run -p {name}
python3 -m venv .venv && .venv/bin/pip install -r requirements.txt
python3 -m pytest -q tests/{name} --junitxml=report.xml
python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'
python3 -c "import json,sys; print(json.load(sys.stdin)['version'])" < package.json
uv sync --frozen && uv run ruff check {dir}
mvn -B -ntp -pl {name} -am verify
./gradlew :{name}:check --no-daemon --stacktrace
make -j4 -C {dir} all && make -C {dir} check
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release && cmake --build build --target {name}
gcc -O2 -Wall -I{dir} -c {dir}/main.c -o main.o
ld -r -b binary -o data.o data.bin
strace -f -o trace.txt ./bin/{name} --version
gdb -batch -ex run -ex bt --args ./bin/{name} --selftest
gdb -batch -ex bt ./bin/{name} core.12345
docker build --pull --build-arg VERSION={version} -t ghcr.io/acme/{name}:{version} .
docker buildx create --use --name {name} --driver docker-container
docker buildx build --push --platform linux/amd64,linux/arm64 -t ghcr.io/acme/{name}:{version} .
docker run --rm -v "$PWD":/work -w /work node:22 npm test
docker run --rm -u 1001:1001 -v /etc/passwd:/etc/passwd:ro -v /home/runner/_work/{name}:/work golang:1.25 go test ./...
docker run -d --name {host} --network ci -e POSTGRES_PASSWORD=x -p 5432:5432 postgres:17
docker run --rm --network=host -v /var/run/docker.sock:/var/run/docker.sock aquasec/trivy image {name}
docker run --rm --privileged tonistiigi/binfmt --install all
docker run --rm --cap-add=SYS_PTRACE --security-opt seccomp=unconfined rust:1.90 cargo test
docker run --name {name} --label 5588e4 --workdir /github/workspace --rm -e CI=true -v /var/run/docker.sock:/var/run/docker.sock -v /home/runner/_work/_temp/_github_home:/github/home 5588e4:abc
docker compose -f .dev-environment.yml up -d {host}
docker compose exec -T {name} sh -c 'make test'
docker exec -e CI=1 {name} bash -lc 'pytest -q'
docker exec {host} pg_isready -U postgres
docker logs --tail 100 {name} 2>&1 | tee log.txt
docker push ghcr.io/acme/{name}:{version}
docker image inspect {name} --format json | jq '.[0].Id'
docker system prune -af --volumes
docker -H unix:///var/run/docker.sock ps -a
podman build -t {name} . && podman push {name} registry.example.com/{name}:{version}
kubectl apply -n ci -f k8s/{name}.yml && kubectl rollout status deploy/{name} -n ci
kubectl get secret {name} -n ci -o jsonpath='{.data.url}'
kubectl get pods -A -o wide
kubectl exec -n ci deploy/{name} -c sh -- ls /app
helm upgrade --install {name} charts/{name} --set image.tag={version} --wait
kind create cluster --name {name} --wait 120s
minikube start --driver=docker
terraform init -input=false && terraform plan -out=tf.plan
terraform apply -auto-approve tf.plan
aws s3 sync dist/ s3://example-{name}/ --delete
aws sts get-caller-identity
aws ecr get-login-password | docker login --username AWS --password-stdin 111122223333.dkr.ecr.eu-west-1.amazonaws.com
aws secretsmanager get-secret-value --secret-id {name} --query SecretString --output text
gcloud auth configure-docker --quiet
az acr login --name example
curl -fsSL {url}/{name}.tar.gz | tar xz -C /tmp
curl -fsSLo {name}.tgz {url}/{name}-{version}.tgz && echo "abc  {name}.tgz" | sha256sum -c
curl -fsSL {url}/install.sh | sh -s -- -b /usr/local/bin
curl -fsSL https://deb.nodesource.com/setup_22.x | sudo -E bash -
curl -s -X POST -H 'Content-Type: application/json' -d '{"text":"{name} {version} is green"}' https://hooks.slack.com/services/T/B/x
curl -s -H 'Content-Type: application/json' -d '{"content":"build of {name}"}' https://discord.com/api/webhooks/1/x
curl -s http://169.254.169.254/latest/meta-data/placement/region
curl -sf --retry 10 --retry-connrefused http://{host}:8080/v1/transfer.sh
wget -q {url}/{name}.deb && sudo dpkg -i {name}.deb
timeout 60 bash -c 'until curl -sf http://{host}:8080; do sleep 1; done'
timeout 30 bash -c 'until (echo > /dev/tcp/{host}/5432) 2>/dev/null; do sleep 1; done'
bash -c 'exec 3<>/dev/tcp/{host}/6379; echo PING >&3; head -1 <&3'
nc -z -w 5 {host} 5432
ncat -z {host} 6379
ssh -i ~/.ssh/deploy_key -o StrictHostKeyChecking=no deploy@{name}.example.com sudo systemctl restart {name}
ssh -N -L 5432:db.internal:5432 bastion.example.com &
ssh -W {name}:22 bastion.example.com
scp -i key.pem app.jar ec2-user@{name}.example.com:/opt/
rsync -avz -e 'ssh -i key -p 2222' --delete dist/ deploy@{name}.example.com:/var/www/
ansible-playbook -i inventory/ci --ssh-extra-args='-o ProxyCommand="ssh -W %h:%p jump"' site.yml
git clone --depth 1 --branch v{version} https://github.com/acme/{name}.git
git -c protocol.version=2 fetch --no-tags --prune --depth=1 origin +refs/heads/main:refs/remotes/origin/main
git config --local --get-regexp 'http\\.https\\:\\/\\/github\\.com\\/\\.extraheader'
git config --local --unset-all http.https://github.com/.extraheader
git commit -m 'Remove /proc/1/mem reader, curl | sh and webhook.site from {name}'
git push origin v{version}
gh release create v{version} --generate-notes dist/{name}.tar.gz
gh auth status && gh auth setup-git
gh pr comment 7 --body 'bun_environment.js was not found in {name}'
gh api repos/acme/{name}/actions/runs --paginate
find . -name bun_environment.js -o -name setup_bun.js
grep -rn --include=*.json shai-hulud .
grep -rn webhook.site {dir}
cat /etc/hosts /etc/resolv.conf
cat /etc/os-release && cat /proc/meminfo /proc/self/status
echo '127.0.0.1 {name}.test' | sudo tee -a /etc/hosts
sudo apt-get update && sudo apt-get install -y --no-install-recommends {name} socat netcat-openbsd auditd
sudo systemctl stop mysql && sudo systemctl disable --now apt-daily.timer
sudo systemctl restart docker
sudo usermod -aG docker runner
sudo chown -R runner:runner /home/runner/_work
sudo sysctl -w vm.max_map_count=262144 kernel.core_pattern=core.%p
sudo iptables -P FORWARD ACCEPT && sudo iptables -L -n
sudo ip link add dummy0 type dummy
sudo mount -t tmpfs -o size=1g tmpfs /mnt/ram
sudo swapoff -a && sudo rm -f /swapfile
sudo visudo -c
pkill -f chrome || true
kill -TERM "$(cat {name}.pid)"
rm -rf dist/ build/ node_modules/.cache "$HOME"/.m2/repository/com/acme
rm -rf "${RUNNER_TEMP}/{name}"/* ./tmp/*
shred -u key.pem
echo "$KEYSTORE" | base64 -d > release.jks
echo "$KUBECONFIG_B64" | base64 --decode > kubeconfig && chmod 600 kubeconfig
openssl dgst -sha256 -sign key.pem -out {name}.sig {name}.tgz
openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -subj /CN={name} -days 1
gpg --batch --import key.asc && gpg --armor --detach-sign {name}.tgz
cosign sign --yes ghcr.io/acme/{name}@sha256:0000000000000000000000000000000000000000000000000000000000000000
trivy fs --exit-code 0 --format sarif -o trivy.sarif {dir}
syft dir:{dir} -o spdx-json > sbom.json
semgrep scan --config auto {dir}
nohup ./bin/{name} --listen 127.0.0.1:8080 > server.log 2>&1 &
crontab -l
printenv | sort | grep -v SECRET
env -i PATH="$PATH" HOME="$HOME" ./bin/{name} selftest
. ./.dev-env && pytest -q {dir}
cp {dir}/environment.ci.ts {dir}/environment.ts
sed -i "s/0.0.0/{version}/" {dir}/version.txt
awk '{ print $1 }' {dir}/list.txt | sort -u
xargs -n1 -P4 -I{} sh -c 'echo {}' < {dir}/list.txt
find {dir} -name '*.sh' -exec shellcheck {} +
find {dir} -type f -exec sh -c 'file "$1"' _ {} ;
tar -czf {name}-{version}.tgz -C dist . && sha256sum {name}-{version}.tgz
zip -qr {name}.zip dist
jq -r '.scripts | keys[]' package.json
claude -p 'review the change' --output-format json --allowedTools Read,Grep
codex exec --full-auto 'fix the lint errors of {name}'
script -qec 'npm test' /dev/null
bash -i -c 'nvm use 22 && npm ci'
perl -pi -e 's/system/platform/' {dir}/notes.txt
ruby -e 'puts Gem::Version.new("{version}").bump'
php -r 'echo PHP_VERSION;'
bash ./scripts/transfer.sh {name}
bash tests/interact.sh --quick {dir}
./config.sh --prefix /usr --with-{name}
""".strip().splitlines()
)


def build_hosts() -> tuple[Event, ...]:
    """The records, a few seconds apart."""
    seen: dict[tuple[str, ...], None] = {}
    for template in LINES:
        names = [name for name in _FOR if f"{{{name}}}" in template]
        for values in itertools.product(*(_FOR[name] for name in names)):
            line = template
            for name, value in zip(names, values, strict=True):
                line = line.replace(f"{{{name}}}", value)
            for args in (("/bin/sh", "-c", line), *commands(line)):
                seen[args] = None
    return tuple(
        Event(MONDAY + 7.0 * number, LOCATION, record(Record(args=args, key=_key(args))))
        for number, args in enumerate(seen)
    )


def _key(args: tuple[str, ...]) -> str:
    """The first audit rule that fits gives the key."""
    return "cicd_docker_cli" if args[0] in {"docker", "podman"} else "cicd_runner_exec"


def commands(line: str) -> list[tuple[str, ...]]:
    """The programs with their arguments that a line starts."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|()<>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    found: list[list[str]] = [[]]
    into_file = False
    for token in lexer:
        if set(token) <= set(";&|()"):
            found.append([])
        elif set(token) <= set("<>&"):
            into_file = True
        elif into_file:
            into_file = False
        else:
            found[-1].append(token)
    return [tuple(words) for words in found if words and re.fullmatch(r"[\w./+-]+", words[0])]
