package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/access"
	"rollcall.dev/rollcall/internal/index"
)

// judgment compares an Enrollment, or all of a course, with what a sweep has seen.
type judgment struct {
	*courseReconciler
	course   *v1alpha1.Course
	platform *v1alpha1.LearningPlatform
	swept    *courseSweep
	now      time.Time
	// accounted are the usernames, in small letters, of those for whom an Enrollment accounts.
	accounted map[string]bool

	active, sold, missing, otherMode, overdue, unsold, strangers int32
}

// judge compares who is enrolled with what was sold, and has those checked that differ from what Rollcall brought about.
// Nobody else is touched.
func (r *courseReconciler) judge(ctx context.Context, course *v1alpha1.Course, platform *v1alpha1.LearningPlatform, swept *courseSweep) (v1alpha1.CourseSweep, error) {
	j := &judgment{courseReconciler: r, course: course, platform: platform, swept: swept, now: r.clock.Now(), accounted: map[string]bool{}, active: int32(len(swept.active))}
	enrollments, err := r.enrollmentsIn(ctx, course)
	if err != nil {
		return v1alpha1.CourseSweep{}, err
	}
	for i := range enrollments {
		if err := j.enrollment(ctx, &enrollments[i]); err != nil {
			return v1alpha1.CourseSweep{}, err
		}
	}
	for username, left := range swept.active {
		if j.accounted[username] {
			continue
		}
		if err := j.leftOver(ctx, left.Username); err != nil {
			return v1alpha1.CourseSweep{}, err
		}
	}
	return v1alpha1.CourseSweep{
		FinishedTime: metav1.NewTime(j.now), Active: &j.active, Sold: &j.sold, Missing: &j.missing, OtherMode: &j.otherMode,
		Overdue: &j.overdue, Unsold: &j.unsold, Strangers: &j.strangers,
	}, ctx.Err()
}

// enrollment judges an Enrollment, and notes whether it accounts for its learner.
func (j *judgment) enrollment(ctx context.Context, enrollment *v1alpha1.Enrollment) error {
	username, platform, err := j.learnerOf(ctx, enrollment)
	if err != nil || platform != j.platform.Name {
		return err
	}
	if username == "" && enrollment.Status.PreEnrolledEmail != "" {
		return nil // The first login makes the account, and the enrollment.
	}
	window, err := access.WindowOf(&enrollment.Spec, j.platform)
	if err != nil {
		return nil //nolint:nilerr // The Enrollment says it.
	}
	standing, _ := window.At(j.now)
	found, active := j.swept.active[strings.ToLower(username)]
	accounted := true
	switch leaves := !enrollment.DeletionTimestamp.IsZero(); {
	case leaves:
	case standing == v1alpha1.AccessOpen:
		j.sold++
		j.judgeOpen(ctx, enrollment, found.Mode, active)
	case active:
		accounted, err = j.judgeOver(ctx, enrollment)
	case isDrifted(&enrollment.Status):
		j.suspect(ctx, enrollment) // It is no more.
	}
	if accounted {
		j.accounted[strings.ToLower(username)] = true
	}
	return err
}

func (j *judgment) judgeOpen(ctx context.Context, enrollment *v1alpha1.Enrollment, mode string, active bool) {
	status := &enrollment.Status
	differs := true
	switch {
	case j.changedMeanwhile(enrollment):
		return
	case !active:
		j.missing++
	case j.course.Spec.Mode != "" && mode != j.course.Spec.Mode:
		j.otherMode++
	default:
		differs = false
	}
	if differs && j.isSettled(enrollment) && ptr.Deref(status.Enrolled, false) || !differs && isDrifted(status) {
		j.suspect(ctx, enrollment)
	}
}

// judgeOver judges an Enrollment whose access has ended or has not begun, and whose learner is enrolled. It says whether the
// Enrollment accounts for that: one by which Rollcall never enrolled anybody does not.
func (j *judgment) judgeOver(ctx context.Context, enrollment *v1alpha1.Enrollment) (accounted bool, err error) {
	if enrollment.Status.Username == "" {
		return false, nil
	}
	if j.changedMeanwhile(enrollment) {
		return true, nil
	}
	overdue, err := j.losesCourse(ctx, enrollment, nil, j.platform)
	if err != nil || !overdue {
		return true, err
	}
	j.overdue++
	if j.isSettled(enrollment) {
		j.suspect(ctx, enrollment)
	}
	return true, nil
}

// leftOver counts somebody who is enrolled and whom no Enrollment of the course accounts for.
func (j *judgment) leftOver(ctx context.Context, username string) error {
	var contacts v1alpha1.ContactList
	if err := j.List(ctx, &contacts, client.InNamespace(j.course.Namespace),
		client.MatchingFields{index.ContactByUsername: index.Key(j.platform.Name, username)}, uncopied); err != nil {
		return fmt.Errorf("cannot list the contacts with the account: %w", err)
	}
	if len(contacts.Items) == 0 {
		j.strangers++
		return nil
	}
	others, err := j.enrollmentsOf(ctx, &contacts.Items[0])
	if err != nil {
		return err
	}
	for i := range others {
		if others[i].Status.CourseKey == j.course.Spec.CourseKey && others[i].Spec.CourseCode != j.course.Spec.CourseCode {
			return nil // Another course code stands for the same course.
		}
	}
	j.unsold++
	return nil
}

// learnerOf gives whom the Enrollment is about and on which platform: as it was carried out, else as it will be.
func (j *judgment) learnerOf(ctx context.Context, enrollment *v1alpha1.Enrollment) (username, platform string, err error) {
	if status := &enrollment.Status; status.Username != "" {
		return status.Username, status.Platform, nil
	}
	contact := &v1alpha1.Contact{}
	key := client.ObjectKey{Namespace: enrollment.Namespace, Name: enrollment.Spec.ContactRef.Name}
	if err := j.Get(ctx, key, contact, uncopied); err != nil {
		return "", "", client.IgnoreNotFound(err)
	}
	return contact.Status.Learner.Username, contact.Spec.PlatformRef.Name, nil
}

// isSettled says whether the Enrollment is in step, as far as Rollcall knows. What is not is worked on already.
func (j *judgment) isSettled(enrollment *v1alpha1.Enrollment) bool {
	status := &enrollment.Status
	return isReady(&status.ObjectStatus) && status.ObservedGeneration == enrollment.Generation &&
		status.CourseKey == j.course.Spec.CourseKey && !checkRequested(enrollment)
}

// changedMeanwhile says whether the Enrollment was made or carried out since the sweep began: the page may be older. Times
// are known to the second.
func (j *judgment) changedMeanwhile(enrollment *v1alpha1.Enrollment) bool {
	began := j.swept.began.Truncate(time.Second)
	last := enrollment.Status.LastSyncTime
	return !enrollment.CreationTimestamp.Time.Before(began) || last != nil && !last.Time.Before(began)
}

func (j *judgment) suspect(ctx context.Context, enrollment *v1alpha1.Enrollment) {
	j.drift.suspect(ctx, j.drift.enrollments, enrollment)
}
