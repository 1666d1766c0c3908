package controllers

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/internal/mentoring"
)

// recipient is whom a message goes to.
type recipient struct {
	// name is what status.to shows.
	name    string
	address mail.Address
	// change is the time until it may be somebody else; 0: nobody is to follow.
	change time.Duration
}

// recipientOf gives whom the message goes to as things are now, or the outcome of one that has to wait for somebody.
func (r *learnerMessageReconciler) recipientOf(ctx context.Context, message *v1alpha1.LearnerMessage, platform *v1alpha1.LearningPlatform) (recipient, *outcome, error) {
	if message.Spec.Recipient == v1alpha1.RecipientSupport {
		support := platform.Spec.Learners.Support
		if support.Email == "" {
			return recipient{}, new(conflict(v1alpha1.ReasonNoRecipient, "The platform has no spec.learners.support.", 0)), nil
		}
		return recipient{name: "support", address: mail.Address{Name: support.DisplayName, Address: support.Email}}, nil, nil
	}

	today, err := mentoring.Today(r.clock.Now(), platform)
	if err != nil {
		return recipient{}, new(working(v1alpha1.ReasonPlatformUnavailable, "Waits until the LearningPlatform has a valid time zone.", 0)), nil //nolint:nilerr // The platform says it.
	}
	var mentors v1alpha1.CourseMentorList
	if err := r.List(ctx, &mentors, client.InNamespace(message.Namespace),
		client.MatchingFields{index.MentorByCourse: index.Key(platform.Name, message.Spec.CourseCode)}); err != nil {
		return recipient{}, nil, fmt.Errorf("cannot list the course's mentors: %w", err)
	}
	change, err := untilOtherMentor(mentors.Items, platform, today, r.clock.Now())
	if err != nil {
		return recipient{}, nil, err
	}
	mentor, isDeputy := mentoring.Now(mentors.Items, today)
	if mentor == nil {
		return recipient{}, new(conflict(v1alpha1.ReasonNoRecipient,
			fmt.Sprintf("Nobody mentors the course %s today.", message.Spec.CourseCode), 0).sooner(change)), nil
	}
	name, profile := "mentor/"+mentor.Name, mentoring.Profile(mentor, isDeputy)
	if isDeputy {
		name = "deputy/" + mentor.Name
	}
	address, err := mentoring.Address(ctx, r.live, mentor.Namespace, &profile)
	if missing, ok := errors.AsType[*mentoring.AddressError](err); ok {
		return recipient{}, new(conflict(v1alpha1.ReasonNoRecipient,
			fmt.Sprintf("The CourseMentor %s cannot be reached: %s", mentor.Name, missing.Message), 0).sooner(change)), nil
	}
	if err != nil {
		return recipient{}, nil, err
	}
	return recipient{name: name, address: mail.Address{Name: profile.DisplayName, Address: address}, change: change}, nil, nil
}
