// Command kinddocs writes the tables of docs/kinds: the fields of each kind as its CRD has them, and its states as
// docs/states.md has them. What stands above the mark in a page is written by people. It is a part of "make generate".
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

const mark = "<!-- What follows is written by \"make generate\". -->\n"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "kinddocs:", err)
		os.Exit(1)
	}
}

func run() error {
	states, err := readStates("docs/states.md")
	if err != nil {
		return err
	}
	files, err := filepath.Glob("config/crd/bases/*.yaml")
	if err != nil {
		return err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(content, crd); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		page := filepath.Join("docs", "kinds", crd.Spec.Names.Singular+".md")
		if err := rewrite(page, tables(crd, states)); err != nil {
			return err
		}
	}
	return nil
}

// rewrite replaces what stands below the mark in a page.
func rewrite(page, tables string) error {
	content, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	written, _, found := bytes.Cut(content, []byte(mark))
	if !found {
		return fmt.Errorf("%s has no line %s", page, strings.TrimSpace(mark))
	}
	return os.WriteFile(page, append(append(written, mark...), tables...), 0o600)
}

func tables(crd *apiextensionsv1.CustomResourceDefinition, states []state) string {
	root := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties
	var b strings.Builder
	for _, part := range []string{"spec", "status"} {
		fmt.Fprintf(&b, "\n## Fields of %s\n\n| field | value | meaning |\n|---|---|---|\n", part)
		for _, f := range fieldsOf(root[part], "") {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.path, f.value, f.meaning)
		}
	}
	b.WriteString("\n## States, and what to do\n\nThe STATE column is the reason of `Ready`. [States](../states.md) explains the conditions.\n\n" +
		"| STATE | means | what to do |\n|---|---|---|\n")
	for _, s := range states {
		if s.isOn(crd.Spec.Names.Kind) {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", s.names, s.means, s.advice)
		}
	}
	return b.String()
}
