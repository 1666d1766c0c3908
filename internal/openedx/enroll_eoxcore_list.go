package openedx

import (
	"context"
	"encoding/json"
	"net/http"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// maxEoxList is how many enrollments one call to eox-core carries. Its calls are not throttled, and a list costs the LMS about
// what its items do: a short one spares what each call costs besides, and a long one would keep a worker of the LMS busy for
// seconds while others are idle.
const maxEoxList = 10

// enrollListByEoxCore enrolls learners, one as one and more as a list. Where eox-core fails on a list, which may be for one of
// them, each is asked singly.
func (c *Client) enrollListByEoxCore(ctx context.Context, pass *pass, _ string, wishes []eoxEnrollment) []fulfilled[enrollment] {
	if len(wishes) == 1 {
		got, err := c.writeByEoxCore(ctx, pass, wishes[0])
		return []fulfilled[enrollment]{{got, err}}
	}
	came, err := c.sendListToEoxCore(ctx, pass, wishes)
	for i, wish := range wishes {
		switch {
		case err == nil:
		case lms.AsError(err).Reason == v1alpha1.ReasonServerError:
			came[i].value, came[i].err = c.writeByEoxCore(ctx, nil, wish)
		default:
			came[i].err = err
		}
	}
	return came
}

// sendListToEoxCore gives what came of each, or why none was done. eox-core refuses a list as a whole when one item is not
// valid, and says which: the others, whose items are blank, are sent again without it.
func (c *Client) sendListToEoxCore(ctx context.Context, pass *pass, wishes []eoxEnrollment) ([]fulfilled[enrollment], error) {
	came := make([]fulfilled[enrollment], len(wishes))
	var items []json.RawMessage
	err := c.do(ctx, request{
		call: callEoxWriteEnrollments, method: http.MethodPost, path: pathEoxEnrollment, json: wishes, pass: pass, items: len(wishes),
	}, &items)
	if err != nil {
		return came, err
	}
	if len(items) != len(wishes) {
		return came, notAsAsked()
	}
	var blank []int
	var again []eoxEnrollment
	for i, item := range items {
		if string(item) == "{}" {
			blank, again = append(blank, i), append(again, wishes[i])
			continue
		}
		came[i].value, came[i].err = eoxItem(item)
	}
	switch len(again) {
	case 0:
		return came, nil
	case len(wishes):
		return came, notAsAsked() // It says of none that it is in the way.
	}
	rest := c.enrollListByEoxCore(ctx, nil, "", again)
	for i, at := range blank {
		came[at] = rest[i]
	}
	return came, nil
}

// eoxItem tells what came of one of a list: a list with an error in it is a 202, and one with nothing but mistakes a 400.
func eoxItem(item json.RawMessage) (got enrollment, err error) {
	a := answer{status: http.StatusBadRequest, body: item}
	switch {
	case hasKey("error")(a):
		a.status = http.StatusAccepted
	case hasKey("is_active")(a):
		a.status = http.StatusOK
	}
	if failure := classify(callEoxWriteEnrollment, a); failure != nil {
		return got, failure
	}
	if json.Unmarshal(item, &got) != nil {
		return got, notAsAsked()
	}
	return got, nil
}
