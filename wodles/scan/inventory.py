"""The images of the local container engine."""

import json
import os
import re
from typing import Any, Dict, Iterable, List, Tuple

from wodles.scan.errors import ScanError
from wodles.scan.files import trusted
from wodles.scan.process import Command, run_program
from wodles.scan.targets import REFERENCE, Target
from wodles.scan.text import clean, label
from wodles.scan.toolbox import Toolbox
from wodles.scan.values import as_dict, as_list, as_texts


def _docker(path: str, request: str) -> List[Dict[str, Any]]:
    """Ask the engine on its socket, in HTTP 1.0: the answer is then not chunked, and ends with the connection."""
    import socket

    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(20)
            connection.connect(path)
            connection.sendall(b"GET " + request.encode() + b" HTTP/1.0\r\nHost: docker\r\n\r\n")
            parts, size = [], 0
            while size < 64 << 20:
                part = connection.recv(1 << 16)
                if not part:
                    break
                parts.append(part)
                size += len(part)
        head, _, body = b"".join(parts).partition(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.[01] (\d{3})", head)
        if status is None or status.group(1) != b"200":
            raise ScanError("engine_unreachable", "HTTP status %s" % (status.group(1).decode() if status else "none"))
        document = json.loads(body.decode("utf-8", "replace"))
    except (OSError, ValueError, RecursionError):
        raise ScanError("engine_unreachable") from None
    return [entry for entry in document if isinstance(entry, dict)] if isinstance(document, list) else []


EXPOSURE_RANK = {"stored": 0, "running": 1, "published": 2}


def docker_images(socket_path: str) -> List[Target]:
    """List the images of the local Docker engine, those of running containers first, published ones before these."""
    exposures: Dict[str, str] = {}
    for container in _docker(socket_path, "/containers/json"):
        image = clean(container.get("ImageID"), 100)
        ports = (
            [p for p in container.get("Ports") or [] if isinstance(p, dict)]
            if isinstance(container.get("Ports"), list)
            else []
        )
        exposure = "published" if any(p.get("PublicPort") for p in ports) else "running"
        exposures[image] = max(exposures.get(image, "stored"), exposure, key=EXPOSURE_RANK.__getitem__)
    targets = []
    for entry in _docker(socket_path, "/images/json"):
        identifier = clean(entry.get("Id"), 100)
        targets.append(
            _image_target(
                identifier,
                identifier,
                as_texts(entry.get("RepoTags")),
                as_texts(entry.get("RepoDigests")),
                exposures.get(identifier, "stored"),
            )
        )
    return sorted(targets, key=lambda t: (-EXPOSURE_RANK[t.exposure], t.name))


def _image_target(identifier: str, reference: str, tags: List[str], digests: List[str], exposure: str) -> Target:
    names = sorted(label(t) for t in tags if "<none>" not in t)
    repositories = tuple(sorted(clean(d) for d in digests if "<none>" not in d))
    return Target(
        "image",
        names[0] if names else identifier,
        reference or identifier,
        identifier,
        repositories,
        tuple(names),
        exposure,
    )


def _ask(toolbox: Toolbox, argv: List[str], seconds: float) -> str:
    """Return what a program of the container engine answers; raises ``ScanError`` engine_unreachable."""
    import shutil
    import tempfile

    name = os.path.basename(argv[0])
    handle, output = tempfile.mkstemp(prefix="engine-", dir=toolbox.work)
    os.close(handle)
    directory = tempfile.mkdtemp(prefix="run-", dir=toolbox.work)
    try:
        try:
            if not trusted(os.stat(argv[0])):
                raise ScanError("binary_unsafe", name + " is not a file that only its owner may change")
        except OSError:
            raise ScanError("engine_unreachable", name + " is missing") from None
        command = Command(argv, directory, toolbox.environment(name), stdout=output, limit=64 << 20)
        outcome = run_program(command, seconds)
        with open(output, "rb") as stream:
            answer = stream.read().decode("utf-8", "replace")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.unlink(output)
    if outcome.code or outcome.ended_by:
        raise ScanError("engine_unreachable", "%s, exit code %d" % (name, outcome.code))
    return answer


def cri_images(toolbox: Toolbox, seconds: float) -> List[Target]:
    """List the images of a Kubernetes node through ``crictl``, those of running containers first."""
    answers = []
    for request in ("ps", "images"):
        endpoint = "unix://" + toolbox.config.containerd_socket
        argv = [toolbox.config.crictl, "--runtime-endpoint", endpoint, request, "--output", "json"]
        try:
            answers.append(as_dict(json.loads(_ask(toolbox, argv, seconds))))
        except (ValueError, RecursionError):
            raise ScanError("engine_unreachable", "crictl did not write JSON") from None
    running = set()
    for container in as_list(answers[0].get("containers")):
        if isinstance(container, dict) and container.get("state") in ("CONTAINER_RUNNING", None):
            spec = container.get("image")
            running.add(clean(container.get("imageRef"), 200))
            running.add(clean(spec.get("image") if isinstance(spec, dict) else "", 200))
    targets = []
    for image in as_list(answers[1].get("images")):
        if not isinstance(image, dict):
            continue
        identifier = clean(image.get("id"), 100)
        tags, digests = as_texts(image.get("repoTags")), as_texts(image.get("repoDigests"))
        used = running & ({identifier} | set(tags) | set(digests))
        reference = (tags + digests + [identifier])[0]
        targets.append(_image_target(identifier, reference, tags, digests, "running" if used else "stored"))
    return sorted(targets, key=lambda t: (-EXPOSURE_RANK[t.exposure], t.name))


_CTR_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_CTR_SOURCE = "containerd.io/distribution.source."
_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,75}\Z")


