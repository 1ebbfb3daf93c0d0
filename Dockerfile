FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# Linked statically, so that the image needs nothing but this one file. Naming the target keeps build scripts out of it.
RUN target="$(rustc --print host-tuple)" \
    && RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target "$target" \
    && install -D "target/$target/release/rohrpost" /image/rohrpost \
    && install -d -m 700 /image/data

# An empty image: no shell, no libraries, nothing to patch but Rohrpost itself.
FROM scratch
COPY --from=build /image/rohrpost /rohrpost
COPY --from=build --chown=65532:65532 /image/data /data
USER 65532:65532
# All addresses of the container; which machines reach them is for whoever publishes the port.
ENV ROHRPOST__HTTP__LISTEN=0.0.0.0:8080 \
    ROHRPOST__STORAGE__PATH=/data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/rohrpost", "health"]
ENTRYPOINT ["/rohrpost"]
