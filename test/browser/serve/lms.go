package main

import (
	"embed"
	"html/template"
	"net/http"
	"strings"
)

//go:embed page.html static
var files embed.FS

// policy is as strict as a page can be that uses the components: nothing inline, nothing from elsewhere, and text only.
var policy = strings.Join([]string{
	"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
	"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
}, "; ")

// The cookies of a learner who is logged in. Open edX has two for the token, which lasts for an hour, and one for the login.
const (
	loginCookie = "sessionid"
	tokenCookie = "edx-jwt-cookie-header-payload"
	csrfCookie  = "csrftoken"
	csrfToken   = "0123456789abcdefghijklmnopqrstuv"
)

// lms is a course page of a learning platform.
type lms struct{ page *template.Template }

func newLMS() lms { return lms{template.Must(template.ParseFS(files, "page.html"))} }

func (l lms) handle(mux *http.ServeMux) {
	mux.Handle("GET /static/", http.FileServerFS(files))
	mux.HandleFunc("GET /courses/{key}/course/", l.getPage)
	mux.HandleFunc("POST /login_refresh", refreshLogin)
}

// getPage shows the page. Its parameters lang, dir and scheme are how a site may be set up.
func (l lms) getPage(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: csrfCookie, Value: csrfToken, Path: "/"})
	http.SetCookie(w, &http.Cookie{Name: loginCookie, Value: "learner", Path: "/", HttpOnly: true})
	http.SetCookie(w, &http.Cookie{Name: tokenCookie, Value: "learner", Path: "/"})
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	shown := map[string]string{"lang": "en", "dir": "ltr", "scheme": "light"}
	for name := range shown {
		if wanted := r.FormValue(name); wanted != "" {
			shown[name] = wanted
		}
	}
	if err := l.page.Execute(w, shown); err != nil {
		panic(err)
	}
}

// refreshLogin renews the token of whom the LMS still knows.
func refreshLogin(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if _, err := r.Cookie(loginCookie); err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`"Unauthorized"`))
		return
	}
	http.SetCookie(w, &http.Cookie{Name: tokenCookie, Value: "learner", Path: "/"})
	_, _ = w.Write([]byte(`{"success":true}`))
}
