package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestTheClockGoesOnFromWhatItIsSetTo(t *testing.T) {
	clock := &movedClock{}
	ask := func(method, path, body string) *httptest.ResponseRecorder {
		answer := httptest.NewRecorder()
		clock.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
		return answer
	}
	silvester := time.Date(2030, 12, 31, 23, 59, 58, 0, time.UTC)
	if answer := ask(http.MethodPut, clockPath, "2030-12-31T23:59:58Z\n"); !strings.HasPrefix(answer.Body.String(), "2030-12-31T23:59:58Z") {
		t.Errorf("answer %d %s", answer.Code, answer.Body)
	}
	if passed := clock.Since(silvester); passed < 0 || passed > time.Minute {
		t.Errorf("the clock shows %s", clock.Now())
	}
	if answer := ask(http.MethodPut, clockPath, "tomorrow"); answer.Code != http.StatusBadRequest {
		t.Errorf("status %d for what is no time", answer.Code)
	}
	if answer := ask(http.MethodGet, clockPath, ""); !strings.HasPrefix(answer.Body.String(), "203") {
		t.Errorf("the clock shows %s", answer.Body)
	}
}
