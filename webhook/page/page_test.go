package page

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestNoHalfPageIsSent(t *testing.T) {
	wrong := New(`{{define "title"}}Title{{end}} {{define "content"}}<p>The beginning</p>{{.NoSuchField}}{{end}}`)
	recorder := httptest.NewRecorder()
	defer func() {
		if recover() == nil {
			t.Error("nothing tells that the template is wrong")
		}
		if recorder.Body.Len() > 0 || len(recorder.Header()) > 0 {
			t.Errorf("the answer has begun: %v %s", recorder.Header(), recorder.Body)
		}
	}()
	Write(recorder, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, wrong, struct{}{})
}
