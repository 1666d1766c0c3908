package learner

import (
	"net/http"

	"rollcall.dev/rollcall/webhook/problem"
)

// unauthenticated says that nobody knows who calls.
func unauthenticated() *problem.Problem {
	p := problem.Unauthenticated()
	p.Detail = "Log in to the learning platform, or send a valid token of its identity server (Authorization: Bearer TOKEN)."
	return p
}

// forged says that a page which the learner does not know of may have sent the request.
func forged(detail string) *problem.Problem {
	return &problem.Problem{
		Type: "/problems/cross-site", Title: "Not sent by a page of the learning platform", Status: http.StatusForbidden,
		Detail: detail + " Nothing was done.",
	}
}

// invalid says that a message is wrong by itself.
func invalid(errors ...problem.Error) *problem.Problem {
	return &problem.Problem{
		Type: "/problems/attribute-invalid", Title: "An attribute of the message is wrong", Status: http.StatusBadRequest,
		Detail: "Nothing was sent. Correct the attributes that are listed and send the message again.", Errors: errors,
	}
}
