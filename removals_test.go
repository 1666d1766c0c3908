package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
)

// newLimitedCompany allows so many withdrawals an hour.
func newLimitedCompany(t *testing.T, withdrawals int32, courses ...string) *company {
	t.Helper()
	c := newCompany(t, courses...)
	change(c, c.defaultPlatform(), func(platform *v1alpha1.LearningPlatform) {
		platform.Spec.Safety = v1alpha1.SafetySpec{MaxWithdrawalsPerHour: &withdrawals, MaxWithdrawalPercentPerHour: new(int32(100))}
	})
	c.waitForState(c.defaultPlatform(), v1alpha1.ReasonConnected)
	return c
}

// enrollAll sends documents of so many learners, and waits until they are enrolled.
func (c *company) enrollAll(n int, courses ...string) {
	c.t.Helper()
	for i := range n {
		c.mustPut(joe(fmt.Sprint(i), courses...), http.StatusCreated)
	}
	for i := range n {
		c.waitForContact(fmt.Sprint(i), v1alpha1.ReasonSynced)
	}
}

// enrolledOf counts those of so many learners who are enrolled in the course on the LMS.
func (c *company) enrolledOf(n int, course string) (enrolled int) {
	for i := range n {
		if c.enrolledOnLMS(joe(fmt.Sprint(i)).Email, course) {
			enrolled++
		}
	}
	return enrolled
}

func (c *company) waitForEnrolled(n int, course string, want int) {
	c.t.Helper()
	c.eventually(fmt.Sprintf("%d of %d are enrolled in %s", want, n, course), func() error {
		if got := c.enrolledOf(n, course); got != want {
			return fmt.Errorf("%d are", got)
		}
		return nil
	})
}

// waitForHeld waits until the platform shows so many held withdrawals, and each of them is in its Enrollment's state.
func (c *company) waitForHeld(n int32) *v1alpha1.LearningPlatform {
	c.t.Helper()
	platform := c.defaultPlatform()
	c.eventually(fmt.Sprintf("%d withdrawals are held", n), func() error {
		if err := c.Get(context.Background(), client.ObjectKeyFromObject(platform), platform); err != nil {
			return err
		}
		removals := platform.Status.Removals
		if shown := meta.IsStatusConditionTrue(platform.Status.Conditions, v1alpha1.ConditionRemovalsHeld); removals.Held != n || shown != (n > 0) {
			return fmt.Errorf("%d are, RemovalsHeld is %v: %+v", removals.Held, shown, removals)
		}
		var enrollments v1alpha1.EnrollmentList
		if err := c.List(context.Background(), &enrollments, client.InNamespace(c.namespace)); err != nil {
			return err
		}
		var held int32
		for i := range enrollments.Items {
			enrollment := &enrollments.Items[i]
			if readyOf(enrollment).Reason == v1alpha1.ReasonRemovalHeld && meta.IsStatusConditionTrue(enrollment.Status.Conditions, v1alpha1.ConditionStalled) {
				held++
			}
		}
		if held != n {
			return fmt.Errorf("%d Enrollments say so", held)
		}
		return nil
	})
	return platform
}

// heldByMetric is the number of held withdrawals as the metrics have it.
func (c *company) heldByMetric() (held float64) {
	c.t.Helper()
	families, err := metrics.Registry.Gather()
	must(c.t, err)
	for _, family := range families {
		for _, metric := range family.Metric {
			if family.GetName() == "rollcall_removals_held" && metric.Label[0].GetValue() == c.namespace+"/default" {
				held += metric.Gauge.GetValue()
			}
		}
	}
	return held
}

func (c *company) releaseRemovals(value string) {
	c.t.Helper()
	change(c, c.defaultPlatform(), func(platform *v1alpha1.LearningPlatform) {
		platform.Annotations = map[string]string{v1alpha1.ReleaseRemovalsAnnotation: value}
	})
	c.eventually("the release is looked at", func() error {
		platform := c.defaultPlatform()
		must(c.t, c.Get(context.Background(), client.ObjectKeyFromObject(platform), platform))
		if got := platform.Status.Removals.LastRelease; got != value {
			return fmt.Errorf("%q was", got)
		}
		return nil
	})
}

// waitForEvents waits until there are so many events with the reason, and gives the note of the last.
func (c *company) waitForEvents(reason string, n int) (note string) {
	c.t.Helper()
	c.eventually(fmt.Sprintf("%d events %s", n, reason), func() error {
		var list eventsv1.EventList
		must(c.t, c.List(context.Background(), &list, client.InNamespace(c.namespace)))
		got := 0
		for _, event := range list.Items {
			if event.Reason == reason {
				got, note = got+1, event.Note
			}
		}
		if got != n {
			return fmt.Errorf("there are %d", got)
		}
		return nil
	})
	return note
}

