package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"rollcall.dev/rollcall/webhook/middleware"
)

func TestWhatIsBeyondTheLimitIsRefusedUntilThereIsRoom(t *testing.T) {
	refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	entered, leave := make(chan struct{}), make(chan struct{})
	inFlight := middleware.InFlight(2, refuse)
	slow := inFlight(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { entered <- struct{}{}; <-leave }))
	fast := inFlight(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	ask := func(h http.Handler) int {
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		return recorder.Code
	}

	left := make(chan struct{})
	for range 2 {
		go func() { ask(slow); left <- struct{}{} }()
		<-entered
	}
	for range 3 {
		if got := ask(fast); got != http.StatusServiceUnavailable {
			t.Errorf("a third request = %d, want that it is refused", got)
		}
	}
	leave <- struct{}{}
	<-left
	if got := ask(fast); got != http.StatusOK {
		t.Errorf("a request when there is room = %d", got)
	}
	leave <- struct{}{}
	<-left
}

func TestAPanicGivesItsPlaceBack(t *testing.T) {
	h := middleware.InFlight(1, http.NotFoundHandler())(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") }))
	for range 2 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the request was refused")
				}
			}()
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		}()
	}
}
