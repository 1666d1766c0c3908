package openedx_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx"
)

// slowTokens is an LMS whose token endpoint takes its time, and that has no learners.
type slowTokens struct {
	takes time.Duration
	asked atomic.Int32
}

// RoundTrip answers without a network, as a bubble of synctest has none.
func (s *slowTokens) RoundTrip(request *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	recorder.Header().Set("Content-Type", "application/json")
	if request.URL.Path != pathToken {
		_, _ = io.WriteString(recorder, "[]")
		return recorder.Result(), nil
	}
	s.asked.Add(1)
	select {
	case <-time.After(s.takes):
	case <-request.Context().Done():
		return nil, request.Context().Err()
	}
	_, _ = io.WriteString(recorder, `{"access_token": "t", "expires_in": 3600, "token_type": "JWT"}`)
	return recorder.Result(), nil
}

func (s *slowTokens) client(t *testing.T) *openedx.Client {
	return newClient(t, openedx.Config{URL: "https://learn.example.com", ClientID: "a", ClientSecret: "b", Timeout: 30 * time.Second, Transport: s})
}

func TestATokenEndpointThatHangsIsWaitedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := &slowTokens{takes: time.Hour}
		client := tokens.client(t)
		start := time.Now()
		var calls sync.WaitGroup
		for range 8 {
			calls.Go(func() {
				_, err := client.FindLearner(t.Context(), secretEmail)
				if failure := lms.AsError(err); failure.Reason != v1alpha1.ReasonUnreachable || !failure.PlatformWide {
					t.Errorf("failed with %v", err)
				}
			})
		}
		calls.Wait()
		if took := time.Since(start); took.Truncate(time.Second) != 30*time.Second || tokens.asked.Load() != 1 {
			t.Errorf("asked %d times, for %s", tokens.asked.Load(), took)
		}
		// The failure is theirs who waited; who comes later asks again.
		tokens.takes = time.Second
		if _, err := client.FindLearner(t.Context(), secretEmail); err != nil {
			t.Error(err)
		}
	})
}

func TestWhoWaitsForATokenMayGiveUpAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := &slowTokens{takes: 10 * time.Second}
		client := tokens.client(t)
		start := time.Now()
		var calls sync.WaitGroup
		calls.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := client.FindLearner(ctx, secretEmail)
			if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || lms.AsError(err).PlatformWide || took != time.Second {
				t.Errorf("who was first left with %v after %s", err, took)
			}
		})
		synctest.Wait()
		calls.Go(func() {
			if _, err := client.FindLearner(t.Context(), secretEmail); err != nil {
				t.Errorf("who was second got %v", err)
			}
		})
		calls.Wait()
		if got := tokens.asked.Load(); got != 1 {
			t.Errorf("asked %d times", got)
		}
	})
}

func TestAnAnswerWithoutATokenIsAFailure(t *testing.T) {
	for name, body := range map[string]string{
		"Error":         `{"error": "invalid_client"}`,
		"ErrorAndToken": `{"error": "server_error", "access_token": "t"}`,
		"EmptyToken":    `{"access_token": "", "expires_in": 3600}`,
		"NoToken":       `{}`,
		"Nothing":       ``,
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != pathToken {
					t.Errorf("%s was called without a token", strings.TrimPrefix(r.URL.Path, "/"))
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, body)
			}))
			defer server.Close()
			_, err := newClient(t, openedx.Config{URL: server.URL, ClientID: "a", ClientSecret: "b"}).FindLearner(t.Context(), secretEmail)
			if failure := failureOf(t, err, lms.Transient, v1alpha1.ReasonUnreachable); !failure.PlatformWide {
				t.Error("that is nobody's failure but the platform's")
			}
		})
	}
}
