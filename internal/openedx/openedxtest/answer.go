package openedxtest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// object is a JSON object of an answer.
type object = map[string]any

// answer is what goes back to the caller: JSON if there is a value, else a page or text, else nothing.
type answer struct {
	status int
	header map[string]string
	// cookies are set in the browser.
	cookies []*http.Cookie
	json    any
	isJSON  bool
	page    string // HTML
}

func ok(value any) answer { return jsonAnswer(http.StatusOK, value) }

func jsonAnswer(status int, value any) answer {
	return answer{status: status, json: value, isJSON: true}
}

// empty is an answer without a body.
func empty(status int) answer { return answer{status: status} }

// page is one of the platform's HTML pages. Clients can count on no more than that they are HTML.
func page(status int) answer {
	title := strconv.Itoa(status) + " " + http.StatusText(status)
	return answer{status: status, page: "<!DOCTYPE html><html><head><title>" + title + "</title></head><body><h1>" + title + "</h1></body></html>"}
}

// message is the error body of the enrollment API.
func message(status int, text string) answer {
	return jsonAnswer(status, object{"message": text})
}

// with adds a header.
func (a answer) with(name, value string) answer {
	a.header = maps.Clone(a.header)
	if a.header == nil {
		a.header = map[string]string{}
	}
	a.header[name] = value
	return a
}

// withCookie adds a cookie.
func (a answer) withCookie(cookie *http.Cookie) answer {
	a.cookies = append(slices.Clone(a.cookies), cookie)
	return a
}

func (a answer) write(w http.ResponseWriter) {
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	for _, cookie := range a.cookies {
		http.SetCookie(w, cookie)
	}
	switch {
	case a.isJSON:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.status)
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(a.json) // the caller went away
	case a.page != "":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.page)) // the caller went away
	default:
		if a.header["Content-Type"] == "" {
			w.Header()["Content-Type"] = nil // net/http would guess one
		}
		w.WriteHeader(a.status)
	}
}

// timestamp is a time as the platform writes it; the zero time is null.
func timestamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}

// orNull is null for an empty string.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
