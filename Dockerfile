# The image of deploy/kuberay: `docker build --tag raycre .` For GPUs torch brings CUDA's libraries by itself.
FROM python:3.12-slim-bookworm

# Ray's probes in Kubernetes ask by wget; pyBigWig and others bring their libraries in their wheels.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends wget \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 ray

WORKDIR /opt/raycre
COPY constraints.txt pyproject.toml README.md LICENSE ./
# torch first: the largest layer, which a change of raycre leaves as it is.
RUN pip install --no-cache-dir --constraint constraints.txt torch
COPY raycre raycre
RUN pip install --no-cache-dir --constraint constraints.txt '.[cloud,plots]'

USER 1000
WORKDIR /home/ray
ENV RAY_USAGE_STATS_ENABLED=0
CMD ["raycre", "--help"]
