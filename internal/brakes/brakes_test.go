package brakes

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// world is a platform with brakes, and the Enrollments as the API server has them.
type world struct {
	t        *testing.T
	clock    *clocktesting.FakePassiveClock
	brakes   *Brakes
	platform *v1alpha1.LearningPlatform
	stored   map[string]*v1alpha1.Enrollment
}

func newWorld(t *testing.T, safety v1alpha1.SafetySpec) *world {
	w := &world{
		t: t, clock: clocktesting.NewFakePassiveClock(time.Date(2026, 3, 1, 9, 0, 0, 400_000_000, time.UTC)),
		platform: &v1alpha1.LearningPlatform{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "default"}, Spec: v1alpha1.LearningPlatformSpec{Safety: safety}},
		stored:   map[string]*v1alpha1.Enrollment{},
	}
	w.restart()
	return w
}

// restart begins with what is stored and nothing else.
func (w *world) restart() {
	w.brakes = New(w.clock)
	for _, enrollment := range w.stored {
		w.brakes.Saw(nil, enrollment)
	}
	w.brakes.Open(w.platform)
}

// enroll makes learners of a course, who are called by its letter and a number.
func (w *world) enroll(course string, n int) {
	for i := range n {
		w.store(&v1alpha1.Enrollment{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: fmt.Sprint(course, i), UID: types.UID(fmt.Sprint(course, i))},
			Status:     v1alpha1.EnrollmentStatus{Platform: "default", Username: "u", CourseKey: course, Enrolled: new(true)},
		})
	}
}

func (w *world) store(enrollment *v1alpha1.Enrollment) {
	was := w.stored[enrollment.Name]
	w.stored[enrollment.Name] = enrollment
	w.brakes.Saw(was, enrollment)
}

// withdraw asks for a learner's withdrawal, makes it if it may be made, and gives the limit that holds it.
func (w *world) withdraw(name string) v1alpha1.RemovalLimit {
	w.t.Helper()
	enrollment := w.stored[name].DeepCopy()
	answer := w.brakes.Ask(enrollment, w.platform)
	if answer == Go {
		enrollment.Status.Enrolled = new(false)
		enrollment.Status.RemovalHeld = v1alpha1.HeldRemoval{}
		w.brakes.Settled(enrollment)
	} else {
		enrollment.Status.RemovalHeld = v1alpha1.HeldRemoval(answer)
	}
	w.store(enrollment)
	return answer.Limit
}

// withdrawAll asks for all learners from one number to another, and gives how many were withdrawn.
func (w *world) withdrawAll(course string, from, to int) (made int) {
	w.t.Helper()
	for i := from; i < to; i++ {
		if w.withdraw(fmt.Sprint(course, i)) == "" {
			made++
		}
	}
	return made
}

// writeStatus does what the controller does with the sum.
func (w *world) writeStatus() *v1alpha1.RemovalsStatus {
	sum, _ := w.brakes.Sum(w.platform)
	w.platform.Status.Removals = *sum
	return sum
}

func (w *world) release() {
	_, upTo := w.brakes.HeldUpTo(w.platform)
	w.platform.Status.Removals.LastReleaseTime = new(metav1.NewTime(upTo))
}

func (w *world) pass(d time.Duration) { w.clock.SetTime(w.clock.Now().Add(d)) }

func safety(most, percent int32) v1alpha1.SafetySpec {
	return v1alpha1.SafetySpec{MaxWithdrawalsPerHour: &most, MaxWithdrawalPercentPerHour: &percent}
}

func TestTheLimitIsTheLowerOfNumberAndPercentButTenAlwaysGo(t *testing.T) {
	for name, test := range map[string]struct {
		safety   v1alpha1.SafetySpec
		enrolled int
		want     int
	}{
		"by default a fifth":           {v1alpha1.SafetySpec{}, 200, 40},
		"by default 500 at the most":   {v1alpha1.SafetySpec{}, 3000, 500},
		"ten of a small course":        {safety(500, 20), 30, 10},
		"ten though it is no percent":  {safety(500, 0), 200, 10},
		"fewer than ten by the number": {safety(3, 20), 200, 3},
		"none at all":                  {safety(0, 100), 200, 0},
		"a part is rounded down":       {safety(500, 33), 100, 33},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, test.safety)
			w.enroll("a", test.enrolled)
			if got := w.withdrawAll("a", 0, test.enrolled); got != test.want {
				t.Errorf("%d of %d were withdrawn, want %d", got, test.enrolled, test.want)
			}
		})
	}
}

