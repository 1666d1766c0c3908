package main

import (
	"crypto/tls"
	"crypto/x509"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

const (
	// learnerAPIPath is where an ingress would send the browser's calls to Rollcall.
	learnerAPIPath = "/gk/api/"
	// learnerPath is a page of the LMS, as one learner sees it who has logged in.
	learnerPath = "/sandbox/learners/{username}/{$}"
	stylePath   = "/sandbox/page.css"
	// contentPolicy is as strict as an LMS can be: nothing inline, and nothing from elsewhere but pictures.
	contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

//go:embed learner.html mailbox.html page.css
var files embed.FS

var pages = template.Must(template.ParseFS(files, "*.html"))

// newLearnerAPI passes calls on to Rollcall, so that page and API have one origin.
func newLearnerAPI(address, authorityFile string) (http.Handler, error) {
	target, err := url.Parse(address)
	if err != nil || target.Host == "" {
		return nil, fmt.Errorf("--learner-api is a URL, not %q", address)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	if authorityFile != "" {
		authority, err := os.ReadFile(authorityFile)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(authority)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // the one that the browser knows
			r.SetXForwarded()
		},
	}, nil
}

// learnerPage logs a learner in, without asking for a password, and shows the three components in the language that ?lang=
// names.
func learnerPage(lms *openedxtest.Server) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		account, there := lms.Account(r.PathValue("username"))
		if !there {
			http.NotFound(w, r)
			return
		}
		for _, cookie := range lms.LogIn(account.Username) {
			http.SetCookie(w, cookie)
		}
		course := r.URL.Query().Get("course")
		if course == "" {
			course = openedxtest.DemoCourses[0].ID
		}
		language := r.URL.Query().Get("lang")
		if language == "" {
			language = "en"
		}
		show(w, "learner.html", map[string]string{"Name": account.Name, "Course": course, "Language": language})
	}
}

func style() http.Handler {
	return http.StripPrefix("/sandbox/", http.FileServerFS(files))
}

func show(w http.ResponseWriter, page string, content any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", contentPolicy)
	_ = pages.ExecuteTemplate(w, page, content) // the browser went away
}