func TestDocumentsThatEmptyTheListsOfManyAreHeldUntilSomebodyAgrees(t *testing.T) {
	t.Parallel()
	const learners = 8
	c := newLimitedCompany(t, 3, "1234A", "1235A")
	c.enrollAll(learners, "1234A")
	for i := range learners - 1 {
		c.mustPut(joe(fmt.Sprint(i)), http.StatusOK)
	}
	platform := c.waitForHeld(4)
	c.waitForEnrolled(learners, "1234A", learners-3)
	if got := c.heldByMetric(); got != 4 {
		t.Errorf("the metric says %v", got)
	}
	removals := platform.Status.Removals
	if len(removals.Courses) != 1 || removals.Courses[0] != (v1alpha1.CourseRemovals{CourseKey: courseKey("1234A"), Held: 4, Recent: 3}) {
		t.Errorf("courses = %+v", removals.Courses)
	}
	condition := meta.FindStatusCondition(platform.Status.Conditions, v1alpha1.ConditionRemovalsHeld)
	if !strings.HasPrefix(condition.Message, "4 withdrawals") || !strings.Contains(condition.Message, courseKey("1234A")+" (4)") ||
		!strings.Contains(condition.Message, v1alpha1.ReleaseRemovalsAnnotation+"=4@") {
		t.Errorf("message = %q", condition.Message)
	}
	if platform := c.defaultPlatform(); !isReady(platform) {
		c.waitForState(platform, v1alpha1.ReasonConnected)
	}

	// Enrolling goes on.
	c.mustPut(joe("new", "1234A", "1235A"), http.StatusCreated)
	c.waitForContact("new", v1alpha1.ReasonSynced)

	// Another one is held before the release: it is not of what somebody saw.
	c.mustPut(joe("7"), http.StatusOK)
	c.waitForHeld(5)
	c.releaseRemovals("4")
	if note := c.waitForEvents("ReleaseLapsed", 1); !strings.Contains(note, "it is 5, and 4 were agreed to") {
		t.Errorf("note = %q", note)
	}
	c.waitForHeld(5)
	c.releaseRemovals("5@monday")
	c.waitForHeld(0)
	for i := range learners {
		c.waitForLMS(joe(fmt.Sprint(i)).Email, "1234A", false)
		c.waitForContact(fmt.Sprint(i), v1alpha1.ReasonSynced)
	}
	c.waitForEvents("RemovalsReleased", 1)
	c.waitForEvents(v1alpha1.ConditionRemovalsHeld, 1)
	c.waitForEvents(v1alpha1.ReasonRemovalHeld, 0) // That is one for each learner.
	if !c.enrolledOnLMS(joe("new").Email, "1234A") {
		t.Error("somebody else was withdrawn")
	}
}

func TestWhatTheBackOfficePutsRightIsHeldNoMore(t *testing.T) {
	t.Parallel()
	c := newLimitedCompany(t, 2, "1234A", "1235A")
	c.enrollAll(6, "1234A")
	for i := range 6 {
		d := joe(fmt.Sprint(i))
		if i%2 == 0 {
			d = joe(fmt.Sprint(i), "1234A")
			d.Enrollments[0].AccessEndDate = "2018-09-30"
		}
		c.mustPut(d, http.StatusOK)
	}
	c.waitForHeld(4)
	for i := range 6 {
		c.mustPut(joe(fmt.Sprint(i), "1234A"), http.StatusOK)
	}
	c.waitForHeld(0)
	for i := range 6 {
		c.waitForContact(fmt.Sprint(i), v1alpha1.ReasonSynced)
	}
	if got := c.enrolledOf(6, "1234A"); got != 6 {
		t.Errorf("%d of 6 are enrolled", got)
	}
	// The brake is off again, for as many as an hour allows.
	c.travelTo(c.clock.Now().Add(2 * time.Hour))
	c.mustPut(joe("0"), http.StatusOK)
	c.waitForLMS(joe("0").Email, "1234A", false)
}

