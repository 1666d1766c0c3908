package doors

import (
	"context"
	"errors"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"rollcall.dev/rollcall/webhook/problem"
)

// Lasting is an error that a repeated request would meet again.
type Lasting string

// Error says what it is.
func (l Lasting) Error() string { return string(l) }

// ProblemOf gives the answer to a request that ended with an error, and logs what the answer does not say.
func ProblemOf(ctx context.Context, err error) *problem.Problem {
	if found, ok := errors.AsType[*problem.Problem](err); ok {
		return found
	}
	log := ctrl.LoggerFrom(ctx)
	if _, lasting := errors.AsType[Lasting](err); lasting || IsRefusal(err) {
		log.Error(err, "Cannot serve a request")
		return problem.Internal()
	}
	log.Info("Cannot serve a request now", "reason", err.Error())
	return problem.Unavailable("Rollcall's storage does not answer as it should. Nothing is acknowledged; send the request again.", RetryAfter)
}

// IsRefusal is true for an error by which the API server says that it did nothing, and would not do it next time.
// Everything else passes: an outage, a deadline, an overload, another writer.
func IsRefusal(err error) bool {
	status, ok := APIStatus(err)
	if !ok {
		return false
	}
	switch status.Code {
	case http.StatusConflict, http.StatusTooManyRequests, http.StatusRequestTimeout:
		return false
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		// An API server that is just starting says so too: it serves before it knows its keys, roles and kinds.
		return false
	default:
		return status.Code >= 400 && status.Code < 500
	}
}

// APIStatus gives what the API server answered, if the error is its answer.
func APIStatus(err error) (status metav1.Status, ok bool) {
	var answer apierrors.APIStatus
	if !errors.As(err, &answer) {
		return status, false
	}
	return answer.Status(), true
}
