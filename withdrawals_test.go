package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// A back office reads the dry run before it sends the document; so each case does both, and then looks at the LMS.
func TestADryRunForetellsTheWithdrawalsThatThenHappen(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A", "1235A")
	c.create(&v1alpha1.Course{ObjectMeta: c.named("alias"), Spec: v1alpha1.CourseSpec{CourseCode: "ALIAS", CourseKey: courseKey("1234A")}})
	ended := joe("moved", "1234A", "1235A")
	ended.Enrollments[0].AccessEndDate = "2018-01-01"

	for _, test := range []struct {
		before, after *document
		extra         string
		foretold      []string
		// stays are the courses on the LMS that the learner has afterwards, of 1234A and 1235A.
		stays []string
	}{
		{before: joe("dropped", "1234A", "1235A"), after: joe("dropped", "1235A"), foretold: []string{"1234A Dropped"}, stays: []string{"1235A"}},
		{before: joe("renamed", "1234A"), after: joe("renamed", "ALIAS"), stays: []string{"1234A"}},
		{before: joe("besides", "1234A"), after: joe("besides"), extra: "1235A", foretold: []string{"1234A Dropped"}, stays: []string{"1235A"}},
		{before: joe("moved", "1234A", "1235A"), after: ended, foretold: []string{"1234A WindowNotOpen"}, stays: []string{"1235A"}},
	} {
		id := test.before.ContactID
		c.mustPut(test.before, http.StatusCreated)
		c.waitForContact(id, v1alpha1.ReasonSynced)
		if test.extra != "" {
			c.waitForState(c.addExtra(id, test.extra), v1alpha1.ReasonSynced)
		}
		if got := c.foretold(test.after); !slices.Equal(got, test.foretold) {
			t.Errorf("%s: the dry run foretells %q, want %q", id, got, test.foretold)
		}
		c.mustPut(test.after, http.StatusOK)
		c.waitForContact(id, v1alpha1.ReasonSynced)
		for _, course := range []string{"1234A", "1235A"} {
			if got, want := c.enrolledOnLMS(test.after.Email, course), slices.Contains(test.stays, course); got != want {
				t.Errorf("%s: enrolled in %s on the LMS = %v, want %v", id, course, got, want)
			}
		}
	}
}

// foretold gives the withdrawals that a dry run of a document lists, each as its course code and its reason.
func (c *company) foretold(document *document) []string {
	c.t.Helper()
	body, err := json.Marshal(map[string]any{"Contact": document})
	must(c.t, err)
	status, content, err := c.tryAt(http.MethodPut, document.ContactID+"/enrollments/?dryRun=All", string(body))
	must(c.t, err)
	if status != http.StatusOK {
		c.t.Fatalf("dry run of %s = %d %s", document.ContactID, status, content)
	}
	var answer struct {
		Plan struct {
			Withdrawals []struct{ CourseCode, Reason string }
		}
	}
	must(c.t, json.Unmarshal(content, &answer))
	var withdrawals []string
	for _, w := range answer.Plan.Withdrawals {
		withdrawals = append(withdrawals, w.CourseCode+" "+w.Reason)
	}
	return withdrawals
}
