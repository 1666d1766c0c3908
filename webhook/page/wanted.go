package page

import (
	"net/http"
	"strings"

	"github.com/munnerz/goautoneg"
)

// Wanted is true when a request to read something prefers HTML to JSON, as browsers do. Who has no preference, or accepts
// neither, gets JSON. To ask is to answer differently, so it notes that in the answer's Vary header.
func Wanted(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	w.Header().Add("Vary", "Accept")
	accepted := goautoneg.ParseAccept(strings.Join(r.Header.Values("Accept"), ","))
	return quality(accepted, "text", "html") > quality(accepted, "application", "json")
}

// quality gives the weight of a media type (RFC 9110, 12.5.1): that of the most specific range that it is in.
func quality(accepted []goautoneg.Accept, kind, subkind string) float64 {
	weight, specificity := 0.0, 0
	for _, accept := range accepted {
		found := 0
		switch {
		case strings.EqualFold(accept.Type, kind) && strings.EqualFold(accept.SubType, subkind):
			found = 3
		case strings.EqualFold(accept.Type, kind) && accept.SubType == "*":
			found = 2
		case accept.Type == "*" && accept.SubType == "*":
			found = 1
		}
		if found > specificity {
			weight, specificity = accept.Q, found
		}
	}
	return weight
}