func TestARestartNeitherForgetsWhatIsHeldNorWhatWasReleased(t *testing.T) {
	t.Parallel()
	c := newLimitedCompany(t, 2, "1234A")
	c.enrollAll(7, "1234A")
	for i := range 5 {
		must(t, c.Delete(context.Background(), c.contact(fmt.Sprint(i))))
	}
	c.waitForHeld(3)
	c.waitForEnrolled(7, "1234A", 5)
	c.eventually("the two that were withdrawn are gone", func() error {
		var enrollments v1alpha1.EnrollmentList
		must(t, c.List(context.Background(), &enrollments, client.InNamespace(c.namespace)))
		if got := len(enrollments.Items); got != 5 {
			return fmt.Errorf("there are %d", got)
		}
		return nil
	})
	c.restart()
	c.mustPut(joe("5"), http.StatusOK)
	c.waitForHeld(4)
	if got := c.enrolledOf(7, "1234A"); got != 5 {
		t.Errorf("%d are enrolled after the restart, want 5", got)
	}

	c.lms.SetDown(true)
	c.releaseRemovals("4")
	c.restart()
	c.mustPut(joe("6"), http.StatusOK)
	c.lms.SetDown(false)
	c.waitForHeld(1)
	c.waitForEnrolled(7, "1234A", 1)
	if !c.enrolledOnLMS(joe("6").Email, "1234A") {
		t.Error("one was withdrawn that nobody released")
	}
}

func TestAHeldDeletionLeavesWithItsPlatformOrWithoutTouchingTheLMS(t *testing.T) {
	t.Parallel()
	c := newLimitedCompany(t, 0, "1234A")
	c.enrollAll(2, "1234A")
	for i := range 2 {
		must(t, c.Delete(context.Background(), c.contact(fmt.Sprint(i))))
	}
	c.waitForHeld(2)
	c.waitForContact("0", v1alpha1.ReasonRemovalHeld)
	c.waitForContact("1", v1alpha1.ReasonRemovalHeld)
	change(c, c.contact("0"), func(contact *v1alpha1.Contact) { contact.Spec.DeletionPolicy = v1alpha1.DeletionOrphan })
	c.waitUntilGone(&v1alpha1.Contact{ObjectMeta: c.named(names.Contact("0"))})
	c.waitForHeld(1)
	must(t, c.Delete(context.Background(), c.defaultPlatform()))
	c.waitUntilEmpty()
	if got := c.enrolledOf(2, "1234A"); got != 2 {
		t.Errorf("%d of 2 are enrolled", got)
	}
}

func TestDocumentsThatEmptyTheListsBeforeTheFirstLoginAreHeldToo(t *testing.T) {
	t.Parallel()
	const learners = 6
	c := newFirstLoginCompany(t, "1234A")
	change(c, c.defaultPlatform(), func(platform *v1alpha1.LearningPlatform) {
		platform.Spec.Safety = v1alpha1.SafetySpec{MaxWithdrawalsPerHour: new(int32(2)), MaxWithdrawalPercentPerHour: new(int32(100))}
	})
	c.waitForState(c.defaultPlatform(), v1alpha1.ReasonConnected)
	for i := range learners {
		c.mustPut(joe(fmt.Sprint(i), "1234A"), http.StatusCreated)
	}
	for i := range learners {
		c.waitForEnrollment(fmt.Sprint(i), "1234A", v1alpha1.ReasonAwaitingFirstLogin)
	}
	for i := range learners {
		c.mustPut(joe(fmt.Sprint(i)), http.StatusOK)
	}
	c.waitForHeld(learners - 2)
	if got := c.enrolledInAdvance(learners); len(got) != learners-2 {
		t.Errorf("%q are still enrolled in advance, want %d", got, learners-2)
	}

	// The back office puts one of them right.
	kept := c.enrolledInAdvance(learners)[0]
	c.mustPut(joe(kept, "1234A"), http.StatusOK)
	c.waitForHeld(learners - 3)
	c.releaseRemovals(fmt.Sprint(learners - 3))
	c.waitForHeld(0)
	c.eventually("only one is still enrolled in advance", func() error {
		if got := c.enrolledInAdvance(learners); !slices.Equal(got, []string{kept}) {
			return fmt.Errorf("%q are", got)
		}
		return nil
	})
}

