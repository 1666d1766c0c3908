package controllers

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// throttles gives the refusals that are throttles. That the LMS's limit on new accounts is reached is none: it may last for
// days.
func (p *platforms) throttles(platform *v1alpha1.LearningPlatform) []*lms.Error {
	return slices.DeleteFunc(p.refusals(platform), func(refusal *lms.Error) bool {
		return refusal.Reason == v1alpha1.ReasonRegistrationLimited || refusal.Reason == v1alpha1.ReasonRegistrationClosed
	})
}

// noteThrottle asks for a look at a platform whose throttle does not show yet.
func (p *platforms) noteThrottle(platform *v1alpha1.LearningPlatform) {
	if !meta.IsStatusConditionTrue(platform.Status.Conditions, v1alpha1.ConditionThrottled) && len(p.throttles(platform)) > 0 {
		p.suspect(platform)
	}
}

// showThrottle shows which calls the LMS refuses for now, and gives the time until it takes one of them again; 0 when it
// refuses none.
func (r *learningPlatformReconciler) showThrottle(platform *v1alpha1.LearningPlatform) time.Duration {
	refusals := r.platforms.throttles(platform)
	if len(refusals) == 0 {
		meta.RemoveStatusCondition(&platform.Status.Conditions, v1alpha1.ConditionThrottled)
		return 0
	}
	var messages []string
	opens := refusals[0].RetryAfter
	for _, refusal := range refusals {
		messages = append(messages, refusal.Message)
		opens = min(opens, refusal.RetryAfter)
	}
	meta.SetStatusCondition(&platform.Status.Conditions, metav1.Condition{
		Type:               v1alpha1.ConditionThrottled,
		Status:             metav1.ConditionTrue,
		Reason:             refusals[0].Reason,
		Message:            strings.Join(messages, " "),
		ObservedGeneration: platform.Generation,
		LastTransitionTime: metav1.NewTime(r.clock.Now()),
	})
	return opens
}
