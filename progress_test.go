package main

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

const progressPath = "/api/course_home/progress/"

// newProgressCompany is a company whose learners' progress is read.
func newProgressCompany(t *testing.T) *company {
	c := newCompany(t, "1234A")
	change(c, c.defaultPlatform(), func(p *v1alpha1.LearningPlatform) { p.Spec.Learners.ReadProgress = new(true) })
	return c
}

// readProgress has the course swept, and waits until the progress of its learners is read too.
func (c *company) readProgress(code string) {
	c.t.Helper()
	before := c.course(code).Status.ProgressTime
	c.sweepCourse(code)
	c.eventually("the progress in "+code+" is read", func() error {
		if read := c.course(code).Status.ProgressTime; read.Equal(before) {
			return fmt.Errorf("it is %v", read)
		}
		return nil
	})
}

// wantProgress checks the progress of a contact in a course, in hundredths; -1 is none.
func (c *company) wantProgress(id, course string, want int32) {
	c.t.Helper()
	got, progress := int32(-1), c.enrollment(id, course).Status.Progress
	if progress.Hundredths != nil {
		got = *progress.Hundredths
	}
	if got != want || got >= 0 && (progress.CourseKey != courseKey(course) || progress.Username != c.username(id)) {
		c.t.Errorf("the progress of %s in %s is %+v, want %d hundredths", id, course, progress, want)
	}
}

func TestASweepReadsProgressWhereThatIsWanted(t *testing.T) {
	t.Parallel()
	c := newProgressCompany(t)
	key := courseKey("1234A")
	ended := joe("ended", "1234A")
	for _, d := range []*document{joe("busy", "1234A"), joe("idle", "1234A"), ended} {
		c.mustPut(d, http.StatusCreated)
		c.waitForContact(d.ContactID, v1alpha1.ReasonSynced)
	}
	c.lms.SetProgress(c.username("busy"), key, openedxtest.Progress{Complete: 5, Incomplete: 3})
	c.lms.SetProgress(c.username("ended"), key, openedxtest.Progress{Complete: 1, Incomplete: 1})
	c.lms.SetGrade(c.username("busy"), key, openedxtest.Grade{Percent: 0.5, Letter: "Pass", Passed: true})
	c.readProgress("1234A")
	c.wantProgress("busy", "1234A", 6250)
	c.wantProgress("idle", "1234A", 0)
	c.wantProgress("ended", "1234A", 5000)
	c.wantGrade("busy", "1234A", "5000 Pass true")

	c.lms.SetProgress(c.username("busy"), key, openedxtest.Progress{Complete: 8})
	c.lms.SetGrade(c.username("busy"), key, openedxtest.Grade{Percent: 1, Letter: "Pass", Passed: true})
	ended.Enrollments[0].AccessEndDate = "2018-01-01"
	c.mustPut(ended, http.StatusOK)
	c.waitForLMS(ended.Email, "1234A", false)
	c.waitForContact("ended", v1alpha1.ReasonSynced)
	idle := c.enrollment("idle", "1234A").ResourceVersion
	c.lms.ResetCalls()
	c.readProgress("1234A")
	c.wantProgress("busy", "1234A", 10_000)
	c.wantGrade("busy", "1234A", "10000 Pass true")
	c.wantProgress("ended", "1234A", 5000) // as it was read last
	if calls := c.callsTo(progressPath); calls != 2 {
		t.Errorf("%d calls for two who are enrolled", calls)
	}
	if got := c.enrollment("idle", "1234A").ResourceVersion; got != idle {
		t.Error("progress that did not change was written")
	}
}

func TestProgressIsNotReadUnlessItIsWanted(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.mustPut(joe("a", "1234A"), http.StatusCreated)
	c.waitForContact("a", v1alpha1.ReasonSynced)
	c.readGrades("1234A")
	c.waitUntilIdle()
	if calls := c.callsTo(progressPath); calls != 0 {
		t.Errorf("%d calls for it", calls)
	}
}

