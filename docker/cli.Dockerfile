# The command line and the gate in an image, for pipelines. `make cli-image BASE=...` prepares the context: a folder `wheels` with
# this project and what it needs, downloaded by hash. The build itself needs no network.
# BASE is any image with Python 3.10 or newer and its venv module; name yours by digest. The wheels are made for its version of
# Python (IMAGE_PYTHON).
ARG BASE=python:3.12-slim-bookworm
FROM ${BASE} AS build
COPY wheels /wheels
RUN python3 -m venv /opt/wazuh-cicd \
 && /opt/wazuh-cicd/bin/pip install --no-cache-dir --no-index --no-deps /wheels/*.whl \
 && /opt/wazuh-cicd/bin/pip check \
 && /opt/wazuh-cicd/bin/pip uninstall --yes --quiet pip setuptools || [ -x /opt/wazuh-cicd/bin/wazuh-cicd ]

FROM ${BASE}
COPY --from=build /opt/wazuh-cicd /opt/wazuh-cicd
RUN ln -s /opt/wazuh-cicd/bin/wazuh-cicd /usr/local/bin/wazuh-cicd \
 && mkdir -m 1777 -p /var/cache/wazuh-cicd
# A number, so that Kubernetes can see that it is not root. Mount what is judged
# read-only, and the cache where it may grow; a read-only container needs a /tmp as well (--read-only --tmpfs /tmp).
USER 65532:65532
ENV WAZUH_CICD_CACHE=/var/cache/wazuh-cicd HOME=/var/cache/wazuh-cicd
WORKDIR /work
# No entry point: CI servers start a shell in the image.
CMD ["wazuh-cicd", "--help"]
