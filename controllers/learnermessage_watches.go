package controllers

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/index"
)

// messagesOn gives the messages on a platform: all of them, or those that have not ended.
func (r *learnerMessageReconciler) messagesOn(ctx context.Context, platform client.Object, all bool) []reconcile.Request {
	return r.messages(ctx, platform.GetNamespace(), func(message *v1alpha1.LearnerMessage) bool {
		return message.Spec.PlatformRef.Name == platform.GetName() && (all || message.Status.DeliveredTime == nil)
	})
}

// isNew lets through what was made.
func isNew() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc:  func(event.UpdateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// messagesFrom gives the messages that a Contact wrote, as long as they are not delivered.
func (r *learnerMessageReconciler) messagesFrom(ctx context.Context, contact client.Object) []reconcile.Request {
	var list v1alpha1.LearnerMessageList
	if err := r.List(ctx, &list, client.InNamespace(contact.GetNamespace()), client.MatchingFields{index.MessageByContact: contact.GetName()}, uncopied); err != nil {
		return nil
	}
	return requestsFor(list.Items, func(message *v1alpha1.LearnerMessage) bool { return message.Status.DeliveredTime == nil })
}

// messagesTo gives the messages that are for a mentor, as long as they are not delivered.
func (r *learnerMessageReconciler) messagesTo(ctx context.Context, changed client.Object) []reconcile.Request {
	mentor := changed.(*v1alpha1.CourseMentor)
	return r.messages(ctx, mentor.Namespace, func(message *v1alpha1.LearnerMessage) bool {
		return message.Status.DeliveredTime == nil && message.Spec.Recipient == v1alpha1.RecipientMentor &&
			message.Spec.CourseCode == mentor.Spec.CourseCode && message.Spec.PlatformRef.Name == mentor.Spec.PlatformRef.Name
	})
}

// messagesToAddressesIn gives the messages that are for mentors whose addresses a ConfigMap holds, as long as they are not
// delivered.
func (r *learnerMessageReconciler) messagesToAddressesIn(ctx context.Context, addresses client.Object) []reconcile.Request {
	var mentors v1alpha1.CourseMentorList
	if err := r.List(ctx, &mentors, client.InNamespace(addresses.GetNamespace()), client.MatchingFields{index.MentorByConfigMap: addresses.GetName()}); err != nil {
		return nil
	}
	var requests []reconcile.Request
	for i := range mentors.Items {
		requests = append(requests, r.messagesTo(ctx, &mentors.Items[i])...)
	}
	return requests
}

// messagesBy gives the messages that go out with the credentials in a Secret, as long as they are not delivered.
func (r *learnerMessageReconciler) messagesBy(ctx context.Context, secret client.Object) []reconcile.Request {
	var platforms v1alpha1.LearningPlatformList
	if err := r.List(ctx, &platforms, client.InNamespace(secret.GetNamespace())); err != nil {
		return nil
	}
	var requests []reconcile.Request
	for i := range platforms.Items {
		if platform := &platforms.Items[i]; platform.Spec.Learners.Mail.CredentialsSecretRef.Name == secret.GetName() {
			requests = append(requests, r.messagesOn(ctx, platform, false)...)
		}
	}
	return requests
}

func (r *learnerMessageReconciler) messages(ctx context.Context, namespace string, chosen func(*v1alpha1.LearnerMessage) bool) []reconcile.Request {
	var list v1alpha1.LearnerMessageList
	if err := r.List(ctx, &list, client.InNamespace(namespace), uncopied); err != nil {
		return nil
	}
	return requestsFor(list.Items, chosen)
}
