package cli

import "runtime/debug"

// version is set by releases: go build -ldflags "-X github.com/confab/confab/internal/cli.version=1.2.3".
var version = ""

// Version is the release, or "dev-" and the revision that go built, with "+changes" if it had any, or "dev".
func Version() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	revision, modified := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "+changes"
		}
	}
	if revision == "" {
		return "dev"
	}
	return "dev-" + revision + modified
}
