package ingest

import (
	"crypto/sha256"
	_ "embed" // the description is part of the program
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/yaml"
)

//go:embed openapi.yaml
var openAPI []byte

// description is the API's description (OpenAPI 3.1), ready to be sent.
type description struct {
	body []byte
	etag string
}

// describe gives the description of an API at a path prefix.
func describe(prefix string) (description, error) {
	converted, err := yaml.YAMLToJSON(openAPI)
	if err != nil {
		return description{}, fmt.Errorf("cannot read the API's description: %w", err)
	}
	var members struct {
		Servers []map[string]string `json:"servers"`
		Rest    jsontext.Value      `json:",embed"`
	}
	if err := json.Unmarshal(converted, &members); err != nil {
		return description{}, fmt.Errorf("cannot read the API's description: %w", err)
	}
	members.Servers[0]["url"] = prefix
	body, err := json.Marshal(members, json.Deterministic(true))
	if err != nil {
		return description{}, fmt.Errorf("cannot write the API's description: %w", err)
	}
	digest := sha256.Sum256(body)
	return description{body: body, etag: etag(hex.EncodeToString(digest[:]))}, nil
}

// getDescription tells anybody how to talk to this door; there is nothing in it to protect.
func (s *Server) getDescription(w http.ResponseWriter, r *http.Request) error {
	header := w.Header()
	header.Set("ETag", s.description.etag)
	header.Set("Cache-Control", "no-cache") // keep it, and ask whether it is still the one
	known, _ := entityTags(r.Header.Values("If-None-Match"))
	for _, tag := range known {
		if tag == "*" || strings.TrimPrefix(tag, "W/") == s.description.etag {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	header.Set("Content-Type", "application/json")
	if _, err := w.Write(s.description.body); err != nil {
		ctrl.LoggerFrom(r.Context()).V(1).Info("Cannot send an answer", "err", err.Error())
	}
	return nil
}