func TestALearnerOfWhomTheLMSTellsNoProgressHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	c := newProgressCompany(t)
	for _, id := range []string{"shown", "hidden", "broken"} {
		c.mustPut(joe(id, "1234A"), http.StatusCreated)
		c.waitForContact(id, v1alpha1.ReasonSynced)
		c.lms.SetProgress(c.username(id), courseKey("1234A"), openedxtest.Progress{Complete: 1})
	}
	c.readProgress("1234A")
	c.wantProgress("hidden", "1234A", 10_000)

	c.lms.SetProgress(c.username("hidden"), courseKey("1234A"), openedxtest.Progress{Hidden: true})
	broken := fmt.Sprint(progressPath, courseKey("1234A"), "/", c.contact("broken").Status.Learner.ID)
	c.lms.Fail(openedxtest.Match{Path: broken}, openedxtest.Fault{Status: http.StatusInternalServerError})
	before := c.course("1234A").Status.ProgressTime
	c.lms.ResetCalls()
	c.sweepCourse("1234A")
	c.eventually("the progress of all others is read", func() error {
		c.clock.travelTo(c.clock.Now().Add(time.Minute)) // It is tried again some times.
		if c.callsTo(broken) < 5 || c.enrollment("hidden", "1234A").Status.Progress.Hundredths != nil {
			return errors.New("it is not")
		}
		return nil
	})
	c.waitUntilIdle()
	if read := c.course("1234A").Status.ProgressTime; !read.Equal(before) {
		t.Errorf("progressTime is %s, although not all of it was read", read)
	}
	c.wantProgress("shown", "1234A", 10_000)
	c.wantProgress("hidden", "1234A", -1)
	c.wantProgress("broken", "1234A", 10_000) // as it was read last
	c.waitForState(c.defaultPlatform(), v1alpha1.ReasonConnected)
}

func TestProgressThatIsNotReadToTheEndGivesWayToTheNextSweep(t *testing.T) {
	t.Parallel()
	const learners = 3
	c := newProgressCompany(t)
	change(c, c.defaultPlatform(), func(p *v1alpha1.LearningPlatform) { p.Spec.DriftIntervalMinutes = 60 })
	for i := range learners {
		c.mustPut(joe(fmt.Sprint(i), "1234A"), http.StatusCreated)
		c.waitForContact(fmt.Sprint(i), v1alpha1.ReasonSynced)
	}
	c.lms.Fail(openedxtest.Match{Path: progressPath}, openedxtest.Fault{Hang: true})
	swept := c.sweepCourse("1234A").FinishedTime
	c.eventually("progress is asked for", func() error {
		if c.callsTo(progressPath) == 0 {
			return errors.New("it is not")
		}
		return nil
	})
	c.clock.travelTo(c.clock.Now().Add(2 * time.Hour)) // One call takes as long.
	c.lms.ClearFaults()
	c.eventually("the course is swept again", func() error {
		c.clock.travelTo(c.clock.Now().Add(time.Minute))
		if finished := c.course("1234A").Status.Sweep.FinishedTime; !finished.After(swept.Add(time.Hour)) {
			return fmt.Errorf("the last time was %s", finished)
		}
		return nil
	})
	c.eventually("progress is read to the end", func() error {
		if c.course("1234A").Status.ProgressTime == nil {
			c.clock.travelTo(c.clock.Now().Add(time.Second)) // Faster, and the sweep after that would be due before.
			return errors.New("it is not")
		}
		return nil
	})
}

func TestProgressThatTheLMSDoesNotShowIsGivenUp(t *testing.T) {
	t.Parallel()
	const learners, tries = 7, 5
	c := newProgressCompany(t)
	for i := range learners {
		c.mustPut(joe(fmt.Sprint(i), "1234A"), http.StatusCreated)
		c.waitForContact(fmt.Sprint(i), v1alpha1.ReasonSynced)
		c.lms.SetProgress(c.username(fmt.Sprint(i)), courseKey("1234A"), openedxtest.Progress{Complete: 1})
	}
	c.readProgress("1234A")
	before := c.course("1234A").Status.ProgressTime
	for i := range learners {
		c.lms.SetProgress(c.username(fmt.Sprint(i)), courseKey("1234A"), openedxtest.Progress{Hidden: true})
	}
	c.lms.ResetCalls()
	c.readGrades("1234A")
	c.eventually("it is given up", func() error {
		if c.callsTo(progressPath) < tries {
			return errors.New("it is not")
		}
		return nil
	})
	c.waitUntilIdle()
	if calls := c.callsTo(progressPath); calls != tries {
		t.Errorf("%d calls, want %d", calls, tries)
	}
	if read := c.course("1234A").Status.ProgressTime; !read.Equal(before) {
		t.Errorf("progressTime is %s", read)
	}
	for i := range learners {
		c.wantProgress(fmt.Sprint(i), "1234A", 10_000)
	}
	c.waitForState(c.defaultPlatform(), v1alpha1.ReasonConnected)
}
