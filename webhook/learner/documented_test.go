package learner

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/schema_validation"
)

func TestTheExamplesOfTheDocumentationAreAsDescribed(t *testing.T) {
	text, err := os.ReadFile("../../docs/learner-api.md")
	must(t, err)
	validator := schema_validation.NewSchemaValidator(config.WithFormatAssertions())
	examples := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	for _, example := range examples {
		var members map[string]jsontext.Value
		must(t, json.Unmarshal([]byte(example[1]), &members))
		schema := ""
		for member, kind := range map[string]string{"courses": "Courses", "displayName": "Mentor", "text": "Letter", "messageID": "Message"} {
			if _, ok := members[member]; ok {
				schema = kind
			}
		}
		if schema == "" {
			t.Errorf("nobody knows what this is an example of: %s", example[1])
			continue
		}
		if ok, found := validator.ValidateSchemaString(contractOf(t).model.Components.Schemas.GetOrZero(schema).Schema(), example[1]); !ok {
			t.Errorf("this is not as %s is described: %s: %v", schema, example[1], found)
		}
	}
	if len(examples) < 4 {
		t.Errorf("found %d", len(examples))
	}
}

func TestTheScriptIsAsDescribed(t *testing.T) {
	b := start(t).stranger()
	const folder = "/gk/api/learner/assets/"
	script := b.get(folder + "rollcall.js")
	etag := script.header.Get("ETag")
	if script.status != http.StatusOK || script.body == "" {
		t.Errorf("%d %v", script.status, script.header)
	}
	if a := b.send(http.MethodGet, folder+"rollcall.js", "", "If-None-Match", etag); a.status != http.StatusNotModified {
		t.Errorf("again: %d %v", a.status, a.header)
	}
	if a := b.get(folder + "rollcall." + strings.Trim(etag, `"`) + ".js"); a.body != script.body {
		t.Errorf("this version: %d %v", a.status, a.header)
	}
	if a := b.get(folder + "rollcall.0123456789abcdef.js"); a.status != http.StatusTemporaryRedirect {
		t.Errorf("another version: %d %v", a.status, a.header)
	}
}

// Every example goes through the contract as if it had been sent.
func TestTheExamplesOfTheDescriptionAreAsDescribed(t *testing.T) {
	checked := 0
	validator := schema_validation.NewSchemaValidator(config.WithFormatAssertions())
	for path, item := range contractOf(t).model.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			for status, response := range operation.Responses.Codes.FromOldest() {
				for _, content := range response.Content.FromOldest() {
					for name, example := range content.Examples.FromOldest() {
						var value any
						must(t, example.Value.Decode(&value))
						text, err := json.Marshal(value)
						must(t, err)
						checked++
						if ok, found := validator.ValidateSchemaString(content.Schema.Schema(), string(text)); !ok {
							t.Errorf("%s %s %s: %s is not as described: %v", method, path, status, name, found)
						}
					}
				}
			}
		}
	}
	if checked < 30 {
		t.Errorf("checked %d examples", checked)
	}
}
