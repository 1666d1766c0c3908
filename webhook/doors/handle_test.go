package doors

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rollcall.dev/rollcall/webhook/problem"
)

func answered(w http.ResponseWriter, r *http.Request, p *problem.Problem) { p.Write(w, r) }

func TestAPanicIsAnsweredAndLogged(t *testing.T) {
	var synced Synced
	synced.Store(true)
	recorder := httptest.NewRecorder()
	Handle(func(http.ResponseWriter, *http.Request) error { panic("oh") }, &synced, answered).
		ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	if recorder.Code != http.StatusInternalServerError || strings.Contains(recorder.Body.String(), "oh") {
		t.Errorf("GET = %d %s, want 500 without the reason", recorder.Code, recorder.Body)
	}
}

// A second body behind the first would pass for a success: the caller looks at the status.
func TestAPanicBehindAnAnswerCutsItOff(t *testing.T) {
	var synced Synced
	synced.Store(true)
	for name, begin := range map[string]func(http.ResponseWriter){
		"status": func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) },
		"body":   func(w http.ResponseWriter) { _, _ = io.WriteString(w, "{") },
	} {
		recorder := httptest.NewRecorder()
		func() {
			defer func() {
				if reason, _ := recover().(error); !errors.Is(reason, http.ErrAbortHandler) {
					t.Errorf("%s: recovered %v, want that the server cuts the answer off", name, reason)
				}
			}()
			Handle(func(w http.ResponseWriter, _ *http.Request) error { begin(w); panic("oh") }, &synced, answered).
				ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		}()
		if strings.Contains(recorder.Body.String(), "problems") {
			t.Errorf("%s: a problem stands behind the answer: %s", name, recorder.Body)
		}
	}
}
