# docker build -t smbreplay .
# docker run --rm -it -v "$HOME/cases:/cases" --user "$(id -u):$(id -g)" smbreplay ingest capture.pcapng

FROM rust:1-bookworm AS builder
WORKDIR /build
COPY . .
RUN cargo build --release --locked

FROM debian:bookworm-slim
# Noninteractive: wireshark-common asks whether others than root may capture; this image only reads files.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends tshark wireshark-common pcapfix \
    && rm -rf /var/lib/apt/lists/*
COPY --from=builder /build/target/release/smbreplay /usr/local/bin/smbreplay
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/smbreplay/
# With --user (so that datasets belong to whoever runs it) the settings still need a home that can be written.
RUN useradd --create-home --uid 1000 smbreplay \
    && chmod 1777 /home/smbreplay \
    && mkdir /cases \
    && chown smbreplay:smbreplay /cases
USER smbreplay
ENV HOME=/home/smbreplay TRACES_FOLDER=/cases
WORKDIR /cases
ENTRYPOINT ["smbreplay"]
CMD ["--help"]
