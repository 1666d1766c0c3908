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
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/internal/lms"
)

// longestBreath bounds the pause between two readings of progress.
const longestBreath = 10 * time.Second

// progressReading is the reading of learners' progress that is under way, as the last part of a sweep.
type progressReading struct {
	// left are the names of the Enrollments that are still to be read, in no order: where there is never the time for all, it is
	// not always the same ones that are left out.
	left []string
	// failures of one call, one after the other.
	failures int
	// refused is of how many learners, one after the other, the LMS told none.
	refused int
}

// beginProgress gives the reading of the progress of all who are enrolled.
func (r *courseReconciler) beginProgress(ctx context.Context, course *v1alpha1.Course) (*progressReading, error) {
	var list v1alpha1.EnrollmentList
	if err := r.List(ctx, &list, client.InNamespace(course.Namespace), client.MatchingFields{index.EnrollmentByCourse: course.Spec.CourseCode}, uncopied); err != nil {
		return nil, fmt.Errorf("cannot list the course's enrollments: %w", err)
	}
	reading := &progressReading{}
	for i := range list.Items {
		if enrollment := &list.Items[i]; isIn(enrollment, course) && ptr.Deref(enrollment.Status.Enrolled, false) {
			reading.left = append(reading.left, enrollment.Name)
		}
	}
	rand.Shuffle(len(reading.left), func(i, j int) { reading.left[i], reading.left[j] = reading.left[j], reading.left[i] })
	return reading, nil
}

// readProgress reads the progress of the next learner, and notes it on the Enrollment if it is new. Like grades, nothing hangs
// on it.
func (r *courseReconciler) readProgress(ctx context.Context, course *v1alpha1.Course, platform *v1alpha1.LearningPlatform, connection lms.Platform, current *courseSweep) (time.Duration, error) {
	key, reading := client.ObjectKeyFromObject(course), current.progress
	if len(reading.left) == 0 {
		r.sweeps.Delete(key)
		course.Status.ProgressTime = new(metav1.NewTime(r.clock.Now()))
		return driftInterval(platform) / 2, nil // The next sweep is no sooner.
	}
	if r.clock.Since(current.began) > driftInterval(platform) {
		r.sweeps.Delete(key) // The next sweep is due.
		return time.Millisecond, nil
	}
	if !r.grading.TryLock() {
		return wait.Jitter(time.Second, jitter), nil
	}
	defer r.grading.Unlock()
	if left := r.rested.Sub(r.clock.Now()); left > 0 {
		return left, nil
	}
	next := len(reading.left) - 1
	enrollment, learnerID, err := r.enrolledLearner(ctx, course, reading.left[next])
	if err != nil {
		return 0, err
	}
	if learnerID == 0 {
		reading.left = reading.left[:next]
		return time.Millisecond, nil
	}

	began := r.clock.Now()
	hundredths, err := connection.ReadProgress(ctx, course.Spec.CourseKey, learnerID)
	// The LMS has worked for it as long as it now is left alone.
	breath := min(max(r.clock.Since(began), time.Millisecond), longestBreath)
	r.rested = r.clock.Now().Add(breath)
	var progress v1alpha1.Progress
	if err == nil {
		reading.refused = 0
		progress = v1alpha1.Progress{Hundredths: new(hundredths), CourseKey: course.Spec.CourseKey, Username: enrollment.Status.Username}
	} else {
		failure := lms.AsError(err)
		after, again := r.heldUp(platform, failure, &reading.failures)
		if again || ctx.Err() != nil {
			return after, ctx.Err()
		}
		// It may be for this learner alone.
		if reading.refused++; reading.refused == serverErrors {
			logf.FromContext(ctx).Info("Progress cannot be read", "reason", failure.Reason, "message", failure.Message)
			r.sweeps.Delete(key)
			return after, nil
		}
	}
	reading.left, reading.failures = reading.left[:next], 0
	return breath, r.writeWork(ctx, enrollment, enrollment.Status.Grade, progress)
}

// enrolledLearner gives an Enrollment, and the number of the account that is enrolled by it; 0 if none is any more.
func (r *courseReconciler) enrolledLearner(ctx context.Context, course *v1alpha1.Course, name string) (*v1alpha1.Enrollment, int64, error) {
	enrollment := &v1alpha1.Enrollment{}
	err := r.Get(ctx, client.ObjectKey{Namespace: course.Namespace, Name: name}, enrollment)
	if apierrors.IsNotFound(err) || err == nil && !(isIn(enrollment, course) && ptr.Deref(enrollment.Status.Enrolled, false)) {
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