// What was done in advance is over once the learner has logged in: then the enrollment counts.
func TestALearnerWhoHasLoggedInAndIsWantedAgainIsNotHeldAnyMore(t *testing.T) {
	t.Parallel()
	const learners = 2
	c := newFirstLoginCompany(t, "1234A")
	change(c, c.defaultPlatform(), func(platform *v1alpha1.LearningPlatform) {
		platform.Spec.Safety = v1alpha1.SafetySpec{MaxWithdrawalsPerHour: new(int32(0))}
	})
	c.waitForState(c.defaultPlatform(), v1alpha1.ReasonConnected)
	for i := range learners {
		d := joe(fmt.Sprint(i), "1234A")
		c.mustPut(d, http.StatusCreated)
		c.waitForEnrollment(d.ContactID, "1234A", v1alpha1.ReasonAwaitingFirstLogin)
		c.lms.LogInFirst("joe_"+d.ContactID, d.Email, "Joe Smith"+d.ContactID)
		c.requestCheck(c.contact(d.ContactID))
		c.waitForContact(d.ContactID, v1alpha1.ReasonSynced)
		c.mustPut(joe(d.ContactID), http.StatusOK)
	}
	c.waitForHeld(learners)
	c.lms.ResetCalls()
	for i := range learners {
		c.mustPut(joe(fmt.Sprint(i), "1234A"), http.StatusOK)
	}
	c.waitForHeld(0)
	for i := range learners {
		c.waitForContact(fmt.Sprint(i), v1alpha1.ReasonSynced)
		if !c.enrolledOnLMS(joe(fmt.Sprint(i)).Email, "1234A") {
			t.Errorf("learner %d is not enrolled", i)
		}
	}
	for _, call := range c.lms.Calls() {
		if call.Method == http.MethodDelete {
			t.Errorf("%s %s", call.Method, call.Path)
		}
	}
}

func TestANewAddressBeforeTheFirstLoginIsNoRemoval(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A")
	change(c, c.defaultPlatform(), func(platform *v1alpha1.LearningPlatform) {
		platform.Spec.Safety = v1alpha1.SafetySpec{MaxWithdrawalsPerHour: new(int32(0))}
	})
	c.waitForState(c.defaultPlatform(), v1alpha1.ReasonConnected)
	d := joe("1", "1234A")
	c.mustPut(d, http.StatusCreated)
	c.waitForEnrollment("1", "1234A", v1alpha1.ReasonAwaitingFirstLogin)
	was := d.Email
	d.Email = "joe.right@acme.com"
	c.mustPut(d, http.StatusOK)
	c.eventually("the new address is enrolled in advance, and the old one no more", func() error {
		if is, old := c.lms.PreEnrollments(d.Email), c.lms.PreEnrollments(was); len(is) != 1 || len(old) != 0 {
			return fmt.Errorf("the new one in %q, the old one in %q", is, old)
		}
		return nil
	})
}

