package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
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

// gradeReading is the reading of a course's grades that is under way, as the second part of a sweep.
type gradeReading struct {
	// cursor of the next page.
	cursor string
	// failures are the pages that could not be read for a fault of the LMS, one after the other.
	failures int
	// seen are the names of the Enrollments for which a grade was read.
	seen map[string]bool
}

// maxLetter is the bound of status.grade.letter.
const maxLetter = 64

// readGrades reads the next page of grades, and notes on the Enrollments what is new. Nothing hangs on grades: what goes
// wrong with them is left to the next sweep.
func (r *courseReconciler) readGrades(ctx context.Context, course *v1alpha1.Course, platform *v1alpha1.LearningPlatform, connection lms.Platform, current *courseSweep) (time.Duration, error) {
	turn := r.turnOn(platform)
	if !turn.mu.TryLock() {
		return wait.Jitter(time.Second, jitter), nil
	}
	defer turn.mu.Unlock()
	key, reading := client.ObjectKeyFromObject(course), current.grades
	page, err := connection.ListGrades(ctx, course.Spec.CourseKey, reading.cursor)
	if err != nil {
		failure := lms.AsError(err)
		after, goesOn := r.heldUp(platform, failure, &reading.failures)
		if !goesOn {
			logf.FromContext(ctx).Info("Grades cannot be read", "reason", failure.Reason, "message", failure.Message)
			r.sweeps.Delete(key)
		}
		return after, ctx.Err()
	}
	reading.failures = 0
	for i := range page.Grades {
		if err := r.noteGrade(ctx, course, &page.Grades[i], reading); err != nil {
			return 0, err
		}
	}
	if reading.cursor = page.Next; reading.cursor != "" {
		return time.Millisecond, nil
	}
	if err := r.dropGrades(ctx, course, platform, current); err != nil {
		return 0, err
	}
	course.Status.GradesTime = new(metav1.NewTime(r.clock.Now()))
	if ptr.Deref(platform.Spec.Learners.ReadProgress, false) {
		if current.progress, err = r.beginProgress(ctx, course); err != nil {
			return 0, err
		}
		reading.seen = nil // Reading progress may take long.
		return time.Millisecond, nil
	}
	r.sweeps.Delete(key)
	return driftInterval(platform) / 2, nil // The next sweep is no sooner.
}

// noteGrade writes a grade to the Enrollments of the learner in the course. Those who are no Contact's have none.
func (r *courseReconciler) noteGrade(ctx context.Context, course *v1alpha1.Course, read *lms.LearnerGrade, reading *gradeReading) error {
	contacts, err := r.contactsBy(ctx, course.Namespace, index.ContactByUsername, index.Key(course.Spec.PlatformRef.Name, read.Username))
	if err != nil {
		return err
	}
	grade := v1alpha1.Grade{Hundredths: new(read.Hundredths), Letter: clip(read.Letter, maxLetter), Passed: new(read.Passed), CourseKey: course.Spec.CourseKey}
	for i := range contacts {
		enrollments, err := r.enrollmentsOf(ctx, &contacts[i])
		if err != nil {
			return err
		}
		for j := range enrollments {
			enrollment := &enrollments[j]
			if !isIn(enrollment, course) || !strings.EqualFold(enrollment.Status.Username, read.Username) {
				continue
			}
			reading.seen[enrollment.Name] = true
			grade.Username = enrollment.Status.Username
			if err := r.writeGrade(ctx, enrollment, grade); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropGrades takes the grade from Enrollments of which the LMS tells none any more. Who is not enrolled now keeps what was
// read last: the LMS lists only those who are.
func (r *courseReconciler) dropGrades(ctx context.Context, course *v1alpha1.Course, platform *v1alpha1.LearningPlatform, current *courseSweep) error {
	enrollments, err := r.enrollmentsIn(ctx, course)
	if err != nil {
		return err
	}
	j := &judgment{courseReconciler: r, course: course, platform: platform, swept: current}
	for i := range enrollments {
		enrollment := &enrollments[i]
		if !isEnrolledIn(enrollment, course) || current.grades.seen[enrollment.Name] || j.changedMeanwhile(enrollment) {
			continue
		}
		if err := r.writeGrade(ctx, enrollment, v1alpha1.Grade{}); err != nil {
			return err
		}
	}
	return nil
}

// isIn says whether the Enrollment was carried out in the course.
func isIn(enrollment *v1alpha1.Enrollment, course *v1alpha1.Course) bool {
	status := &enrollment.Status
	return enrollment.Spec.CourseCode == course.Spec.CourseCode && status.CourseKey == course.Spec.CourseKey && status.Platform == course.Spec.PlatformRef.Name
}

// writeGrade writes a grade, or none, to an Enrollment.
func (r *courseReconciler) writeGrade(ctx context.Context, enrollment *v1alpha1.Enrollment, grade v1alpha1.Grade) error {
	return r.writeWork(ctx, enrollment, grade, enrollment.Status.Progress)
}

// writeWork applies grade and progress, or none, as this controller's part of the Enrollment's status, if they changed.
func (r *courseReconciler) writeWork(ctx context.Context, enrollment *v1alpha1.Enrollment, grade v1alpha1.Grade, progress v1alpha1.Progress) error {
	was := &enrollment.Status
	if equality.Semantic.DeepEqual(was.Grade, grade) && equality.Semantic.DeepEqual(was.Progress, progress) {
		return nil
	}
	worked := &v1alpha1.Enrollment{}
	worked.Namespace, worked.Name, worked.UID = enrollment.Namespace, enrollment.Name, enrollment.UID
	worked.Status.Grade, worked.Status.Progress = grade, progress
	err := r.applyStatus(ctx, worked)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil // It went away meanwhile.
	}
	if err != nil {
		return fmt.Errorf("cannot write a learner's grade and progress: %w", err)
	}
	return nil
}
