// Package page is how Rollcall's HTTP doors show something to people: plain pages without a script and without anything
// from elsewhere, so that browsers can be told to allow neither.
package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the layout and its style
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"

	ctrl "sigs.k8s.io/controller-runtime"
)

//go:embed layout.html
var layout string

// style is part of every page.
//
//go:embed style.css
var style template.CSS

// policy allows a browser the style of the page and nothing else.
var policy = fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	digest(string(style)))

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Page is the template of a page.
type Page struct{ template *template.Template }

// New makes a page of a template that defines "title" and "content". It panics when the template is wrong.
func New(content string) Page {
	whole := template.New("layout").Funcs(template.FuncMap{"style": func() template.CSS { return style }})
	return Page{template.Must(template.Must(whole.Parse(layout)).Parse(content))}
}

// Write answers a request with a page. It panics, before the answer has begun, when the template cannot be used on what it
// has to show: that is a mistake of the program's.
func Write(w http.ResponseWriter, r *http.Request, status int, page Page, shown any) {
	var body bytes.Buffer
	if err := page.template.Execute(&body, shown); err != nil {
		panic(err)
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", policy)
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if _, err := w.Write(body.Bytes()); err != nil {
		ctrl.LoggerFrom(r.Context()).V(1).Info("Cannot send an answer", "err", err.Error())
	}
}