// enrolledInAdvance gives those of so many learners whom the first login will enroll.
func (c *company) enrolledInAdvance(n int) (ids []string) {
	for i := range n {
		if id := fmt.Sprint(i); len(c.lms.PreEnrollments(joe(id).Email)) > 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

func TestACourseThatIsPointedElsewhereEmptiesNoCourse(t *testing.T) {
	t.Parallel()
	c := newLimitedCompany(t, 2)
	course := &v1alpha1.Course{ObjectMeta: c.named("moving"), Spec: v1alpha1.CourseSpec{CourseCode: "M", CourseKey: courseKey("1234A")}}
	c.create(course)
	c.enrollAll(6, "M")
	change(c, course, func(course *v1alpha1.Course) { course.Spec.CourseKey = courseKey("1235A") })
	c.waitForHeld(4)
	c.waitForEnrolled(6, "1235A", 2)
	c.waitForEnrolled(6, "1234A", 4)
	change(c, course, func(course *v1alpha1.Course) { course.Spec.CourseKey = courseKey("1234A") })
	c.waitForHeld(2) // Those who have moved would lose a course again.
	c.releaseRemovals("2")
	c.waitForEnrolled(6, "1234A", 6)
	c.waitForEnrolled(6, "1235A", 0)
}

func TestNothingIsHeldForACourseThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	c := newLimitedCompany(t, 0)
	course := &v1alpha1.Course{ObjectMeta: c.named("moving"), Spec: v1alpha1.CourseSpec{CourseCode: "M", CourseKey: courseKey("1234A")}}
	c.create(course)
	c.enrollAll(2, "M")
	change(c, course, func(course *v1alpha1.Course) { course.Spec.CourseKey = courseKey("1235A") })
	c.waitForHeld(2)
	change(c, course, func(course *v1alpha1.Course) { course.Spec.CourseKey = "course-v1:Example+None+2026" })
	c.waitForHeld(0)
	c.waitForEnrollment("0", "M", v1alpha1.ReasonCourseNotFound)
	if got := c.enrolledOf(2, "1234A"); got != 2 {
		t.Errorf("%d of 2 are enrolled", got)
	}
}

func TestAReleaseThatWasThereBeforeRollcallIsNone(t *testing.T) {
	t.Parallel()
	c := newLimitedCompany(t, 0, "1234A")
	c.enrollAll(2, "1234A")
	for i := range 2 {
		c.mustPut(joe(fmt.Sprint(i)), http.StatusOK)
	}
	c.waitForHeld(2)
	c.stop()
	change(c, c.defaultPlatform(), func(platform *v1alpha1.LearningPlatform) {
		platform.Annotations = map[string]string{v1alpha1.ReleaseRemovalsAnnotation: "500"}
	})
	c.start()
	if note := c.waitForEvents("ReleaseLapsed", 1); !strings.Contains(note, "None of the 2 held withdrawals") {
		t.Errorf("note = %q", note)
	}
	c.waitForHeld(2)
	c.releaseRemovals("500@now")
	c.waitForHeld(0)
	c.waitForEnrolled(2, "1234A", 0)
}

func TestAClassWhoseAccessEndsAsSoldIsNotHeld(t *testing.T) {
	t.Parallel()
	c := newLimitedCompany(t, 0, "1234A")
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	for i := range 4 {
		d := joe(fmt.Sprint(i), "1234A")
		d.Enrollments[0].AccessEndDate = "2030-06-30"
		c.mustPut(d, http.StatusCreated)
		c.waitForContact(d.ContactID, v1alpha1.ReasonSynced)
	}
	late := joe("late", "1234A")
	late.Enrollments[0].AccessEndDate = "2030-12-31"
	c.mustPut(late, http.StatusCreated)
	c.waitForContact("late", v1alpha1.ReasonSynced)
	end := time.Date(2030, 7, 1, 0, 0, 0, 0, berlin)
	c.travelTo(end.Add(-2 * time.Hour))
	// What is taken away the day before is no plan; what was sold for this day is.
	late.Enrollments[0].AccessEndDate = "2030-06-30"
	c.mustPut(late, http.StatusOK)
	c.waitForContact("late", v1alpha1.ReasonSynced)
	dayPass := joe("day-pass", "1234A")
	dayPass.Enrollments[0].AccessEndDate = "2030-06-30"
	c.mustPut(dayPass, http.StatusCreated)
	c.waitForContact("day-pass", v1alpha1.ReasonSynced)

	c.travelTo(end.Add(time.Hour))
	c.restart() // which makes up for the timers that no clock of this world has run down
	for i := range 4 {
		c.waitForLMS(joe(fmt.Sprint(i)).Email, "1234A", false)
	}
	c.waitForLMS(dayPass.Email, "1234A", false)
	c.waitForHeld(1)
	if !c.enrolledOnLMS(late.Email, "1234A") {
		t.Error("the one that was not planned was withdrawn")
	}
}

// A clock that is wrong by years would end every access, each as planned.
func TestAClockThatIsWrongWithdrawsNobody(t *testing.T) {
	t.Parallel()
	c := newLimitedCompany(t, 0, "1234A")
	c.enrollAll(2, "1234A")
	c.travelTo(time.Date(2110, 1, 1, 0, 0, 0, 0, time.UTC))
	c.restart()
	c.waitForHeld(2)
	c.stop()
	c.travelTo(time.Now())
	c.start()
	c.waitForHeld(0)
	if got := c.enrolledOf(2, "1234A"); got != 2 {
		t.Errorf("%d of 2 are enrolled", got)
	}
}

func TestTheSumIsNotWrittenForEachLearner(t *testing.T) {
	t.Parallel()
	const learners = 20
	c := newLimitedCompany(t, 2*learners, "1234A")
	c.enrollAll(learners, "1234A")
	watching, err := client.NewWithWatch(c.config, client.Options{Scheme: c.Scheme()})
	must(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	watch, err := watching.Watch(ctx, &v1alpha1.LearningPlatformList{}, client.InNamespace(c.namespace))
	must(t, err)
	defer watch.Stop()
	begin := time.Now()
	for i := range learners {
		c.mustPut(joe(fmt.Sprint(i)), http.StatusOK)
	}
	sums := map[int32]bool{}
	for event := range watch.ResultChan() {
		platform, ok := event.Object.(*v1alpha1.LearningPlatform)
		if !ok {
			t.Fatalf("the watch ends with %+v", event.Object)
		}
		sums[platform.Status.Removals.Recent] = true
		if sums[learners] {
			break
		}
	}
	if !sums[learners] {
		t.Fatalf("only these sums were written: %v", sums)
	}
	delete(sums, 0)
	if most := 1 + int(time.Since(begin)/(2*time.Second)); len(sums) > most {
		t.Errorf("%d sums were written within %s", len(sums), time.Since(begin))
	}
}
