package openedx

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// noAnswer is the status when nothing came back, or not all of it.
const noAnswer = -1

// answer is what came back from a call.
type answer struct {
	status int
	header http.Header
	body   []byte
	// retryAfter is how long the LMS asks to be left alone; 0 when it does not say, or nothing sensible.
	retryAfter time.Duration
	// cause is why there is no answer, or none that can be read.
	cause error
}

// object gives the keys of the body. Of a list it gives the item that tells why the list was refused: eox-core answers
// a list with a list, in which the items that are fine are empty or carry no error.
func (a answer) object() map[string]json.RawMessage {
	var object map[string]json.RawMessage
	if json.Unmarshal(a.body, &object) == nil {
		return object
	}
	var list []map[string]json.RawMessage
	if json.Unmarshal(a.body, &list) != nil {
		return nil
	}
	for _, item := range list {
		if _, failed := item["error"]; failed {
			return item
		}
	}
	for _, item := range list {
		if len(item) > 0 {
			return item
		}
	}
	return nil
}

// text gives the text at a key: the text itself, or all of it together if there is a list of it.
func (a answer) text(key string) string { return textOf(a.object()[key]) }

func textOf(raw json.RawMessage) string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return one
	}
	var many []string
	if json.Unmarshal(raw, &many) == nil {
		return strings.Join(many, "\n")
	}
	return ""
}

// The matchers below look at keys and codes, and at text only where the LMS gives nothing else: texts are localized.

// matcher looks at an answer's body.
type matcher func(answer) bool

func all(matchers ...matcher) matcher {
	return func(a answer) bool {
		return !slices.ContainsFunc(matchers, func(m matcher) bool { return !m(a) })
	}
}

func either(one, other matcher) matcher {
	return func(a answer) bool { return one(a) || other(a) }
}

func not(m matcher) matcher { return func(a answer) bool { return !m(a) } }

// hasKey matches a body with at least one of the keys.
func hasKey(keys ...string) matcher {
	return func(a answer) bool {
		object := a.object()
		return slices.ContainsFunc(keys, func(key string) bool { return object[key] != nil })
	}
}

// hasTrue matches a body in which the key is true.
func hasTrue(key string) matcher {
	return func(a answer) bool { return string(a.object()[key]) == "true" }
}

// says matches a body whose text at the key contains one of the phrases.
func says(key string, phrases ...string) matcher {
	return func(a answer) bool { return containsAny(a.text(key), phrases) }
}

// errorSays matches the detail that eox-core puts into an answer of 202.
func errorSays(phrases ...string) matcher {
	return func(a answer) bool {
		var inner struct {
			Detail json.RawMessage `json:"detail"`
		}
		return json.Unmarshal(a.object()["error"], &inner) == nil && containsAny(textOf(inner.Detail), phrases)
	}
}

func containsAny(text string, phrases []string) bool {
	return slices.ContainsFunc(phrases, func(phrase string) bool { return strings.Contains(text, phrase) })
}

func empty(a answer) bool { return len(bytes.TrimSpace(a.body)) == 0 }

// page matches what is meant for people: the LMS's own error pages, a proxy's, or another site's altogether.
func page(a answer) bool {
	return !empty(a) && (strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || bytes.HasPrefix(bytes.TrimSpace(a.body), []byte("<")))
}

func list(a answer) bool { return bytes.HasPrefix(bytes.TrimSpace(a.body), []byte("[")) }

func unreadable(a answer) bool { return a.cause != nil }

func statuses(from, to int) matcher {
	return func(a answer) bool { return from <= a.status && a.status <= to }
}
