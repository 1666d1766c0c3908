FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /rollcall .

# Nothing but the static program (it carries the time zones in itself) and the certificate authorities of the LMS.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /rollcall /rollcall
USER 65532:65532
ENTRYPOINT ["/rollcall"]
