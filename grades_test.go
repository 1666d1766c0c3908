package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// readGrades has the course swept, and waits until its grades are read too.
func (c *company) readGrades(code string) {
	c.t.Helper()
	before := c.course(code).Status.GradesTime
	c.sweepCourse(code)
	c.eventually("the grades of "+code+" are read", func() error {
		if read := c.course(code).Status.GradesTime; read.Equal(before) {
			return fmt.Errorf("it is %v", read)
		}
		return nil
	})
}

func (c *company) course(code string) *v1alpha1.Course {
	c.t.Helper()
	course := &v1alpha1.Course{ObjectMeta: c.named(names.Contact(code))}
	must(c.t, c.Get(context.Background(), client.ObjectKeyFromObject(course), course))
	return course
}

// grade says the grade of a contact in a course as a test writes it.
func (c *company) grade(id, course string) string {
	c.t.Helper()
	grade := c.enrollment(id, course).Status.Grade
	if grade.Hundredths == nil {
		return "none"
	}
	return fmt.Sprintf("%d %s %t", *grade.Hundredths, grade.Letter, ptr.Deref(grade.Passed, false))
}

func (c *company) wantGrade(id, course, want string) {
	c.t.Helper()
	if got := c.grade(id, course); got != want {
		c.t.Errorf("the grade of %s in %s is %s, want %s", id, course, got, want)
	}
}

func TestASweepReadsGradesAndWritesWhatIsNew(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	key := courseKey("1234A")
	ended := joe("ended", "1234A")
	for _, d := range []*document{joe("good", "1234A"), joe("idle", "1234A"), ended} {
		c.mustPut(d, http.StatusCreated)
		c.waitForContact(d.ContactID, v1alpha1.ReasonSynced)
	}
	if read := c.course("1234A").Status.GradesTime; read != nil {
		t.Errorf("grades were read before the first sweep: %v", read)
	}
	c.wantGrade("good", "1234A", "none")
	c.lms.SetGrade(c.username("good"), key, openedxtest.Grade{Percent: 0.835, Letter: "B", Passed: true})
	c.lms.SetGrade(c.username("ended"), key, openedxtest.Grade{Percent: 0.5})
	c.lms.SetGrade("mlopez", key, openedxtest.Grade{Percent: 1, Letter: "A", Passed: true}) // who is no contact
	c.readGrades("1234A")
	c.wantGrade("good", "1234A", "8350 B true")
	c.wantGrade("idle", "1234A", "0  false")
	c.wantGrade("ended", "1234A", "5000  false")

	// What Rollcall writes for other reasons leaves the grade, and the grade leaves that.
	c.requestCheck(c.contact("good"))
	c.eventually("the check is made", func() error {
		if e := c.enrollment("good", "1234A"); e.Status.LastHandledReconcileAt == "" {
			return errors.New("it is not")
		}
		return nil
	})
	c.wantGrade("good", "1234A", "8350 B true")
	before := c.enrollment("good", "1234A")
	c.lms.SetGrade(c.username("good"), key, openedxtest.Grade{Percent: 0.9, Letter: "A", Passed: true})
	ended.Enrollments[0].AccessEndDate = "2018-01-01"
	c.mustPut(ended, http.StatusOK)
	c.waitForLMS(ended.Email, "1234A", false)
	c.waitForContact("ended", v1alpha1.ReasonSynced)
	idle := c.enrollment("idle", "1234A").ResourceVersion
	c.readGrades("1234A")
	c.wantGrade("good", "1234A", "9000 A true")
	c.wantGrade("ended", "1234A", "5000  false") // as it was read last
	after := c.enrollment("good", "1234A")
	if before.Status.Grade, after.Status.Grade = (v1alpha1.Grade{}), (v1alpha1.Grade{}); asJSON(before.Status) != asJSON(after.Status) {
		t.Errorf("the grade changed the rest of the status from %s to %s", asJSON(before.Status), asJSON(after.Status))
	}
	if got := c.enrollment("idle", "1234A").ResourceVersion; got != idle {
		t.Error("a grade that did not change was written")
	}
}

func TestAGradeThatTheLMSTellsNoMoreIsDropped(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	for _, id := range []string{"lost", "kept"} {
		c.mustPut(joe(id, "1234A"), http.StatusCreated)
		c.waitForContact(id, v1alpha1.ReasonSynced)
		c.lms.SetGrade(c.username(id), courseKey("1234A"), openedxtest.Grade{Percent: 0.7, Letter: "Pass", Passed: true})
	}
	change(c, c.defaultPlatform(), func(p *v1alpha1.LearningPlatform) { p.Spec.DriftPolicy = v1alpha1.DriftPolicyReport })
	c.readGrades("1234A")
	c.wantGrade("lost", "1234A", "7000 Pass true")
	c.lms.LoseGrade(c.username("lost"), courseKey("1234A"))
	c.readGrades("1234A")
	c.wantGrade("lost", "1234A", "none")
	c.wantGrade("kept", "1234A", "7000 Pass true")
}