func TestACourseThatIsOverItsLimitHoldsUpNoOther(t *testing.T) {
	w := newWorld(t, safety(500, 20))
	w.enroll("a", 100)
	w.enroll("b", 1000)
	if got := w.withdrawAll("a", 0, 100); got != 20 {
		t.Errorf("%d were withdrawn from the course, want 20", got)
	}
	if got := w.withdraw("b0"); got != "" {
		t.Errorf("the other course is held by the limit of the %s", got)
	}
	if got := w.withdraw("a99"); got != v1alpha1.RemovalLimitCourse {
		t.Errorf("held by %q", got)
	}
}

func TestTheSumOverAllCoursesHoldsThemAll(t *testing.T) {
	w := newWorld(t, safety(30, 100))
	for _, course := range []string{"a", "b", "c"} {
		w.enroll(course, 15)
	}
	if got := w.withdrawAll("a", 0, 15) + w.withdrawAll("b", 0, 15) + w.withdrawAll("c", 0, 15); got != 30 {
		t.Errorf("%d were withdrawn, want 30", got)
	}
	if got := w.withdraw("c0"); got != v1alpha1.RemovalLimitPlatform {
		t.Errorf("held by %q", got)
	}
}

func TestTheHourSlides(t *testing.T) {
	w := newWorld(t, safety(10, 100))
	w.enroll("a", 100)
	w.withdrawAll("a", 0, 6)
	w.pass(40 * time.Minute)
	w.withdrawAll("a", 6, 10)
	w.pass(20 * time.Minute)
	if got := w.withdrawAll("a", 10, 16); got != 6 {
		t.Errorf("%d were withdrawn after the first six were an hour old, want 6", got)
	}
	if got := w.withdraw("a16"); got == "" {
		t.Error("one more was withdrawn")
	}
}

func TestWhatIsHeldStaysHeldWhenTheHourIsOver(t *testing.T) {
	w := newWorld(t, safety(10, 100))
	w.enroll("a", 100)
	w.withdrawAll("a", 0, 12)
	w.pass(3 * time.Hour)
	if got := w.withdrawAll("a", 10, 30); got != 0 {
		t.Errorf("%d were withdrawn", got)
	}
	// The back office puts all of them right.
	for i := 10; i < 30; i++ {
		right := w.stored[fmt.Sprint("a", i)].DeepCopy()
		right.Status.RemovalHeld = v1alpha1.HeldRemoval{}
		w.store(right)
	}
	if got := w.withdraw("a30"); got != "" {
		t.Errorf("nothing is held any more, and still: held by %q", got)
	}
}

func TestADecisionThatWasNotWrittenDownIsNotForgottenByAnOldEvent(t *testing.T) {
	w := newWorld(t, safety(1, 100))
	w.enroll("a", 10)
	w.withdraw("a0")
	if answer := w.brakes.Ask(w.stored["a1"], w.platform); answer == Go {
		t.Fatal("it was not held")
	}
	w.pass(2 * time.Hour)
	w.brakes.Saw(w.stored["a1"], w.stored["a1"])
	if got := w.withdraw("a2"); got == "" {
		t.Error("another one was withdrawn")
	}
	// It ends with the object, though no status ever told of it.
	w.brakes.Saw(w.stored["a1"], nil)
	w.brakes.Saw(w.stored["a2"], nil)
	if got := w.withdraw("a3"); got != "" {
		t.Errorf("held by %q", got)
	}
}

func TestTryingOneAgainCountsOnce(t *testing.T) {
	w := newWorld(t, safety(10, 100))
	w.enroll("a", 100)
	for range 20 {
		if w.brakes.Ask(w.stored["a0"], w.platform) != Go {
			t.Fatal("it was held")
		}
	}
	if got := w.withdrawAll("a", 0, 100); got != 10 {
		t.Errorf("%d were withdrawn, want 10", got)
	}
}

