package openedx

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"rollcall.dev/rollcall/internal/lms"
)

const pathEoxEnrollment = "/eox-core/api/v1/enrollment/"

// eoxEnrollment is an enrollment as eox-core takes it.
type eoxEnrollment struct {
	Username  string `json:"username"`
	CourseKey string `json:"course_id"`
	Mode      string `json:"mode"`
	Active    bool   `json:"is_active"`
	Force     bool   `json:"force,omitempty"`
}

// enrollByEoxCore enrolls through eox-core. The first call goes without force: force goes past closed and full courses,
// and past courses that do not exist.
func (c *Client) enrollByEoxCore(ctx context.Context, wish lms.EnrollmentRequest) (lms.Enrollment, error) {
	if c.isHidden(wish.Username) {
		return c.enrollSingly(ctx, wish)
	}
	mode := wish.Mode
	if mode == "" {
		// eox-core wants to be told the mode. With one on offer there is no choice; with more, only the LMS knows its
		// default, and only its own API applies it.
		if len(wish.OfferedModes) != 1 {
			return c.enrollSingly(ctx, wish)
		}
		mode = wish.OfferedModes[0]
	}
	got, err := c.eoxEnrollments.ask(ctx, "", eoxEnrollment{Username: wish.Username, CourseKey: wish.CourseKey, Mode: mode, Active: true})
	switch err = c.noteHidden(wish.Username, err); {
	case errors.Is(err, errHidden):
		return c.enrollSingly(ctx, wish)
	case wish.Mode == "" && errors.Is(err, errModeUnavailable):
		// The course was changed since its modes were seen.
		return c.enrollSingly(ctx, wish)
	case errors.Is(err, errExists), errors.Is(err, errClosed), errors.Is(err, errFull):
		return c.correctByEoxCore(ctx, wish, mode, err)
	case err != nil:
		return lms.Enrollment{}, err
	case !got.fits(wish.Mode):
		return lms.Enrollment{}, notAsAsked()
	}
	return got.port(), nil
}

// correctByEoxCore sees to an enrollment that may be there already: as it is wanted, or in another mode, or inactive.
// Force is safe on one that is there, and does what the stock API does without: it lets a learner back in.
func (c *Client) correctByEoxCore(ctx context.Context, wish lms.EnrollmentRequest, mode string, refusal error) (lms.Enrollment, error) {
	present, err := c.readByEoxCore(ctx, wish.Username, wish.CourseKey)
	switch {
	case errors.Is(err, errHidden):
		return c.enrollSingly(ctx, wish)
	case errors.Is(err, errAbsent) && errors.Is(refusal, errClosed) && c.pastWindow && !c.pastCapacity:
		// eox-core would force the learner into a full course, too.
		return c.enrollSingly(ctx, wish)
	case errors.Is(err, errAbsent) && !c.goesPast(refusal):
		return lms.Enrollment{}, refusal
	case errors.Is(err, errAbsent):
	case err != nil:
		return lms.Enrollment{}, err
	case present.fits(wish.Mode):
		return present.port(), nil
	case wish.Mode == "":
		mode = present.Mode
	}
	got, err := c.writeByEoxCore(ctx, nil, eoxEnrollment{Username: wish.Username, CourseKey: wish.CourseKey, Mode: mode, Active: true, Force: true})
	if err != nil {
		return lms.Enrollment{}, err
	}
	if !got.fits(mode) {
		return lms.Enrollment{}, notAsAsked()
	}
	return got.port(), nil
}

// goesPast tells whether the platform's policy lets learners in past what the LMS has just refused.
func (c *Client) goesPast(refusal error) bool {
	return errors.Is(refusal, errFull) && c.pastCapacity || errors.Is(refusal, errClosed) && c.pastWindow
}

// withdrawByEoxCore ends an enrollment through eox-core. It reads first, as force would make one that is not there.
func (c *Client) withdrawByEoxCore(ctx context.Context, username, courseKey string) error {
	if c.isHidden(username) {
		return c.withdrawSingly(ctx, username, courseKey)
	}
	present, err := c.readByEoxCore(ctx, username, courseKey)
	switch {
	case errors.Is(err, errHidden):
		return c.withdrawSingly(ctx, username, courseKey)
	case errors.Is(err, errAbsent):
		return nil
	case err != nil || !present.Active:
		return err
	}
	got, err := c.writeByEoxCore(ctx, nil, eoxEnrollment{Username: username, CourseKey: courseKey, Mode: present.Mode, Force: true})
	if err != nil {
		return err
	}
	if got.Active {
		return notAsAsked()
	}
	return nil
}

func (c *Client) readByEoxCore(ctx context.Context, username, courseKey string) (present enrollment, err error) {
	err = c.do(ctx, request{
		call: callEoxReadEnrollment, method: http.MethodGet, path: pathEoxEnrollment,
		query: url.Values{"username": {username}, "course_id": {courseKey}},
	}, &present)
	return present, c.noteHidden(username, err)
}

func (c *Client) writeByEoxCore(ctx context.Context, pass *pass, wish eoxEnrollment) (got enrollment, err error) {
	err = c.do(ctx, request{call: callEoxWriteEnrollment, method: http.MethodPost, path: pathEoxEnrollment, json: wish, pass: pass}, &got)
	return got, c.noteHidden(wish.Username, err)
}

// rememberedHidden is for how many accounts the client remembers that eox-core does not see them.
const rememberedHidden = 100_000

// isHidden says whether eox-core was found not to see the account. Asking it again, for each enrollment and each retry,
// would cost a call of the LMS for nothing. That it sees the account after its settings were changed is noticed by the
// next client.
func (c *Client) isHidden(username string) bool {
	_, hidden := c.hidden.Get(username)
	return hidden
}

func (c *Client) noteHidden(username string, err error) error {
	if errors.Is(err, errHidden) {
		c.hidden.Add(username, nil)
	}
	return err
}
