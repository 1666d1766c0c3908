package ingest

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"rollcall.dev/rollcall/webhook/problem"
)

// retryAfter is when a caller may try again after something that passes.
const retryAfter = 5 * time.Second

// problemOf gives the answer to a request that ended with an error, and logs what the answer does not say.
func problemOf(ctx context.Context, err error) *problem.Problem {
	if found, ok := errors.AsType[*problem.Problem](err); ok {
		return found
	}
	log := ctrl.LoggerFrom(ctx)
	if isRefusal(err) || errors.Is(err, errForeign) {
		log.Error(err, "Cannot serve a request")
		return problem.Internal()
	}
	log.Info("Cannot serve a request now", "reason", err.Error())
	return problem.Unavailable("Kubernetes does not answer as it should. Nothing is acknowledged; send the request again.", retryAfter)
}

// isRefusal is true for an error by which the API server says that it did nothing, and would not do it next time.
// Everything else passes: an outage, a deadline, an overload, another writer.
func isRefusal(err error) bool {
	status, ok := apiStatus(err)
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

// apiStatus gives what the API server answered, if the error is its answer.
func apiStatus(err error) (status metav1.Status, ok bool) {
	var answer apierrors.APIStatus
	if !errors.As(err, &answer) {
		return status, false
	}
	return answer.Status(), true
}

// refused gives the answer to a document that the API server finds invalid although validate did not.
func refused(err error) *problem.Problem {
	status, _ := apiStatus(err)
	var found []problem.Error
	if status.Details != nil {
		for _, cause := range status.Details.Causes {
			// The cause's message would repeat the value.
			found = append(found, problem.Error{Pointer: pointerOf(cause.Field), Reason: reasonRefused,
				Detail: "The API server does not take this."})
		}
	}
	if len(found) == 0 {
		found = []problem.Error{{Pointer: "/Contact", Reason: reasonRefused, Detail: "The API server does not take this."}}
	}
	// The API server lists in any order, and one attribute once for every rule.
	slices.SortFunc(found, func(a, b problem.Error) int { return cmp.Compare(a.Pointer, b.Pointer) })
	return invalid(slices.Compact(found)...)
}

var fieldSegment = regexp.MustCompile(`[A-Za-z]+|\d+`)

// pointerOf gives the place in the document for a field of the Contact: spec.enrollments[3].accessEndDate is
// /Contact/Enrollments/3/AccessEndDate. What the document does not state is /Contact.
func pointerOf(field string) string {
	pointer := "/Contact"
	path, ok := strings.CutPrefix(field, "spec.")
	if !ok {
		return pointer
	}
	for _, segment := range fieldSegment.FindAllString(path, -1) {
		switch member, known := memberOf[segment]; {
		case known:
			pointer += "/" + member
		case segment[0] <= '9':
			pointer += "/" + segment
		default:
			return "/Contact"
		}
	}
	return pointer
}
