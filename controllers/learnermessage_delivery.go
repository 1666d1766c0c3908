package controllers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/mail"
)

const (
	// firstMailRecheck and lastMailRecheck bound the wait after the mail server refused what concerns all messages, and
	// lastMailRetry the one while it is away.
	firstMailRecheck, lastMailRecheck = 2 * time.Minute, time.Hour
	lastMailRetry                     = time.Minute
	// unconfirmedRetry is the wait after the first answer that was lost, as each attempt may make a double. It doubles with each,
	// until mostUnconfirmed were.
	unconfirmedRetry, mostUnconfirmed = 15 * time.Minute, 5
)

// errOutdated: the message is not as it was seen, so that nobody knows whether it is still to be handed in.
var errOutdated = errors.New("the message has changed")

// handOver is what came of a message that was handed in.
type handOver struct {
	to string
	at time.Time
}

// taken is how a message stands that was delivered.
var taken = outcome{standing: v1alpha1.ConditionReady, reason: v1alpha1.ReasonDelivered, message: "The mail server took the message."}

// deliver hands the message in, if that is due.
func (r *learnerMessageReconciler) deliver(ctx context.Context, message *v1alpha1.LearnerMessage, platform *v1alpha1.LearningPlatform) (outcome, error) {
	if done, ok := r.handedIn.Get(message.UID); ok {
		return delivered(message, done.(handOver)), nil
	}
	contact, err := r.writerOf(ctx, message)
	if err != nil {
		return outcome{}, err
	}
	if contact == nil {
		return stalled(v1alpha1.ReasonLearnerGone, "The Contact that wrote it is gone: nobody could be answered.", 0), nil
	}
	server, waiting, err := r.mailServerOf(ctx, platform)
	if err != nil {
		return outcome{}, err
	}
	to := recipient{}
	if waiting == nil {
		if to, waiting, err = r.recipientOf(ctx, message, platform); err != nil {
			return outcome{}, err
		}
	}
	if waiting != nil {
		message.Status.Attempts = nil
		return *waiting, nil
	}
	o, err := r.attempt(ctx, message, contact, platform, server, to)
	return o.sooner(to.change), err
}

// attempt hands the message in to whom it is for now, unless that has failed and is not to be tried again yet.
func (r *learnerMessageReconciler) attempt(ctx context.Context, message *v1alpha1.LearnerMessage, contact *v1alpha1.Contact, platform *v1alpha1.LearningPlatform, server mailServer, to recipient) (outcome, error) {
	basis := basisOf(requestOf(message), server.version, to.name, to.address)
	last := r.unconfirmedOf(message).attempt
	if _, due := waitFor(last, basis, r.clock.Now()); !due {
		message.Status.To, message.Status.Attempts = to.name, last // The API server may not have taken it.
	}
	if left, due := waitFor(message.Status.Attempts, basis, r.clock.Now()); !due {
		return standing(message.Status.Attempts, left), nil
	}
	try, waiting, ok := r.turns.take(platform, server, r.clock.Now())
	defer try.leave()
	// A check that somebody asks for is made once without the turn.
	asked := checkRequested(message) && (message.Status.Attempts == nil || message.Status.Attempts.Basis != basis)
	if !ok && !asked {
		return waiting, nil
	}
	written, err := r.asWritten(ctx, message)
	if err != nil {
		return outcome{}, err
	}
	err = mail.Send(ctx, server.Server, letterOf(written, contact, platform, to))
	if err != nil && errors.Is(ctx.Err(), context.Canceled) && mail.AsError(err).Class != mail.Unconfirmed {
		return outcome{}, ctx.Err() // Rollcall stops, which is no failure. But what may have arrived is noted.
	}
	message.Status.To = to.name
	if err != nil {
		return r.notDelivered(message, platform, try, basis, err), nil
	}
	done := handOver{to: to.name, at: r.clock.Now()}
	r.handedIn.Add(message.UID, done)
	try.end()
	countAttempt(platform, "delivered")
	return delivered(message, done), nil
}

// asWritten reads the message as it is in the API server, which has to be as it was seen: a cache that is behind does not
// make for a second letter.
func (r *learnerMessageReconciler) asWritten(ctx context.Context, seen *v1alpha1.LearnerMessage) (*v1alpha1.LearnerMessage, error) {
	message := &v1alpha1.LearnerMessage{}
	err := r.live.Get(ctx, client.ObjectKeyFromObject(seen), message)
	switch {
	case apierrors.IsNotFound(err):
		return nil, errOutdated
	case err != nil:
		return nil, fmt.Errorf("cannot read the message: %w", err)
	case message.UID != seen.UID || message.ResourceVersion != seen.ResourceVersion:
		return nil, errOutdated
	}
	return message, nil
}

func delivered(message *v1alpha1.LearnerMessage, done handOver) outcome {
	status := &message.Status
	status.To, status.DeliveredTime, status.Attempts = done.to, new(metav1.NewTime(done.at)), nil
	return taken
}

// notDelivered counts a failed attempt and plans the next one, if there is to be one.
func (r *learnerMessageReconciler) notDelivered(message *v1alpha1.LearnerMessage, platform *v1alpha1.LearningPlatform, try *mailTry, basis string, err error) outcome {
	failure := mail.AsError(err)
	now := r.clock.Now()
	next := nextAttempt(message.Status.Attempts, basis, now)
	message.Status.Attempts = next

	var o outcome
	class := lms.Transient
	switch failure.Class {
	case mail.Refused:
		class = lms.Fatal
		try.end()
		o = stalled(v1alpha1.ReasonUndeliverable, failure.Message, 0)
	case mail.Misconfigured:
		class = lms.Conflict
		o = try.begin(conflict(v1alpha1.ReasonMailMisconfigured, failure.Message, 0), firstMailRecheck, lastMailRecheck, now)
	case mail.Unavailable:
		o = try.begin(working(v1alpha1.ReasonRetrying, failure.Message, 0), firstRetry, lastMailRetry, now)
	case mail.Unconfirmed:
		try.begin(working(v1alpha1.ReasonRetrying, "The mail server does not confirm messages.", 0), firstRetry, lastMailRetry, now)
		lost := r.countUnconfirmed(message, try.server, next)
		o = working(v1alpha1.ReasonRetrying, failure.Message, wait.Jitter(unconfirmedRetry<<(lost-1), jitter))
		if lost >= mostUnconfirmed {
			class = lms.Fatal
			o = stalled(v1alpha1.ReasonUnconfirmed, failure.Message, 0)
		}
	case mail.Transient:
		try.end()
		o = working(v1alpha1.ReasonRetrying, failure.Message, retryDelay(class, next.Count))
	}
	countAttempt(platform, strings.ToLower(string(failure.Class)))
	next.LastError = v1alpha1.AttemptError{Class: v1alpha1.ErrorClass(class), Reason: o.reason, Message: failure.Message}
	if o.after > 0 {
		next.NextTime = new(metav1.NewTime(now.Add(o.after)))
	}
	return o
}
