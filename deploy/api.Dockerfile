# The API: `novacron serve`, and the operator's commands.
#   docker build -f deploy/api.Dockerfile -t novacron-api .
FROM golang:1.26.8-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
      libvirt-dev pkg-config qemu-utils e2fsprogs fdisk && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
RUN go build -trimpath -ldflags="-s -w -X main.version=$VERSION" -o /out/novacron ./cmd/novacron
# NovaCron's own guest, for the first VM of an installation.
RUN apt-get update && scripts/tiny-image /out/novacron-tiny.qcow2 && rm -rf /var/lib/apt/lists/*

FROM debian:bookworm-20250721-slim
# libvirt0 is the client's half alone; qemu-utils looks into images that people upload.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates libvirt0 qemu-utils && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --uid 10001 --user-group novacron && \
    install -d -o novacron -g novacron -m 700 /var/lib/novacron
COPY --from=build /out/novacron /usr/local/bin/novacron
COPY --from=build /out/novacron-tiny.qcow2 /usr/share/novacron/novacron-tiny.qcow2
USER novacron
ENV NOVACRON_SECRETS_KEY_FILE=/var/lib/novacron/secrets.json \
    NOVACRON_TINY_IMAGE=/usr/share/novacron/novacron-tiny.qcow2 \
    NOVACRON_LOCAL_LIBVIRT=off
VOLUME /var/lib/novacron
EXPOSE 8080
ENTRYPOINT ["novacron"]
CMD ["serve"]
