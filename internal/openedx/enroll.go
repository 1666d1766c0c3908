package openedx

import (
	"context"
	"errors"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// enrollment is an enrollment as either API shows it.
type enrollment struct {
	Mode   string `json:"mode"`
	Active bool   `json:"is_active"`
}

// fits tells whether the enrollment is as asked for. Where no mode is, any is right.
func (e enrollment) fits(mode string) bool { return e.Active && (mode == "" || e.Mode == mode) }

func (e enrollment) port() lms.Enrollment { return lms.Enrollment{Mode: e.Mode, Active: e.Active} }

// Enroll enrolls by the route in use; see lms.Platform.
func (c *Client) Enroll(ctx context.Context, request lms.EnrollmentRequest) (lms.Enrollment, error) {
	routes, err := c.routes(ctx)
	if err != nil {
		return lms.Enrollment{}, err
	}
	switch routes.enrollment {
	case v1alpha1.EnrollmentRouteEoxCore:
		return c.enrollByEoxCore(ctx, request)
	case v1alpha1.EnrollmentRouteBulk:
		return c.enrollByBulk(ctx, request)
	default:
		return c.enrollSingly(ctx, request)
	}
}

// ReadEnrollment reads by the route in use; see lms.Platform.
func (c *Client) ReadEnrollment(ctx context.Context, username, courseKey string) (lms.Enrollment, error) {
	routes, err := c.routes(ctx)
	if err != nil {
		return lms.Enrollment{}, err
	}
	if routes.enrollment == v1alpha1.EnrollmentRouteEoxCore && !c.isHidden(username) {
		present, err := c.readByEoxCore(ctx, username, courseKey)
		switch {
		case errors.Is(err, errAbsent):
			return lms.Enrollment{}, nil
		case !errors.Is(err, errHidden):
			return present.port(), err
		}
	}
	present, err := c.readEnrollment(ctx, username, courseKey)
	return present.port(), err
}

// Withdraw ends an enrollment by the route in use; see lms.Platform.
func (c *Client) Withdraw(ctx context.Context, username, courseKey string) error {
	routes, err := c.routes(ctx)
	if err != nil {
		return err
	}
	if routes.enrollment == v1alpha1.EnrollmentRouteEoxCore {
		return c.withdrawByEoxCore(ctx, username, courseKey)
	}
	// Bulk enrollment would also take back what others have pre-enrolled the learner in.
	return c.withdrawSingly(ctx, username, courseKey)
}

// notAsAsked is for a write that the LMS accepted without doing it.
func notAsAsked() *lms.Error {
	return &lms.Error{
		Class:   lms.Transient,
		Reason:  v1alpha1.ReasonUnexpectedAnswer,
		Message: "The LMS accepted the change, but does not show it.",
	}
}
