package learner

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

func (v *visits) underWay() (requests int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, visit := range v.of {
		requests += visit.requests
	}
	return requests
}

func TestOneLearnerLeavesPlacesForOthers(t *testing.T) {
	d := start(t)
	d.contact("000123", "ada")
	d.contact("000124", "bob")
	ada, bob := d.logIn("ada"), d.logIn("bob")
	ada.get(myself) // the keys are known
	end := make(chan struct{})
	d.wire.breakWith(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		<-end
		return next.RoundTrip(r)
	})
	var crowd sync.WaitGroup
	for range maxAtATime {
		crowd.Go(func() { ada.post(supportOf("000123"), letterOf("How tight?")) })
	}
	eventually(t, "all are worked on", func() bool { return d.visits.underWay() == maxAtATime })
	if a := ada.send(http.MethodGet, myself, "", "Origin", page); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "1" ||
		a.header.Get("Access-Control-Allow-Origin") != page {
		t.Errorf("one more: %d %v %s, want 429", a.status, a.header, a.body)
	}
	if a := bob.get(myself); a.status != http.StatusOK {
		t.Errorf("another learner: %d %s", a.status, a.body)
	}
	close(end)
	crowd.Wait()
	eventually(t, "all have ended", func() bool { return d.visits.underWay() == 0 })
	if a := ada.get(myself); a.status != http.StatusOK {
		t.Errorf("after that: %d %s", a.status, a.body)
	}
	if eventually(t, "nothing is under way", func() bool { return d.visits.underWay() == 0 }); len(d.visits.of) > 0 {
		t.Errorf("%d learners are remembered", len(d.visits.of))
	}
}

// slowReader takes no answer until its end.
type slowReader struct {
	*httptest.ResponseRecorder
	answered chan<- struct{}
	end      <-chan struct{}
}

func (r slowReader) WriteHeader(status int) {
	r.answered <- struct{}{}
	<-r.end
	r.ResponseRecorder.WriteHeader(status)
}

func TestPagesOfListedOriginsMayReadThatItIsTooMuch(t *testing.T) {
	d := start(t)
	handler := d.Handler()
	request := func() *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, myself, http.NoBody)
		r.Header.Set("Origin", page)
		return r
	}
	answered, end := make(chan struct{}), make(chan struct{})
	var crowd sync.WaitGroup
	for range maxInFlight {
		crowd.Go(func() { handler.ServeHTTP(slowReader{httptest.NewRecorder(), answered, end}, request()) })
		<-answered
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request())
	if recorder.Code != http.StatusServiceUnavailable || recorder.Header().Get("Access-Control-Allow-Origin") != page {
		t.Errorf("%d %v, want 503 that the page can read", recorder.Code, recorder.Header())
	}
	close(end)
	crowd.Wait()
}
