package controllers

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// observations count, by platform, the objects for which something would be done, by the reason that says what.
type observations struct {
	mu     sync.Mutex
	counts map[types.NamespacedName]map[string]int32
}

// saw takes note of how an object was and is now, each nil if it is not there, and says whether that changed a number.
func (o *observations) saw(was, is object) bool {
	before, now := reasonOf(was), reasonOf(is)
	if before == now && (now == "" || platformOf(was) == platformOf(is)) {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.add(was, before, -1)
	o.add(is, now, 1)
	return true
}

func (o *observations) add(of object, reason string, n int32) {
	if reason == "" {
		return
	}
	key := platformOf(of)
	if o.counts == nil {
		o.counts = map[types.NamespacedName]map[string]int32{}
	}
	if o.counts[key] == nil {
		o.counts[key] = map[string]int32{}
	}
	o.counts[key][reason] += n
}

// sum is what a platform that is observed shows of it.
func (o *observations) sum(platform *v1alpha1.LearningPlatform) v1alpha1.ObservedStatus {
	if !isObserved(platform) {
		return v1alpha1.ObservedStatus{}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	counts := o.counts[client.ObjectKeyFromObject(platform)]
	return v1alpha1.ObservedStatus{
		WouldCreate: new(counts[v1alpha1.ReasonWouldCreate]), WouldEnroll: new(counts[v1alpha1.ReasonWouldEnroll]),
		WouldWithdraw: new(counts[v1alpha1.ReasonWouldWithdraw]),
	}
}

// reasonOf says what would be done for an object itself; nothing for a Contact that only shows what its Enrollments do.
func reasonOf(o object) string {
	if o == nil {
		return ""
	}
	reason := readyOf(o).Reason
	_, isContact := o.(*v1alpha1.Contact)
	if !isObservation(reason) || isContact != (reason == v1alpha1.ReasonWouldCreate) {
		return ""
	}
	return reason
}

func platformOf(o object) types.NamespacedName {
	key := types.NamespacedName{Namespace: o.GetNamespace()}
	switch o := o.(type) {
	case *v1alpha1.Contact:
		key.Name = o.Spec.PlatformRef.Name
	case *v1alpha1.Enrollment:
		key.Name = o.Status.Platform
	}
	return key
}
