package controllers

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// refusalsShown are the conditions that show what the LMS refuses, each with those that belong to it. That no accounts are
// made may last for days, and a person has to act: that is not one throttle among others.
var refusalsShown = map[string]func(*lms.Error) bool{
	v1alpha1.ConditionThrottled:           func(refusal *lms.Error) bool { return !ofRegistration(refusal) },
	v1alpha1.ConditionRegistrationLimited: ofRegistration,
}

func ofRegistration(refusal *lms.Error) bool {
	return refusal.Reason == v1alpha1.ReasonRegistrationLimited || refusal.Reason == v1alpha1.ReasonRegistrationClosed
}

// noteRefusals asks for a look at a platform that does not show what the LMS refuses.
func (p *platforms) noteRefusals(platform *v1alpha1.LearningPlatform) {
	refusals := p.refusals(platform)
	for condition, belongs := range refusalsShown {
		if slices.ContainsFunc(refusals, belongs) != meta.IsStatusConditionTrue(platform.Status.Conditions, condition) {
			p.suspect(platform)
			return
		}
	}
}

// showRefusals shows which calls the LMS refuses for now, and gives the time until it takes some of them again; 0 when that
// is not known, or it refuses none.
func (r *learningPlatformReconciler) showRefusals(platform *v1alpha1.LearningPlatform) (opens time.Duration) {
	refusals := r.platforms.refusals(platform)
	for condition, belongs := range refusalsShown {
		var messages []string
		reason := ""
		for _, refusal := range refusals {
			if !belongs(refusal) {
				continue
			}
			messages, reason = append(messages, refusal.Message), refusal.Reason
			if opens == 0 || refusal.RetryAfter > 0 && refusal.RetryAfter < opens {
				opens = refusal.RetryAfter
			}
		}
		if messages == nil {
			meta.RemoveStatusCondition(&platform.Status.Conditions, condition)
			continue
		}
		meta.SetStatusCondition(&platform.Status.Conditions, metav1.Condition{
			Type:               condition,
			Status:             metav1.ConditionTrue,
			Reason:             reason,
			Message:            strings.Join(messages, " "),
			ObservedGeneration: platform.Generation,
			LastTransitionTime: metav1.NewTime(r.clock.Now()),
		})
	}
	return opens
}

// announceRefusals tells when the LMS begins to refuse calls, once for all that waits for it.
func (r *learningPlatformReconciler) announceRefusals(before, after *v1alpha1.LearningPlatform) {
	for condition := range refusalsShown {
		shown := meta.FindStatusCondition(after.Status.Conditions, condition)
		if shown != nil && !meta.IsStatusConditionTrue(before.Status.Conditions, condition) {
			r.recorder.Eventf(after, nil, corev1.EventTypeWarning, shown.Reason, "Reconcile", "%s", shown.Message)
		}
	}
}
