package openedx

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall.dev/rollcall/internal/lms"
)

// validUsername is the rule of an LMS without ENABLE_UNICODE_USERNAME, less capital letters.
var validUsername = regexp.MustCompile(`^[a-z0-9_-]{2,30}$`)

func TestUsernames(t *testing.T) {
	tests := []struct {
		name    string
		learner lms.NewLearner
		want    []string
	}{
		{"a name", lms.NewLearner{ContactID: "000123", FirstName: "Joe", LastName: "Smith"},
			[]string{"joe_smith", "joe_smith_000123", "joe_smith_4403e0e0"}},
		{"marks", lms.NewLearner{ContactID: "1", FirstName: "Zoë", LastName: "Müller-Łódź"},
			[]string{"zoe_muller-lodz", "zoe_muller-lodz_1", "zoe_muller-lodz_6b86b273"}},
		{"letters with no ASCII in them", lms.NewLearner{ContactID: "1", FirstName: "Søren", LastName: "Weiß"},
			[]string{"soren_weiss", "soren_weiss_1", "soren_weiss_6b86b273"}},
		{"punctuation", lms.NewLearner{ContactID: "A.1", FirstName: " Mary  Ann ", LastName: "O'Neil, Jr."},
			[]string{"mary_ann_oneil_jr", "mary_ann_oneil_jr_a_1", "mary_ann_oneil_jr_edc0aee4"}},
		{"another script", lms.NewLearner{ContactID: "000123", FirstName: "李", LastName: "小龙"},
			[]string{"learner_000123", "learner_4403e0e0"}},
		{"no letters", lms.NewLearner{ContactID: "000123", FirstName: "-", LastName: "4"},
			[]string{"learner_000123", "learner_4403e0e0"}},
		{"one letter", lms.NewLearner{ContactID: "7", FirstName: "X"},
			[]string{"x_7", "x_7902699b"}},
		{"a long name", lms.NewLearner{ContactID: "000123", FirstName: "Wolfeschlegelsteinhausen", LastName: "Bergerdorff"},
			[]string{"wolfeschlegelsteinhausen_berge", "wolfeschlegelsteinhause_000123", "wolfeschlegelsteinhau_4403e0e0"}},
		{"a long contact ID", lms.NewLearner{ContactID: "0b5c7d7e-3d9f-4b2a-8f54-1f0e8a2f5f11", FirstName: "Joe", LastName: "Smith"},
			[]string{"joe_smith", "joe_smith_0821353e"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, usernames(test.learner)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func FuzzUsernames(f *testing.F) {
	f.Add("000123", "Joe", "Smith")
	f.Add("", "", "")
	f.Add("A.-_", "İstanbul", "ﬁﬂ ½ ＡＢＣ")
	f.Add(strings.Repeat("9", 64), strings.Repeat("x", 300), "\xff\x00")
	f.Fuzz(func(t *testing.T, id, first, last string) {
		learner := lms.NewLearner{ContactID: id, FirstName: first, LastName: last}
		got := usernames(learner)
		if len(got) == 0 || len(got) > 4 {
			t.Errorf("%d candidates", len(got))
		}
		for _, username := range got {
			if !validUsername.MatchString(username) {
				t.Errorf("%q is no username", username)
			}
		}
		if len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
			t.Errorf("a candidate is there twice: %q", got)
		}
		if !slices.Equal(got, usernames(learner)) {
			t.Error("the same learner gets other candidates")
		}
	})
}

func TestPasswordsPleaseEveryRule(t *testing.T) {
	password := newPassword()
	for _, kind := range []string{`[a-z]`, `[A-Z]`, `[0-9]`, `[!]`, `[+]`} {
		if !regexp.MustCompile(kind).MatchString(password) {
			t.Errorf("a password without %s", kind)
		}
	}
	if len(password) < 20 || len(password) > 75 {
		t.Errorf("a password of %d characters", len(password))
	}
	if password == newPassword() {
		t.Error("the same password twice")
	}
}
