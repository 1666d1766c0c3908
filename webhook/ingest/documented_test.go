package ingest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// documented gives the JSON in the documentation, each example with its file and line: what stands in fences of the kind
// json, and each line of those of the kind ndjson.
func documented(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../docs/*.md")
	must(t, err)
	examples := map[string]string{}
	for _, file := range append(files, "../../README.md") {
		text, err := os.ReadFile(file)
		must(t, err)
		fence, begin, block := "", 0, ""
		for i, line := range strings.Split(string(text), "\n") {
			kind, fenced := strings.CutPrefix(strings.TrimSpace(line), "```")
			at := fmt.Sprintf("%s:%d", filepath.Base(file), i+1)
			switch {
			case fenced && fence == "":
				fence, begin, block = kind+"…", i+1, ""
			case fenced && fence == "json…":
				examples[fmt.Sprintf("%s:%d", filepath.Base(file), begin)] = block
				fence = ""
			case fenced:
				fence = ""
			case fence == "json…":
				block += line + "\n"
			case fence == "ndjson…":
				examples[at] = line
			}
		}
	}
	return examples
}

func TestTheExamplesOfTheDocumentationAreAsDescribed(t *testing.T) {
	seen := map[string]int{}
	for at, text := range documented(t) {
		schema := schemaOf(t, at, text)
		seen[schema]++
		if schema == "" {
			continue
		}
		if err := judgeBy(t, schema, text); err != nil {
			t.Errorf("%s: %v", at, err)
		}
		if schema != "Document" {
			continue
		}
		decoded, err := decode[document]([]byte(text))
		if err == nil {
			err = decoded.validate(*decoded.Contact.ContactID)
		}
		if err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
	if seen["Document"] == 0 || seen["Problem"] == 0 {
		t.Errorf("found %v", seen)
	}
}

// schemaOf tells what an example is an example of, by the members that only such a thing has. It is empty for what is not
// the API's.
func schemaOf(t *testing.T, at, text string) string {
	t.Helper()
	var members map[string]jsontext.Value
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Errorf("%s: %v", at, err)
		return ""
	}
	for _, kind := range []struct{ member, schema string }{
		{"logger", ""}, {"courses", ""}, {"displayName", ""}, {"text", ""}, {"messageID", ""}, {"line", "BulkAnswer"}, {"type", "Problem"}, {"Result", "Receipt"}, {"Status", "Record"},
		{"DocumentRevision", "BulkLine"}, {"Contact", "Document"},
	} {
		if _, ok := members[kind.member]; ok {
			return kind.schema
		}
	}
	t.Errorf("%s: nobody knows what this is an example of", at)
	return ""
}
