package ingest

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"

	"rollcall.dev/rollcall/internal/testenv"
)

func TestAccessIsWhatRBACSays(t *testing.T) {
	d := open(t)
	d.put("000123", learner("000123", "Jane"))
	document := func(verbs ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{"rollcall.dev"}, Resources: []string{"contacts/document"}, Verbs: verbs}
	}
	one := document("get", "update")
	one.ResourceNames = []string{"000123"}
	contacts := document("*")
	contacts.Resources = []string{"contacts"}
	elsewhere := &door{t: t, admin: d.admin, namespace: testenv.Namespace(t, testenv.Config(t))}

	const none = ""
	for name, test := range map[string]struct {
		token             string
		get, put, another int
	}{
		"no token":                     {none, 401, 401, 401},
		"not a token":                  {"aaaa", 401, 401, 401},
		"a token with a wrong end":     {d.token[:len(d.token)-8] + "aaaaaaaa", 401, 401, 401},
		"may do nothing":               {d.issue("nobody"), 403, 403, 403},
		"may read":                     {d.issue("reader", document("get")), 200, 403, 403},
		"may write":                    {d.issue("blind-writer", document("update")), 403, 200, 200},
		"may read and write one":       {d.issue("narrow", one), 200, 200, 403},
		"may do anything to Contacts":  {d.issue("editor", contacts), 403, 403, 403},
		"may do it in another place":   {elsewhere.issue("stranger", document("get", "update")), 403, 403, 403},
		"may read and write documents": {d.token, 200, 200, 200},
	} {
		t.Run(name, func(t *testing.T) {
			for _, call := range []struct {
				method, id string
				want       int
			}{{http.MethodGet, "000123", test.get}, {http.MethodPut, "000123", test.put}, {http.MethodPut, "another", test.another}} {
				a := d.send(request{method: call.method, path: pathOf(call.id), body: learner(call.id, "Jane"), token: &test.token})
				got := a.status
				if got == http.StatusCreated {
					got = http.StatusOK // who comes first is not of interest here
				}
				if got != call.want {
					t.Errorf("%s of %s = %d %s, want %d", call.method, call.id, a.status, a.body, call.want)
				}
				if got, want := a.header.Get("Www-Authenticate"), map[bool]string{true: "Bearer"}[a.status == 401]; got != want {
					t.Errorf("WWW-Authenticate: %q, want %q", got, want)
				}
				if a.status == 403 && a.problem(t).Type != "/problems/forbidden" {
					t.Errorf("type %q", a.problem(t).Type)
				}
			}
		})
	}
}

func TestAccessIsAskedOnceForManyContacts(t *testing.T) {
	d := open(t)
	calls := d.wire.during(func() {
		for _, id := range []string{"a", "b", "c", "d"} {
			d.put(id, learner(id, "Jane"))
		}
	})
	want := map[string]int{"POST tokenreviews": 1, "POST subjectaccessreviews": 1, "POST contacts": 4}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("calls to the API server (-want +got):\n%s", diff)
	}
}

func TestARefusedTokenIsAskedAboutEveryTime(t *testing.T) {
	d := open(t)
	unknown := strings.ReplaceAll(d.token, ".", "x.") // as a token before its issuer is known, and one that is none
	for _, token := range []string{unknown, "aaaa"} {
		calls := d.wire.during(func() {
			for range 3 {
				d.send(request{method: http.MethodGet, path: pathOf("a"), token: &token})
			}
		})
		if diff := cmp.Diff(map[string]int{"POST tokenreviews": 3}, calls); diff != "" {
			t.Errorf("calls to the API server (-want +got):\n%s", diff)
		}
	}
}

func TestAFailedReviewIsNoRefusal(t *testing.T) {
	d := open(t)
	for _, test := range []struct {
		review string
		status int // 0: no answer
	}{
		{"tokenreviews", 0}, {"tokenreviews", http.StatusInternalServerError}, {"tokenreviews", http.StatusForbidden},
		{"subjectaccessreviews", 0}, {"subjectaccessreviews", http.StatusTooManyRequests}, {"subjectaccessreviews", http.StatusForbidden},
	} {
		d.wire.breakWith(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			if !strings.HasSuffix(r.URL.Path, test.review) {
				return next.RoundTrip(r)
			}
			if test.status == 0 {
				return nil, errors.New("connection refused")
			}
			return &http.Response{StatusCode: test.status, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		})
		for _, method := range []string{http.MethodGet, http.MethodPut} {
			a := d.send(request{method: method, path: pathOf("000123"), body: learner("000123", "Jane")})
			if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "5" {
				t.Errorf("%s = %d %s without %s, want 503 with Retry-After", method, a.status, a.body, test.review)
			}
		}
	}
	d.wire.breakWith(nil)
	if a := d.put("000123", learner("000123", "Jane")); a.status != http.StatusCreated {
		t.Errorf("PUT = %d %s after all is well again, want 201", a.status, a.body)
	}
}

func TestAReviewThatFailedIsToldFromOneThatSaidNo(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"no":                    {errors.New("invalid bearer token"), false},
		"no, in a list":         {utilerrors.NewAggregate([]error{errors.New("invalid bearer token")}), false},
		"API server overloaded": {utilerrors.NewAggregate([]error{apierrors.NewTooManyRequestsError("later")}), true},
		"network":               {&url.Error{Op: "Post", Err: errors.New("connection refused")}, true},
		"deadline":              {context.DeadlineExceeded, true},
		"caller is gone":        {context.Canceled, true},
	} {
		if got := unanswered(test.err); got != test.want {
			t.Errorf("%s: unanswered = %v, want %v", name, got, test.want)
		}
	}
}
