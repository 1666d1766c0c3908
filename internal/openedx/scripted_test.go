package openedx_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx"
)

// scripted is an LMS that says what it is told to, call by call, and the last of it again and again.
type scripted map[string][]string

func (s scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, _, _ := strings.Cut(r.URL.Path, ",")
	key := r.Method + " " + path
	w.Header().Set("Content-Type", "application/json")
	if path == pathToken {
		_, _ = w.Write([]byte(`{"access_token": "t", "expires_in": 3600, "token_type": "JWT"}`))
		return
	}
	script := s[key]
	if len(script) == 0 {
		http.Error(w, key, http.StatusTeapot)
		return
	}
	if len(script) > 1 {
		s[key] = script[1:]
	}
	status, body := http.StatusOK, script[0] // "" is the blank answer that only a missing enrollment is
	if refused, ok := strings.CutPrefix(body, "400 "); ok {
		status, body = http.StatusBadRequest, refused
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func (s scripted) client(t *testing.T, routes func(openedx.Config) openedx.Config) *openedx.Client {
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return newClient(t, routes(openedx.Config{URL: server.URL, ClientID: "a", ClientSecret: "b", CallsPerMinute: 100_000}))
}

const (
	activeAudit   = `{"is_active": true, "mode": "audit"}`
	inactiveAudit = `{"is_active": false, "mode": "audit"}`
	mismatch      = `400 {"message": "Enrollment mode mismatch: active mode=verified, requested mode=audit. Won't deactivate."}`

	search   = "POST /api/user/v1/accounts/search_emails"
	readAda  = "GET /api/enrollment/v1/enrollment/ada"
	write    = "POST /api/enrollment/v1/enrollment"
	eoxRead  = "GET /eox-core/api/v1/enrollment/"
	eoxWrite = "POST /eox-core/api/v1/enrollment/"
)

func TestWritesThatAreAcceptedAndNotDone(t *testing.T) {
	wish := lms.EnrollmentRequest{Username: "ada", CourseKey: openCourse, Mode: "audit"}
	tests := map[string]struct {
		script   scripted
		routes   func(openedx.Config) openedx.Config
		withdraw bool
		want     string // a reason, or empty for success
	}{
		"enrolled at the second time": {scripted{write: {inactiveAudit, activeAudit}}, stock, false, ""},
		"never enrolled":              {scripted{write: {inactiveAudit}}, stock, false, v1alpha1.ReasonUnexpectedAnswer},
		"never in the mode":           {scripted{write: {`{"is_active": true, "mode": "honor"}`}}, stock, false, v1alpha1.ReasonUnexpectedAnswer},
		"withdrawn by somebody else":  {scripted{readAda: {activeAudit, inactiveAudit}, write: {mismatch}}, stock, true, ""},
		"mode changes all the time":   {scripted{readAda: {activeAudit}, write: {mismatch}}, stock, true, v1alpha1.ReasonRetrying},
		"withdrawn the second time":   {scripted{readAda: {activeAudit}, write: {activeAudit, inactiveAudit}}, stock, true, ""},
		"never withdrawn":             {scripted{readAda: {activeAudit}, write: {activeAudit}}, stock, true, v1alpha1.ReasonUnexpectedAnswer},
		"eox-core does nothing":       {scripted{eoxWrite: {`{"is_active": false, "mode": "", "messages": ["Mode not found"]}`}}, eoxCore, false, v1alpha1.ReasonUnexpectedAnswer},
		"eox-core does not withdraw":  {scripted{eoxRead: {activeAudit}, eoxWrite: {activeAudit}}, eoxCore, true, v1alpha1.ReasonUnexpectedAnswer},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client := test.script.client(t, test.routes)
			var err error
			if test.withdraw {
				err = client.Withdraw(t.Context(), "ada", openCourse)
			} else {
				_, err = client.Enroll(t.Context(), wish)
			}
			if test.want != "" {
				mustFail(t, err, lms.Transient, test.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestABlankAnswerIsNoAnswer(t *testing.T) {
	client := scripted{search: {""}, readAda: {""}}.client(t, stock)
	_, err := client.FindLearner(t.Context(), "ada@acme.com")
	mustFail(t, err, lms.Transient, v1alpha1.ReasonUnexpectedAnswer)
	if err := client.Withdraw(t.Context(), "ada", openCourse); err != nil {
		t.Error(err)
	}
}

// MySQL may find andré for andre.
func TestAnotherPersonsAccountIsNotAdopted(t *testing.T) {
	andre := []string{`[{"username": "andre", "id": 7, "email": "andr\u00e9@acme.com", "is_active": true}]`}
	client := scripted{search: andre, "GET /api/user/v1/accounts": andre}.client(t, stock)
	if found, err := client.FindLearner(t.Context(), "andre@acme.com"); found != nil || err != nil {
		t.Errorf("found %+v, %v", found, err)
	}
	if found, err := client.FindLearner(t.Context(), "ANDRÉ@acme.com"); found == nil || err != nil {
		t.Errorf("found %+v, %v", found, err)
	}
}

// A path in a label would be a username in the metrics, and a new series for each.
func TestMetricsNameKindsOfCalls(t *testing.T) {
	client := scripted{search: {`[]`}}.client(t, stock)
	if _, err := client.FindLearner(t.Context(), "ada@acme.com"); err != nil {
		t.Fatal(err)
	}
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), "rollcall_lms_request") {
			continue
		}
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if strings.ContainsAny(label.GetValue(), "/@") {
					t.Errorf("%s has the label %s=%q", family.GetName(), label.GetName(), label.GetValue())
				}
				kinds = append(kinds, family.GetName()+" "+label.GetName()+" "+label.GetValue())
			}
		}
	}
	for _, want := range []string{
		"rollcall_lms_requests_total call search_emails",
		"rollcall_lms_requests_total status 200",
		"rollcall_lms_request_duration_seconds call search_emails",
	} {
		if !slices.Contains(kinds, want) {
			t.Errorf("there is no %s", want)
		}
	}
}
