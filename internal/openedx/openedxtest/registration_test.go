package openedxtest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func TestRegistrationMistakes(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(url.Values)
		field  string
		texts  []string // nil: none
	}{
		{"two at once", func(f url.Values) { f.Set("username", "!") }, "username", []string{
			"Usernames can only contain letters (A-Z, a-z), numerals (0-9), underscores (_), and hyphens (-).",
			"Username must be between 2 and 30 characters long.",
		}},
		{"no username", func(f url.Values) { f.Del("username") }, "username", []string{"Username must be between 2 and 30 characters long."}},
		{"spaces around are cut off", func(f url.Values) { f.Set("username", " padded ") }, "username", nil},
		{"long address", func(f url.Values) { f.Set("email", strings.Repeat("a", 250)+"@x.org") }, "email",
			[]string{"Email cannot be more than 254 characters long"}},
		{"short address", func(f url.Values) { f.Set("email", "ab") }, "email",
			[]string{"A properly formatted e-mail is required", "Ensure this value has at least 3 characters (it has 2)."}},
		{"name of spaces", func(f url.Values) { f.Set("name", "   ") }, "name", []string{"Your legal name must be a minimum of one character long"}},
		{"name with a link", func(f url.Values) { f.Set("name", "see http://x") }, "name", []string{"Enter a valid name"}},
		{"password like the username", func(f url.Values) { f.Set("password", "newbie-1") }, "password",
			[]string{"The password is too similar to the username."}},
		{"similar and short", func(f url.Values) { f.Set("password", "newbie") }, "password", []string{
			"The password is too similar to the username.",
			"This password is too short. It must contain at least 8 characters.",
		}},
		{"long password", func(f url.Values) { f.Set("password", strings.Repeat("Qw8!z", 16)) }, "password",
			[]string{"This password is too long. It must contain no more than 75 characters."}},
		{"a common password is taken", func(f url.Values) { f.Set("password", "password") }, "password", nil},
		{"terms follow the honor code", func(f url.Values) { f.Set("honor_code", "no") }, "terms_of_service", []string{"You must accept the terms of service."}},
		{"terms alone", func(f url.Values) { f.Del("honor_code"); f.Set("terms_of_service", "true") }, "honor_code",
			[]string{"To enroll, you must follow the honor code."}},
		{"any case of true", func(f url.Values) { f.Set("honor_code", "TRUE") }, "honor_code", nil},
		{"country in small letters", func(f url.Values) { f.Set("country", "de") }, "country", []string{"Select your country or region of residence"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, svc, _ := start(t)
			form := registration("newbie", "new.person@acme.com")
			test.change(form)
			got := svc.form(registrationPath, form)
			messages, _ := member(got.Body, test.field).([]any)
			var texts []string
			for _, message := range messages {
				texts = append(texts, member(message, "user_message").(string))
			}
			if fmt.Sprintf("%q", texts) != fmt.Sprintf("%q", test.texts) {
				t.Errorf("%s: %q, want %q", test.field, texts, test.texts)
			}
		})
	}
}

func TestRegistrationFillsTheProfile(t *testing.T) {
	_, svc, _ := start(t)
	form := registration("grown", "grown.up@acme.com")
	form.Set("year_of_birth", "1980")
	form.Set("country", "SE")
	form.Set("gender", "f")
	wantStatus(t, "register", svc.form(registrationPath, form), 200)
	account := svc.get(accountsPath + "/grown").Body
	for name, want := range map[string]any{
		"year_of_birth": 1980.0, "country": "SE", "gender": "f", "requires_parental_consent": false, "account_privacy": "all_users", "goals": "",
	} {
		if got := member(account, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if shared := svc.get(accountsPath + "/grown?view=shared").Body.(object); len(shared) != 11 {
		t.Errorf("shared are %d members, want 11: %v", len(shared), shared)
	}
}

// TestParallelRegistration: of many at once one succeeds; those who came while it did are told so in other words.
func TestParallelRegistration(t *testing.T) {
	lms, svc, _ := start(t, openedxtest.WithRealLatency())
	before := len(lms.Calls())
	replies := make([]reply, 6)
	var group sync.WaitGroup
	for i := range replies {
		group.Go(func() { replies[i] = svc.form(registrationPath, registration("twin", "twin@acme.com")) })
	}
	group.Wait()
	statuses, texts := map[int]int{}, map[string]int{}
	for _, got := range replies {
		statuses[got.Status]++
		if messages, _ := member(got.Body, "username").([]any); len(messages) > 0 {
			texts[member(messages[0], "user_message").(string)]++
		}
	}
	if statuses[http.StatusOK] != 1 || statuses[http.StatusConflict] != 5 || len(texts) != 2 {
		t.Errorf("statuses %v, texts %v; want one 200, and five 409 in two texts", statuses, texts)
	}
	if n := len(lms.Calls()) - before; n != 6 {
		t.Errorf("%d calls in the journal, want 6", n)
	}
}

func TestRegistrationRateLimit(t *testing.T) {
	world := recordedWorld(t)
	world.Settings.RegistrationRateLimit = "3/h"
	world.Settings.SkipEmailValidation = false
	lms := openedxtest.Start(t, world, openedxtest.WithClock(clockAt(recordingDay)))
	c := &client{t: t, base: lms.URL}
	wantStatus(t, "first", c.form(registrationPath, registration("one", "one@acme.com")), 200)
	if account, _ := lms.Account("one"); account.Active {
		t.Error("active without the setting that skips validation")
	}
	wantStatus(t, "failed ones count", c.form(registrationPath, registration("!", "two@acme.com")), 400)
	wantStatus(t, "third", c.form(registrationPath, registration("three", "three@acme.com")), 200)
	for range 2 {
		refused := c.form(registrationPath, registration("four", "four@acme.com"))
		if refused.Status != http.StatusForbidden || member(refused.Body, "error_code") != "forbidden-request" {
			t.Fatalf("over the limit: %+v", refused)
		}
	}
	wantStatus(t, "the form is free", c.get(registrationPath), 200)
}

func TestRegistrationRateLimitWindow(t *testing.T) {
	world := recordedWorld(t)
	world.Settings.RegistrationRateLimit = "1/2h"
	clock := clockAt(recordingDay)
	lms := openedxtest.Start(t, world, openedxtest.WithClock(clock))
	c := &client{t: t, base: lms.URL}
	wantStatus(t, "first", c.form(registrationPath, registration("one", "one@acme.com")), 200)
	wantStatus(t, "second", c.form(registrationPath, registration("two", "two@acme.com")), 403)
	clock.SetTime(clock.Now().Add(2 * time.Hour))
	wantStatus(t, "in the next window", c.form(registrationPath, registration("two", "two@acme.com")), 200)
}
