package main

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// There may be no container engine to build the image with, so at least nothing that the program is made of is kept from it.
func TestTheImageIsBuiltOfAllThatTheProgramIsMadeOf(t *testing.T) {
	t.Parallel()
	ignored, err := os.ReadFile(".dockerignore")
	must(t, err)
	lines := strings.Fields(string(ignored))
	if lines[0] != "*" {
		t.Fatalf(".dockerignore begins with %s, want that it keeps out all that it does not name", lines[0])
	}
	root, err := os.Getwd()
	must(t, err)
	listed, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", `{{with .Module}}{{if .Main}}{{range $.GoFiles}}{{$.Dir}}/{{.}}
{{end}}{{range $.EmbedFiles}}{{$.Dir}}/{{.}}
{{end}}{{end}}{{end}}`, ".").Output()
	must(t, err)
	files := strings.Fields(string(listed))
	if !slices.Contains(files, filepath.Join(root, "main.go")) {
		t.Fatalf("the program is made of %v", files)
	}
	for _, file := range append(files, filepath.Join(root, "go.mod"), filepath.Join(root, "go.sum")) {
		name, err := filepath.Rel(root, file)
		must(t, err)
		top, _, _ := strings.Cut(filepath.ToSlash(name), "/")
		if !slices.ContainsFunc(lines[1:], func(line string) bool {
			let, found := strings.CutPrefix(line, "!")
			matches, err := path.Match(let, top)
			return found && matches && err == nil
		}) {
			t.Errorf("%s is kept from the image", name)
		}
	}
}
