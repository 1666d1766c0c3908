package controllers

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// specOrRequest lets through what asks for work: a new spec, a deletion, or somebody's request. A controller's own
// status writes do not.
func specOrRequest() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetAnnotations()[v1alpha1.ReconcileRequestedAtAnnotation] !=
				e.ObjectNew.GetAnnotations()[v1alpha1.ReconcileRequestedAtAnnotation]
		},
	})
}

// newRevision lets through a document that came again with a higher revision: the status tells it.
func newRevision() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetAnnotations()[v1alpha1.DocumentRevisionAnnotation] !=
				e.ObjectNew.GetAnnotations()[v1alpha1.DocumentRevisionAnnotation]
		},
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// standingOrSpec lets through what changes the lot of objects that depend on this one: its spec, or what its Ready condition
// says and of which spec.
func standingOrSpec() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return stateOf(e.ObjectOld) != stateOf(e.ObjectNew)
		},
	})
}

// anyStatus lets through every change of the status besides those of the spec.
func anyStatus() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return !equality.Semantic.DeepEqual(statusOf(e.ObjectOld.(object)), statusOf(e.ObjectNew.(object)))
		},
	})
}

func stateOf(o client.Object) string {
	ready := meta.FindStatusCondition(o.(object).GetObjectStatus().Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return ""
	}
	return fmt.Sprint(ready.Status, ready.Reason, ready.ObservedGeneration)
}

// requestsFor gives a request for each item that is chosen.
func requestsFor[T any, P interface {
	*T
	client.Object
}](items []T, chosen func(P) bool) []reconcile.Request {
	var requests []reconcile.Request
	for i := range items {
		if item := P(&items[i]); chosen(item) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(item)})
		}
	}
	return requests
}

// onPlatform wakes the objects on a platform: all of them when its spec changed, since windows and routes may be others
// now, else those that are not in step and may have waited for it.
func onPlatform(list func(ctx context.Context, platform client.Object, all bool) []reconcile.Request) handler.EventHandler {
	wake := func(ctx context.Context, platform client.Object, all bool, queue requestQueue) {
		for _, request := range list(ctx, platform, all) {
			queue.Add(request)
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, queue requestQueue) { wake(ctx, e.Object, false, queue) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, queue requestQueue) {
			wake(ctx, e.ObjectNew, e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration(), queue)
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, queue requestQueue) { wake(ctx, e.Object, false, queue) },
	}
}

// requestQueue is where event handlers put the objects to visit.
type requestQueue = workqueue.TypedRateLimitingInterface[reconcile.Request]
