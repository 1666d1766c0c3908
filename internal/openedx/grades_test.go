package openedx_test

import (
	"fmt"
	"testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

const pathGrades = "/api/grades/v1/courses/"

func TestGradesOfACourseAreReadInPagesOfAHundred(t *testing.T) {
	world := openedxtest.DemoWorld()
	world.LearnerPool.Count = 250
	standIn := openedxtest.Start(t, world)
	course := openedxtest.DemoCourses[1].ID // where nobody is
	for i := 1; i <= 250; i++ {
		standIn.Enroll(fmt.Sprintf("l%03d", i), course, "audit")
	}
	standIn.Unenroll("l007", course)
	standIn.SetGrade("l008", course, openedxtest.Grade{Percent: 0.835, Letter: "B", Passed: true})
	standIn.SetGrade("l250", course, openedxtest.Grade{Percent: 1.02, Letter: "A", Passed: true})
	client := newClient(t, stock(configFor(standIn)))

	seen := map[string]lms.Grade{}
	cursor, sizes := "", []int{}
	for {
		page, err := client.ListGrades(t.Context(), course, cursor)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(page.Grades))
		for _, listed := range page.Grades {
			seen[listed.Username] = listed.Grade
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if got := fmt.Sprint(sizes); got != "[100 100 49]" || len(seen) != 249 {
		t.Errorf("pages of %s, %d learners", got, len(seen))
	}
	for username, want := range map[string]lms.Grade{"l001": {}, "l007": {}, "l008": {Hundredths: 8350, Letter: "B", Passed: true}, "l250": {Hundredths: 10_000, Letter: "A", Passed: true}} {
		if got := seen[username]; got != want {
			t.Errorf("%s has %+v, want %+v", username, got, want)
		}
	}
}

func TestGradesThatCannotBeReadSayNothingOfThePlatform(t *testing.T) {
	client := newClient(t, stock(configFor(start(t))))
	for _, course := range []string{"course-v1:GK+GHOST+2017", "nonsense"} {
		_, err := client.ListGrades(t.Context(), course, "")
		mustFail(t, err, lms.Conflict, v1alpha1.ReasonCourseNotFound)
	}
	standIn := start(t)
	client = newClient(t, stock(configFor(standIn)))
	standIn.SetStaff("rollcall_svc", false)
	_, err := client.ListGrades(t.Context(), openCourse, "")
	if failure := lms.AsError(err); failure.Class != lms.Fatal || failure.PlatformWide {
		t.Errorf("without permission it is %+v", failure)
	}
	list := "GET " + pathGrades + openCourse + "/"
	client = scripted{list: {`{"next": "https://lms.example.com/api/grades/v1/courses/x/?page=2", "results": []}`}}.client(t, stock)
	_, err = client.ListGrades(t.Context(), openCourse, "")
	mustFail(t, err, lms.Transient, v1alpha1.ReasonUnexpectedAnswer)
}
