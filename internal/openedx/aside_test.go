package openedx

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"rollcall.dev/rollcall/internal/lms"
)

func TestGradesProgressAndLinksThatFailSlowNoOtherCallsDown(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "300")
			w.WriteHeader(code)
		}
	}
	for name, fail := range map[string]http.HandlerFunc{
		"504": status(http.StatusGatewayTimeout), "503": status(http.StatusServiceUnavailable),
		"no answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/oauth2/access_token" {
					w.Header().Set("Content-Type", "application/json")
					_, _ = w.Write([]byte(`{"access_token": "t", "expires_in": 3600, "token_type": "JWT"}`))
					return
				}
				fail(w, r)
			}))
			defer server.Close()
			client := mustNew(t, Config{URL: server.URL, ClientID: "a", ClientSecret: "b", MaxCallsInFlight: 4})
			const course = "course-v1:GK+1234A+2017"
			calls := []func(context.Context) error{
				func(ctx context.Context) error { _, err := client.ListGrades(ctx, course, ""); return err },
				func(ctx context.Context) error { _, err := client.ReadProgress(ctx, course, 7); return err },
				func(ctx context.Context) error {
					_, err := client.LinkedLearners(ctx, "oa2-oidc", []string{"ada"})
					return err
				},
			}
			for _, call := range calls {
				if failure := lms.AsError(during(t, call)); failure.Class != lms.Transient || failure.PlatformWide {
					t.Errorf("it failed with %+v", failure)
				}
			}
			if limit := client.throttles.inFlight.limit; limit != 4 || client.throttles.others.gate.isShut(client.clock.Now()) {
				t.Errorf("%d places are left of 4, or the gate is shut", limit)
			}
			// As those do that others wait for.
			err := during(t, func(ctx context.Context) error { _, err := client.LookUpCourse(ctx, course); return err })
			if failure := lms.AsError(err); !failure.PlatformWide || client.throttles.inFlight.limit != 2 {
				t.Errorf("a course failed with %+v, and %d places are left", failure, client.throttles.inFlight.limit)
			}
		})
	}
}

// during makes a call that is given two seconds.
func during(t *testing.T, call func(context.Context) error) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	return call(ctx)
}
