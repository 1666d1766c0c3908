package ingest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/webhook/problem"
)

// FuzzHandler sends anything to the door, as somebody who may write: nothing panics, what is refused is 4xx and says where,
// and what is stored comes back as it was sent.
func FuzzHandler(f *testing.F) {
	d := open(f)
	for _, body := range accepted {
		f.Add(http.MethodPut, pathOf("000123"), "If-Match", "*", body)
		f.Add(http.MethodPut, pathOf("000123"), "Document-Revision", "1", body)
	}
	for _, body := range documented(f) {
		f.Add(http.MethodPut, pathOf("000123"), "X-Request-ID", "order-4711", body)
	}
	for _, test := range refusals {
		f.Add(http.MethodPut, pathOf("000123")+"?dryRun=All", "If-None-Match", `W/"a", "b"`, test.body)
	}
	for _, path := range []string{pathOf(".."), pathOf("a%2Fb"), "/gk/api/contacts/a/../b/enrollments/", "//", pathOf("%ff"), "/gk/api/contacts/"} {
		f.Add(http.MethodGet, path, "Accept", "text/html;q=0.5, */*", "")
		f.Add(http.MethodGet, path, "Accept", "text/html", "")
		f.Add(http.MethodPost, path, "Content-Encoding", "gzip", joe())
		f.Add(http.MethodPost, path, "Content-Type", "application/x-ndjson", joe())
	}
	handler := d.Handler()
	f.Fuzz(func(t *testing.T, method, path, name, value, body string) {
		r, err := http.NewRequestWithContext(t.Context(), method, "https://ingest", strings.NewReader(body))
		if err != nil {
			return // not a method
		}
		if r.URL, err = r.URL.Parse("https://ingest/" + strings.TrimPrefix(path, "/")); err != nil {
			return // not a path
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(name, value)
		r.Header.Set("Authorization", "Bearer "+d.token)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)

		switch answer := recorder.Body.Bytes(); {
		case recorder.Code < 300:
			if method != http.MethodPut || r.URL.Query().Has("dryRun") {
				return
			}
			d.holds(t, body)
		case recorder.Code == http.StatusConflict: // a course that does not exist, or a revision again
		case recorder.Code >= 400 && recorder.Code < 500:
			if method == http.MethodHead || recorder.Header().Get("Content-Type") == "text/html; charset=utf-8" {
				return // nothing to read, or a page for people
			}
			var p problem.Problem
			if err := json.Unmarshal(answer, &p); err != nil || p.Status != recorder.Code || p.Detail == "" {
				t.Fatalf("%s %s is answered %d %s", method, path, recorder.Code, answer)
			}
			if refusesTheDocument := p.Type == "/problems/attribute-invalid" || p.Type == "/problems/not-json"; refusesTheDocument && len(p.Errors) == 0 {
				t.Fatalf("%q is refused without a pointer: %s", body, answer)
			}
		default:
			t.Fatalf("%s %s with %s: %s and the body %q is answered %d %s", method, path, name, value, body, recorder.Code, answer)
		}
	})
}

// holds sees to it that the Contact which the API server has holds the document.
func (d *door) holds(t *testing.T, body string) {
	t.Helper()
	sent, err := decode[document]([]byte(body))
	must(t, err)
	contact := &v1alpha1.Contact{}
	must(t, d.admin.Get(t.Context(), client.ObjectKey{Namespace: d.namespace, Name: names.Contact(*sent.Contact.ContactID)}, contact))
	if diff := cmp.Diff(sent, documentOf(&contact.Spec)); diff != "" {
		t.Fatalf("%q is stored as (-sent +stored):\n%s", body, diff)
	}
}
