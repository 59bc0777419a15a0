# The package as an image, and as a layer of a manager's image. In the project's folder, after `wazuh-cicd build -o build`:
#   docker build -f docker/package.Dockerfile --target package -t registry.example.com/wazuh-cicd-package:VERSION .
#   docker build -f docker/package.Dockerfile --target manager -t registry.example.com/wazuh-manager:4.14.7-cicd .
# The first is what an init container copies; its base needs `cp` alone. The second adds the same files to WAZUH_IMAGE.
ARG BASE=busybox:1.37
ARG WAZUH_IMAGE=wazuh/wazuh-manager:4.14.7
FROM ${BASE} AS package
COPY build/manager /cicd/build/manager
COPY build/agent/etc /cicd/build/agent/etc
COPY docker/as_user.py docker/package.sh /cicd/
USER 65534:65534
CMD ["cp", "-R", "/cicd/.", "/out/"]

FROM ${WAZUH_IMAGE} AS manager
COPY --from=package /cicd /cicd
COPY --from=package /cicd/package.sh /entrypoint-scripts/10-cicd-package.sh
