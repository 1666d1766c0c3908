package controllers

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// addFinalizer sees to it that the object cannot vanish before what it brought about on the LMS is undone.
func (r *reconciler) addFinalizer(ctx context.Context, o object) error {
	return r.changeFinalizer(ctx, o, controllerutil.AddFinalizer)
}

// removeFinalizer lets the object go.
func (r *reconciler) removeFinalizer(ctx context.Context, o object) error {
	return client.IgnoreNotFound(r.changeFinalizer(ctx, o, controllerutil.RemoveFinalizer))
}

// changeFinalizer patches the list only if the object is still the one that was read, so that no other finalizer is lost.
func (r *reconciler) changeFinalizer(ctx context.Context, o object, change func(client.Object, string) bool) error {
	patched := o.DeepCopyObject().(object)
	if !change(patched, v1alpha1.WithdrawalFinalizer) {
		return nil
	}
	patch := client.MergeFromWithOptions(o, client.MergeFromWithOptimisticLock{})
	if err := r.Patch(ctx, patched, patch, client.FieldOwner(r.fieldManager)); err != nil {
		return fmt.Errorf("cannot change the finalizers: %w", err)
	}
	o.SetFinalizers(patched.GetFinalizers())
	o.SetResourceVersion(patched.GetResourceVersion())
	return nil
}
