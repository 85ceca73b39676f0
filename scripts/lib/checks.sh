# Sourced by scripts/check and scripts/test: the checks that need no browser.

STATICCHECK=honnef.co/go/tools/cmd/staticcheck@v0.8.2

formatted() {
  local unformatted
  unformatted=$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l) || return 1
  [[ -z $unformatted ]] || { printf 'not formatted (gofmt -w):\n%s\n' "$unformatted"; return 1; }
}

scripts_parse() { local f; for f in scripts/run scripts/test scripts/check scripts/gen scripts/bench scripts/netns scripts/lib/*.sh .ci/run; do bash -n "$f" || return 1; done; }

# npm_packages installs web/node_modules when the lock file is newer than what is there.
npm_packages() {
  [[ web/node_modules/.package-lock.json -nt web/package-lock.json ]] && return
  (cd web && npm ci)
}

bundle_fresh() { go run ./web/build -check; }
types() { (cd web && npm run --silent check); }
web_tests() { (cd web && npm test --silent); }
go_tests() { go test -race -timeout 10m "$@"; }

checks() {
  step "gofmt" formatted
  step "scripts" scripts_parse
  step "go vet" go vet ./...
  step "staticcheck" go run "$STATICCHECK" ./...
  step "rules of the house" go test ./internal/arch
  step "npm packages" npm_packages && {
    step "web bundle is fresh" bundle_fresh
    step "TypeScript types" types
    step "web unit tests" web_tests
  }
  step "Go tests with the race detector" go_tests "$@"
}
