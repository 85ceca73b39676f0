# syntax=docker/dockerfile:1
# docker build -t confab . && docker run --rm --network host confab
# docker build -t confab-turn --target turn . && docker run --rm --network host -v ./secrets:/secrets:ro confab-turn --public-ip 203.0.113.7
# Host networking, because a relay and an SFU hand out the ports they listen on. Without it, publish the TCP port, the UDP port and
# the relay ports under the same numbers, and give --public-ip. The file of secrets must be readable for user 65532.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=""
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/confab/confab/internal/cli.version=${VERSION}" -o /out/ ./cmd/sfu ./cmd/turn

FROM scratch AS turn
COPY --from=build /out/turn /turn
USER 65532:65532
EXPOSE 3478/udp 3478/tcp 5349/tcp
ENTRYPOINT ["/turn", "serve", "--secret-file", "/secrets"]

FROM scratch
COPY --from=build /out/ /
USER 65532:65532
EXPOSE 8080/tcp 3478/udp
ENTRYPOINT ["/sfu"]
