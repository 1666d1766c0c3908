package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"rollcall.dev/rollcall/api/v1alpha1"
)

func TestEveryCallThatADocumentCausesCarriesItsTrail(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	t.Parallel()
	c := newCompany(t, "1234A")
	c.mustPut(joe("other", "1234A"), http.StatusCreated, "X-Request-ID", "other")
	c.waitForContact("other", v1alpha1.ReasonSynced)
	before := len(c.lms.Calls())
	c.mustPut(joe("000123", "1234A"), http.StatusCreated,
		"X-Request-ID", "order-4711", "Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	calls := c.lms.Calls()
	c.mustPut(joe("000123"), http.StatusOK, "X-Request-ID", "order-4712")
	c.eventually("the withdrawal carries the trail of the newer document", func() error {
		for _, call := range c.lms.Calls()[len(calls):] {
			if call.Method == http.MethodPost && call.RequestID == "order-4712" && call.Traceparent != "" {
				return nil
			}
		}
		return errors.New("no call does")
	})

	spans := map[string]bool{}
	carried := map[string]bool{}
	for _, call := range calls {
		if call.RequestID != "order-4711" {
			continue
		}
		span, ok := strings.CutPrefix(call.Traceparent, "00-"+trace+"-")
		if !ok {
			t.Errorf("%s %s has the request's ID and the traceparent %q", call.Method, call.Route, call.Traceparent)
		}
		carried[call.Method+" "+call.Route], spans[span] = true, true
	}
	for _, want := range []string{"GET /api/user/v1/accounts", "POST /eox-core/api/v1/user/", "POST /api/enrollment/v1/enrollment"} {
		if !carried[want] {
			t.Errorf("%s does not carry the trail; these calls do: %v", want, carried)
		}
	}
	if len(spans) < 2 {
		t.Errorf("account and enrollment were worked on in the spans %v, want one for each visit", spans)
	}
	for _, call := range append(calls[:before], c.lms.Calls()[len(calls):]...) {
		if call.RequestID == "order-4711" || strings.Contains(call.Traceparent, trace) {
			t.Errorf("%s %s carries the trail of a document that is not its cause", call.Method, call.Route)
		}
		if cause := call.RequestID; (call.Route == "/oauth2/access_token" || call.Route == "/api/enrollment/v1/roles/") && cause != "" {
			t.Errorf("%s %s, which no document causes, carries the request ID %q", call.Method, call.Route, cause)
		}
	}
}
