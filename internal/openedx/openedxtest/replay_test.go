package openedxtest_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// recordedExchanges is how many there are in testdata, so that none gets lost unnoticed.
const recordedExchanges = 361

// recordingDay is when they were recorded. Any day would do.
var recordingDay = time.Date(2026, 11, 24, 11, 18, 25, 0, time.UTC)

type scenario struct {
	Name  string `json:"name"`
	Order int    `json:"order"`
	Steps []struct {
		Sleep    int              `json:"sleep"`
		Request  recordedRequest  `json:"request"`
		Response recordedResponse `json:"response"`
	} `json:"steps"`
}

type recordedRequest struct {
	As      string            `json:"as"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Query   any               `json:"query"`
	Headers map[string]string `json:"headers"`
	JSON    json.RawMessage   `json:"json"`
	Form    map[string]any    `json:"form"`
	Raw     *string           `json:"raw"`
	Times   int               `json:"times"`
}

// TestRecordings asks what was asked of a running LMS, in the same order and on the same world, and expects the same answers.
// It has the real throttle; where the recorder waited out a refusal the clock is moved.
func TestRecordings(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(recordingDay)
	lms := openedxtest.Start(t, recordedWorld(t), openedxtest.WithClock(clock))
	r := &replayer{t: t, base: lms.URL, clock: clock, tokens: map[string]string{}}
	exchanges := 0
	for _, scenario := range recordedScenarios(t) {
		for i, step := range scenario.Steps {
			if step.Sleep > 0 {
				r.wait(step.Sleep)
				continue
			}
			exchanges++
			got := r.ask(step.Request, strings.Contains(scenario.Name, "throttle"))
			for _, difference := range compare(step.Response, got) {
				t.Errorf("%s#%d %s %s: %s", scenario.Name, i+1, step.Request.Method, step.Request.Path, difference)
			}
		}
	}
	if exchanges != recordedExchanges {
		t.Errorf("%d exchanges in testdata, want %d", exchanges, recordedExchanges)
	}
}

func recordedWorld(t *testing.T) openedxtest.World {
	t.Helper()
	file, err := os.Open("testdata/world.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // only read
	world, err := openedxtest.ParseWorld(file)
	if err != nil {
		t.Fatal(err)
	}
	return world
}

func recordedScenarios(t *testing.T) []scenario {
	t.Helper()
	names, err := filepath.Glob("testdata/recordings/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var scenarios []scenario
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var s scenario
		if err := json.Unmarshal(data, &s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		scenarios = append(scenarios, s)
	}
	slices.SortFunc(scenarios, func(a, b scenario) int { return cmp.Or(a.Order-b.Order, strings.Compare(a.Name, b.Name)) })
	return scenarios
}

type replayer struct {
	t      *testing.T
	base   string
	clock  *clocktesting.FakePassiveClock
	tokens map[string]string
}

func (r *replayer) wait(seconds int) {
	r.clock.SetTime(r.clock.Now().Add(time.Duration(seconds) * time.Second))
}

// ask gives the answer to a request sent as often as it says. Where the throttle is not the subject a refusal is waited out.
func (r *replayer) ask(request recordedRequest, throttleIsSubject bool) recordedResponse {
	var got recordedResponse
	for range max(1, request.Times) {
		got = r.send(request)
		for tries := 0; tries < 3 && got.Status == http.StatusTooManyRequests && !throttleIsSubject; tries++ {
			seconds, err := strconv.Atoi(got.Headers["retry-after"])
			if err != nil {
				seconds = 60
			}
			r.wait(seconds + 1)
			got = r.send(request)
		}
	}
	return got
}

func (r *replayer) send(recorded recordedRequest) recordedResponse {
	r.t.Helper()
	headers := http.Header{}
	for name, value := range recorded.Headers {
		if strings.Contains(value, "{svc_token}") {
			value = strings.ReplaceAll(value, "{svc_token}", r.token("svc"))
		}
		headers.Set(name, value)
	}
	who := cmp.Or(recorded.As, "svc")
	if headers.Get("Authorization") == "" && (who == "svc" || who == "plain") {
		headers.Set("Authorization", "JWT "+r.token(who))
	}
	var body string
	contentType := ""
	switch {
	case recorded.JSON != nil:
		body, contentType = string(recorded.JSON), "application/json"
	case recorded.Form != nil:
		body, contentType = encode(recorded.Form), "application/x-www-form-urlencoded"
	case recorded.Raw != nil:
		body = *recorded.Raw
	}
	if headers.Get("Content-Type") == "" && contentType != "" {
		headers.Set("Content-Type", contentType)
	}
	target := recorded.Path
	switch query := recorded.Query.(type) {
	case string:
		target += "?" + query
	case map[string]any:
		target += "?" + encode(query)
	}
	return r.exchange(recorded.Method, target, headers, body)
}

func (r *replayer) token(who string) string {
	r.t.Helper()
	if r.tokens[who] == "" {
		client := map[string]string{"svc": "rollcall", "plain": "plain"}[who]
		form := url.Values{
			"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {client + "-secret"}, "token_type": {"jwt"},
		}
		got := r.exchange("POST", "/oauth2/access_token", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form.Encode())
		body, _ := got.JSON.(map[string]any)
		r.tokens[who], _ = body["access_token"].(string)
		if r.tokens[who] == "" {
			r.t.Fatalf("no token for %s: %+v", who, got)
		}
	}
	return r.tokens[who]
}

func (r *replayer) exchange(method, target string, headers http.Header, body string) recordedResponse {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.base+target, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header = headers
	response, err := noRedirects.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return readResponse(response, data)
}

var noRedirects = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func readResponse(response *http.Response, data []byte) recordedResponse {
	got := recordedResponse{Status: response.StatusCode, Headers: map[string]string{}, Length: "empty"}
	for name := range response.Header {
		got.Headers[strings.ToLower(name)] = response.Header.Get(name)
	}
	if len(data) > 0 {
		got.Length = "body"
	}
	switch contentType := got.Headers["content-type"]; {
	case strings.Contains(contentType, "json"):
		decoder := json.NewDecoder(bytes.NewReader(data))
		got.HasJSON = decoder.Decode(&got.JSON) == nil
	case strings.Contains(contentType, "html"):
		got.HTML = true
	default:
		got.Text = string(data)
	}
	return got
}

func encode(members map[string]any) string {
	values := url.Values{}
	for name, value := range members {
		values.Set(name, fmt.Sprint(value))
	}
	return values.Encode()
}
