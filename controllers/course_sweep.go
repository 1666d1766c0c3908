package controllers

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/internal/lms"
)

// courseSweep is a comparison of a course's enrollments with the LMS that is under way. It lives in memory only: one that a
// restart ends begins again.
type courseSweep struct {
	// of is what it is made on. When that has changed, it begins again.
	of string
	// request is the last one for a check when it began.
	request string
	// began is when; what changed since is not judged.
	began time.Time
	// cursor of the next page.
	cursor string
	// active are those who are actively enrolled, by username in lower case.
	active map[string]lms.LearnerEnrollment
	// grades are being read, once the enrollments have been judged.
	grades *gradeReading
	// progress is being read, once the grades have been, where the platform wants it.
	progress *progressReading
}

// turn is taken by who reads a page of grades, or the progress of a learner, on a platform: one at a time, so that others see to
// courses meanwhile.
type turn struct {
	mu sync.Mutex
	// rested is when the progress of another learner may be read.
	rested time.Time
}

func (r *courseReconciler) turnOn(platform *v1alpha1.LearningPlatform) *turn {
	known, _ := r.turns.LoadOrStore(client.ObjectKeyFromObject(platform), &turn{})
	return known.(*turn)
}

// sweep reads the next page of a sweep that is due or was asked for, and gives the time until the next one: first the
// enrollments, then the grades, then learners' progress.
func (r *courseReconciler) sweep(ctx context.Context, course *v1alpha1.Course) (time.Duration, error) {
	key := client.ObjectKeyFromObject(course)
	platform, connection, waiting, err := r.platforms.ready(ctx, course.Namespace, course.Spec.PlatformRef.Name)
	if err != nil {
		return 0, err
	}
	if waiting != nil {
		return waiting.after, nil
	}
	interval := driftInterval(platform)
	if interval == 0 {
		r.sweeps.Delete(key)
		return 0, nil
	}
	current, left := r.currentSweep(course, platform, interval)
	if current == nil {
		return left, nil
	}
	ctx = lms.WithLane(ctx, lms.Background)
	switch {
	case current.progress != nil:
		return r.readProgress(ctx, course, platform, connection, current)
	case current.grades != nil:
		return r.readGrades(ctx, course, platform, connection, current)
	default:
		return r.compare(ctx, course, platform, connection, current)
	}
}

// compare reads the next page of enrollments. With the last one it puts the sum into the status, and has the enrollments that
// differ checked.
func (r *courseReconciler) compare(ctx context.Context, course *v1alpha1.Course, platform *v1alpha1.LearningPlatform, connection lms.Platform, current *courseSweep) (time.Duration, error) {
	key := client.ObjectKeyFromObject(course)
	page, err := connection.ListEnrollments(ctx, course.Spec.CourseKey, current.cursor)
	if err != nil {
		after, goesOn := r.interrupted(platform, err)
		if !goesOn {
			r.sweeps.Delete(key)
		}
		return after, ctx.Err()
	}
	for _, listed := range page.Enrollments {
		if listed.Active {
			current.active[strings.ToLower(listed.Username)] = listed
		}
	}
	if current.cursor = page.Next; current.cursor != "" {
		return time.Millisecond, nil // Each page is a visit of its own, so that other courses have their turn.
	}
	if course.Status.Sweep, err = r.judge(ctx, course, platform, current); err != nil {
		r.sweeps.Delete(key)
		return 0, err
	}
	current.active, current.grades = nil, &gradeReading{seen: map[string]bool{}}
	return time.Millisecond, nil
}

// enrollmentsIn gives the Enrollments for the course's code, of whatever platform. They are the cache's own, to be read.
func (r *courseReconciler) enrollmentsIn(ctx context.Context, course *v1alpha1.Course) ([]v1alpha1.Enrollment, error) {
	var list v1alpha1.EnrollmentList
	if err := r.List(ctx, &list, client.InNamespace(course.Namespace), client.MatchingFields{index.EnrollmentByCourse: course.Spec.CourseCode}, uncopied); err != nil {
		return nil, fmt.Errorf("cannot list the course's enrollments: %w", err)
	}
	return list.Items, nil
}

// currentSweep gives the sweep that is under way or begins now, or the time until the next one is due.
func (r *courseReconciler) currentSweep(course *v1alpha1.Course, platform *v1alpha1.LearningPlatform, interval time.Duration) (*courseSweep, time.Duration) {
	key, of := client.ObjectKeyFromObject(course), basisOf(course.UID, course.Generation, platform.UID, platform.Generation)
	if known, ok := r.sweeps.Load(key); ok {
		underWay := known.(*courseSweep)
		// Who asks while grades are read wants the enrollments compared, which they were before.
		if underWay.of == of && (underWay.grades == nil || underWay.request == requestOf(course)) {
			return underWay, 0
		}
	}
	now := r.clock.Now()
	if left := nextSweep(course, course.Status.Sweep.FinishedTime.Time, r.started, sweepableSince(platform, r.started), interval).Sub(now); left > 0 && !checkRequested(course) {
		r.sweeps.Delete(key)
		return nil, left
	}
	begun := &courseSweep{of: of, request: requestOf(course), began: now, active: map[string]lms.LearnerEnrollment{}}
	r.sweeps.Store(key, begun)
	return begun, 0
}

// interrupted says when to come back after a page that could not be read, and whether the sweep then goes on from there.
func (r *reconciler) interrupted(platform *v1alpha1.LearningPlatform, err error) (after time.Duration, goesOn bool) {
	failure := lms.AsError(err)
	switch {
	case failure.Class == lms.Throttled:
		r.platforms.noteRefusals(platform)
		return max(failure.RetryAfter, time.Second), true
	case failure.PlatformWide:
		r.platforms.suspect(platform)
		return wait.Jitter(pause(failure, platformRecheck), jitter), true
	default:
		return wait.Jitter(lastRetry, jitter), false
	}
}

// heldUp is like interrupted, for a reading that nothing hangs on. It counts the failures of a page: some are borne.
func (r *reconciler) heldUp(platform *v1alpha1.LearningPlatform, failure *lms.Error, failures *int) (after time.Duration, goesOn bool) {
	after, goesOn = r.interrupted(platform, failure)
	if failure.Class == lms.Throttled {
		return after, goesOn
	}
	if failure.Class == lms.Transient {
		after, goesOn = wait.Jitter(pause(failure, platformRecheck), jitter), true
	}
	*failures++
	return after, goesOn && *failures < serverErrors
}
