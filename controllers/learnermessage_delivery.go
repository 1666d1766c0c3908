package controllers

import (
	"context"
	"errors"
	"fmt"
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
	// lastMailRecheck is the longest wait after the mail server refused what concerns all messages.
	lastMailRecheck = time.Hour
	// nobodyRecheck is the wait while a course has no mentor, or one without an address. What changes in the cluster ends it
	// at once, but days and ConfigMaps tell nobody.
	nobodyRecheck = 15 * time.Minute
)

// errOutdated: the message is not as it was seen, so that nobody knows whether it is still to be handed in.
var errOutdated = errors.New("the message has changed")

// handOver is what came of a message that was handed in.
type handOver struct {
	to string
	at time.Time
}

// mailPause is why, and until when, a platform's mail server is left alone.
type mailPause struct {
	server string
	until  time.Time
	reason string
}

// deliver hands the message in, if that is due.
func (r *learnerMessageReconciler) deliver(ctx context.Context, message *v1alpha1.LearnerMessage, platform *v1alpha1.LearningPlatform) (outcome, error) {
	if done, ok := r.handedIn.Get(message.UID); ok {
		return delivered(message, done.(handOver)), nil
	}
	contact := &v1alpha1.Contact{}
	err := r.Get(ctx, client.ObjectKey{Namespace: message.Namespace, Name: message.Spec.ContactRef.Name}, contact)
	if apierrors.IsNotFound(err) {
		return stalled(v1alpha1.ReasonLearnerGone, "The Contact that wrote it is gone: nobody could be answered.", 0), nil
	}
	if err != nil {
		return outcome{}, fmt.Errorf("cannot get the Contact: %w", err)
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

	basis := basisOf(requestOf(message), server.version, to.name, to.address)
	if left, due := waitFor(message.Status.Attempts, basis, r.clock.Now()); !due {
		return standing(message.Status.Attempts, left), nil
	}
	if pause, left := r.pauseOf(platform, server); left > 0 && !checkRequested(message) {
		return conflict(v1alpha1.ReasonMailMisconfigured, pause.reason, wait.Jitter(left, jitter)), nil
	}
	written, err := r.asWritten(ctx, message)
	if err != nil {
		return outcome{}, err
	}
	err = mail.Send(ctx, server.Server, letterOf(written, contact, platform, to))
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return outcome{}, ctx.Err() // Rollcall stops, which is no failure.
	}
	message.Status.To = to.name
	if err != nil {
		return r.notDelivered(message, platform, server, basis, err), nil
	}
	done := handOver{to: to.name, at: r.clock.Now()}
	r.handedIn.Add(message.UID, done)
	r.pauses.Delete(platform.UID)
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
	return outcome{standing: v1alpha1.ConditionReady, reason: v1alpha1.ReasonDelivered, message: "The mail server took the message."}
}

// notDelivered counts a failed attempt and plans the next one, if there is to be one.
func (r *learnerMessageReconciler) notDelivered(message *v1alpha1.LearnerMessage, platform *v1alpha1.LearningPlatform, server mailServer, basis string, err error) outcome {
	failure := &mail.Error{Class: mail.Transient, Message: "The message could not be handed in."}
	errors.As(err, &failure)
	class, reason := lms.Transient, v1alpha1.ReasonMailServerBusy
	switch failure.Class {
	case mail.Transient:
		countAttempt(platform, "retried")
	case mail.Misconfigured:
		class, reason = lms.Conflict, v1alpha1.ReasonMailMisconfigured
		countAttempt(platform, "misconfigured")
	case mail.Refused:
		class, reason = lms.Fatal, v1alpha1.ReasonUndeliverable
		countAttempt(platform, "refused")
	}
	now := r.clock.Now()
	next := nextAttempt(message.Status.Attempts, basis, now)
	next.LastError = v1alpha1.AttemptError{Class: v1alpha1.ErrorClass(class), Reason: reason, Message: failure.Message}
	after := retryDelay(class, next.Count)
	if class == lms.Conflict {
		after = min(after, lastMailRecheck)
		r.pauses.Store(platform.UID, mailPause{server: server.version, until: now.Add(after), reason: failure.Message})
	}
	if after > 0 {
		next.NextTime = new(metav1.NewTime(now.Add(after)))
	}
	message.Status.Attempts = next
	return standing(next, after)
}

// pauseOf says for how much longer the mail server is left alone, as it has refused what concerns all messages: a thousand of
// them are not a thousand wrong passwords.
func (r *learnerMessageReconciler) pauseOf(platform *v1alpha1.LearningPlatform, server mailServer) (mailPause, time.Duration) {
	found, _ := r.pauses.Load(platform.UID)
	pause, ok := found.(mailPause)
	if !ok || pause.server != server.version {
		return mailPause{}, 0
	}
	return pause, pause.until.Sub(r.clock.Now())
}
