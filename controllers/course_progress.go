package controllers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

const (
	// longestBreath bounds the pause between two readings of progress: a call takes no longer.
	longestBreath = time.Minute
	// progressAtOnce is of how many learners a course reads progress before another one may have its turn.
	progressAtOnce = 100
	// progressTurn is how long a course waits to see whether it is its turn.
	progressTurn = 5 * time.Second
)

// progressReading is the reading of learners' progress that is under way, as the last part of a sweep.
type progressReading struct {
	// left are the names of the Enrollments that are still to be read, in no order: where there is never the time for all, it is
	// not always the same ones that are left out.
	left []string
	// failures of one call, one after the other.
	failures int
	// missed is of how many learners, one after the other, nothing was read.
	missed int
	// without are those of them of whom the LMS says that it tells none. They lose what they had when it tells it of others.
	without []string
	// partial is true when that of some learner could not be read.
	partial bool
}

// beginProgress gives the reading of the progress of all who are enrolled.
func (r *courseReconciler) beginProgress(ctx context.Context, course *v1alpha1.Course) (*progressReading, error) {
	enrollments, err := r.enrollmentsIn(ctx, course)
	if err != nil {
		return nil, err
	}
	reading := &progressReading{}
	for i := range enrollments {
		if enrollment := &enrollments[i]; isEnrolledIn(enrollment, course) {
			reading.left = append(reading.left, enrollment.Name)
		}
	}
	rand.Shuffle(len(reading.left), func(i, j int) { reading.left[i], reading.left[j] = reading.left[j], reading.left[i] }) //nolint:gosec // It is no secret.
	return reading, nil
}

// readProgress reads the progress of the next learner, and notes it on the Enrollment if it is new. Like grades, nothing hangs
// on it.
func (r *courseReconciler) readProgress(ctx context.Context, course *v1alpha1.Course, platform *v1alpha1.LearningPlatform, connection lms.Platform, current *courseSweep) (time.Duration, error) {
	key, reading, turn := client.ObjectKeyFromObject(course), current.progress, r.turnOn(platform)
	if len(reading.left) == 0 {
		return r.endProgress(ctx, course, reading)
	}
	if r.clock.Since(current.began) > driftInterval(platform) {
		r.sweeps.Delete(key) // The next sweep is due.
		return time.Millisecond, nil
	}
	if !turn.mu.TryLock() {
		return wait.Jitter(progressTurn, jitter), nil
	}
	defer turn.mu.Unlock()
	if left := turn.rested.Sub(r.clock.Now()); left > 0 {
		return max(left, wait.Jitter(progressTurn, jitter)), nil
	}

	next := reading.left[len(reading.left)-1]
	enrollment, learnerID, err := r.enrolledLearner(ctx, course, next)
	if err != nil {
		return 0, err
	}
	if learnerID == 0 {
		reading.left = reading.left[:len(reading.left)-1]
		return time.Millisecond, nil
	}
	began := r.clock.Now()
	hundredths, err := connection.ReadProgress(ctx, course.Spec.CourseKey, learnerID)
	// The LMS has worked for it as long as it now is left alone.
	breath := min(max(r.clock.Since(began), time.Millisecond), longestBreath)
	turn.rested = r.clock.Now().Add(breath)
	if err != nil {
		failure := lms.AsError(err)
		after, again := r.heldUp(platform, failure, &reading.failures)
		if again || ctx.Err() != nil {
			return after, ctx.Err()
		}
		if reading.miss(next, failure); reading.missed == serverErrors {
			logf.FromContext(ctx).Info("Progress cannot be read", "reason", failure.Reason, "message", failure.Message)
			r.sweeps.Delete(key)
			return after, nil
		}
	} else if err := r.noteProgress(ctx, course, enrollment, hundredths, reading); err != nil {
		return 0, err
	}
	reading.left, reading.failures = reading.left[:len(reading.left)-1], 0
	if left := len(reading.left); left > 0 && left%progressAtOnce == 0 {
		return max(breath, 2*progressTurn), nil
	}
	return breath, nil
}

// miss notes that nothing was read of a learner. It may be of this one alone.
func (p *progressReading) miss(name string, failure *lms.Error) {
	p.missed++
	if failure.Class == lms.Conflict {
		p.without = append(p.without, name)
	} else {
		p.partial = true
	}
}

// noteProgress writes a learner's progress to the Enrollment. As the LMS tells it of this one, those before have none.
func (r *courseReconciler) noteProgress(ctx context.Context, course *v1alpha1.Course, enrollment *v1alpha1.Enrollment, hundredths int32, reading *progressReading) error {
	reading.missed = 0
	progress := v1alpha1.Progress{Hundredths: new(hundredths), CourseKey: course.Spec.CourseKey, Username: enrollment.Status.Username}
	if err := r.writeWork(ctx, enrollment, enrollment.Status.Grade, progress); err != nil {
		return err
	}
	return r.dropProgress(ctx, course, reading)
}

// dropProgress takes the progress from those of whom the LMS tells none.
func (r *courseReconciler) dropProgress(ctx context.Context, course *v1alpha1.Course, reading *progressReading) error {
	for _, name := range reading.without {
		enrollment, learnerID, err := r.enrolledLearner(ctx, course, name)
		if err != nil {
			return err
		}
		if learnerID == 0 {
			continue
		}
		if err := r.writeWork(ctx, enrollment, enrollment.Status.Grade, v1alpha1.Progress{}); err != nil {
			return err
		}
	}
	reading.without = nil
	return nil
}

// endProgress ends a sweep.
func (r *courseReconciler) endProgress(ctx context.Context, course *v1alpha1.Course, reading *progressReading) (time.Duration, error) {
	if err := r.dropProgress(ctx, course, reading); err != nil {
		return 0, err
	}
	r.sweeps.Delete(client.ObjectKeyFromObject(course))
	if !reading.partial {
		course.Status.ProgressTime = new(metav1.NewTime(r.clock.Now()))
	}
	return time.Millisecond, nil // The next visit knows when the next sweep is due.
}

// enrolledLearner gives an Enrollment, and the number of the account that is enrolled by it; 0 if none is any more.
func (r *courseReconciler) enrolledLearner(ctx context.Context, course *v1alpha1.Course, name string) (*v1alpha1.Enrollment, int64, error) {
	enrollment := &v1alpha1.Enrollment{}
	err := r.Get(ctx, client.ObjectKey{Namespace: course.Namespace, Name: name}, enrollment)
	if apierrors.IsNotFound(err) || err == nil && !isEnrolledIn(enrollment, course) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("cannot get an enrollment: %w", err)
	}
	contact := &v1alpha1.Contact{}
	err = r.Get(ctx, client.ObjectKey{Namespace: course.Namespace, Name: enrollment.Spec.ContactRef.Name}, contact)
	if apierrors.IsNotFound(err) || err == nil && contact.Status.Learner.Username != enrollment.Status.Username {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("cannot get an enrollment's contact: %w", err)
	}
	return enrollment, contact.Status.Learner.ID, nil
}

// isEnrolledIn says whether the learner is enrolled in the course by the Enrollment.
func isEnrolledIn(enrollment *v1alpha1.Enrollment, course *v1alpha1.Course) bool {
	return isIn(enrollment, course) && ptr.Deref(enrollment.Status.Enrolled, false)
}
