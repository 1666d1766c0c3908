// Command golangci-lint is the stock golangci-lint with kube-api-linter linked in.
//
// "golangci-lint custom" makes the same program, but clones a git repository to do so; this one is pinned by go.mod
// like everything else.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/golangci/golangci-lint/v2/pkg/commands"
	"github.com/golangci/golangci-lint/v2/pkg/exitcodes"
	_ "sigs.k8s.io/kube-api-linter" // registers the linter "kubeapilinter"
)

func main() {
	if err := commands.Execute(buildInfo()); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "golangci-lint stopped: %v\n", err)
		os.Exit(exitcodes.Failure)
	}
}

// buildInfo tells golangci-lint the version of itself that is linked in. It is part of the key of its cache.
func buildInfo() commands.BuildInfo {
	info := commands.BuildInfo{Version: "unknown", Commit: "unknown", Date: "unknown"}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	info.GoVersion = build.GoVersion
	for _, dep := range build.Deps {
		switch dep.Path {
		case "github.com/golangci/golangci-lint/v2":
			info.Version = strings.TrimPrefix(dep.Version, "v")
		case "sigs.k8s.io/kube-api-linter":
			info.Commit = "kube-api-linter " + dep.Version
		}
	}
	return info
}
