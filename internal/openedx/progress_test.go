package openedx_test

import (
	"fmt"
	"testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func TestProgressIsTheShareOfAllUnits(t *testing.T) {
	standIn := withPool(t, 1)
	standIn.Enroll("l001", openCourse, "audit")
	client := newClient(t, stock(configFor(standIn)))
	learner, err := client.LookUpLearner(t.Context(), "l001")
	if err != nil || learner == nil {
		t.Fatalf("the learner is %v, %v", learner, err)
	}
	for units, want := range map[openedxtest.Progress]int32{
		{}:                       0, // a course without any
		{Incomplete: 7}:          0,
		{Complete: 7}:            10_000,
		{Complete: 2, Locked: 1}: 6666,
		{Complete: 9999, Incomplete: 1, Locked: 1}: 9998,
	} {
		standIn.SetProgress("l001", openCourse, units)
		if got, err := client.ReadProgress(t.Context(), openCourse, learner.ID); err != nil || got != want {
			t.Errorf("of %+v it is %d, %v; want %d", units, got, err, want)
		}
	}
}

func TestProgressThatCannotBeReadSaysNothingOfThePlatform(t *testing.T) {
	standIn := withPool(t, 1)
	standIn.Enroll("l001", openCourse, "audit")
	standIn.SetProgress("l001", openCourse, openedxtest.Progress{Hidden: true})
	client := newClient(t, stock(configFor(standIn)))
	learner, err := client.LookUpLearner(t.Context(), "l001")
	if err != nil {
		t.Fatal(err)
	}
	for course, id := range map[string]int64{openCourse: learner.ID, openedxtest.DemoCourses[1].ID: 987654, "course-v1:GK+GHOST+2017": learner.ID} {
		_, err := client.ReadProgress(t.Context(), course, id)
		mustFail(t, err, lms.Conflict, v1alpha1.ReasonUnexpectedAnswer)
		if lms.AsError(err).PlatformWide {
			t.Errorf("%s: it counts against the platform", course)
		}
	}
	read := fmt.Sprintf("GET /api/course_home/progress/%s/7", openCourse)
	for _, body := range []string{`{}`, `{"completion_summary": null}`, `{"completion_summary": {"complete_count": -1, "incomplete_count": 3, "locked_count": 0}}`} {
		client := scripted{read: {body}}.client(t, stock)
		_, err := client.ReadProgress(t.Context(), openCourse, 7)
		mustFail(t, err, lms.Conflict, v1alpha1.ReasonUnexpectedAnswer)
	}
}