func TestGradesAreReadWhereTheLMSIsOnlyObservedAndNotWithoutSweeps(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.mustPut(joe("a", "1234A"), http.StatusCreated)
	c.waitForContact("a", v1alpha1.ReasonSynced)
	c.lms.SetGrade(c.username("a"), courseKey("1234A"), openedxtest.Grade{Percent: 0.1})
	c.setMode(v1alpha1.PlatformModeObserve)
	c.readGrades("1234A")
	c.wantGrade("a", "1234A", "1000  false")

	change(c, c.defaultPlatform(), func(p *v1alpha1.LearningPlatform) { p.Spec.DriftPolicy = v1alpha1.DriftPolicyOff })
	c.waitForState(c.defaultPlatform(), v1alpha1.ReasonConnected)
	c.lms.ResetCalls()
	course := c.course("1234A")
	c.requestCheck(course)
	c.eventually("the check is made", func() error {
		if course = c.course("1234A"); course.Status.LastHandledReconcileAt != course.Annotations[v1alpha1.ReconcileRequestedAtAnnotation] {
			return errors.New("it is not")
		}
		return nil
	})
	c.travelTo(c.clock.Now().Add(49 * time.Hour))
	c.waitForState(course, v1alpha1.ReasonSynced)
	if calls := c.callsTo("/api/grades/v1/courses/" + courseKey("1234A") + "/"); calls != 0 {
		t.Errorf("grades were read %d times", calls)
	}
}

func TestGradesThatCannotBeReadHoldNothingUp(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.mustPut(joe("a", "1234A"), http.StatusCreated)
	c.waitForContact("a", v1alpha1.ReasonSynced)
	c.lms.SetGrade(c.username("a"), courseKey("1234A"), openedxtest.Grade{Percent: 0.1})
	path := "/api/grades/v1/courses/" + courseKey("1234A") + "/"
	c.lms.Fail(openedxtest.Match{Path: path}, openedxtest.Fault{Status: http.StatusForbidden, Times: 1})
	c.sweepCourse("1234A")
	c.eventually("the grades were asked for", func() error {
		if c.callsTo(path) == 0 {
			return errors.New("they were not")
		}
		return nil
	})
	c.waitForState(c.defaultPlatform(), v1alpha1.ReasonConnected)
	c.waitForState(c.course("1234A"), v1alpha1.ReasonSynced)
	if read := c.course("1234A").Status.GradesTime; read != nil {
		t.Errorf("gradesTime is %v", read)
	}
	c.readGrades("1234A")
	c.wantGrade("a", "1234A", "1000  false")
}

func TestCoursesAreSeenToWhileGradesHang(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.mustPut(joe("a", "1234A"), http.StatusCreated)
	c.waitForContact("a", v1alpha1.ReasonSynced)
	c.lms.SetGrade(c.username("a"), courseKey("1234A"), openedxtest.Grade{Percent: 0.1})
	path := "/api/grades/v1/courses/"
	c.lms.Fail(openedxtest.Match{Path: path}, openedxtest.Fault{Status: http.StatusGatewayTimeout, Times: 1})
	c.lms.Fail(openedxtest.Match{Path: path}, openedxtest.Fault{Hang: true})
	c.sweepCourse("1234A")
	c.eventually("the grades are asked for", func() error {
		if c.callsTo(path) == 0 {
			return errors.New("they are not")
		}
		return nil
	})
	c.clock.travelTo(c.clock.Now().Add(time.Minute)) // The reading goes on after the 504, and hangs.
	c.waitForState(c.addCourse("1235A"), v1alpha1.ReasonSynced)
	c.sweepCourse("1235A")
	c.waitForState(c.defaultPlatform(), v1alpha1.ReasonConnected)
	if read := c.course("1234A").Status.GradesTime; read != nil {
		t.Errorf("gradesTime is %v", read)
	}
	c.lms.ClearFaults()
	c.eventually("the reading goes on", func() error {
		c.clock.travelTo(c.clock.Now().Add(time.Minute))
		if c.course("1234A").Status.GradesTime == nil {
			return errors.New("it does not")
		}
		return nil
	})
	c.wantGrade("a", "1234A", "1000  false")
}
