package doors

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/yaml"
)

// Description is an API's description (OpenAPI 3.1), ready to be sent.
type Description struct {
	Body []byte
	ETag string
}

// Describe gives the description of an API at a path prefix. It is written in YAML.
func Describe(openAPI []byte, prefix string) (Description, error) {
	converted, err := yaml.YAMLToJSON(openAPI)
	if err != nil {
		return Description{}, fmt.Errorf("cannot read the API's description: %w", err)
	}
	var members struct {
		Servers []map[string]string `json:"servers"`
		Rest    jsontext.Value      `json:",embed"`
	}
	if err := json.Unmarshal(converted, &members); err != nil {
		return Description{}, fmt.Errorf("cannot read the API's description: %w", err)
	}
	members.Servers[0]["url"] = prefix
	body, err := json.Marshal(members, json.Deterministic(true))
	if err != nil {
		return Description{}, fmt.Errorf("cannot write the API's description: %w", err)
	}
	digest := sha256.Sum256(body)
	return Description{Body: body, ETag: ETag(hex.EncodeToString(digest[:]))}, nil
}

// Get tells anybody how to talk to a door; there is nothing in it to protect.
func (d *Description) Get(w http.ResponseWriter, r *http.Request) error {
	header := w.Header()
	header.Set("ETag", d.ETag)
	header.Set("Cache-Control", "no-cache") // keep it, and ask whether it is still the one
	known, _ := EntityTags(r.Header.Values("If-None-Match"))
	for _, tag := range known {
		if tag == "*" || strings.TrimPrefix(tag, "W/") == d.ETag {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	header.Set("Content-Type", "application/json")
	if _, err := w.Write(d.Body); err != nil {
		ctrl.LoggerFrom(r.Context()).V(1).Info("Cannot send an answer", "err", err.Error())
	}
	return nil
}
