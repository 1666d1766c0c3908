package controllers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

const (
	// firstRetry and lastRetry bound the wait after a passing failure.
	firstRetry, lastRetry = time.Second, 15 * time.Minute
	// firstRecheck and lastRecheck bound the wait after a conflict: changes in the cluster end it at once, but some
	// causes go away on the LMS, where nothing tells.
	firstRecheck, lastRecheck = 2 * time.Minute, 6 * time.Hour
	// observeAgain is the wait until an LMS that is only observed is looked at again, for what people change there.
	observeAgain = 24 * time.Hour
	// serverErrors is how often the LMS may fail on one request while it serves others, before that counts as a conflict.
	serverErrors = 5
	// platformRecheck is the wait after a call that found the platform unwell; its controller looks at once.
	platformRecheck = 10 * time.Second
	// jitter keeps a fleet that failed together from coming back together.
	jitter = 0.2
)

// basisOf digests what an attempt is made on. As long as it stays the same, so does the answer.
func basisOf(parts ...any) string {
	sum := sha256.Sum256(fmt.Append(nil, parts...))
	return hex.EncodeToString(sum[:8])
}

// waitFor gives the time until the next attempt is due: 0 when there is none to wait for.
func waitFor(attempts *v1alpha1.Attempts, basis string, now time.Time) (wait time.Duration, due bool) {
	switch {
	case attempts == nil || attempts.Basis != basis:
		return 0, true
	case attempts.NextTime == nil:
		return 0, false
	default:
		left := attempts.NextTime.Sub(now)
		return left, left <= 0
	}
}

// inLaneOf gives the calls of an attempt their lane: the first attempt is live, unless a sweep wants it, and a recheck of a
// conflict, which ends on the LMS if it ends now, or of what is only observed, is in no hurry.
func inLaneOf(ctx context.Context, attempts *v1alpha1.Attempts, basis string) context.Context {
	switch {
	case attempts == nil || attempts.Basis != basis:
		return ctx
	case lms.Class(attempts.LastError.Class) == lms.Conflict, lms.Class(attempts.LastError.Class) == lms.Withheld:
		return lms.WithLane(ctx, lms.Background)
	default:
		return lms.WithLane(ctx, lms.Retry)
	}
}

// standing gives the outcome that the last attempt led to, for a visit before the next one is due.
func standing(attempts *v1alpha1.Attempts, after time.Duration) outcome {
	last := attempts.LastError
	switch class := lms.Class(last.Class); {
	case last.Reason == v1alpha1.ReasonAwaitingFirstLogin:
		return working(last.Reason, last.Message, after)
	case class == lms.Withheld:
		return observed(last.Reason, last.Message, after)
	case class == lms.Conflict:
		return conflict(last.Reason, last.Message, after)
	case class == lms.Fatal:
		return stalled(last.Reason, last.Message, after)
	default:
		return working(v1alpha1.ReasonRetrying, last.Message, after)
	}
}

// failed turns a failed call for an object into an outcome and counts the attempt, unless the cause is the platform as a
// whole.
func (r *reconciler) failed(o object, platform *v1alpha1.LearningPlatform, attempts **v1alpha1.Attempts, basis string, err error) outcome {
	failure := lms.AsError(err)
	if failure.Class == lms.Withheld && failure.Reason == v1alpha1.ReasonRemovalHeld {
		*attempts = nil
		return stalled(failure.Reason, failure.Message, 0)
	}
	if failure.Class == lms.Throttled {
		r.platforms.noteRefusals(platform)
		return working(failure.Reason, failure.Message, max(failure.RetryAfter, time.Second)) // A turn of its own: no jitter.
	}
	// What says when it is over is never the object's own fault.
	inPart := failure.PlatformWide && failure.RetryAfter == 0 && r.platforms.wellSinceBlamed(platform, o, r.clock.Now())
	if failure.PlatformWide {
		r.platforms.suspect(platform)
	}
	if failure.PlatformWide && !inPart {
		return working(v1alpha1.ReasonPlatformUnavailable, failure.Message, wait.Jitter(pause(failure, platformRecheck), jitter))
	}

	now := r.clock.Now()
	next := nextAttempt(*attempts, basis, now)
	class, reason := failure.Class, failure.Reason
	if inPart || reason == v1alpha1.ReasonServerError {
		class = lms.Transient
		if next.Count >= serverErrors {
			class, reason = lms.Conflict, v1alpha1.ReasonServerError
		}
	}
	next.LastError = v1alpha1.AttemptError{Class: v1alpha1.ErrorClass(class), Reason: reason, Message: clip(failure.Message, 1024)}
	after := retryDelay(class, next.Count)
	switch {
	case reason == v1alpha1.ReasonDrifted:
		after = 0 // The next sweep sees whether it still is.
	case class == lms.Conflict && isObserved(platform):
		after = wait.Jitter(observeAgain, jitter) // Nothing hangs on it.
	}
	if after > 0 {
		next.NextTime = new(metav1.NewTime(now.Add(after)))
	}
	*attempts = next
	return standing(next, after)
}

// nextAttempt counts an attempt, from 1 again if it was made on something else.
func nextAttempt(last *v1alpha1.Attempts, basis string, now time.Time) *v1alpha1.Attempts {
	next := &v1alpha1.Attempts{Count: 1, Basis: basis, LastTime: metav1.NewTime(now)}
	if last != nil && last.Basis == basis {
		next.Count = last.Count + 1
	}
	return next
}

// pause gives the time for which to leave a platform alone: as long as it asks, but no shorter than otherwise, and not so
// long that its return goes unnoticed.
func pause(failure *lms.Error, otherwise time.Duration) time.Duration {
	return max(min(failure.RetryAfter, lastRetry), otherwise)
}

// retryDelay doubles with each attempt between the bounds of the class; a fatal failure is not retried.
func retryDelay(class lms.Class, count int32) time.Duration {
	first, last := firstRetry, lastRetry
	switch class {
	case lms.Fatal:
		return 0
	case lms.Withheld:
		first, last = observeAgain, observeAgain
	case lms.Conflict:
		first, last = firstRecheck, lastRecheck
	}
	delay := last
	if doublings := count - 1; doublings < 16 {
		delay = min(first<<doublings, last)
	}
	return wait.Jitter(delay, jitter)
}
