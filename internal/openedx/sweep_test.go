package openedx_test

import (
	"fmt"
	"testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

const pathEnrollments = "/api/enrollment/v1/enrollments"

func TestACourseIsListedInPagesOfAHundred(t *testing.T) {
	world := openedxtest.DemoWorld()
	world.LearnerPool.Count = 250
	standIn := openedxtest.Start(t, world, openedxtest.WithThrottle(0))
	course := openedxtest.DemoCourses[1].ID // where nobody is
	for i := 1; i <= 250; i++ {
		standIn.Enroll(fmt.Sprintf("l%03d", i), course, "audit")
	}
	standIn.Unenroll("l007", course)
	client := newClient(t, stock(configFor(standIn)))

	seen := map[string]lms.LearnerEnrollment{}
	cursor, sizes := "", []int{}
	for {
		page, err := client.ListEnrollments(t.Context(), course, cursor)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(page.Enrollments))
		for _, listed := range page.Enrollments {
			seen[listed.Username] = listed
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if got := fmt.Sprint(sizes); got != "[100 100 50]" || len(seen) != 250 || callsTo(standIn, "GET", pathEnrollments) != 3 {
		t.Errorf("pages of %s, %d learners", got, len(seen))
	}
	if seen["l007"].Active || !seen["l008"].Active || seen["l008"].Mode != "audit" {
		t.Errorf("l007 is %+v, l008 is %+v", seen["l007"], seen["l008"])
	}
}

func TestAListThatCannotGoOnIsNoList(t *testing.T) {
	const list = "GET " + pathEnrollments
	client := scripted{list: {`{"next": "https://lms.example.com/api/enrollment/v1/enrollments?page=2", "results": []}`}}.client(t, stock)
	_, err := client.ListEnrollments(t.Context(), openCourse, "")
	mustFail(t, err, lms.Transient, v1alpha1.ReasonUnexpectedAnswer)

	client = newClient(t, stock(configFor(start(t))))
	_, err = client.ListEnrollments(t.Context(), "nonsense", "")
	mustFail(t, err, lms.Conflict, v1alpha1.ReasonCourseNotFound)
}

func TestLearnersAreLookedUpTogetherAndByNumber(t *testing.T) {
	standIn := start(t)
	client := newClient(t, stock(configFor(standIn)))
	found, err := client.LookUpLearners(t.Context(), []string{"JCHEN", "nobody", "mlopez"})
	if err != nil || len(found) != 2 || callsTo(standIn, "GET", pathAccounts) != 1 {
		t.Fatalf("found %+v, %v", found, err)
	}
	for _, usernames := range [][]string{nil, {"nobody"}} {
		if found, err := client.LookUpLearners(t.Context(), usernames); len(found) != 0 || err != nil {
			t.Errorf("asked for %v, found %+v, %v", usernames, found, err)
		}
	}

	known, _ := standIn.Account("jchen")
	standIn.RenameUser("jchen", "james")
	renamed, err := client.LookUpLearnerByID(t.Context(), int64(known.ID))
	if err != nil || renamed == nil || renamed.Username != "james" {
		t.Errorf("found %+v, %v", renamed, err)
	}
	standIn.RetireUser("james")
	for _, id := range []int{known.ID, 999_999} {
		if found, err := client.LookUpLearnerByID(t.Context(), int64(id)); found != nil || err != nil {
			t.Errorf("number %d is %+v, %v", id, found, err)
		}
	}
}

func TestAnEnrollmentIsReadByEveryRoute(t *testing.T) {
	onBothRoutes(t, func(t *testing.T, standIn *openedxtest.Server, client *openedx.Client) {
		standIn.LogInFirst("elsewhere", "elsewhere@acme.com", "Elsie Where") // whom eox-core does not see
		for _, username := range []string{"jchen", "elsewhere"} {
			for _, want := range []lms.Enrollment{{}, {Active: true, Mode: "verified"}, {Mode: "verified"}} {
				if want.Active {
					standIn.Enroll(username, openCourse, want.Mode)
				} else if want.Mode != "" {
					standIn.Unenroll(username, openCourse)
				}
				if got, err := client.ReadEnrollment(t.Context(), username, openCourse); err != nil || got != want {
					t.Errorf("%s is %+v, %v; want %+v", username, got, err, want)
				}
			}
		}
	})
}