func TestAReleaseIsOfThoseWhoAreHeldAndOfNobodyElse(t *testing.T) {
	w := newWorld(t, safety(10, 100))
	w.enroll("a", 100)
	w.withdrawAll("a", 0, 30)
	if sum := w.writeStatus(); sum.Held != 20 || sum.Recent != 10 || sum.Released != 0 {
		t.Errorf("sum = %+v", sum)
	}
	_, upTo := w.brakes.HeldUpTo(w.platform)
	late := w.withdraw("a30") // between the count and the release
	w.platform.Status.Removals.LastReleaseTime = new(metav1.NewTime(upTo))
	if late == "" || w.withdraw("a30") == "" || w.withdraw("a31") == "" {
		t.Error("one was withdrawn that was not held at the time of the release")
	}
	if got := w.withdrawAll("a", 10, 15); got != 5 {
		t.Errorf("%d of 5 were withdrawn", got)
	}
	if sum := w.writeStatus(); sum.Held != 2 || sum.Released != 15 {
		t.Errorf("sum = %+v, want 2 held and 15 released", sum)
	}

	w.restart()
	if got := w.withdrawAll("a", 15, 30); got != 15 {
		t.Errorf("%d of 15 were withdrawn after a restart", got)
	}
	if w.withdraw("a30") == "" || w.withdraw("a32") == "" {
		t.Error("one was withdrawn that was not released")
	}
}

func TestReleasedOnesLeaveTheHourToOthers(t *testing.T) {
	w := newWorld(t, safety(10, 100))
	w.enroll("a", 100)
	w.withdrawAll("a", 0, 50)
	w.release()
	w.withdrawAll("a", 10, 50)
	w.pass(time.Hour)
	if got := w.withdrawAll("a", 50, 60); got != 10 {
		t.Errorf("%d of 10 were withdrawn", got)
	}
}

func TestARestartForgetsNeitherTheHourNorWhatIsHeld(t *testing.T) {
	w := newWorld(t, safety(100, 20))
	w.enroll("a", 100)
	w.enroll("b", 1000)
	w.withdrawAll("a", 0, 15)
	w.withdrawAll("b", 0, 50)
	w.writeStatus()
	w.pass(10 * time.Minute)
	w.restart()
	if got := w.withdrawAll("a", 15, 40); got != 5 {
		t.Errorf("%d more were withdrawn from the course, want 5", got)
	}
	if got := w.withdrawAll("b", 50, 100); got != 30 {
		t.Errorf("%d more were withdrawn from the other, want 30 of the 100 for all courses", got)
	}
	w.writeStatus()
	w.pass(2 * time.Hour)
	w.restart()
	if got := w.withdraw("b200"); got != v1alpha1.RemovalLimitPlatform {
		t.Errorf("held by %q, want the limit that held others before the restart", got)
	}
}

func TestManyCoursesDoNotHideWithdrawalsFromTheSum(t *testing.T) {
	w := newWorld(t, safety(40, 100))
	for i := range 30 {
		course := fmt.Sprintf("c%02d-", i)
		w.enroll(course, 5)
		w.withdraw(course + "0")
	}
	if sum := w.writeStatus(); sum.Recent != 30 || len(sum.Courses) != maxCourses {
		t.Errorf("sum = %+v", sum)
	}
	w.restart()
	w.enroll("d", 100)
	if got := w.withdrawAll("d", 0, 100); got != 10 {
		t.Errorf("%d more were withdrawn, want 10 of 40", got)
	}
}

func TestNothingIsDecidedBeforeTheLastHourIsKnown(t *testing.T) {
	w := newWorld(t, safety(10, 100))
	w.enroll("a", 10)
	w.brakes = New(w.clock)
	if got := w.brakes.Ask(w.stored["a0"], w.platform); got != NotYet {
		t.Errorf("answer = %+v", got)
	}
	w.brakes.Open(w.platform)
	if got := w.brakes.Ask(w.stored["a0"], w.platform); got != Go {
		t.Errorf("answer = %+v", got)
	}
	w.brakes.Forget(client.ObjectKeyFromObject(w.platform))
	if got := w.brakes.Ask(w.stored["a0"], w.platform); got != NotYet {
		t.Errorf("answer for a platform that came anew = %+v", got)
	}
}

