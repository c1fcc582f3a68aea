# syntax=docker/dockerfile:1
# One image for every role: the command says which.
#   docker build -t millrace .
#   docker run --rm millrace --help

FROM rust:1.95-bookworm AS build
# librdkafka is built from source: gcc and make are in the image, OpenSSL's headers are for TLS and SASL.
RUN apt-get update && apt-get install -y --no-install-recommends libssl-dev pkg-config zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
# Built into the binary: pipelines, migrations, generated schemas.
COPY pipelines pipelines
COPY schemas schemas
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin millrace && cp target/release/millrace /usr/local/bin/millrace

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates libssl3 tzdata zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /var/lib/millrace --uid 10001 millrace \
    && install -d -o millrace -g millrace /var/lib/millrace /keys
COPY --from=build /usr/local/bin/millrace /usr/local/bin/millrace
COPY config/docker.toml /etc/millrace/docker.toml
USER millrace
WORKDIR /var/lib/millrace
EXPOSE 8080 8081
# SIGTERM drains: it may take `shutdown` (20 s).
STOPSIGNAL SIGTERM
ENTRYPOINT ["millrace", "--config", "/etc/millrace/docker.toml"]
CMD ["--help"]
