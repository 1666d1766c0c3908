package controllers

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	metav1apply "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"rollcall.dev/rollcall/api/v1alpha1"
	applyv1alpha1 "rollcall.dev/rollcall/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"rollcall.dev/rollcall/internal/access"
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/internal/names"
)

// unwrittenRetry is the wait after the API server refused an Enrollment, such as for a quota.
const unwrittenRetry = 30 * time.Second

const enrollmentsFollow = "The enrollments are on their way."

// settleEnrollments sees to it that there is an Enrollment for each course of the document and none for another, and
// sums up how they stand. A request for a check is passed on to them when the account's part of it is done.
func (r *contactReconciler) settleEnrollments(ctx context.Context, contact *v1alpha1.Contact, present []v1alpha1.Enrollment, passOn bool) (outcome, error) {
	byName := make(map[string]*v1alpha1.Enrollment, len(present))
	for i := range present {
		byName[present[i].Name] = &present[i]
	}
	platform, waiting, err := r.platforms.find(ctx, contact.Namespace, contact.Spec.PlatformRef.Name)
	if err != nil {
		return outcome{}, err
	}
	if waiting != nil {
		return *waiting, nil // Without the platform nobody knows which accesses ended long ago.
	}
	retention := access.NewRetention(platform)

	sum := tally{total: len(contact.Spec.Enrollments)}
	for i := range contact.Spec.Enrollments {
		course := &contact.Spec.Enrollments[i]
		name := names.Enrollment(contact.Spec.ContactID, course.CourseCode)
		enrollment := byName[name]
		delete(byName, name)

		left, over := retention.Left(course, contact.CreationTimestamp.Time, r.clock.Now())
		switch {
		case over && enrollment == nil:
			sum.synced++
			continue
		case over && upToDate(enrollment, contact, course) && hasEnded(enrollment):
			sum.synced++
			if err := r.deleteEnrollment(ctx, enrollment); err != nil {
				return outcome{}, err
			}
			continue
		case left > 0:
			sum.wakeAfter(left)
		}
		changed := enrollment == nil || enrollment.DeletionTimestamp.IsZero() && !upToDate(enrollment, contact, course)
		// One that was handled is not passed on again, whatever was asked of the Enrollment since: nothing would come of it, and
		// the Contact would wait for that.
		asked := passOn && checkRequested(contact) && enrollment != nil && enrollment.DeletionTimestamp.IsZero() &&
			requestOf(enrollment) != requestOf(contact) && enrollment.Status.LastHandledReconcileAt != requestOf(contact)
		if !changed && !asked {
			sum.add(enrollment)
			continue
		}
		if err := r.applyEnrollment(ctx, contact, course, name); err != nil {
			logf.FromContext(ctx).Error(err, "Cannot write an enrollment", "enrollment", name)
			sum.unwritten++
			continue
		}
		sum.unvisited++
	}
	for _, enrollment := range byName {
		if !metav1.IsControlledBy(enrollment, contact) {
			continue
		}
		sum.addDropped(enrollment)
		if err := r.deleteEnrollment(ctx, enrollment); err != nil {
			return outcome{}, err
		}
	}
	return sum.report(contact), nil
}

// upToDate says whether an Enrollment is as the document wants it.
func upToDate(enrollment *v1alpha1.Enrollment, contact *v1alpha1.Contact, course *v1alpha1.CourseAccess) bool {
	return metav1.IsControlledBy(enrollment, contact) &&
		enrollment.Spec.AccessStartDate == course.AccessStartDate &&
		enrollment.Spec.AccessEndDate == course.AccessEndDate &&
		controllerutil.ContainsFinalizer(enrollment, v1alpha1.WithdrawalFinalizer)
}

// hasEnded says whether the learner was found to be withdrawn after the end of access.
func hasEnded(enrollment *v1alpha1.Enrollment) bool {
	status := &enrollment.Status
	return isReady(&status.ObjectStatus) && status.ObservedGeneration == enrollment.Generation && status.Access == v1alpha1.AccessEnded
}

// applyEnrollment makes the Enrollment, or sets right what the document says of it. It comes with its finalizer, which
// spares another write, and passes on a request for a check.
func (r *contactReconciler) applyEnrollment(ctx context.Context, contact *v1alpha1.Contact, course *v1alpha1.CourseAccess, name string) error {
	spec := applyv1alpha1.EnrollmentSpec().
		WithContactRef(applyv1alpha1.ContactReference().WithName(contact.Name)).
		WithCourseCode(course.CourseCode).
		WithAccessStartDate(course.AccessStartDate)
	if course.AccessEndDate != "" {
		spec.WithAccessEndDate(course.AccessEndDate)
	}
	desired := applyv1alpha1.Enrollment(name, contact.Namespace).
		WithFinalizers(v1alpha1.WithdrawalFinalizer).
		WithOwnerReferences(metav1apply.OwnerReference().
			WithAPIVersion(v1alpha1.GroupVersion.String()).WithKind("Contact").WithName(contact.Name).WithUID(contact.UID).
			WithController(true).WithBlockOwnerDeletion(true)).
		WithSpec(spec)
	if request := requestOf(contact); request != "" {
		desired.WithAnnotations(map[string]string{v1alpha1.ReconcileRequestedAtAnnotation: request})
	}
	if err := r.Apply(ctx, desired, client.FieldOwner(r.fieldManager), client.ForceOwnership); err != nil {
		return fmt.Errorf("cannot apply the enrollment in %s: %w", course.CourseCode, err)
	}
	return nil
}