def containerd_images(toolbox: Toolbox, seconds: float) -> List[Target]:
    """List the images of containerd's namespaces through ``ctr``, those of running containers first.

    What ``ctr`` calls an image's digest is that of its manifest, or of the index that names one for each platform.
    """
    base = [toolbox.config.ctr, "--address", toolbox.config.containerd_socket]
    namespaces = toolbox.config.containerd_namespaces
    targets = []
    for namespace in namespaces or _ask(toolbox, base + ["namespaces", "ls", "-q"], seconds).split():
        if not _NAMESPACE.match(namespace):
            raise ScanError("engine_unreachable", "a namespace has a name that cannot be one")
        inside = base + ["--namespace", namespace]
        rows: Dict[str, List[List[str]]] = {}
        for what in ("tasks", "containers", "images", "content"):
            lines = _ask(toolbox, inside + [what, "ls"], seconds).splitlines()[1:]
            rows[what] = [words for words in (line.split() for line in lines) if len(words) >= 3]
        active = {words[0] for words in rows["tasks"] if words[2] in ("RUNNING", "PAUSED")}
        running = {words[1] for words in rows["containers"] if words[0] in active}
        names: Dict[str, List[str]] = {}
        for words in rows["images"]:
            # Kubernetes also names each image by its id alone.
            if _CTR_DIGEST.match(words[2]) and REFERENCE.match(words[0]) and not _CTR_DIGEST.match(words[0]):
                names.setdefault(words[2], []).append(words[0])
        labels = {words[0]: words[-1] for words in rows["content"]}
        for digest, called in names.items():
            tags = sorted(name for name in called if "@" not in name)
            digests = [origin + "@" + digest for origin in _origins(labels.get(digest, ""), called)]
            exposure = "running" if running.intersection(called) else "stored"
            target = _image_target(digest, (tags + called)[0], tags or called, digests, exposure)
            targets.append(target._replace(namespace=namespace, ids=_config_digests(labels, digest)))
    return sorted(targets, key=lambda t: (-EXPOSURE_RANK[t.exposure], t.name))


def _config_digests(labels: Dict[str, str], digest: str) -> Tuple[str, ...]:
    """Return the digests of the configurations below a manifest or index: image ids, as the scanners call them."""
    found = []
    pending = [digest]
    for _ in range(100):
        if not pending:
            break
        text = labels.get(pending.pop(), "")
        found += re.findall(r"containerd\.io/gc\.ref\.content\.config=(sha256:[0-9a-f]{64})", text)
        pending += re.findall(r"containerd\.io/gc\.ref\.content\.m\.[0-9]+=(sha256:[0-9a-f]{64})", text)
    return tuple(found)


def _origins(labels: str, names: Iterable[str]) -> List[str]:
    """Return the repositories that content was pulled from, from its labels: ``source.HOST=PATH,PATH,other=value``.

    The labels leave the registry's port out; where the image has a name, it has it.
    """
    with_port = {name.split("/")[0].split(":")[0]: name.split("/")[0] for name in names if "/" in name}
    found = []
    host = ""
    for part in labels.split(","):
        key, equals, value = part.partition("=")
        if equals:
            host = key[len(_CTR_SOURCE) :] if key.startswith(_CTR_SOURCE) else ""
        if host:
            found.append(with_port.get(host, host) + "/" + (value if equals else part))
    return found


def local_images(toolbox: Toolbox) -> List[Target]:
    """List the images of the local engine; raises ``ScanError`` engine_unreachable."""
    if toolbox.config.engine == "cri":
        return cri_images(toolbox, 30)
    if toolbox.config.engine == "containerd":
        return containerd_images(toolbox, 30)
    return docker_images(toolbox.config.docker_socket)
