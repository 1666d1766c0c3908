package main

import (
	"embed"
	"html/template"
	"net/http"
	"strings"
)

//go:embed page.html static
var files embed.FS

// The cookies of a learner who is logged in. Open edX has two for the token, which lasts for an hour, and one for the login.
const (
	loginCookie = "sessionid"
	tokenCookie = "edx-jwt-cookie-header-payload"
	csrfCookie  = "csrftoken"
	csrfToken   = "0123456789abcdefghijklmnopqrstuv"
)

// site has a course page, as an LMS or a micro-frontend has it.
type site struct {
	page *template.Template
	// lms is the origin of script, API and LMS; empty, if it is the page's own.
	lms string
}

func newSite(lms string) site { return site{template.Must(template.ParseFS(files, "page.html")), lms} }

func (s site) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.FileServerFS(files))
	mux.HandleFunc("GET /courses/{key}/course/", s.getPage)
	mux.HandleFunc("GET /learning/course/{key}/home", s.getPage)
	return mux
}

// policy is as strict as a page's can be that uses the components: nothing inline, nothing from elsewhere, and text only.
func (s site) policy() string {
	from := strings.TrimSpace("'self' " + s.lms)
	return strings.Join([]string{
		"default-src 'none'", "script-src " + from, "style-src 'self'", "img-src 'self'", "connect-src " + from,
		"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
	}, "; ")
}

// getPage shows the page. Its parameters lang, dir and scheme are how a site may be set up.
func (s site) getPage(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: csrfCookie, Value: csrfToken, Path: "/"})
	http.SetCookie(w, &http.Cookie{Name: loginCookie, Value: "learner", Path: "/", HttpOnly: true})
	http.SetCookie(w, &http.Cookie{Name: tokenCookie, Value: "learner", Path: "/"})
	w.Header().Set("Content-Security-Policy", s.policy())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	shown := map[string]string{"lang": "en", "dir": "ltr", "scheme": "light", "lms": s.lms}
	for _, name := range []string{"lang", "dir", "scheme"} {
		if wanted := r.FormValue(name); wanted != "" {
			shown[name] = wanted
		}
	}
	if err := s.page.Execute(w, shown); err != nil {
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
