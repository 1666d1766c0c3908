package controllers

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// outcome is how an object stands at the end of a visit.
type outcome struct {
	// standing is the condition that is True: Ready, Reconciling, Conflict or Stalled; empty while suspended or observed.
	standing string
	// reason is the reason of Ready, which the STATE column shows.
	reason string
	// message says it in a sentence that is the same for the same state.
	message string
	// after is the time until the next visit; 0 plans none.
	after time.Duration
	// unchecked is true when the object stands as it did because it could not be looked at: a requested check is not made.
	unchecked bool
}

// inStep: the LMS is as the object says.
func inStep(message string, after time.Duration) outcome {
	return outcome{standing: v1alpha1.ConditionReady, reason: v1alpha1.ReasonSynced, message: message, after: after}
}

// working: there is work left, and it goes on by itself.
func working(reason, message string, after time.Duration) outcome {
	return outcome{standing: v1alpha1.ConditionReconciling, reason: reason, message: message, after: after}
}

// conflict: something else has to change first.
func conflict(reason, message string, after time.Duration) outcome {
	return outcome{standing: v1alpha1.ConditionConflict, reason: reason, message: message, after: after}
}

// stalled: a person has to act.
func stalled(reason, message string, after time.Duration) outcome {
	return outcome{standing: v1alpha1.ConditionStalled, reason: reason, message: message, after: after}
}

func suspended() outcome {
	return outcome{reason: v1alpha1.ReasonSuspended, message: "spec.suspend holds all work; what was done stays."}
}

// observed: something would be done, if the platform were not only observed.
func observed(reason, message string, after time.Duration) outcome {
	return outcome{reason: reason, message: message, after: after}
}

// isObservation says whether a reason is that of something that would be done.
func isObservation(reason string) bool {
	return reason == v1alpha1.ReasonWouldCreate || reason == v1alpha1.ReasonWouldEnroll || reason == v1alpha1.ReasonWouldWithdraw
}

// sooner gives the outcome with a next visit no later than after.
func (o outcome) sooner(after time.Duration) outcome {
	if after > 0 && (o.after == 0 || after < o.after) {
		o.after = after
	}
	return o
}

// isTrouble says whether something besides Rollcall has to change.
func (o outcome) isTrouble() bool {
	return o.standing == v1alpha1.ConditionConflict || o.standing == v1alpha1.ConditionStalled
}

// isResult says whether the visit came to a result, so that a check that was asked for counts as made. Who waits for a first
// login was looked for.
func (o outcome) isResult() bool {
	switch o.standing {
	case "":
		return isObservation(o.reason)
	case v1alpha1.ConditionReconciling:
		return o.reason == v1alpha1.ReasonAwaitingFirstLogin && !o.unchecked
	}
	return !o.unchecked
}

// abnormal are the conditions that are there only while they are True.
var abnormal = []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled, v1alpha1.ConditionConflict}

// report writes the outcome into the conditions.
func (o outcome) report(status *v1alpha1.ObjectStatus, generation int64, now time.Time) {
	status.ObservedGeneration = generation
	condition := metav1.Condition{
		Type:               v1alpha1.ConditionReady,
		Status:             metav1.ConditionFalse,
		Reason:             o.reason,
		Message:            o.message,
		ObservedGeneration: generation,
		LastTransitionTime: metav1.NewTime(now),
	}
	switch o.standing {
	case v1alpha1.ConditionReady:
		condition.Status = metav1.ConditionTrue
	case "":
		condition.Status = metav1.ConditionUnknown
	}
	meta.SetStatusCondition(&status.Conditions, condition)

	for _, kind := range abnormal {
		if kind != o.standing {
			meta.RemoveStatusCondition(&status.Conditions, kind)
		}
	}
	if slices.Contains(abnormal, o.standing) {
		condition.Type, condition.Status = o.standing, metav1.ConditionTrue
		meta.SetStatusCondition(&status.Conditions, condition)
	}
}

// isReady says whether the object is Ready, whatever generation that speaks of.
func isReady(status *v1alpha1.ObjectStatus) bool {
	return meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady)
}
