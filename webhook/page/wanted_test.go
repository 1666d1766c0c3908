package page

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestAPageIsForThoseWhoPreferIt(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": true,
		"text/html":                                  true,
		"TEXT/HTML":                                  true,
		"text/html; charset=utf-8":                   true,
		"text/html;level=1;q=0.5":                    true,
		"text/*":                                     true,
		"text/html,application/json;q=0.9":           true,
		"application/json;q=0.9 , text/html":         true,
		"text/html;q=0.1,application/json;q=0":       true,
		"*/*":                                        false,
		"*/*;q=0.5":                                  false,
		"application/json":                           false,
		"application/*":                              false,
		"application/problem+json":                   false,
		"text/html,application/json":                 false,
		"text/html;q=0.9,application/json":           false,
		"text/html;q=0":                              false,
		"text/html;q=0,*/*":                          false,
		"text/html;q=0.4,*/*;q=0.5":                  false,
		"text/*,text/html;q=0":                       false,
		"image/png":                                  false,
		"text/html;q=NaN":                            false,
		"text/html;q=-1":                             false,
		";;;,,/,text,text/,*/html":                   false,
		"application/json,text/html;q=0.9,*/*;q=0.1": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept", accept)
		recorder := httptest.NewRecorder()
		if got := Wanted(recorder, r); got != want || recorder.Header().Get("Vary") != "Accept" {
			t.Errorf("Accept %q: %v with header %v, want %v", accept, got, recorder.Header(), want)
		}
	}
}

func TestAPageIsForReading(t *testing.T) {
	for method, want := range map[string]bool{
		http.MethodGet: true, http.MethodHead: true, http.MethodPut: false, http.MethodPost: false, http.MethodOptions: false,
	} {
		r := httptest.NewRequest(method, "/", nil)
		r.Header["Accept"] = []string{"application/json;q=0.5", "text/html"} // two lines are one list
		if got := Wanted(httptest.NewRecorder(), r); got != want {
			t.Errorf("%s: %v, want %v", method, got, want)
		}
	}
}
