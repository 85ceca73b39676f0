# syntax=docker/dockerfile:1
# docker build -t confab . && docker run --rm --network host confab
# Host networking, because a relay and an SFU hand out the ports they listen on. Without it, publish the TCP port, the UDP port and
# the relay ports under the same numbers, and give --public-ip.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=""
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/confab/confab/internal/cli.version=${VERSION}" -o /out/ ./cmd/...

FROM scratch
COPY --from=build /out/ /
USER 65532:65532
EXPOSE 8080/tcp 3478/udp
ENTRYPOINT ["/sfu"]