func TestTheSumSaysForHowLongItHolds(t *testing.T) {
	w := newWorld(t, safety(10, 100))
	w.enroll("a", 10)
	if _, left := w.brakes.Sum(w.platform); left != 0 {
		t.Errorf("%s although nothing was done", left)
	}
	w.withdraw("a0")
	w.pass(20 * time.Minute)
	if _, left := w.brakes.Sum(w.platform); left != 40*time.Minute {
		t.Errorf("%s, want 40m", left)
	}
	w.pass(40 * time.Minute)
	if sum, left := w.brakes.Sum(w.platform); left != 0 || sum.Recent != 0 || sum.LastTime != nil || len(sum.Courses) > 0 {
		t.Errorf("%s and %+v an hour later", left, sum)
	}
}

func TestWithdrawalsOfAClockThatWasAheadCountForAnHourAndNoLonger(t *testing.T) {
	for name, restart := range map[string]bool{"running on": false, "across a restart": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, safety(10, 100))
			w.enroll("a", 100)
			right := w.clock.Now()
			w.withdrawAll("a", 0, 2)
			w.clock.SetTime(right.AddDate(1, 0, 0))
			w.withdrawAll("a", 2, 10)
			w.writeStatus()
			w.clock.SetTime(right.Add(time.Minute))
			if restart {
				w.restart()
			}
			if sum, left := w.brakes.Sum(w.platform); sum.Recent != 8 || left != time.Hour {
				t.Errorf("%d count, for %s; want 8 for an hour", sum.Recent, left)
			}
			w.pass(time.Hour)
			if got := w.withdrawAll("a", 10, 20); got != 10 {
				t.Errorf("%d of 10 were withdrawn an hour later", got)
			}
		})
	}
}

func TestWhatIsHeldShowsSoWhileARestartReadsTheLastHour(t *testing.T) {
	w := newWorld(t, safety(1, 100))
	w.enroll("a", 10)
	w.withdrawAll("a", 0, 2)
	w.brakes = New(w.clock)
	if got := w.brakes.Ask(w.stored["a1"], w.platform); v1alpha1.HeldRemoval(got) != w.stored["a1"].Status.RemovalHeld {
		t.Errorf("answer = %+v, held was %+v", got, w.stored["a1"].Status.RemovalHeld)
	}
	if got := w.brakes.Ask(w.stored["a2"], w.platform); got != NotYet {
		t.Errorf("answer for one that was not held = %+v", got)
	}
	w.platform.Status.Removals.LastReleaseTime = new(w.stored["a1"].Status.RemovalHeld.SinceTime)
	if got := w.brakes.Ask(w.stored["a1"], w.platform); got != NotYet {
		t.Errorf("answer for one that was released = %+v", got)
	}
}

func TestAReleaseIsKnownThoughAStatusIsReadThatDoesNotHaveItYet(t *testing.T) {
	w := newWorld(t, safety(0, 100))
	w.enroll("a", 10)
	w.withdrawAll("a", 0, 3)
	old := w.platform.DeepCopy()
	w.release()
	w.platform.Status.Removals.LastRelease = "3"
	want := w.writeStatus()
	w.brakes.Open(old)
	if got := &old.Status.Removals; got.LastRelease != "3" || !got.LastReleaseTime.Equal(want.LastReleaseTime) {
		t.Errorf("the last release is %q of %s, want %q of %s", got.LastRelease, got.LastReleaseTime, want.LastRelease, want.LastReleaseTime)
	}
}

func TestOnlyTheFirstVisitAfterAStartOpensAPlatform(t *testing.T) {
	w := newWorld(t, safety(0, 100))
	w.brakes = New(w.clock)
	if !w.brakes.Open(w.platform) || w.brakes.Open(w.platform) {
		t.Error("it was not the first visit alone")
	}
	w.brakes.Forget(client.ObjectKeyFromObject(w.platform))
	if !w.brakes.Open(w.platform) {
		t.Error("one that came anew was known")
	}
}
