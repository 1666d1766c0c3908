package openedxtest_test

import (
	"os"
	"strings"
	"testing"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func TestParseWorldIsStrict(t *testing.T) {
	for _, test := range []struct{ name, world, want string }{
		{"notes anywhere", `{"about": 1, "courses": [{"about": "x", "id": "course-v1:a+b+c", "modes": ["audit", {"about": 1, "slug": "verified"}]}]}`, ""},
		{"unknown member", `{"course": []}`, `unknown field "course"`},
		{"unknown member of a mode", `{"courses": [{"id": "course-v1:a+b+c", "modes": [{"slug": "audit", "days": 1}]}]}`, `unknown field "days"`},
		{"two documents", `{} {}`, "after top-level value"},
		{"no key", `{"courses": [{"id": "abc"}]}`, "no course key"},
		{"a course twice", `{"courses": [{"id": "course-v1:a+b+c"}, {"id": "course-v1:A+b+c"}]}`, "twice"},
		{"an address twice", `{"users": [{"username": "a", "email": "x@y.z"}, {"username": "b", "email": "X@y.z"}]}`, "twice"},
		{"enrolled in nothing", `{"users": [{"username": "a", "email": "x@y.z", "enrolled_in": ["course-v1:a+b+c"]}]}`, "unknown course"},
		{"a client of nobody", `{"oauth_applications": [{"client_id": "c", "user": "u", "grant": "client-credentials"}]}`, "unknown user"},
		{"another grant", `{"oauth_applications": [{"client_id": "c", "user": "l001", "grant": "password"}], "learner_pool": {"count": 1}}`, "unsupported grant"},
		{"a crowd", `{"learner_pool": {"count": 1000000000}}`, "in the pool"},
		{"no rate", `{"settings": {"REGISTRATION_RATELIMIT": "60 a week"}}`, "no rate limit"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := openedxtest.ParseWorld(strings.NewReader(test.world))
			switch {
			case err == nil && test.want != "":
				t.Errorf("no error, want one with %q", test.want)
			case err != nil && (test.want == "" || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error %q, want one with %q", err, test.want)
			}
		})
	}
}

// FuzzParseWorld: of what ParseWorld passes a server can be made.
func FuzzParseWorld(f *testing.F) {
	data, err := os.ReadFile("testdata/world.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data))
	f.Add(`{"settings": {"REGISTRATION_RATELIMIT": "0/0d"}}`)
	f.Add(`{"courses": [{"id": "a/b/c", "modes": [{"slug": "", "expiration_days": 9999999999}]}]}`)
	f.Fuzz(func(_ *testing.T, text string) {
		if world, err := openedxtest.ParseWorld(strings.NewReader(text)); err == nil {
			openedxtest.New(world)
		}
	})
}