func (r *contactReconciler) deleteEnrollment(ctx context.Context, enrollment *v1alpha1.Enrollment) error {
	if !enrollment.DeletionTimestamp.IsZero() {
		return nil
	}
	if err := r.Delete(ctx, enrollment, client.Preconditions{UID: &enrollment.UID}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("cannot delete an enrollment: %w", err)
	}
	return nil
}

// enrollmentsOf gives all Enrollments of the contact, those that people made included.
func (r *reconciler) enrollmentsOf(ctx context.Context, contact *v1alpha1.Contact) ([]v1alpha1.Enrollment, error) {
	var list v1alpha1.EnrollmentList
	if err := r.List(ctx, &list, client.InNamespace(contact.Namespace), client.MatchingFields{index.EnrollmentByContact: contact.Name}); err != nil {
		return nil, fmt.Errorf("cannot list the contact's enrollments: %w", err)
	}
	return list.Items, nil
}

// tally counts how the courses of a document stand.
type tally struct {
	total, synced, conflicted, stalled int
	// unvisited were not looked at since they were made or changed; pending are being worked on; withdrawing were
	// dropped by the document; unwritten could not be made or changed.
	unvisited, pending, withdrawing, unwritten int
	// conflict, stall and work are how the first of each kind stands; would is what would be done first, if the platform were
	// not only observed, and held how the first stands that was dropped and waits for somebody to release the withdrawal.
	conflict, stall, work, would, held *metav1.Condition
	after                              time.Duration
}

func (t *tally) wakeAfter(after time.Duration) {
	if t.after == 0 || after < t.after {
		t.after = after
	}
}

func (t *tally) add(enrollment *v1alpha1.Enrollment) {
	status := &enrollment.Status
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil || status.ObservedGeneration != enrollment.Generation || checkRequested(enrollment):
		t.unvisited++
	case ready.Status == metav1.ConditionTrue:
		t.synced++
	case meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionStalled):
		t.stalled++
		t.stall = firstOf(t.stall, ready)
	case meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionConflict):
		t.conflicted++
		t.conflict = firstOf(t.conflict, ready)
	case isObservation(ready.Reason):
		t.would = firstOf(t.would, ready)
	default:
		t.pending++
		t.work = firstOf(t.work, ready)
	}
}

func (t *tally) addDropped(enrollment *v1alpha1.Enrollment) {
	ready := meta.FindStatusCondition(enrollment.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready != nil && ready.Reason == v1alpha1.ReasonRemovalHeld:
		t.held = firstOf(t.held, ready)
	case ready != nil && ready.Reason == v1alpha1.ReasonWouldWithdraw:
		t.would = firstOf(t.would, ready)
	default:
		t.withdrawing++
	}
}

func firstOf(first, next *metav1.Condition) *metav1.Condition {
	if first != nil {
		return first
	}
	return next
}

// report writes the sum into the status and gives the outcome. While Enrollments have not been looked at, the sum that is
// there stays: counting up by one would be a write for each.
func (t *tally) report(contact *v1alpha1.Contact) outcome {
	status := &contact.Status
	if t.unvisited == 0 || status.ObservedGeneration != contact.Generation || int(ptr.Deref(status.Enrollments.Total, -1)) != t.total {
		status.Enrollments = t.summary()
	}
	switch {
	case t.unwritten > 0:
		return working(v1alpha1.ReasonRetrying, fmt.Sprintf("%d of %d Enrollments could not be written; Rollcall's log says why.", t.unwritten, t.total), wait.Jitter(unwrittenRetry, jitter))
	case t.unvisited > 0 || t.withdrawing > 0:
		return working(v1alpha1.ReasonQueued, enrollmentsFollow, t.after)
	case t.held != nil:
		return stalled(t.held.Reason, t.held.Message, t.after)
	case t.stalled > 0:
		return stalled(t.stall.Reason, fmt.Sprintf("%d of %d enrollments need somebody. The first: %s", t.stalled, t.total, t.stall.Message), t.after)
	case t.conflicted > 0:
		return conflict(t.conflict.Reason, fmt.Sprintf("%d of %d enrollments have a conflict. The first: %s", t.conflicted, t.total, t.conflict.Message), t.after)
	case t.pending > 0:
		return working(t.work.Reason, t.work.Message, t.after)
	case t.would != nil:
		return observed(t.would.Reason, t.would.Message, t.after)
	default:
		return inStep("The learner's account and all enrollments are as the document says.", t.after)
	}
}

func (t tally) summary() v1alpha1.EnrollmentSummary {
	return v1alpha1.EnrollmentSummary{
		Total:      new(int32(t.total)),
		Synced:     new(int32(t.synced)),
		Conflicted: new(int32(t.conflicted)),
		Summary:    fmt.Sprintf("%d/%d", t.synced, t.total),
	}
}
