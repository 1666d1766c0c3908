package push

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"time"
)

// answer is the server's to one line. A problem (RFC 9457) that answers the request as a whole has the same members.
type answer struct {
	Line      int64     `json:"line"`
	ContactID string    `json:"contactID"`
	Status    int       `json:"status"`
	Type      string    `json:"type"`
	Detail    string    `json:"detail"`
	Errors    []finding `json:"errors"`
	// RetryAfter is in seconds.
	RetryAfter int   `json:"retryAfter"`
	Plan       *plan `json:"Plan"`
}

// plan is what a document would change, as a dry run finds it.
type plan struct {
	Changes []struct {
		Pointer, CourseCode, Change string
	}
	Withdrawals []struct {
		CourseCode, Reason string
	}
}

// typeConflict is the one problem with which a document is stored.
const typeConflict = "/problems/conflict"

func (a *answer) isStored() bool {
	return a.Status == http.StatusOK || a.Status == http.StatusCreated || a.isConflict()
}

func (a *answer) isConflict() bool { return a.Status == http.StatusConflict && a.Type == typeConflict }

// isOvertaken is true when a newer revision of the document is stored: it is not wanted any more, and nobody has to mend it.
func (a *answer) isOvertaken() bool { return a.Type == "/problems/revision-outdated" }

func (a *answer) isRefused() bool { return !a.isStored() && !a.isOvertaken() }

// isLater is true for what passes without anybody's doing.
func (a *answer) isLater() bool { return isLater(a.Status) }

func isLater(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

// isFailure is true when the server failed, perhaps only on this document.
func (a *answer) isFailure() bool { return a.Status >= http.StatusInternalServerError }

// isAboutRequest is true when it is not the document that is refused, but who sends it, or how it is packed: so would be
// every other one.
func (a *answer) isAboutRequest() bool {
	return a.Status == http.StatusUnauthorized || a.Type == "/problems/forbidden" ||
		slices.ContainsFunc(a.Errors, func(e finding) bool { return e.Header == "Content-Encoding" })
}

// kind is the last word of the problem's type.
func (a *answer) kind() string {
	if a.Type == "" {
		return strconv.Itoa(a.Status)
	}
	return path.Base(a.Type)
}

// reasons are what a document is refused for, each once, or what in it conflicts.
func (a *answer) reasons() []string {
	var found []string
	for _, e := range a.Errors {
		if !slices.Contains(found, e.Reason) {
			found = append(found, e.Reason)
		}
	}
	if found == nil {
		found = []string{a.kind()}
	}
	return found
}

func (a *answer) summary() string {
	if a.Detail == "" {
		return fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status))
	}
	return fmt.Sprintf("%d %s: %s", a.Status, http.StatusText(a.Status), a.Detail)
}

// hints say what to do about answers to a whole request that only a person can mend.
var hints = map[int]string{
	http.StatusUnauthorized:         "Is the token right, and not expired?",
	http.StatusForbidden:            "The credential is valid, but not allowed to write documents.",
	http.StatusNotFound:             "Are --url and --path-prefix right?",
	http.StatusUnsupportedMediaType: "Is this Rollcall's ingest, of a version that takes bulk requests?",
}

// failure is what a refused request ends with: a laterError where a repetition is worth it.
func (a *answer) failure() error {
	if a.isLater() || a.isFailure() {
		return &laterError{reason: "the server answered " + a.summary(), after: time.Duration(a.RetryAfter) * time.Second}
	}
	if hint := hints[a.Status]; hint != "" {
		return fmt.Errorf("the server answered %s %s", a.summary(), hint)
	}
	return fmt.Errorf("the server answered %s", a.summary())
}

// notSent is in the place of a status for what was found wrong before it was sent.
const notSent = "not sent"

func (a *answer) status() string {
	if a.Status == 0 {
		return notSent
	}
	return strconv.Itoa(a.Status)
}
