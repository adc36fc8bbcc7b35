# Vedette in a container, for amd64 and arm64.
#   docker build -t vedette .
#   docker run --network host --device /dev/video0 --device /dev/snd -v vedette:/var/lib/vedette vedette
# The host's network, since everything listens on loopback until there is a user; add one with
#   docker exec -it <container> vedette user add NAME
ARG BASE=node:22-bookworm-slim

FROM ${BASE} AS build
WORKDIR /src
# What changes seldom comes first, so that it is kept between builds.
COPY native-deps/apt-runtime.txt native-deps/apt-build.txt native-deps/
RUN apt-get update && sed 's/#.*//' native-deps/apt-*.txt | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends
COPY . .
RUN DESTDIR=/image native-deps/install.sh

FROM ${BASE}
COPY native-deps/apt-runtime.txt /tmp/
RUN apt-get update && sed 's/#.*//' /tmp/apt-runtime.txt | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends && rm -rf /tmp/apt-runtime.txt /var/lib/apt/lists/*
COPY --from=build /image/ /
RUN groupadd --system --force render && useradd --system --groups video,audio,render --home-dir /var/lib/vedette --shell /usr/sbin/nologin vedette && chown root:vedette /etc/vedette /etc/vedette/config.yaml && chown vedette:vedette /var/lib/vedette /var/cache/vedette
ENV NODE_ENV=production GST_REGISTRY=/var/cache/vedette/gstreamer-registry.bin
USER vedette
# GStreamer looks at its plugins now and not at the first start.
RUN gst-inspect-1.0 fakesink
VOLUME /var/lib/vedette
EXPOSE 8080 8554 8189/udp
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD node -e "fetch('http://127.0.0.1:8080/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"
ENTRYPOINT ["vedette"]
CMD ["--config", "/etc/vedette/config.yaml"]
