package controllers

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// announcement is an event to send once the status tells the same.
type announcement struct{ severity, reason, message string }

// Reasons of events on a LearningPlatform, besides its conditions.
const (
	eventRemovalsReleased = "RemovalsReleased"
	eventReleaseLapsed    = "ReleaseLapsed"
)

// release looks at the annotation by which somebody agrees to the held withdrawals. It is of those that are held now, if these
// are no more than the number that was agreed to; a value is looked at once. One that was there before the first visit to a
// platform that knows of none agrees to nothing: it may have lain in a manifest for years.
func (r *summaryReconciler) release(platform *v1alpha1.LearningPlatform, isFirst bool) []announcement {
	value, status := clip(platform.Annotations[v1alpha1.ReleaseRemovalsAnnotation], 64), &platform.Status.Removals
	if value == "" || value == status.LastRelease {
		return nil
	}
	isOld := isFirst && status.LastRelease == ""
	status.LastRelease = value
	held, upTo := r.brakes.HeldUpTo(platform)
	number, _, _ := strings.Cut(value, "@")
	agreed, err := strconv.Atoi(number)
	switch {
	case err != nil:
		return []announcement{{corev1.EventTypeWarning, eventReleaseLapsed, "The annotation " + v1alpha1.ReleaseRemovalsAnnotation + " has to be the number of held withdrawals."}}
	case held > agreed:
		return []announcement{{corev1.EventTypeWarning, eventReleaseLapsed,
			fmt.Sprintf("The number of held withdrawals has grown: it is %d, and %d were agreed to. None is released.", held, agreed)}}
	case held == 0:
		return nil
	case isOld:
		return []announcement{{corev1.EventTypeWarning, eventReleaseLapsed,
			fmt.Sprintf("The annotation %s was there before Rollcall looked at the LearningPlatform. None of the %d held withdrawals is released.", v1alpha1.ReleaseRemovalsAnnotation, held)}}
	}
	status.LastReleaseTime = new(metav1.NewTime(upTo))
	return []announcement{{corev1.EventTypeNormal, eventRemovalsReleased, fmt.Sprintf("%d held withdrawals were released.", held)}}
}

// showHeld sets the condition RemovalsHeld, and tells when it begins.
func (r *summaryReconciler) showHeld(platform *v1alpha1.LearningPlatform) []announcement {
	conditions, removals := &platform.Status.Conditions, &platform.Status.Removals
	if removals.Held == 0 {
		meta.RemoveStatusCondition(conditions, v1alpha1.ConditionRemovalsHeld)
		return nil
	}
	begins := !meta.IsStatusConditionTrue(*conditions, v1alpha1.ConditionRemovalsHeld)
	message := heldMessage(removals)
	meta.SetStatusCondition(conditions, metav1.Condition{
		Type:               v1alpha1.ConditionRemovalsHeld,
		Status:             metav1.ConditionTrue,
		Reason:             v1alpha1.ReasonRemovalHeld,
		Message:            message,
		ObservedGeneration: platform.Generation,
		LastTransitionTime: metav1.NewTime(r.clock.Now()),
	})
	if !begins {
		return nil
	}
	return []announcement{{corev1.EventTypeWarning, v1alpha1.ConditionRemovalsHeld, message}}
}

// namedCourses is how many courses a message names.
const namedCourses = 5

func heldMessage(removals *v1alpha1.RemovalsStatus) string {
	var courses []string
	for _, course := range removals.Courses[:min(len(removals.Courses), namedCourses)] {
		if course.Held > 0 {
			courses = append(courses, fmt.Sprintf("%s (%d)", course.CourseKey, course.Held))
		}
	}
	more := ""
	if len(courses) == namedCourses {
		more = " and perhaps more"
	}
	return fmt.Sprintf("%d withdrawals are held, as more learners would lose a course within an hour than spec.safety allows: %s%s. "+
		"If they are right, release them by the annotation %s=%d@anything; what follows the @ has to be new each time.",
		removals.Held, strings.Join(courses, ", "), more, v1alpha1.ReleaseRemovalsAnnotation, removals.Held)
}
